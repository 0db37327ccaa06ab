"""What is wrong enough for an alert, and in which words; figures of the last minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.alarms import KINDS, MOST, Thresholds, alarms
from appliance.model.alerts import Alarm
from appliance.model.deliveries import DeliveriesReport
from appliance.model.doctor import Finding
from appliance.model.health import Health
from appliance.model.interpreted import InterpreterReport
from appliance.model.messages import ActorReport
from appliance.model.platforms import PixelReport
from appliance.model.status import (
    ConsumerReport,
    ConversionsReport,
    QueueReport,
    RecentReport,
    WarehouseReport,
)
from appliance.recent import (
    EVENTS,
    MOST_SAMPLES,
    POSTBACKS,
    RATE_US,
    SHORTEST_US,
    Ended,
    Recent,
    Sample,
    sampled,
)
from tests.statuses import FOLDER, HOUR, LIMITS, META, MINUTE, NOW, sound, status


def found(findings: Sequence[Finding] = (), limits: Thresholds = LIMITS, **fields: Any) -> list[Alarm]:
    return alarms(status(**fields), findings, limits)


def actor(name: str, state: str, error: str = "") -> ActorReport:
    return ActorReport(
        name=name, state=state, restarts=1, mailbox_depth=0, mailbox_peak=0, mailbox_capacity=0, handled=0,
        refused=0, last_error=error,
    )  # fmt: skip


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert found() == []


GRAVE = Finding(id="a", code="network_silent", network_id=3, first_us=NOW - HOUR, last_us=NOW - HOUR, count=9)
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "dead_letters": (
        {"queues": (QueueReport(name="postback:3", depth=0, dead=1200),)},
        "postback:3",
        "given up: 1,200 deliveries to postback target 3; see deliveries.list",
    ),
    "queue_old": (
        {"queues": (QueueReport(name="postback:3", depth=2, oldest_us=1, late_us=NOW - 31 * MINUTE),)},
        "postback:3",
        "waiting since 2026-11-18 10:35 UTC: 2 deliveries to postback target 3",
    ),
    "error_ratio": (
        {
            # Of the same minutes as the ratio: what was refused last week is in `refused_by` too.
            "accounts": (replace(META, refused_by={"Too little customer information": 900}),),
            "recent": RecentReport(
                error_ratios={"account:7": 0.25},
                ended={"account:7": 48},
                labels={"account:7": {"Invalid parameter": 9, "Duplicate": 3}},
            ),
        },
        "account:7",
        "25 % of the last 48 events of ad account 7 “Main” (meta) failed, most of all for"
        " “Invalid parameter”",
    ),
    "token_dead": (
        {
            "accounts": (
                replace(
                    META,
                    state="paused",
                    reason="Token or permission refused: code 190",
                    queued=45,
                    at_risk={"USD": 12_500_000, "EUR": 3_000_000},
                    next_deadline_us=NOW + 4 * 24 * HOUR,
                ),
            )
        },
        "account:7",
        "ad account 7 “Main” (meta) is refused by its platform: Token or permission refused: code 190."
        " Replace its token before 2026-11-22 11:06 UTC: from then on 45 events worth 3.00 EUR, 12.50 USD,"
        " which are waiting now, expire one after another.",
    ),
    "pixel_dead": (
        {
            "accounts": (
                replace(
                    META,
                    queued=50,
                    pixels=(
                        PixelReport(
                            target="pixel:4", pixel_id=4, code="123", queued=45, paused_us=NOW - HOUR,
                            at_risk={"USD": 12_500_000}, next_deadline_us=NOW + 4 * 24 * HOUR,
                            reason="Invalid pixel: 100/33",
                        ),
                        PixelReport(target="pixel:5", pixel_id=5, code="456", queued=5),
                    ),
                ),
            )
        },
        "pixel:4",
        "ad account 7 “Main” (meta): its pixel 4 “123” is refused by its platform: Invalid pixel: 100/33."
        " Correct it, or let the account's token have it, before 2026-11-22 11:06 UTC: from then on 45 events"
        " worth 12.50 USD, which are waiting now, expire one after another.",
    ),
    "not_received": (
        {"accounts": (META,), "recent": RecentReport(unreconciled={"account:7": 3, "account:8": 5})},
        "account:7",
        "meta received 3 events fewer of ad account 7 “Main” (meta) lately than it was sent, in requests that"
        " it took: see its own diagnostics",
    ),
    "target_paused": (
        {"deliveries": DeliveriesReport(paused=("account:7", "postback:3"))},
        "postback:3",
        "postback target 3 is left alone after failures in a row",
    ),
    "disk_low": (
        {"disk_free_bytes": 17_000_000},
        "data",
        "17 MB are free where the data directory is",
    ),
    "warehouse_away": (
        {"warehouse": WarehouseReport(state="down", last_error="refused")},
        "warehouse",
        "the reports' database does not answer: refused",
    ),
    "not_ready": (
        {"problems": ("edges: none is connected and ready",)},
        "weir",
        "Weir does not do its work: edges: none is connected and ready",
    ),
    "edge_away": (
        {"edges": (replace(sound(), connected=False),)},
        "edge 0",
        "edge 0 is not connected to the core",
    ),
    "edge_stale": (
        {"edges": (replace(sound(), refused="too new"),)},
        "edge 0",
        "edge 0 keeps an older routing table: too new",
    ),
    "actor_down": (
        {"actors": (actor("retry", "backing off", "boom"), actor("live", "running"), actor("x", "stopped"))},
        "retry",
        "retry is backing off: boom",
    ),
    "intake_failing": (
        {"intakes": (replace(FOLDER, last_error="no such folder"),)},
        "intake:folder",
        "the intake folder cannot read: no such folder",
    ),
    "destination_ill": (
        {"health": (Health(destination_id=4, state="unhealthy"), Health(destination_id=5, state="healthy"))},
        "destination 4",
        "destination 4 failed its probes",
    ),
    "network_ill": (
        {"findings": [GRAVE, replace(GRAVE, id="b", network_id=4, muted=True)]},
        "network 3 network_silent",
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_each_kind_says_what_is_wrong_with_what(kind: str) -> None:
    fields, about, text = WRONG[kind]
    [alarm] = found(**fields)
    assert (alarm.kind, alarm.about) == (kind, about)
    assert alarm.text == text or (not text and alarm.text.startswith("network 3: "))


def test_every_kind_has_a_case() -> None:
    assert {*WRONG, "journal"} == set(KINDS)


def test_a_journal_that_does_not_record_or_lost_something() -> None:
    for changed, said in (
        ({"mode": "ring", "last_error": "disk full"}, "the journal of edge 0 is in mode ring: disk full"),
        ({"mode": "recording", "unrecorded": 1200}, "120 events of edge 0 were lost to a full disk lately"),
    ):
        [alarm] = found(edges=(sound(**changed),), recent=RecentReport(lost={"edge 0": 120}))
        assert alarm.kind == "journal" and alarm.text.startswith(said)


def test_an_account_all_of_whose_pixels_are_refused_asks_for_no_token() -> None:
    pixel = PixelReport(target="pixel:4", pixel_id=4, code="123", paused_us=NOW, reason="Invalid pixel")
    account = replace(META, state="paused", reason="its pixel 123: Invalid pixel", pixels=(pixel,))
    assert [alarm.kind for alarm in found(accounts=(account,))] == ["pixel_dead"]
    dead = replace(account, paused_us=NOW, reason="Token or permission refused")
    assert [alarm.kind for alarm in found(accounts=(dead,))] == ["token_dead", "pixel_dead"]


def test_what_was_not_received_is_an_alert_while_it_grows() -> None:
    recent = Recent(15 * MINUTE)
    for minute, missing in enumerate((0, 0, *[9] * 17, 9)):
        account = replace(META, unreconciled=missing)
        recent.add(sampled(status(at_us=NOW + minute * MINUTE, accounts=(account,))))
        kinds = [each.kind for each in found(accounts=(account,), recent=recent.report())]
        assert kinds == (["not_received"] if 2 <= minute < 17 else [])


def test_what_was_lost_long_ago_is_no_alert_any_more() -> None:
    recent = Recent(15 * MINUTE)
    for minute, lost in enumerate((7, 7, *[9] * 17, 9)):
        recent.add(sampled(status(at_us=NOW + minute * MINUTE, edges=(sound(unrecorded=lost),))))
        report = recent.report()
        alarm = found(edges=(sound(unrecorded=lost),), recent=report)
        assert [each.text.split()[0] for each in alarm] == (["2"] if 2 <= minute < 17 else [])
    # A machine that was started anew begins at nothing.
    recent.add(sampled(status(at_us=NOW + 20 * MINUTE, edges=(sound(unrecorded=3),))))
    assert recent.report().lost == {"edge 0": 3}
    # An edge that comes back brings what it lost long ago with it.
    recent = Recent(15 * MINUTE)
    for minute, edges in enumerate(((), (sound(unrecorded=7),), (sound(unrecorded=8),))):
        recent.add(sampled(status(at_us=NOW + minute * MINUTE, edges=edges)))
    assert recent.report().lost == {"edge 0": 1}


def test_a_dead_token_with_nothing_waiting_asks_for_nothing_in_a_hurry() -> None:
    [alarm] = found(accounts=(replace(META, state="paused", reason="gone"),))
    assert alarm.text.endswith("is refused by its platform: gone. Nothing of it is waiting.")
    [alarm] = found(accounts=(replace(META, state="paused", queued=1),))
    assert alarm.text.endswith("by its platform. Waiting: 1 event.")


def test_a_secret_that_cannot_be_opened_lets_money_expire_like_a_dead_token() -> None:
    held = replace(
        META,
        state="held",
        reason="ad_account.token is damaged; enter it again",
        queued=45,
        at_risk={"USD": 12_500_000},
        next_deadline_us=NOW + 4 * 24 * HOUR,
    )
    [alarm] = found(accounts=(held,))
    assert (alarm.kind, alarm.about) == ("token_dead", "account:7")
    assert alarm.text == (
        "ad account 7 “Main” (meta) cannot report: ad_account.token is damaged; enter it again."
        " Mend it before 2026-11-22 11:06 UTC: from then on 45 events worth 12.50 USD,"
        " which are waiting now, expire one after another."
    )


def behind(seconds: float) -> ConsumerReport:
    return ConsumerReport(consumer="publisher", edge=0, epoch=1, seq=1, behind_seconds=seconds)


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"consumers": (behind(1801), behind(5))}, ["queue_old"]),
        ({"consumers": (behind(1799),)}, []),
        ({"accounts": (replace(META, queued=3, oldest_us=NOW - HOUR),)}, ["queue_old"]),
        ({"accounts": (replace(META, queued=3, oldest_us=NOW - HOUR, state="throttled"),)}, ["queue_old"]),
        # What somebody wants to wait, and what has an alert already.
        ({"accounts": (replace(META, queued=3, oldest_us=NOW - HOUR, state="held"),)}, []),
        ({"accounts": (replace(META, queued=3, state="held", reason="it has no token"),)}, ["token_dead"]),
        ({"accounts": (replace(META, state="held", reason="it has no token"),)}, []),
        ({"accounts": (replace(META, queued=3, oldest_us=NOW - HOUR, state="paused"),)}, ["token_dead"]),
        ({"queues": (QueueReport(name="postback:1", depth=9, oldest_us=1),)}, []),
        ({"queues": (QueueReport(name="pixel:1", depth=9, oldest_us=1, late_us=1, dead=9),)}, []),
        ({"intakes": (replace(FOLDER, oldest_us=NOW - HOUR, waiting=3),)}, ["queue_old"]),
        ({"intakes": (replace(FOLDER, oldest_us=NOW - HOUR, paused_by="Ann"),)}, []),
        ({"intakes": (replace(FOLDER, dead=2),)}, ["dead_letters"]),
        ({"recent": RecentReport(error_ratios={"x": 0.9}, ended={"x": 19})}, []),
        ({"recent": RecentReport(error_ratios={"x": 0.2}, ended={"x": 900})}, []),
        ({"recent": RecentReport(error_ratios={EVENTS: 0.21}, ended={EVENTS: 900})}, ["error_ratio"]),
        ({"disk_free_bytes": 0}, ["disk_low"]),
        ({"warehouse": WarehouseReport(state="opening")}, []),
    ],
)  # fmt: skip
def test_where_the_line_is(fields: dict[str, Any], kinds: list[str]) -> None:
    assert [alarm.kind for alarm in found(**fields)] == kinds


def test_thousands_of_one_kind_are_a_number() -> None:
    sick = tuple(Health(destination_id=n, state="unhealthy") for n in range(1_000))
    seen = found(health=sick)
    assert len(seen) == MOST
    assert seen[-1] == Alarm("destination_ill", "others", "801 more like these")
    assert len({alarm[:2] for alarm in seen}) == len(seen)


# The last minutes


def test_a_rate_is_of_the_last_five_minutes_and_absent_before_there_is_any() -> None:
    recent = Recent(15 * MINUTE)
    assert recent.report() == RecentReport()
    recent.add(Sample(NOW, 100, {}))
    recent.add(Sample(NOW + SHORTEST_US - 1, 100, {}))
    assert recent.report().conversions_per_minute is None
    recent.add(Sample(NOW + MINUTE, 130, {}))
    assert recent.report().conversions_per_minute == 30.0
    for minute in range(2, 20):
        recent.add(Sample(NOW + minute * MINUTE, 130 + 2 * minute, {}))
    assert recent.report().conversions_per_minute == 2.0


def test_a_ratio_is_of_what_ended_in_the_window() -> None:
    recent = Recent(15 * MINUTE)
    for minute in range(40):
        failed = 8 * max(0, minute - 30)
        recent.add(Sample(NOW + minute * MINUTE, 0, {"a": Ended(failed, 10 * minute), "idle": Ended(3, 5)}))
    report = recent.report()
    assert report.ended == {"a": 150} and report.error_ratios == {"a": 72 / 150}


def test_labels_are_of_the_same_window_as_their_ratio() -> None:
    recent = Recent(15 * MINUTE)
    for minute in range(40):
        labels = {"old": 900, "new": 2 * max(0, minute - 30), "both": minute}
        recent.add(Sample(NOW + minute * MINUTE, 0, {}, {"a": labels, "b": {"old": 1}}))
    assert recent.report().labels == {"a": {"new": 18, "both": 15}}


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 50), st.integers(0, 50)), max_size=400),
    st.integers(1, 60),
)
def test_ratios_are_shares_and_samples_are_bounded(steps: list[tuple[int, int, int]], minutes: int) -> None:
    recent = Recent(minutes * MINUTE)
    at, failed, ended = NOW, 0, 0
    for step, wrong, fine in steps:
        at, failed, ended = at + step, failed + wrong, ended + wrong + fine
        recent.add(Sample(at, ended, {"a": Ended(failed, ended)}))
        report = recent.report()
        assert all(0 <= ratio <= 1 for ratio in report.error_ratios.values())
        assert report.conversions_per_minute is None or report.conversions_per_minute >= 0
        assert len(recent._samples) <= MOST_SAMPLES + 1
    assert RATE_US <= 5 * MINUTE


def test_what_is_counted_of_everything_that_ends() -> None:
    sample = sampled(
        status(
            deliveries=DeliveriesReport(attempts={"delivered": 8, "failed": 2, "expired": 5}),
            accounts=(
                replace(
                    META,
                    events={"accepted": 90, "refused": 13, "cancelled": 7},
                    labels={"Duplicate": 10, "No consent": 3},
                ),
            ),
            interpreter=InterpreterReport(
                processed=100, passed=60, unchanged=10, refused=5, labels={"Invalid pixel": 4}
            ),
            conversions=ConversionsReport(outcomes={"conversion": 12, "refused": 3}),
        )
    )
    # What we chose not to send for want of consent is no failure.
    assert sample == Sample(
        NOW,
        12,
        {POSTBACKS: Ended(2, 10), "account:7": Ended(10, 100), EVENTS: Ended(9, 55)},
        {"account:7": {"Duplicate": 10}, EVENTS: {"Invalid pixel": 4}},
        {"edge 0": 0},
        {"account:7": 0},
    )
