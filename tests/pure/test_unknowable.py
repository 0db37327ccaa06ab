"""Rules that ask for what nobody here knows are found, in groups too, and named in the status."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.degraded import NAMED
from appliance.model.catalog import Campaign, Stream
from appliance.model.holds import Holds
from appliance.model.messages import AddressFileReport
from appliance.model.rules import Rule
from appliance.model.status import Unknowable
from appliance.overview import UNKNOWABLE_SHOWN, Overview, Parts
from appliance.routing.facts import DETECTED
from appliance.routing.holdings import Holdings
from appliance.routing.places import PLACE_FACTS
from appliance.routing.unknowable import asked
from tests.doors import NoWarehouse, edge_status


def rule_of(fact: str) -> Rule:
    return Rule(fact=fact, operator="eq", value="x")


RULES = st.recursive(
    st.builds(rule_of, st.sampled_from(DETECTED)),
    lambda inner: st.builds(
        lambda all_, any_: Rule(all=tuple(all_), any=tuple(any_)),
        st.lists(inner, max_size=3), st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)  # fmt: skip


def leaves(rule: Rule) -> set[str]:
    return {rule.fact} | {fact for inner in (*rule.all, *rule.any) for fact in leaves(inner)}


@given(st.lists(RULES, max_size=4))
def test_what_rules_ask_for_is_found_at_any_depth(rules: list[Rule]) -> None:
    facts = set().union(*map(leaves, rules)) if rules else set()
    assert asked(rules) == facts & set(PLACE_FACTS)


def test_only_streams_that_are_there_and_ask_for_what_is_missing_are_named() -> None:
    holdings = Holdings()
    holdings.put("campaign", Campaign(id=1, slug="one"))

    def put(number: int, *facts: str, archived: bool = False) -> None:
        rules = tuple(map(rule_of, facts))
        holdings.put("stream", Stream(id=number, campaign_id=1, rules=rules, archived=archived))

    def missing(*known: str) -> list[tuple[int, int, tuple[str, ...]]]:
        return sorted(holdings.askers.without(known))

    put(1, "country", "os")
    put(2, "city", "country", "isp")
    put(3, "browser")
    assert missing() == [(1, 1, ("country",)), (1, 2, ("city", "country", "isp"))]
    assert missing("country") == [(1, 2, ("city", "isp"))]
    assert missing(*PLACE_FACTS) == []
    put(2, "country")
    put(1, archived=True)
    assert missing() == [(1, 2, ("country",))]
    put(1, "asn")
    assert missing("country") == [(1, 1, ("asn",))]


def degraded(unknowable: list[Unknowable], files: tuple[AddressFileReport, ...] = ()) -> tuple[str, ...]:
    parts = Parts(edges=lambda: [edge_status()], unknowable=lambda: unknowable, geo=lambda: files)
    status = Overview(Path(), parts, Holds(), NoWarehouse()).status()
    assert status.unknowable == tuple(unknowable[:UNKNOWABLE_SHOWN])
    assert status.geo == files
    return status.degraded


def test_the_status_names_campaigns_whose_rules_match_nobody() -> None:
    two = [
        Unknowable(campaign_id=7, stream_id=1, facts=("city",)),
        Unknowable(campaign_id=7, stream_id=2, facts=("asn", "city")),
    ]
    line = "campaign 7: its rules ask for asn, city, which no database of addresses here tells"
    assert line in degraded(two)
    many = [Unknowable(campaign_id=n, stream_id=n, facts=("isp",)) for n in range(1, 301)]
    said = [each for each in degraded(many) if "campaign" in each]
    assert len(said) == NAMED + 1
    assert said[-1] == f"{300 - NAMED} more campaigns ask for what cannot be known"
    assert not any("campaign" in each for each in degraded([]))


def test_the_status_names_files_that_are_not_read() -> None:
    bad = AddressFileReport(path="/x/city.mmdb", error="not an MMDB file")
    good = AddressFileReport(path="/x/own.mmdb", layout="flat", facts=("country",))
    assert "addresses: /x/city.mmdb: not an MMDB file" in degraded([], (bad, good))
    assert not any("own.mmdb" in each for each in degraded([], (good,)))
