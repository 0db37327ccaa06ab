"""How long a dead child's seat stays empty."""

from __future__ import annotations

from appliance.seat import restart_delay


def test_the_delay_doubles_up_to_five_seconds() -> None:
    delays = [0.0]
    for _ in range(9):
        delays.append(restart_delay(delays[-1], lived=1.0, was_ready=True))
    assert delays[1:] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_ready_child_that_ran_ten_seconds_begins_anew() -> None:
    assert restart_delay(5.0, lived=10.0, was_ready=True) == 0.05
    assert restart_delay(5.0, lived=9.9, was_ready=True) == 5.0
    assert restart_delay(0.4, lived=20.0, was_ready=False) == 0.8, "killed because it was not ready in time"
