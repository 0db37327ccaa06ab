"""What operations say about themselves: in a terminal, in `operations.list`, in the reference page."""

from __future__ import annotations

import shlex

import msgspec

from appliance.operations.registry import DOORS, Door, Operation, load_all
from appliance.operations.routes import route_of


def describe() -> list[str]:
    """One line per operation for a terminal: its name, a payload to start from, what it does."""
    return [
        f"{each.name}  {msgspec.json.encode(each.example).decode()}\n    {each.summary}"
        for each in load_all().values()
    ]


def fields(each: Operation) -> list[tuple[str, str]]:
    """The fields of an operation's payload, as they are sent, each with "required" or its default."""
    return [(field.encode_name, _default(field)) for field in msgspec.structs.fields(each.request)]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is msgspec.UNSET:
        return "optional"
    if field.default is not msgspec.NODEFAULT:
        return f"default {msgspec.json.encode(field.default).decode()}"
    return "optional" if field.default_factory is not msgspec.NODEFAULT else "required"


def doors(each: Operation) -> tuple[Door, ...]:
    """The doors that offer it."""
    return tuple(door for door in DOORS if door not in each.closed_at)


def reference() -> str:
    """docs/reference/operations.md: `weir operations --markdown` prints it."""
    nouns: dict[str, list[Operation]] = {}
    for each in load_all().values():
        nouns.setdefault(each.name.partition(".")[0], []).append(each)
    lines = [
        "# Operations", "",
        "Everything an operator can do: by REST, by JSON-RPC at `/ws`, by MCP (`campaigns_list`), and by",
        "`weir call NAME JSON`; without JSON it takes `{}`. [http.md](http.md) says how each door works.",
        "**changes** marks what writes; where a door does not offer an operation it says why. This page is",
        "made from the registry, by `weir operations --markdown`, and a test holds it to it.", "",
        "An error has one shape; `weir call` prints it on stderr, with exit code 1:",
        '`{"error": {"code", "message", "fields": [{"path", "message"}]}}`; codes are refused,',
        "unauthenticated, forbidden, missing, conflict, too_many, unavailable and internal. A conflict over",
        "an entity has `details` too: `entity` as it is now, the fields `changed` since the revision sent,",
        "with `author`, `door` and `at_us` of the newest change, or what it is `used_by`.", "",
    ]  # fmt: skip
    for noun, offered in nouns.items():
        lines += [f"## {noun}", ""]
        for each in offered:
            lines += [f"### `{each.name}`", "", *_about(each)]
    return "\n".join(lines)


def _about(each: Operation) -> list[str]:
    permission = f"permission `{each.permission}`" + (", **changes**" if each.changes else "")
    lines = [f"{each.summary} ({permission})", ""]
    if found := fields(each):
        lines += [", ".join(f"`{name}` {default}" for name, default in found) + ".", ""]
    lines += [f"Not by {door}: {reason}." for door, reason in each.closed_at.items()]
    lines += [""] if each.closed_at else []
    if "rest" not in each.closed_at:
        route = route_of(each)
        lines.append(f"    {route.method} {route.path}")
    if "call" not in each.closed_at:
        payload = shlex.quote(msgspec.json.encode(each.example).decode())
        lines.append(f"    weir call {each.name} {payload}")
    return [*lines, ""]
