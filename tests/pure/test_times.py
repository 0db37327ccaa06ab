"""When a conversion happened, in every way that networks write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.times import read

AT = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("1767225600", AT), ("1767225600123", AT + 123_000), ("1767225600123456", AT + 123_456),
        ("1767225600.5", AT + 500_000), ("1767225600123.25", AT + 123_250),
        ("999999999", 999_999_999_000_000),
        ("2026-01-01T00:00:00Z", AT), ("2026-01-01T00:00:00", AT), ("2026-01-01 00:00:00", AT),
        ("2026-01-01t00:00:00z", AT), ("2026-01-01 00:00:00 UTC", AT), ("2026-01-01T00:00", AT),
        ("2026-01-01T02:00:00+02:00", AT), ("2026-01-01T02:00:00 02:00", AT),
        ("2026-01-01T02:00:00+0200", AT),
        ("2025-12-31T16:00:00-08", AT), ("20251231T160000-0800", AT), ("2026-01-01 02:00:00 +0200", AT),
        ("2026-01-01T00:00:00.123Z", AT + 123_000), ("2026-01-01T00:00:00.123456789Z", AT + 123_456),
        ("2026-01-01T00:00:00,5Z", AT + 500_000),
    ],
)  # fmt: skip
def test_every_form_is_the_same_moment(text: str, at_us: int) -> None:
    assert read(text) == at_us


@pytest.mark.parametrize(
    "text",
    ["", "0", "yesterday", "2026-01-01", "12/31/2026 10:00", "2026-13-01T00:00:00", "2026-01-01T25:00:00",
     "2026-01-01T00:00:61", "17672256001", "12345678", "1" * 17, "2026-01-01T00:00:00+99:99", "{timestamp}",
     "1e9", "-1767225600", "٢٠٢٦-01-01T00:00:00", "2026-W01-1", "2026-01-01T"],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert read(text) is None


@given(
    st.datetimes(datetime(2002, 1, 1), datetime(2080, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from(["T", " "]),
)
def test_a_moment_in_any_zone_comes_back(at: datetime, zone: timezone, between: str) -> None:
    here = at.replace(tzinfo=zone)
    micros = (here - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read(here.isoformat(between)) == micros
    assert read(here.isoformat(between).replace("+", " ")) == micros
    assert read(str(micros // 1_000_000)) == micros // 1_000_000 * 1_000_000
    assert read(str(micros // 1_000)) == micros // 1_000 * 1_000


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    assert read(text) is None or isinstance(read(text), int)
