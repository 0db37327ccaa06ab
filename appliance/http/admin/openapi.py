"""/api/openapi.json: OpenAPI 3.1, from the registry alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.operations import schemas
from appliance.operations.downloads import Download
from appliance.operations.registry import Operation
from appliance.operations.routes import Route, in_query, route_of
from appliance.operations.schemas import Schema, Schemas

ABOUT = (
    "Every operation of this appliance. Send a session or an API token as `Authorization: Bearer`. "
    "Errors have one shape; `fields` names every wrong field at once."
)
ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("Refused", "The input is wrong; `fields` names every wrong field."),
    401: ("Unauthenticated", "Nobody is signed in, or no longer."),
    403: ("Forbidden", "The caller lacks the permission, or the request came from another site's page."),
    404: ("Missing", "There is no such thing, or it is none of the caller's."),
    405: ("WrongMethod", "This method does not work here; `Allow` names those that do."),
    409: ("Conflict", "Somebody else changed it, or uses it."),
    408: ("TooSlow", "The body did not come within 30 seconds."),
    413: ("TooLarge", "The body is too large."),
    415: ("WrongType", "The body is not `application/json`."),
    429: ("TooMany", "A limit against guessing or flooding; wait `Retry-After` seconds."),
    500: ("Internal", "A fault of Weir; its log has more under the request id."),
    503: ("Unavailable", "A part is down or full right now; the same call may work later."),
}
"""Status → the response's name, and what it means."""
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    405: {"Allow": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer"}}},
}


def document(operations: Iterable[Operation], version: str) -> Schema:
    offered = [each for each in operations if "rest" not in each.closed_at]
    found = schemas.of_all(offered, "#/components/schemas/{name}")
    bodies: dict[str, Schema] = {}
    paths: dict[str, Schema] = {}
    for each in offered:
        route = route_of(each)
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(each, route, found, bodies)
    if both := bodies.keys() & found.components.keys():
        raise ValueError(f"an operation's body and a Struct have one name: {both}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Weir", "version": version, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": noun} for noun in sorted({each.name.partition(".")[0] for each in offered})],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**found.components, **bodies}.items())),
            "responses": {
                name: {
                    "description": words,
                    "content": _json(found.error),
                    **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
                }
                for status, (name, words) in ERRORS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "weir_session"},
            },
        },
        "security": [{"bearer": []}, {"cookie": []}],
    }


def _operation(each: Operation, route: Route, found: Schemas, bodies: dict[str, Schema]) -> Schema:
    request = found.requests[each.name]
    properties: Mapping[str, Schema] = request.get("properties", {})
    shown: Schema = {
        "operationId": each.name,
        "tags": [each.name.partition(".")[0]],
        "summary": each.summary,
        "description": f"Needs the permission `{each.permission}`." + (" Changes." if each.changes else ""),
        "x-permission": each.permission,
        "x-changes": each.changes,
        "responses": {
            str(route.status): {"description": "Done.", "content": _content(each, found.answers[each.name])},
            **{str(code): {"$ref": f"#/components/responses/{ERRORS[code][0]}"} for code in _errors(each)},
        },
    }
    parameters = [_in_path(each, route, properties["id"])] if route.path_field else []
    parameters += [
        _in_query(each, field.encode_name, properties[field.encode_name], field.required)
        for field in in_query(each)
    ]
    if parameters:
        shown["parameters"] = parameters
    if route.body:
        name = "".join(word.capitalize() for word in each.name.replace("_", ".").split("."))
        bodies[name] = _without(request, route.path_field)
        example = {key: value for key, value in each.example.items() if key != route.path_field}
        shown["requestBody"] = {
            "required": bool(bodies[name].get("required")),
            "content": _json({"$ref": f"#/components/schemas/{name}"}, example),
        }
    if each.permission == "anyone":
        shown["security"] = []
    return shown


def _content(each: Operation, answer: Schema) -> Schema:
    if each.answer is not Download:
        return _json(answer)
    return {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": {}}}


def _errors(each: Operation) -> list[int]:
    """What this operation may answer beside its success. 405 belongs to no operation."""
    route, unused = route_of(each), {405}
    if not each.changes:
        unused.add(409)
    if not route.body:
        unused |= {408, 413, 415}
    return [status for status in ERRORS if status not in unused]


def _in_path(each: Operation, route: Route, schema: Schema) -> Schema:
    plain = _not_null(schema)
    if route.by_slug:
        plain = {"anyOf": [plain, {"type": "string", "minLength": 1}], "description": "The id, or the slug."}
    elif plain.get("type") == "string":
        plain = {"minLength": 1, **plain}
    shown = {"name": "id", "in": "path", "required": True, "schema": plain}
    return shown | ({"example": each.example["id"]} if "id" in each.example else {})


def _in_query(each: Operation, name: str, schema: Schema, required: bool) -> Schema:
    # Where null is only what leaving the parameter out means, nobody can send it.
    plain = _not_null(schema) if schema.get("default", 0) is None else schema
    shown: Schema = {"name": name, "in": "query", "required": required, "schema": plain}
    return shown | ({"example": each.example[name]} if name in each.example else {})


def _not_null(schema: Schema) -> Schema:
    members = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if not members:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**members[0], **rest} if len(members) == 1 else {"anyOf": members, **rest}


def _without(request: Schema, path_field: str) -> Schema:
    """A request's schema as the body has it: the path's field is not part of it."""
    properties = {name: each for name, each in request.get("properties", {}).items() if name != path_field}
    required = [name for name in request.get("required", ()) if name != path_field]
    return {**request, "properties": properties, "required": required}


def _json(schema: Any, example: Any = None) -> Schema:
    shown = {"schema": schema}
    return {"application/json": shown if example is None else {**shown, "example": example}}
