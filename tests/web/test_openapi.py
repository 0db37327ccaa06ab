"""The OpenAPI document: accepted by a validator, and nothing in it is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from appliance.http.admin.openapi import document
from appliance.model.health import Health
from appliance.operations import registry
from appliance.operations.routes import route_of


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    text = registry.encode(document(registry.load_all().values(), "1"))
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_validator_accepts_it(page: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(page).validate()


def test_it_has_every_operation_of_the_rest_door_and_no_other(page: dict[str, Any]) -> None:
    listed = {
        (method, path, each["operationId"])
        for path, methods in page["paths"].items()
        for method, each in methods.items()
    }
    offered = [each for each in registry.load_all().values() if "rest" not in each.closed_at]
    assert listed == {(route_of(each).method.lower(), route_of(each).path, each.name) for each in offered}


def test_every_example_fits_its_schema(page: dict[str, Any]) -> None:
    for methods in page["paths"].values():
        for each in methods.values():
            for parameter in each.get("parameters", ()):
                if "example" in parameter:
                    _fits(page, parameter["schema"], parameter["example"])
            if "requestBody" in each:
                content = each["requestBody"]["content"]["application/json"]
                _fits(page, content["schema"], content["example"])


def test_an_answer_promises_the_fields_it_always_has(page: dict[str, Any]) -> None:
    found = page["components"]["schemas"]
    assert set(found["Campaign"]["required"]) == set(found["Campaign"]["properties"])
    assert found["ErrorBody"]["required"] == ["code", "message", "fields"]
    assert {"type": "number"} in found["Overview"]["properties"]["revenue"]["anyOf"]
    assert found["StreamsChange"]["required"] == []
    assert "id" not in found["StreamsChange"]["properties"]


def test_an_answer_may_lack_what_its_struct_leaves_out(page: dict[str, Any]) -> None:
    """A destination of which little is known has neither successes nor failures."""
    for shown in (Health(destination_id=8), Health(destination_id=8, state="unhealthy", failures=6)):
        _fits(page, {"$ref": "#/components/schemas/Health"}, json.loads(registry.encode(shown)))
    assert page["components"]["schemas"]["Health"]["required"] == ["destination_id"]


def test_an_operation_for_anyone_needs_no_credential(page: dict[str, Any]) -> None:
    for name, each in registry.load_all().items():
        if "rest" not in each.closed_at:
            route = route_of(each)
            shown = page["paths"][route.path][route.method.lower()]
            assert (shown.get("security") == []) is (each.permission == "anyone"), name


def _fits(page: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    OAS31Validator({**schema, "components": page["components"]}).validate(value)
