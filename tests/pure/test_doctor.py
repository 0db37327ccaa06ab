"""The doctor's findings: counted, bounded, gone when the fault is gone, put away when somebody says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.attribution.ailments import AILMENTS, fault_of, fix_of
from appliance.attribution.doctor import (
    DAY_US,
    FEWEST_VIEWS,
    KEPT_MUTED_US,
    KEPT_US,
    MOST,
    MOST_ALIKE,
    MOST_REMEMBERED,
    REFUSED_IN_A_ROW,
    ROW_US,
    UNKNOWN_FOR_US,
    UNKNOWN_IN_A_ROW,
    WITHOUT_COST,
    WITHOUT_COST_UNSURE,
    Doctor,
    LandingViews,
    Register,
    Remembered,
)
from appliance.attribution.rhythm import HOUR_US
from appliance.model.catalog import Network, Source
from appliance.model.conversions import NEVER, ClickFacts, Conversion, Said, Terms
from appliance.model.doctor import Finding, Observed
from appliance.model.events import PostbackLogEvent
from appliance.model.rules import CostModel

NOW = 1_790_000_000_000_000
SECRET = "hunter2hunter2"


class Office:
    """A doctor and whom he asks."""

    def __init__(self, networks: int = 3000) -> None:
        self.networks: dict[int, Network] = {
            number: Network(id=number, slug=f"n{number}", secret=SECRET) for number in range(1, networks)
        }
        self.sources: dict[int, Source] = {1: Source(id=1, params={"cost": "bid"}), 2: Source(id=2)}
        self.register = Register(self.networks.get, lambda number: None, self.sources.get)
        self.doctor = Doctor(self.register)
        self.now = NOW

    def see(self, *postbacks: PostbackLogEvent, **more: Any) -> None:
        stages: dict[str, list[PostbackLogEvent]] = {"received": [], "refused": [], "processed": []}
        for each in postbacks:
            stages[each.stage].append(each)
        self.doctor.observe(Observed(**stages, **more), self.now)

    def codes(self) -> Counter[str]:
        return Counter(it.code for it in self.doctor.findings() if not it.muted)

    def one(self, code: str) -> Finding:
        [found] = [it for it in self.doctor.findings() if it.code == code]
        return found

    def restart(self) -> None:
        known = msgspec.msgpack.decode(msgspec.msgpack.encode(self.doctor.known), type=Remembered)
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(self.doctor.findings()), type=list[Finding])
        self.doctor = Doctor(self.register, found, known)


@pytest.fixture
def office() -> Office:
    return Office()


def postback(
    outcome: str = "conversion",
    reason: str = "",
    network: int = 7,
    stage: str = "processed",
    at_us: int = NOW,
) -> PostbackLogEvent:
    return PostbackLogEvent(
        1, "p", at_us, stage, outcome, reason, network, "GET", {}, "", "r"  # type: ignore[arg-type]
    )  # fmt: skip


def word(each: str, network: int = 7, at_us: int = NOW) -> PostbackLogEvent:
    return postback(reason=f"status: unknown word, taken as hold: {each}", network=network, at_us=at_us)


def conversion(number: int = 1, cost: int = 0, source: int = 1, **fields: Any) -> Conversion:
    return Conversion(**{
        "id": str(number), "revision": 1, "network_id": 7, "transaction_id": "t", "event_type": "",
        "at_us": NOW, "known_us": NOW, "status": "sale", "original_status": "", "status_stamp": NEVER,
        "payout": 1, "payout_stamp": NEVER, "currency": "USD", "currency_stamp": NEVER,
        "click": ClickFacts(id="c", at_us=NOW, campaign_id=3, source_id=source, cost=cost),
        "history": (Said(NEVER, "sale", ""),), **fields,
    })  # fmt: skip


def letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def test_a_finding_counts_and_remembers_when(office: Office) -> None:
    office.see(word("Odd", at_us=NOW - 5), word("Odd", at_us=NOW - 9))
    found = office.one("status_unknown")
    assert (found.count, found.first_us, found.last_us) == (2, NOW - 9, NOW - 5)
    assert (found.network_id, found.about) == (7, "Odd")
    assert fault_of(found).startswith("Nobody has said what the status word Odd means")


def test_a_clock_ahead_is_not_believed(office: Office) -> None:
    office.see(word("Odd", at_us=NOW + DAY_US))
    assert office.one("status_unknown").last_us == NOW


def test_words_of_one_network_are_bounded_and_the_oldest_goes(office: Office) -> None:
    for number in range(20):
        office.see(word(letters(number), at_us=NOW - 1000 + number))
    assert {it.about for it in office.doctor.findings()} == {letters(n) for n in range(20 - MOST_ALIKE, 20)}


def test_all_findings_are_bounded(office: Office) -> None:
    for number in range(1, MOST + 50):
        office.see(word("Odd", network=number, at_us=NOW - MOST * 2 + number))
    assert len(office.doctor.findings()) == MOST
    assert min(it.network_id for it in office.doctor.findings()) == 50


def test_what_is_remembered_of_networks_is_bounded(office: Office) -> None:
    for number in range(1, MOST_REMEMBERED + 100):
        office.see(postback(stage="received", network=number, at_us=NOW - 2000 + number))
        office.see(
            conversions=[conversion(click=ClickFacts(id="c", at_us=0, campaign_id=number, source_id=1))]
        )
    assert len(office.doctor.known.networks) == MOST_REMEMBERED == len(office.doctor.known.costs)
    assert min(office.doctor.known.networks) == 100


def test_a_word_that_is_mapped_now_is_forgotten(office: Office) -> None:
    office.see(word("Odd"), word("Other"))
    office.networks[7] = Network(id=7, slug="n", status_words={"odd": "lead"})
    office.doctor.tick(NOW, True)
    assert [it.about for it in office.doctor.findings()] == ["Other"]


def test_a_network_that_is_put_away_takes_its_findings_along(office: Office) -> None:
    office.see(word("Odd"))
    office.networks[7] = Network(id=7, slug="n", archived=True)
    office.doctor.tick(NOW, True)
    assert office.doctor.findings() == ()


def test_what_is_seen_no_more_is_forgotten(office: Office) -> None:
    office.see(word("Odd"), word("Muted"))
    muted = next(it for it in office.doctor.findings() if it.about == "Muted")
    assert office.doctor.dismiss(muted.id, True, NOW)
    office.doctor.tick(NOW + KEPT_US, True)
    assert len(office.doctor.findings()) == 2
    office.doctor.tick(NOW + KEPT_US + 1, True)
    assert [it.about for it in office.doctor.findings()] == ["Muted"]
    office.doctor.tick(NOW + KEPT_MUTED_US + 1, True)
    assert office.doctor.findings() == ()


def test_dismissed_comes_back_and_muted_does_not(office: Office) -> None:
    office.see(word("Odd"))
    id_ = office.one("status_unknown").id
    assert office.doctor.dismiss(id_, False, NOW)
    assert not office.doctor.dismiss(id_, False, NOW)
    assert office.doctor.findings() == ()
    office.see(word("Odd"))
    assert office.one("status_unknown").count == 1
    assert office.doctor.dismiss(id_, True, NOW)
    office.see(word("Odd"))
    assert office.one("status_unknown").muted
    assert office.one("status_unknown").count == 2
    assert office.doctor.dismiss(id_, False, NOW)
    office.see(word("Odd"))
    assert not office.one("status_unknown").muted


@pytest.mark.parametrize("stage", ["refused", "processed"])
def test_a_network_all_of_whose_postbacks_are_refused(office: Office, stage: str) -> None:
    nothing = postback("refused", "The signature is wrong.", stage=stage)
    office.see(*[nothing] * (REFUSED_IN_A_ROW - 1))
    assert office.codes() == {}
    office.see(nothing)
    found = office.one("postbacks_refused")
    assert found.count == REFUSED_IN_A_ROW
    assert fault_of(found) == "Every postback of this network is refused: The signature is wrong."
    office.see(postback("waiting"))
    assert office.codes() == {}


def test_what_strangers_try_now_and_then_is_no_row(office: Office) -> None:
    for _ in range(5 * REFUSED_IN_A_ROW):
        office.see(postback("refused", "The secret is missing.", stage="refused"))
        office.now += ROW_US + 1
    assert office.codes() == {}


def test_some_that_are_refused_are_not_all(office: Office) -> None:
    for _ in range(10):
        office.see(
            *[postback("refused", "x", stage="refused")] * (REFUSED_IN_A_ROW - 1), postback("duplicate")
        )
    assert office.codes() == {}


def test_postbacks_that_are_interpreted_events_need_no_click_of_ours(office: Office) -> None:
    nothing = postback("refused", "click_id: missing", stage="processed")
    office.networks[nothing.network_id] = Network(id=nothing.network_id, slug="n", layout="tonic")
    office.see(*[nothing] * 3 * REFUSED_IN_A_ROW)
    assert office.codes() == {}


def test_a_network_whose_clicks_nobody_knows(office: Office) -> None:
    def unknown(number: int) -> None:
        office.see(*[postback("click_unknown", "no such click")] * number)

    unknown(UNKNOWN_IN_A_ROW)
    assert office.codes() == {}  # all at once: an hour's parked ones
    office.now += UNKNOWN_FOR_US
    unknown(1)
    assert office.one("clicks_unknown").count == UNKNOWN_IN_A_ROW + 1
    office.see(postback("attributed"))
    assert office.codes() == {}
    office.now += UNKNOWN_FOR_US
    unknown(UNKNOWN_IN_A_ROW - 1)
    office.see(postback("conversion"))
    unknown(UNKNOWN_IN_A_ROW - 1)
    assert office.codes() == {}


def test_conversions_without_cost_where_the_source_tells_it(office: Office) -> None:
    office.see(conversions=[conversion(n) for n in range(WITHOUT_COST - 1)])
    assert office.codes() == {}
    office.see(conversions=[conversion()])
    found = office.one("cost_missing")
    assert (found.campaign_id, found.source_id, found.network_id) == (3, 1, 0)
    office.see(conversions=[conversion(cost=1)])
    assert office.codes() == {}


HEALTHY_COSTS: list[tuple[str, list[Conversion]]] = [
    ("a source that tells no cost", [conversion(source=2)] * 100),
    ("no source", [conversion(source=0)] * 100),
    ("one that nobody knows", [conversion(source=99)] * 100),
    ("not yet attributed", [conversion(attributed=False)] * 100),
    ("paid by the conversion", [conversion(terms=Terms(kind="cpa", amount=1, currency="USD"))] * 100),
    (
        "later words on the same",
        [conversion(history=(Said(NEVER, "lead", ""), Said(NEVER, "sale", "")))] * 100,
    ),
    ("one free click among four", [conversion(), conversion(), conversion(), conversion(cost=5)] * 25),
]


@pytest.mark.parametrize(("what", "seen"), HEALTHY_COSTS, ids=[it[0] for it in HEALTHY_COSTS])
def test_free_clicks_are_no_fault(office: Office, what: str, seen: list[Conversion]) -> None:
    office.see(conversions=seen)
    assert office.codes() == {}


def test_a_source_that_told_costs_and_stopped(office: Office) -> None:
    office.see(
        conversions=[conversion(source=2, cost=1)] + [conversion(source=2)] * (WITHOUT_COST_UNSURE - 1)
    )
    assert office.codes() == {}
    office.see(conversions=[conversion(source=2)])
    assert office.codes() == {"cost_missing": 1}
    office.sources[2] = Source(id=2, cost_model=CostModel(kind="cpc", amount="0"))
    office.doctor.dismiss(office.one("cost_missing").id, False, NOW)
    office.see(conversions=[conversion(source=2)] * 100)
    assert office.codes() == {}


def test_a_landing_page_that_nobody_leaves(office: Office) -> None:
    def look(*pages: tuple[int, int, int, int]) -> Counter[str]:
        office.doctor.look_at_landings([LandingViews(*page) for page in pages], office.now)
        return office.codes()

    assert look((3, 5, FEWEST_VIEWS - 1, 0), (3, 6, 10**6, 1), (4, 5, 10**6, 10)) == {}
    assert look((3, 5, FEWEST_VIEWS, 0)) == {"landing_unclicked": 1}
    found = office.one("landing_unclicked")
    assert (found.campaign_id, found.destination_id, found.count) == (3, 5, FEWEST_VIEWS)
    assert office.doctor.dismiss(found.id, False, office.now)
    assert look((3, 5, FEWEST_VIEWS, 0)) == {}
    office.restart()
    office.now += 2 * DAY_US
    assert look((3, 5, FEWEST_VIEWS, 0)) == {"landing_unclicked": 1}
    assert look((3, 5, FEWEST_VIEWS, 1)) == {}


def live(office: Office, hours: int, per_hour: int) -> None:
    for _ in range(hours):
        office.see(*[postback(stage="received", at_us=office.now)] * per_hour)
        for _ in range(40):
            office.doctor.tick(office.now, True)
        office.now += HOUR_US


def test_a_silence_is_told_once_it_is_one_and_not_after_it(office: Office) -> None:
    live(office, 20 * 24, 5)
    assert office.codes() == {}
    live(office, 8, 0)
    found = office.one("network_silent")
    assert found.network_id == 7
    assert "were to be expected" in found.example
    office.restart()
    live(office, 5, 0)
    assert office.codes() == {"network_silent": 1}
    assert office.doctor.dismiss(found.id, False, office.now)
    live(office, 5, 0)
    office.restart()
    live(office, 5, 0)
    assert office.codes() == {}  # an operator knows of this one
    live(office, 1, 5)
    live(office, 72, 0)
    assert office.codes() == {"network_silent": 1}
    live(office, 1, 1)
    assert office.codes() == {}


@pytest.mark.parametrize(
    "network", [None, Network(id=7, slug="n", status="paused"), Network(id=7, slug="n", archived=True)]
)
def test_nobody_waits_for_a_network_that_is_paused_or_gone(office: Office, network: Network | None) -> None:
    live(office, 20 * 24, 5)
    if network is None:
        del office.networks[7]
    else:
        office.networks[7] = network
    live(office, 48, 0)
    assert office.codes() == {}


def test_a_rate_that_is_there_now_heals(office: Office) -> None:
    lacking = conversion(currency="EUR", unit="USD", rates={"2026-09-21 EUR USD": ""})
    office.see(conversions=[lacking])
    assert office.codes() == {"rate_missing": 1}
    office.see(conversions=[conversion(currency="USD", unit="USD", rate="1.1", original_currency="EUR")])
    assert office.codes() == {}


def test_changes_are_told_once(office: Office) -> None:
    office.see(word("Odd"))
    put, gone = office.doctor.changes()
    assert (put, gone) == ([office.one("status_unknown")], [])
    assert office.doctor.changes() == ([], [])
    office.doctor.not_stored(put, gone)
    assert office.doctor.changes() == (put, gone)
    office.doctor.dismiss(put[0].id, False, NOW)
    assert office.doctor.changes() == ([], [put[0].id])


def test_no_finding_tells_a_network_s_secret(office: Office) -> None:
    where = f"The secret is in {SECRET}; it is looked for in secret."
    office.see(word(SECRET))
    office.see(postback("", where, stage="refused"))
    office.see(*[postback("refused", f"odd {SECRET} reason", stage="refused")] * REFUSED_IN_A_ROW)
    assert office.codes() == {"secret_misplaced": 1, "postbacks_refused": 1, "status_unknown": 1}
    assert SECRET not in str(office.doctor.findings())


def test_every_sentence_can_be_said() -> None:
    for code in AILMENTS:
        it = Finding(id="x", code=code, first_us=1, last_us=1, count=1, about="{about} {x}", example="{0}")
        for sentence in (fault_of(it), fix_of(it)):
            assert sentence[0].isupper()
            assert sentence.endswith((".", "{0}"))


texts = st.text(max_size=30)
events = st.builds(
    PostbackLogEvent, st.just(1), st.sampled_from("abc"), st.integers(0, 2**53),
    st.sampled_from(["received", "refused", "processed"]),
    st.sampled_from(["conversion", "duplicate", "waiting", "attributed", "click_unknown", "refused", ""]),
    texts | st.sampled_from([
        "payout: the macro was not replaced", "status: unknown word, taken as hold: {x}",
        "time: not understood", "click_id: missing", "The click id is missing",
        "The secret is in x; it is looked for in y.",
    ]),
    st.integers(0, 9), st.sampled_from(["GET", "pixel"]), st.dictionaries(texts, texts, max_size=3),
    st.just(""), st.just("r"), texts, texts,
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.lists(events, max_size=15), max_size=6), st.integers(0, 2**53), st.booleans())
def test_whatever_comes_it_never_fails_and_stays_bounded(
    passes: Iterable[list[PostbackLogEvent]], now_us: int, attentive: bool
) -> None:
    office = Office(5)
    office.now = now_us
    for number, postbacks in enumerate(passes):
        office.see(*postbacks, clicks=[(now_us, {1: 5, 0: 3})])
        office.doctor.tick(now_us + number * HOUR_US, attentive)
        office.restart()
    kinds = Counter((it.code, it.network_id, it.campaign_id) for it in office.doctor.findings())
    assert all(number <= MOST_ALIKE for number in kinds.values())
    assert all(len(it.about) <= 64 and len(it.example) <= 300 for it in office.doctor.findings())
