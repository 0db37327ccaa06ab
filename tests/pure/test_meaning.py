"""What a network's own words come to: statuses, amounts below zero, times, places; and what that changes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.claim import Statement, Unusable, understand
from appliance.attribution.revisions import figures
from appliance.attribution.settle import Arrival, Batch, settle
from appliance.attribution.template import extract, is_macro
from appliance.model.catalog import Network, Template
from appliance.model.conversions import ClickFacts, Conversion
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_id
from appliance.model.unexpanded import FORMS

SECOND = 1_000_000
MADE = 1_767_225_600 * SECOND
ARRIVED = MADE + 3_600 * SECOND
CLICK = click_id(MADE // 1_000, 1)
FACTS = ClickFacts(id=CLICK, at_us=MADE + 123, campaign_id=1)
NETWORK = Network(id=7, slug="net", currency="USD")
TIMED = Template(id=1, mapping={"time": ("time",)})


def received(params: Mapping[str, str], at_us: int = ARRIVED) -> PostbackLogEvent:
    values = {"cid": CLICK, **params}
    return PostbackLogEvent(1, "p", at_us, "received", "", "", 7, "GET", values, "", "")


def meaning(
    params: Mapping[str, str], network: Network = NETWORK, template: Template | None = None
) -> Statement:
    said = understand(received(params), (0, 1, 2), network, template, "EUR")
    assert isinstance(said, Statement), said
    return said


def played(*postbacks: Mapping[str, str], network: Network = NETWORK, template: Template | None = None,
           find: Mapping[str, ClickFacts] | None = None) -> Batch:  # fmt: skip
    arrivals = []
    for index, params in enumerate(postbacks):
        event = received(params, ARRIVED + index * SECOND)
        position = (0, 1, index)
        arrivals.append(Arrival(position, event, understand(event, position, network, template, "USD")))
    return settle(arrivals, {}, ({CLICK: FACTS} if find is None else find).get, ARRIVED + 60 * SECOND)


def only(batch: Batch) -> Conversion:
    (conversion,) = batch.changed.values()
    return conversion


# Words


@pytest.mark.parametrize(
    ("word", "status", "known"),
    [
        ("Confirm", "hold", True), ("CONFIRM", "hold", True), ("2", "rejected", True),
        ("approved", "sale", True), ("Straße", "lead", True), ("STRASSE", "lead", True), ("x", "hold", False),
        ("", "sale", True), ("broken", "hold", False),
    ],
)  # fmt: skip
def test_a_networks_own_words_count_before_ours_in_any_case(word: str, status: str, known: bool) -> None:
    words = {"confirm": "hold", "2": "rejected", "straße": "lead", "broken": "no status of ours"}
    said = meaning({"status": word}, Network(id=7, slug="net", status_words=words))
    assert (said.status, said.original_status) == (status, word)
    assert bool(said.notes) is not known


def test_an_unknown_word_is_told_with_the_postback() -> None:
    (note,) = meaning({"status": "Neu; frisch"}).notes
    assert note == "status: unknown word, taken as hold: Neu, frisch"
    assert len(meaning({"status": "w" * 2_000}).notes[0]) < 200


def test_lists_of_words_in_the_url_count_before_everything() -> None:
    lists = {"lead_status": "new, Pending", "sale_status": "ok,1", "rejected_status": "sale"}
    template = Template(id=1, mapping={name: (name,) for name in lists})
    network = Network(id=7, slug="net", status_words={"pending": "trash"})
    found = [
        meaning({**lists, "status": it}, network, template).status for it in ("PENDING", "1", "Sale", "hold")
    ]
    assert found == ["lead", "sale", "rejected", "hold"]
    assert meaning({**lists, "status": "pending"}).status == "hold", "nobody mapped the lists"


def test_rebill_and_upsell_are_sales_of_that_type_unless_one_is_named() -> None:
    said = [meaning({"status": "Rebill"}), meaning({"status": "upsell", "event": "extra"})]
    assert [(it.status, it.event_type) for it in said] == [("sale", "rebill"), ("sale", "extra")]


# Amounts


@pytest.mark.parametrize(
    ("word", "status", "payout"),
    [
        ("sale", "refund", 12_500_000), ("", "refund", 12_500_000), ("lead", "refund", 12_500_000),
        ("pending", "refund", 12_500_000), ("refund", "refund", 12_500_000),
        ("chargeback", "chargeback", 12_500_000), ("rejected", "rejected", None), ("trash", "trash", None),
        ("never heard", "refund", 12_500_000),
    ],
)  # fmt: skip
def test_an_amount_below_zero_is_taken_back(word: str, status: str, payout: int | None) -> None:
    said = meaning({"status": word, "payout": "-12.50"})
    assert (said.status, said.payout, said.original_status) == (status, payout, word)
    told = [note for note in said.notes if note.startswith("payout: below zero")]
    assert bool(told) is (status == "refund" and word != "refund")


def test_a_sale_below_zero_leaves_what_it_does_not_take() -> None:
    part = only(played({"tid": "T", "payout": "20"}, {"tid": "T", "payout": "-5"}))
    assert (part.status, figures(part)) == ("refund", (1, 15_000_000, 0))
    whole = only(played({"tid": "T", "payout": "20"}, {"tid": "T", "payout": "-20"}))
    assert figures(whole) == (0, 0, 0)


def test_under_increment_amounts_below_zero_are_taken_off() -> None:
    adding = Network(id=7, slug="net", currency="USD", duplicates="increment")
    sums = only(played(*({"tid": "T", "payout": it} for it in ("20", "-5", "1.50", "-1")), network=adding))
    assert (sums.status, figures(sums)) == ("sale", (1, 15_500_000, 0))


def test_a_rejection_below_zero_leaves_the_payout_that_is_known() -> None:
    again = only(played({"payout": "20"}, {"payout": "-20", "status": "rejected"}, {"status": "sale"}))
    assert figures(again) == (1, 20_000_000, 0)


def test_a_currency_beside_the_amount_is_that_of_the_statement() -> None:
    assert meaning({"payout": "12 €"}).currency == "EUR"
    assert meaning({"payout": "$12"}).currency == "USD"
    assert meaning({"payout": "$12"}, Network(id=7, slug="net", currency="CAD")).currency == "CAD"
    assert meaning({"payout": "12"}).currency == ""


def test_the_notation_of_a_template_counts() -> None:
    cents = Template(id=1, mapping={"notation": ("=cents",)})
    comma = Template(id=1, mapping={"notation": ("=,",)})
    assert meaning({"payout": "1250"}, template=cents).payout == 12_500_000
    assert meaning({"payout": "1.250"}, template=comma).payout == 1_250_000_000
    assert meaning({"payout": "1.250"}).payout == 1_250_000


# Times


@pytest.mark.parametrize(
    ("text", "at_us", "note"),
    [
        (str(MADE // SECOND + 60), MADE + 60 * SECOND, ""),
        (str((MADE + 60 * SECOND) // 1_000), MADE + 60 * SECOND, ""),
        ("2026-01-01T00:01:00Z", MADE + 60 * SECOND, ""),
        (str(MADE // SECOND), MADE + 123, ""),
        (str(ARRIVED // SECOND + 3_600), ARRIVED, ""),
        (str(ARRIVED // SECOND + 90_000), ARRIVED, "time: more than a day after its arrival, which counts"),
        (str(MADE // SECOND - 60), ARRIVED, "time: before its click; its arrival counts"),
        ("0000000000", ARRIVED, "time: before its click; its arrival counts"),
        ("soon", ARRIVED, "time: not understood; its arrival counts"),
        ("{timestamp}", ARRIVED, "time: the macro was not replaced"),
        ("", ARRIVED, ""),
    ],
)  # fmt: skip
def test_a_conversion_happened_when_its_network_says_if_that_can_be(text: str, at_us: int, note: str) -> None:
    batch = played({"time": text}, template=TIMED)
    assert only(batch).at_us == at_us
    (reason,) = [record.reason for record in batch.records if isinstance(record, PostbackLogEvent)]
    assert reason == note


def test_the_time_is_that_of_the_first_postback() -> None:
    first, second = str(MADE // SECOND + 60), str(MADE // SECOND + 90)
    assert (
        only(played({"time": first}, {"time": second, "payout": "3"}, template=TIMED)).at_us
        == int(first) * SECOND
    )


def test_without_a_mapping_no_time_is_looked_for() -> None:
    names = ("time", "timestamp", "date", "ts", "datetime")
    assert only(played(dict.fromkeys(names, str(MADE // SECOND + 60)))).at_us == ARRIVED


def test_without_a_click_it_is_no_longer_ago_than_clicks_are_kept() -> None:
    for days, at_us in ((399, ARRIVED - 399 * 86_400 * SECOND), (401, 0)):
        text = str((ARRIVED - days * 86_400 * SECOND) // SECOND)
        said = meaning({"cid": "", "tid": "T", "time": text}, template=TIMED)
        assert said.happened_us == at_us
        assert bool(said.notes) is (at_us == 0)


def test_a_click_that_comes_later_puts_its_time_right() -> None:
    accepting = Network(id=7, slug="net", unknown_click="accept")
    early = str((MADE - 86_400 * SECOND) // SECOND)
    batch = played(
        {"cid": "", "tid": "T", "time": early}, {"tid": "T", "status": "hold"}, network=accepting,
        template=TIMED, find={},
    )  # fmt: skip
    before = only(batch)
    assert (before.attributed, before.at_us) == (False, int(early) * SECOND)
    waiting = [it.position for it in batch.unresolved]
    again = settle(batch.unresolved, batch.known, {CLICK: FACTS}.get, ARRIVED, tried=waiting)
    assert (only(again).attributed, only(again).at_us) == (True, ARRIVED)


# Places and macros


def test_a_json_body_is_read_by_paths_and_constants() -> None:
    template = Template(
        id=1,
        mapping={
            "click_id": ("$.order.codes[0]",), "payout": ("$.order.sum",), "currency": ("=GBP",),
            "status": ("$.none", "$.order.state"), "transaction_id": ("$.id",),
        },
    )  # fmt: skip
    order = '{"codes": ["' + CLICK + '"], "sum": 12.50, "state": "Approved"}'
    said = meaning({"cid": "", "id": "9", "order": order}, template=template)
    assert (said.click_id, said.payout, said.currency, said.status, said.transaction_id) == (
        CLICK, 12_500_000, "GBP", "sale", "9",
    )  # fmt: skip


@pytest.mark.parametrize(
    "macro", [form.example for form in FORMS] + ["[s2]", "%%payout%%", "{sub-id}", "%7Bx%7D"]
)
def test_every_macro_that_was_not_replaced_is_missing_with_a_note(macro: str) -> None:
    assert is_macro(macro)
    fields = extract(None, {"payout": macro, "sum": "4"})
    assert (fields.payout, fields.notes) == ("4", ("payout: the macro was not replaced",))


@pytest.mark.parametrize(
    "text", ["{a1b2c3d4-0000-4000-8000-00000000000a}", "<3", "#12", "__init__", "x", "$5", "[1]"]
)
def test_ids_and_texts_that_look_like_macros_are_values(text: str) -> None:
    assert extract(None, {"tid": text}).transaction_id == text


@given(st.dictionaries(st.sampled_from(["cid", "payout", "status", "time", "currency", "tid"]),
                       st.text(max_size=30)))  # fmt: skip
def test_no_postback_raises(params: dict[str, str]) -> None:
    said = understand(received(params), (0, 1, 2), NETWORK, TIMED, "USD")
    assert isinstance(said, Statement | Unusable)
