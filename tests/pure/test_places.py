"""Where a template finds a value: parameters, JSON paths, constants."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.places import DEEPEST, LONGEST_JSON, fault, param_of, steps, value_at

ORDER = {
    "id": "A1", "$.odd": "named", "=odd": "constant", "$price": "5",
    "order": '{"total": 12.50, "big": 1e3, "items": [{"sku": "x", "unit price": "3"}, {"sku": "y"}], '
    '"paid": true, "none": null, "n": 7, "a-b": "dash", "0": "zero", "nested": {"deep": [["in"]]}}',
    "codes": '["clk_1", "clk_2"]', "text": "not json", "scalar": "12",
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("id", "A1"), ("missing", None), ("$price", "5"), ("=USD", "USD"), ("=", ""), ("=odd", "odd"),
        ("$.id", "A1"), ("$.order.total", "12.50"), ("$.order.big", "1e3"), ("$.order.n", "7"),
        ("$.order.items[0].sku", "x"), ("$.order.items[1].sku", "y"), ("$.order.items[2].sku", None),
        ('$.order.items[0]["unit price"]', "3"), ("$['order']['items'][0]['unit price']", "3"),
        ("$.order.paid", "true"), ("$.order.none", None), ("$.order.items", None), ("$.order.nested", None),
        ("$.order.nested.deep[0][0]", "in"), ("$.order.a-b", "dash"), ("$.order[0]", "zero"),
        ("$.codes[0]", "clk_1"), ("$.codes[1]", "clk_2"), ("$.codes[9]", None), ("$.codes.x", None),
        ("$.text.a", None), ("$.scalar.a", None), ("$.scalar", "12"), ("$.missing.a", None),
    ],
)  # fmt: skip
def test_a_place_has_its_value_or_none(place: str, value: str | None) -> None:
    assert value_at(place, ORDER) == value


@pytest.mark.parametrize(
    "place", ["$.", "$[0].a", "$.a..b", "$.a[", "$.a[-1]", "$.a[*]", "$.a[?(@.b)]", "$.a b", "$..a",
              "$.a" + ".b" * DEEPEST, "$.a[99999]"],
)  # fmt: skip
def test_what_is_no_path_is_a_fault_and_never_raises(place: str) -> None:
    assert fault(place)
    assert steps(place) is None
    assert value_at(place, ORDER) is None


def test_names_and_constants_are_no_faults() -> None:
    assert [fault(place) for place in ("payout", "$price", "=x", "venda[codigo]", "$.a[0]")] == [""] * 5
    assert value_at("$.", {"$.": "an old name"}) == "an old name"


def test_the_parameter_that_a_place_needs() -> None:
    assert [param_of(it) for it in ("a", "$.order.total", "=USD", "$.")] == ["a", "order", "", "$."]


def test_it_is_bounded() -> None:
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    assert value_at("$.p.a.a", {"p": deep}) is None
    assert value_at("$.p.a", {"p": '{"a": "' + "x" * LONGEST_JSON + '"}'}) is None
    for digits in (400, 6_000):
        value_at("$.p.a", {"p": '{"a": 1' + "0" * digits + "}"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=20) | st.from_regex(r"\$(\.[ab]|\[[01]\]|\['[ab]'\]){1,6}", fullmatch=True), VALUES)
def test_no_path_raises_whatever_it_leads_into(place: str, value: object) -> None:
    found = value_at(place, {"a": json.dumps(value), "b": "plain"})
    assert found is None or isinstance(found, str)


@given(VALUES, st.lists(st.integers(0, 3), max_size=6))
def test_a_path_finds_what_is_there(value: object, way: list[int]) -> None:
    path, at = "$.a", value
    for turn in way:
        if isinstance(at, list) and at:
            path, at = f"{path}[{turn % len(at)}]", at[turn % len(at)]
        elif isinstance(at, dict) and at:
            name = sorted(at)[turn % len(at)]
            if not name or '"' in name or "\\" in name or not name.isprintable():
                break
            path, at = f'{path}["{name}"]', at[name]
    if path == "$.a":
        return
    expected = str(at).lower() if isinstance(at, bool) else at
    found = value_at(path, {"a": json.dumps(value)})
    assert found == (str(expected) if isinstance(expected, str | int) else None)
