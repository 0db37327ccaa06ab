"""What a source calls its parameters, what its clicks cost, and what is refused about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.catalog import Source
from appliance.model.rules import CostModel
from appliance.model.unexpanded import is_unexpanded
from appliance.routing import presets
from appliance.routing.checks import faults
from appliance.routing.sources import FIELDS, check_source, compile_source
from appliance.routing.visit import PLAIN, Visit, read_query

ZONES = {"source_click_id": "visitor", "cost": "paid", "currency": "in", "sub1": "zone", "utm_source": "src"}


def read(query: str, source: Source, preset: dict[str, str] | None = None) -> Visit:
    visit = Visit("c", "x", query, read_query(query))
    visit.params.update(preset or {})
    visit.read_tracking(preset or {}, compile_source(source))
    return visit


def test_a_sources_own_names_come_before_the_usual_ones() -> None:
    query = (
        "clickid=C&visitor=V&cost=9&paid=0.25&currency=EUR&in=JPY&sub1=s&zone=z&utm_source=u&src=x&sub2=two"
    )
    visit = read(query, Source(params=ZONES))
    assert (visit.source_click_id, visit.cost, visit.currency) == ("V", 250_000, "JPY")
    assert (visit.subs, visit.utm) == ({1: "z", 2: "two"}, {"utm_source": "x"})


@pytest.mark.parametrize(
    "missing", ["", "visitor=&zone=&paid=&in=&src=", "visitor={cid}&zone=[zone]&paid={cost}"]
)
def test_the_usual_names_count_where_the_own_ones_are_missing(missing: str) -> None:
    visit = read(f"{missing}&gclid=G&bid=0.5&currency=EUR&sub1=s&utm_source=u", Source(params=ZONES))
    assert (visit.source_click_id, visit.cost, visit.currency) == ("G", 500_000, "EUR")
    assert (visit.subs, visit.utm) == ({1: "s"}, {"utm_source": "u"})


def test_an_own_name_that_cannot_be_used_is_named_and_gives_way() -> None:
    visit = read("paid=much&cost=2&in=gold&currency=EUR", Source(params=ZONES))
    assert (visit.cost, visit.currency, visit.faults) == (2_000_000, "EUR", ("paid", "in"))


def test_a_parameter_with_a_meaning_of_its_own_has_no_other() -> None:
    visit = read("cid=campaign&price=7", Source(params={"sub5": "cid", "sub6": "price"}))
    assert (visit.source_click_id, visit.cost, visit.subs) == ("", 0, {5: "campaign", 6: "7"})


def test_two_subs_may_change_places() -> None:
    assert read("sub1=a&sub2=b", Source(params={"sub1": "sub2", "sub2": "sub1"})).subs == {1: "b", 2: "a"}


def test_what_a_link_sets_goes_before_everything_that_a_visitor_sends() -> None:
    sent = "visitor=V&zone=z&paid=9&in=JPY&src=x"
    ours = {"click_id": "L", "sub1": "l", "cost": "0.1", "currency": "USD", "utm_source": "link"}
    visit = read(sent, Source(params=ZONES), ours)
    assert (visit.source_click_id, visit.cost, visit.currency) == ("L", 100_000, "USD")
    assert (visit.subs, visit.utm) == ({1: "l"}, {"utm_source": "link"})
    assert read("zone=theirs", Source(params=ZONES), {"zone": "ours"}).subs == {1: "ours"}


@given(
    st.dictionaries(st.sampled_from([*FIELDS, "zone", "visitor", "x"]), st.text(max_size=20), max_size=8),
    st.dictionaries(
        st.sampled_from(FIELDS), st.sampled_from(["zone", "visitor", "x", "cid", "sub9"]), max_size=4
    ),
)
def test_any_query_is_read_under_any_mapping(params: dict[str, str], mapping: dict[str, str]) -> None:
    source = Source(params=mapping)
    visit = Visit("c", "x", "", dict(params))
    visit.read_tracking({}, compile_source(source))
    assert visit.cost >= 0
    assert not visit.params.keys() & set(visit.unexpanded)
    if check_source(source):
        return
    for field, name in mapping.items():
        value = visit.params.get(name, "")
        if field.startswith("sub") and value:
            assert visit.subs[int(field[3:])] == value
        if field == "source_click_id" and value:
            assert visit.source_click_id == value


def test_a_source_without_wishes_costs_nothing_to_compile() -> None:
    assert compile_source(None) is compile_source(Source(name="n", currency="EUR")) is PLAIN


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        (CostModel(kind="cpc", amount="0.05"), 50_000),
        (CostModel(kind="cpm", amount="1.5"), 1_500),
        (CostModel(kind="cpm", amount="0.001"), 1),
        (CostModel(kind="cpa", amount="12"), 0),
        (CostModel(kind="revshare", amount="40"), 0),
        (CostModel(), 900_000),
    ],
)
def test_what_a_click_costs(model: CostModel, cost: int) -> None:
    visit = read("cost=0.9&currency=JPY&paid=x", Source(currency="EUR", cost_model=model, params={}))
    assert visit.cost == cost
    assert visit.currency == ("JPY" if model.kind == "parameter" else "EUR")
    assert visit.faults == ()


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (Source(params={"zone": "z"}), ["params.zone"]),
        (Source(params={"sub31": "z", "sub0": "y"}), ["params.sub31", "params.sub0"]),
        (Source(params={"sub1": "", "sub2": "a b", "sub3": "a&b", "sub4": "x" * 129}),
         ["params.sub1", "params.sub2", "params.sub3", "params.sub4"]),
        (Source(params={"sub1": "z", "sub2": "z"}), ["params.sub2"]),
        (Source(params={"sub1": "trafficback_depth", "sub2": "trafficback_visited"}),
         ["params.sub1", "params.sub2"]),
        (Source(cost_model=CostModel(kind="cpc", amount="-1")), ["cost_model.amount"]),
        (Source(cost_model=CostModel(kind="cpc", amount="much")), ["cost_model.amount"]),
        (Source(cost_model=CostModel(kind="cpc", amount="0.1")), ["currency"]),
        (Source(cost_model=CostModel(amount="0.1")), ["cost_model.amount"]),
        (Source(currency="EUR", cost_model=CostModel(kind="cpm", amount="0.0015")), ["cost_model.amount"]),
        (Source(cost_model=CostModel(kind="revshare", amount="100.1")), ["cost_model.amount"]),
        (Source(secret="a\nb"), ["secret"]),
        (Source(preset="nobody"), ["preset"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_source(source: Source, wrong: list[str]) -> None:
    assert [problem.path for problem in faults(source)] == wrong


@pytest.mark.parametrize(
    "source",
    [
        Source(params={field: f"p{field}" for field in FIELDS}),
        Source(currency="EUR", cost_model=CostModel(kind="cpa", amount="12.5")),
        Source(cost_model=CostModel(kind="revshare", amount="100")),
        Source(cost_model=CostModel(kind="cpc")),
        Source(secret="s" * 200),
        Source(preset="propellerads"),
    ],
)
def test_a_good_source_passes(source: Source) -> None:
    assert faults(source) == []


@pytest.mark.parametrize("preset", presets.ALL, ids=lambda preset: preset.name)
def test_a_preset_makes_a_source_that_reads_what_it_fills_in(preset: presets.Preset) -> None:
    source = Source(name=preset.title, params=preset.params)
    assert faults(source) == []
    assert len(preset.params) == len(preset.given)  # no field twice
    values = {each.field: "0.5" if each.field == "cost" else f"v{n}" for n, each in enumerate(preset.given)}
    values |= {"currency": "EUR"} if "currency" in values else {}
    visit = read("&".join(f"{each.param}={values[each.field]}" for each in preset.given), source)
    found = {f"sub{number}": value for number, value in visit.subs.items()} | visit.utm
    if visit.source_click_id:
        found["source_click_id"] = visit.source_click_id
    if visit.currency:
        found["currency"] = visit.currency
    if visit.cost:
        found["cost"] = "0.5"
    assert found == values


@pytest.mark.parametrize("preset", presets.ALL, ids=lambda preset: preset.name)
def test_a_presets_query_that_nobody_filled_in_is_missing(preset: presets.Preset) -> None:
    visit = read(preset.query, Source(params=preset.params))
    assert (visit.subs, visit.utm, visit.source_click_id, visit.cost, visit.faults) == ({}, {}, "", 0, ())
    assert visit.params == {}
    assert all(is_unexpanded(each.macro) for each in preset.given if each.macro)


def test_presets_have_names_of_their_own_and_fields_that_there_are() -> None:
    names = [preset.name for preset in presets.ALL]
    assert len(set(names)) == len(names) >= 45
    assert {field for field, _ in presets.MEANINGS.values()} <= set(FIELDS)
