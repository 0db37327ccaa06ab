"""What follows from an attempt at a delivery."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.deliveries import Delivery, Standing, Stored
from appliance.partners.patience import Outcome, Patience, after, of_status, seconds_of, standing

NOW = 1_790_000_000_000_000
PATIENCE = Patience()
FAILED = Outcome(False, "answered 500")


def stored(attempts: int = 0, deadline_us: int = NOW + 10**12) -> Stored:
    it = Delivery(
        id="d", target="postback:1", conversion_id="c", revision=1, campaign_id=0, created_us=NOW,
        not_before_us=NOW, deadline_us=deadline_us, body=b"",
    )  # fmt: skip
    return Stored(
        number=1, delivery=it, state="pending", not_before_us=NOW, deadline_us=deadline_us, attempts=attempts
    )


@pytest.mark.parametrize(
    ("status", "delivered", "final"),
    [(200, True, False), (204, True, False), (299, True, False), (301, False, False), (302, False, False),
     (400, False, False), (404, False, False), (410, False, True), (429, False, False), (500, False, False)],
)  # fmt: skip
def test_only_2xx_acknowledges(status: int, delivered: bool, final: bool) -> None:
    found = of_status(status, "", NOW)
    assert (found.delivered, found.final) == (delivered, final)
    assert bool(found.reason) is not delivered


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("120", 120), (" 7 ", 7), ("-5", 0), ("soon", 0), ("1.5", 0), ("99999999999999", 999_999_999),
     ("Mon, 21 Sep 2026 14:15:20 GMT", 120), ("Mon, 21 Sep 2026 14:00:00 GMT", 0),
     ("Mon, 99 Sep 2026 14:00:00 GMT", 0), ("Mon, 21 Sep 2026 16:15:20 +0200", 120)],
)  # fmt: skip
def test_retry_after(text: str, seconds: float) -> None:
    assert seconds_of(text, NOW) == seconds


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 10**9))
def test_a_pause_is_full_jitter_within_its_bounds_and_never_before_what_was_asked(
    attempts: int, draw: float, asked: float
) -> None:
    pause = PATIENCE.pause(attempts, draw, asked)
    assert min(asked, PATIENCE.longest_asked) <= pause
    assert pause <= max(PATIENCE.longest, PATIENCE.longest_asked)
    assert PATIENCE.pause(attempts, 0.0) == 0
    assert PATIENCE.pause(attempts, 1.0) == min(PATIENCE.longest, PATIENCE.first * 2 ** min(attempts - 1, 40))


def test_what_becomes_of_a_delivery() -> None:
    assert after(stored(), Outcome(True), PATIENCE, 0.5, NOW).state == "delivered"
    again = after(stored(attempts=2), FAILED, PATIENCE, 0.5, NOW)
    assert again == ("pending", NOW + 10_000_000, "answered 500")
    assert after(stored(), Outcome(False, "gone", final=True), PATIENCE, 0.5, NOW).state == "dead"


def test_the_last_attempt_is_at_the_deadline_and_what_fails_then_is_dead() -> None:
    near = after(stored(attempts=9, deadline_us=NOW + 1_000_000), FAILED, PATIENCE, 1.0, NOW)
    assert near == ("pending", NOW + 1_000_000, "answered 500")
    last = after(stored(attempts=10, deadline_us=NOW), FAILED, PATIENCE, 1.0, NOW)
    assert last == ("dead", NOW, "deadline passed: answered 500")
    assert after(stored(deadline_us=NOW - 1), Outcome(True), PATIENCE, 1.0, NOW).state == "delivered"


def test_a_target_is_paused_after_failures_in_a_row_and_tried_at_longer_pauses() -> None:
    it = Standing(target="postback:1")
    pauses = []
    for count in range(1, 20):
        it = standing(it, FAILED, PATIENCE, 1.0, NOW + count)
        assert it.failures == count
        assert bool(it.paused_us) is (count >= PATIENCE.pause_after)
        if it.paused_us:
            assert it.paused_us == NOW + PATIENCE.pause_after
            pauses.append((it.probe_us - NOW - count) / 1e6)
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900, 900, 900]
    assert standing(it, Outcome(True), PATIENCE, 0.0, NOW) == Standing(target="postback:1")


def test_a_success_between_failures_begins_their_count_anew() -> None:
    it = Standing(target="postback:1")
    for _ in range(5):
        for _ in range(PATIENCE.pause_after - 1):
            it = standing(it, FAILED, PATIENCE, 0.0, NOW)
        assert not it.paused_us
        it = standing(it, Outcome(True), PATIENCE, 0.0, NOW)
