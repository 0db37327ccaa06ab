"""The double is as strict as the reference, and forgets nothing when it is started again."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from appliance.partners.platform import Answer, Message, Pixel
from appliance.partners.platforms import meta as platform
from appliance.partners.report import Identity, Report
from tests.platforms.meta import INVISIBLE, SECOND, Meta
from tests.platforms.meta_process import MetaProcess

NOW = 1_790_000_000_000_000
OURS = platform.Meta()
LIVE = Pixel("px", "good", {})


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "event_name": "Purchase", "event_id": "e1", "at_us": NOW - 60 * SECOND,
        "click_at_us": NOW - 90 * SECOND,
        "click_ids": {"fbclid": "IwAR0x"}, "value": 1_500_000, "currency": "USD",
        "identity": Identity(emails=("a@example.com",), address="203.0.113.9", user_agent="Firefox"),
    }  # fmt: skip
    return Report(**(fields | changes))


def message(*reports: Report, pixel: Pixel = LIVE) -> Message:
    return OURS.request(pixel, [OURS.encode(each) for each in reports])


def error(answer: Answer) -> tuple[int, int, int]:
    found = json.loads(answer.body)["error"]
    return answer.status, found["code"], found["error_subcode"]


def spoilt(path: str, value: object) -> Message:
    """A good request with one field of its event changed, None for a missing one."""
    body = json.loads(message(report()).body)
    where = body["data"][0]
    *parents, name = path.split(".")
    for parent in parents:
        where = where[parent]
    where[name] = value
    if value is None:
        del where[name]
    return message(report())._replace(body=json.dumps(body).encode())


def test_what_weir_makes_is_taken_and_counted_once() -> None:
    meta = Meta()
    answer = meta.answer(message(report(), report(event_id="e2")), NOW)
    assert answer.status == 200
    assert json.loads(answer.body)["events_received"] == 2
    meta.answer(message(report()), NOW)
    meta.answer(message(report(event_name="Lead")), NOW)
    assert meta.counted == {("Purchase", "e1"): 1, ("Purchase", "e2"): 1, ("Lead", "e1"): 1}
    assert meta.requests == {"e1": 3, "e2": 1}
    assert meta.amount == 4.5


def test_after_48_hours_the_same_event_is_another() -> None:
    meta = Meta()
    meta.answer(message(report()), NOW)
    later = NOW + 48 * 3_600 * SECOND
    meta.answer(message(report()), later - SECOND)
    assert meta.counted.total() == 1
    meta.answer(message(report()), later)
    assert meta.counted.total() == 2


@pytest.mark.parametrize(
    ("path", "value", "subcode"),
    [
        ("event_time", NOW // SECOND - 7 * 86_400 - 1, 2804003),
        ("event_time", NOW // SECOND + 61, 2804001),
        ("event_time", NOW // 1_000, 2804001),
        ("event_time", "1790000000", 2804001),
        ("event_name", "", 2804001),
        ("action_source", None, 2804001),
        ("action_source", "web", 2804001),
        ("event_source_url", "shop.example/thanks", 2804001),
        ("custom_data.value", None, 2804009),
        ("custom_data.value", "1.50", 2804009),
        ("custom_data.currency", None, 2804009),
        ("custom_data.currency", "dollars", 2804009),
        ("custom_data", None, 2804009),
        ("user_data", {}, 2804050),
        ("user_data", {"country": ["a" * 64]}, 2804050),
        ("user_data.em", ["a@example.com"], 2804016),
        ("user_data.fbc", "IwAR0x", 2804017),
        ("user_data.fbp", "fb.1.1790000000000", 2804017),
    ],
)
def test_one_bad_event_has_the_whole_request_refused(path: str, value: object, subcode: int) -> None:
    meta = Meta()
    bad = spoilt(path, value)
    assert error(meta.answer(bad, NOW)) == (400, 100, subcode)
    whole = json.loads(message(report(event_id="e2"), report(event_id="e3")).body)
    whole["data"].insert(1, json.loads(bad.body)["data"][0])
    assert error(meta.answer(bad._replace(body=json.dumps(whole).encode()), NOW)) == (400, 100, subcode)
    assert not meta.counted


def test_a_week_to_the_second_is_not_too_old() -> None:
    assert Meta().answer(spoilt("event_time", NOW // SECOND - 7 * 86_400), NOW).status == 200


@pytest.mark.parametrize("subcode", INVISIBLE)
def test_thirty_faults_that_only_meta_knows(subcode: int) -> None:
    meta = Meta()
    good, bad = report(), report(event_id="bad", click_ids={"fbclid": f"guilty{subcode}x1"})
    assert OURS.check(bad, NOW) == ""
    assert error(meta.answer(message(good, bad), NOW)) == (400, 100, subcode)
    assert meta.refused == {}
    assert error(meta.answer(message(bad), NOW)) == (400, 100, subcode)
    assert meta.refused == {"bad": subcode}
    assert len(set(INVISIBLE)) == 30


def test_a_thousand_events_and_not_one_more() -> None:
    meta = Meta()
    events = [report(event_id=f"e{place}") for place in range(1_001)]
    assert error(meta.answer(message(*events), NOW)) == (400, 100, 0)
    assert error(meta.answer(message(), NOW)) == (400, 100, 0)
    assert meta.answer(message(*events[:1_000]), NOW).status == 200
    assert set(meta.requests.values()) == {1}


@pytest.mark.parametrize(
    ("pixel", "app_secret", "wanted"),
    [
        (Pixel("px", "old", {}), "", (401, 190, 0)),
        (Pixel("px2", "good", {}), "", (400, 100, 33)),
        (Pixel("px", "good", {"api_version": "latest"}), "", (400, 100, 33)),
        (Pixel("px", "good", {"app_secret": "wrong"}), "right", (400, 100, 0)),
        (Pixel("px", "good", {}), "right", (400, 100, 0)),
    ],
)
def test_who_may_not_is_told_so_and_no_event_is_to_blame(
    pixel: Pixel, app_secret: str, wanted: tuple[int, int, int]
) -> None:
    meta = Meta(app_secret=app_secret)
    answer = meta.answer(message(report(), report(event_id="e2"), pixel=pixel), NOW)
    assert error(answer) == wanted
    assert OURS.verdict(answer, 2).outcome == "pause"
    assert not meta.requests


def test_the_proof_of_the_app_opens_it() -> None:
    pixel = Pixel("px", "good", {"app_secret": "right"})
    assert Meta(app_secret="right").answer(message(report(), pixel=pixel), NOW).status == 200


def test_test_events_are_counted_like_live_ones() -> None:
    """ "Events sent with test_event_code are not dropped": Meta's page on using the API."""
    meta = Meta()
    for test_code in ("TEST1", ""):
        meta.answer(message(report(), pixel=Pixel("px", "good", {}, test_code)), NOW)
    assert (list(meta.counted.values()), meta.tests.total()) == ([1], 1)


def test_a_full_account_says_when_to_come_back() -> None:
    meta = Meta()
    meta.busy, meta.regain = 100, 7
    answer = meta.answer(message(report()), NOW)
    found = OURS.verdict(answer, 1)
    assert (found.outcome, found.seconds, found.busy) == ("throttle", 420.0, 100.0)
    assert not meta.requests


def test_the_process_remembers_what_it_was_told(tmp_path: Path) -> None:
    def tell(url: str, *reports: Report) -> int:
        asked = message(*reports, pixel=Pixel("px", "good", {"url": url}))
        request = urllib.request.Request(asked.url, asked.body, dict(asked.headers))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code

    now = int(time.time()) * SECOND
    good = report(at_us=now, click_at_us=now)
    bad = report(at_us=now, click_at_us=now, event_id="bad", click_ids={"fbclid": "guilty2804036x"})
    with MetaProcess(tmp_path) as meta:
        assert tell(meta.url, good) == 200
        assert tell(meta.url, bad) == 400
        meta.change(faults=["html", [500, 2, 0]])
        assert [tell(meta.url, good) for _ in range(3)] == [502, 500, 200]
        meta.change(lose=1.0)
        with pytest.raises(OSError):
            tell(meta.url, report(at_us=now, click_at_us=now, event_id="e2"))
    with MetaProcess(tmp_path) as meta:
        assert tell(meta.url, good) == 200
        assert meta.change()["counted"] == 2
        found = meta.figures()
    assert found.counted == {("Purchase", "e1"): 1, ("Purchase", "e2"): 1}
    assert found.refused == {"bad": 2804036}
    assert (found.requests, found.lost) == (7, 1)
    assert found.verdicts == {"taken": 4, "refused": 1, "turned away": 2}
    assert found.asked == {"e1": 3, "bad": 1}
