"""Every ad platform by one suite: what it refuses by itself, what it says, how it reads any answer."""

from __future__ import annotations

import json
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.partners import splitting
from appliance.partners.platform import (
    DAY,
    HOUR,
    IN_THE_FUTURE,
    MARGIN,
    NO_CLICK,
    NO_CONSENT,
    NO_VALUE,
    NOT_RECONCILED,
    UNANSWERED,
    UNAUTHORIZED,
    Answer,
    Message,
    Outcome,
    Pixel,
    Platform,
    too_old,
)
from appliance.partners.platforms.google import Google
from appliance.partners.platforms.meta import Meta, usage
from appliance.partners.platforms.microsoft import Microsoft
from appliance.partners.platforms.openai import OpenAI
from appliance.partners.platforms.outbrain import Outbrain
from appliance.partners.platforms.pinterest import Pinterest
from appliance.partners.platforms.snapchat import Snapchat
from appliance.partners.platforms.taboola import Taboola
from appliance.partners.platforms.tiktok import TikTok
from appliance.partners.report import Identity, Report
from appliance.partners.roster import PLATFORMS

NOW = 1_795_300_000_000_000
TOKEN = "EAAB-very/secret=="
ALL: tuple[Platform, ...] = (
    Meta(), TikTok(), Google(), OpenAI(), Microsoft(), Snapchat(), Pinterest(), Taboola(), Outbrain(),
)  # fmt: skip
each_platform = pytest.mark.parametrize("platform", ALL, ids=lambda it: it.name)
WHO = Identity(
    address="203.0.113.7", user_agent="Mozilla/5.0", emails=("John_Smith@gmail.com",),
    phones=("+1 650 555 1212",), country="US", region="California", city="Menlo Park",
    seen={"_fbp": "fb.1.1700000000000.42"},
)  # fmt: skip
STATUSES = (200, 204, 302, 400, 401, 403, 404, 429, 500, 502)
NAMES = ("error", "code", "message", "events", "details", "index", "status", "fieldViolations", "x")
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


def report(platform: Platform, **changes: Any) -> Report:
    made = Report(
        event_name="Purchase",
        event_id="e1",
        at_us=NOW - HOUR,
        click_at_us=NOW - 2 * HOUR,
        click_ids={platform.click_parameters[0]: "CliCk-1"},
        value=1_234_567_890,
        currency="USD",
        order_id="o-1",
        page_url="https://shop.example/thanks?a=1",
        custom={"content_name": "schön"},
        identity=WHO,
    )
    return replace(made, **changes)


def asked(platform: Platform, *reports: Report, to: Pixel | None = None) -> Message:
    return platform.request(to or pixel(), [platform.encode(each) for each in reports])


def pixel(test_code: str = "", **settings: str) -> Pixel:
    return Pixel("77 7", TOKEN, {"customer_id": "123-456-7890"} | settings, test_code)


@each_platform
def test_what_may_not_be_sent_is_named_before_it_is(platform: Platform) -> None:
    oldest = NOW - platform.limits.window_us + MARGIN
    assert platform.check(report(platform), NOW) == ""
    assert platform.check(report(platform, at_us=oldest + 1, click_at_us=oldest), NOW) == ""
    late = report(platform, at_us=oldest, click_at_us=oldest)
    assert platform.check(late, NOW) == too_old(platform.limits)
    # In the founding document's order: too old comes before the missing click.
    assert platform.check(replace(late, click_ids={}), NOW) == too_old(platform.limits)
    assert platform.check(report(platform, click_ids={}), NOW) == NO_CLICK
    early = report(platform, at_us=NOW + platform.limits.ahead_us + 1)
    assert platform.check(early, NOW) == IN_THE_FUTURE
    assert platform.check(report(platform, consent="denied"), NOW) == NO_CONSENT


@each_platform
def test_a_request_says_all_of_it_and_its_secret_where_it_belongs(platform: Platform) -> None:
    most = min(platform.limits.batch, 3)
    sent = [report(platform, event_id=f"e{number}") for number in range(most)]
    message = asked(platform, *sent)
    assert message == asked(platform, *sent)  # the same at every retry
    split = urlsplit(message.url)
    assert split.scheme == "https"
    assert " " not in message.url
    whole = message.url + message.body.decode()
    for number in range(most):
        assert f"e{number}" in whole or "o-1" in whole
    assert "CliCk-1" in whole  # case and all
    said = whole + "".join(value for _, value in message.headers)
    hidden = said
    for secret in message.secrets:
        hidden = hidden.replace(secret, "***")
    assert TOKEN not in hidden
    assert (TOKEN in said) == bool(message.secrets) or platform.name == "snapchat"
    # Contact data leave hashed or not at all.
    assert "John_Smith" not in whole
    assert "john_smith" not in whole
    assert "6505551212" not in whole


@each_platform
def test_a_proxys_address_stands_before_the_platforms_path(platform: Platform) -> None:
    message = asked(platform, report(platform), to=pixel(url="http://127.0.0.1:9"))
    assert message.url.startswith("http://127.0.0.1:9/")


@each_platform
def test_a_limited_consent_is_said(platform: Platform) -> None:
    free = asked(platform, report(platform))
    limited = asked(platform, report(platform, consent="limited"))
    silent = platform.name in ("taboola", "outbrain")
    assert (free == limited) == silent


@each_platform
@given(body=st.one_of(st.binary(max_size=200), DOCUMENTS), status=st.sampled_from(STATUSES))
def test_any_answer_is_read(platform: Platform, body: bytes, status: int) -> None:
    headers = {"x-app-usage": body.decode("latin-1")}
    verdict = platform.verdict(Answer(status, headers, body), 3)
    assert verdict.outcome in get_args(Outcome)
    assert all(0 <= place < 3 for place in verdict.refused)
    assert verdict.outcome == "accepted" or verdict.label


@each_platform
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_proxys_page_is_asked_again(platform: Platform, status: int) -> None:
    assert platform.verdict(Answer(status, {}, b"<html>Bad gateway</html>"), 3).outcome == "retry"


@each_platform
def test_a_dead_token_pauses_and_a_flood_throttles(platform: Platform) -> None:
    assert platform.verdict(Answer(401, {}, b""), 1).outcome == "pause"
    assert platform.verdict(Answer(429, {}, b""), 1).outcome == "throttle"


PAGES = (b"<html>maintenance</html>", b" \n<!DOCTYPE html><html></html>")


@each_platform
@pytest.mark.parametrize("body", (*PAGES, b"", b"[]", b"null"))
def test_a_200_without_the_platforms_own_words_is_no_acknowledgement(platform: Platform, body: bytes) -> None:
    if platform.name in ("taboola", "outbrain") and body not in PAGES:  # they say nothing but 2xx
        assert platform.verdict(Answer(200, {}, body), 3).outcome == "accepted"
        return
    verdict = platform.verdict(Answer(200, {}, body), 3)
    assert (verdict.outcome, verdict.label) == ("retry", UNANSWERED)


def test_what_is_said_of_one_pixel_is_not_its_accounts() -> None:
    def tiktok(code: int) -> Any:
        return TikTok().verdict(Answer(200, {}, json.dumps({"code": code, "message": "m"}).encode()), 3)

    def google(field: str) -> Any:
        violation = {"field": field, "reason": "INVALID"}
        error = {"status": "INVALID_ARGUMENT", "details": [{"fieldViolations": [violation]}]}
        return Google().verdict(Answer(400, {}, json.dumps({"error": error}).encode()), 3)

    of_pixel = [meta(100, 33), meta(803), meta(10), meta(200), tiktok(40001), tiktok(40007),
                google("destinations[0].product_destination_id")]  # fmt: skip
    of_account = [meta(190, status=401), meta(102), meta(3), tiktok(40105), tiktok(40900),
                  google("destinations[0].operating_account.account_id"),
                  google("destinations[0].login_account")]  # fmt: skip
    assert {(each.outcome, each.pixel) for each in of_pixel} == {("pause", True)}
    assert {(each.outcome, each.pixel) for each in of_account} == {("pause", False)}


@pytest.mark.parametrize("name", ("microsoft", "snapchat", "pinterest", "openai", "taboola"))
def test_an_address_that_is_not_there_is_the_pixels(name: str) -> None:
    """The pixel's code stands in it."""
    for body in (b"", b'{"message": "no such tag"}'):
        verdict = PLATFORMS[name].verdict(Answer(404, {}, body), 3)
        assert (verdict.outcome, verdict.pixel, verdict.label) == ("pause", True, "Invalid pixel")
    own = PLATFORMS[name].verdict(Answer(403, {}, b'{"message": "not yours"}'), 3)
    assert (own.outcome, own.pixel) == ("pause", True)
    firewall = PLATFORMS[name].verdict(Answer(403, {}, b"<html>blocked</html>"), 3)
    assert (firewall.outcome, firewall.pixel) == ("pause", False)


def meta(code: int, subcode: int = 0, status: int = 400, **more: Any) -> Any:
    error = {"message": "x", "code": code, "error_subcode": subcode, "fbtrace_id": "T"} | more
    return Meta().verdict(Answer(status, {}, json.dumps({"error": error}).encode()), 3)


@pytest.mark.parametrize(
    ("code", "subcode", "status", "outcome"),
    [
        (1, 0, 500, "retry"), (2, 0, 503, "retry"), (3, 0, 400, "pause"), (4, 0, 400, "throttle"),
        (10, 0, 403, "pause"), (200, 0, 403, "pause"), (299, 0, 400, "pause"), (17, 0, 500, "throttle"),
        (32, 0, 400, "throttle"), (102, 0, 400, "pause"), (190, 460, 500, "pause"), (190, 0, 401, "pause"),
        (100, 33, 400, "pause"), (100, 2804003, 400, "refused"), (100, 2804009, 400, "refused"),
        (100, 2804050, 400, "refused"), (100, 2804036, 400, "refused"), (100, 2804066, 400, "refused"),
        (100, 2804087, 400, "refused"), (100, 2804019, 400, "refused"), (100, 0, 400, "refused"),
        (341, 0, 400, "throttle"), (368, 0, 400, "retry"), (506, 0, 400, "refused"),
        (613, 0, 400, "throttle"), (999999, 0, 500, "retry"), (999999, 0, 400, "retry"),
        (80004, 0, 400, "throttle"), (80003, 0, 400, "throttle"), (5000, 0, 500, "retry"),
        (21009, 0, 500, "retry"), (803, 0, 400, "pause"),
    ],
)  # fmt: skip
def test_metas_codes(code: int, subcode: int, status: int, outcome: str) -> None:
    assert meta(code, subcode, status).outcome == outcome


def test_meta_says_by_itself_whether_an_unknown_error_will_pass() -> None:
    assert meta(999_999, status=400, is_transient=False).outcome == "refused"
    assert meta(999_999, status=400, is_transient=True).outcome == "retry"
    assert meta(100, 2804003).label == "Conversion older than 7 days"
    assert meta(190, status=401).label == UNAUTHORIZED
    assert meta(100, 2804009).label == NO_VALUE


def test_what_meta_received_is_compared() -> None:
    def answer(received: int) -> Answer:
        return Answer(200, {}, json.dumps({"events_received": received, "fbtrace_id": "T1"}).encode())

    assert Meta().verdict(answer(3), 3).label == ""
    short = Meta().verdict(answer(2), 3)
    assert (short.outcome, short.label, short.received, short.trace) == ("accepted", NOT_RECONCILED, 2, "T1")


def test_metas_usage() -> None:
    headers = {
        "x-app-usage": '{"call_count":28,"total_cputime":12,"total_time":3}',
        "x-business-use-case-usage": '{"1":[{"type":"ads_management","call_count":96,"total_cputime":1,'
        '"total_time":1,"estimated_time_to_regain_access":7,"ads_api_access_tier":"standard_access"}]}',
        "x-ad-account-usage": '{"acc_id_util_pct":9.67,"reset_time_duration":100}',
    }
    assert usage(headers) == (96.0, 420.0)
    assert usage({"x-app-usage": "no"}) == (0.0, 0.0)
    full = {"x-ad-account-usage": '{"acc_id_util_pct":100,"reset_time_duration":500}'}
    assert usage(full) == (100.0, 500.0)
    body = json.dumps({"error": {"code": 80004, "message": "x"}}).encode()
    assert Meta().verdict(Answer(400, full, body), 1).seconds == 500.0
    assert Meta().verdict(Answer(400, {}, body), 1).seconds == 60.0, "where nothing is said"
    soon = {"x-ad-account-usage": '{"acc_id_util_pct":100,"reset_time_duration":12}'}
    assert Meta().verdict(Answer(400, soon, body), 1).seconds == 12.0


def test_metas_event() -> None:
    sent = report(Meta(), value=0)
    body = json.loads(asked(Meta(), sent, to=pixel("TEST1", app_secret="s")).body)
    assert body["test_event_code"] == "TEST1"
    assert len(body["appsecret_proof"]) == 64
    (event,) = body["data"]
    assert event["custom_data"] == {
        "content_name": "schön", "value": 0.0, "currency": "USD", "order_id": "o-1"
    }  # fmt: skip
    assert event["event_time"] == (NOW - HOUR) // 1_000_000
    who = event["user_data"]
    assert who["fbc"] == f"fb.1.{(NOW - 2 * HOUR) // 1_000}.CliCk-1"
    assert who["fbp"] == "fb.1.1700000000000.42"
    assert who["em"] == ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"]
    assert who["client_ip_address"] == "203.0.113.7"
    unseen = replace(sent, identity=Identity())
    (event,) = json.loads(asked(Meta(), unseen).body)["data"]
    assert set(event["user_data"]) == {"fbc"}


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, "accepted"), (20001, "accepted"), (40000, "refused"), (40002, "refused"), (40001, "pause"),
     (40003, "pause"), (40050, "accepted"), (40061, "refused"), (40062, "refused"), (40100, "throttle"),
     (40102, "pause"), (40105, "pause"), (40132, "throttle"), (40201, "retry"), (40900, "pause"),
     (50000, "retry"), (50002, "retry"), (51010, "retry"), (99999, "refused")],
)  # fmt: skip
def test_tiktok_answers_200_to_everything(code: int, outcome: str) -> None:
    body = json.dumps({"code": code, "message": "m", "request_id": "r", "data": {}}).encode()
    assert TikTok().verdict(Answer(200, {}, body), 3).outcome == outcome


def test_tiktok_hashes_the_phone_with_its_plus() -> None:
    (event,) = json.loads(asked(TikTok(), report(TikTok())).body)["data"]
    assert event["user"]["phone"] == "1e231c66011e7a2d867a9cfae267a6aff103cf4913640b6e71a99850fc0ffbc8"
    assert event["user"]["ttclid"] == "CliCk-1"
    assert event["properties"]["value"] == 1234.56789


def test_tiktok_is_told_of_contents_in_texts() -> None:
    """A content_id that is a number is refused as 40002: what a mapping says is a text, whatever it holds."""
    made = report(TikTok(), custom={"content_id": "4711", "num_items": "2"})
    (event,) = json.loads(asked(TikTok(), made).body)["data"]
    assert (event["properties"]["content_id"], event["properties"]["num_items"]) == ("4711", "2")


def test_google_names_the_guilty_event() -> None:
    violation = {"field": "events[1].conversion_value", "description": "x", "reason": "EVENT_TIME_INVALID"}
    error = {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"fieldViolations": [violation]}]}
    verdict = Google().verdict(Answer(400, {}, json.dumps({"error": error}).encode()), 3)
    assert (verdict.outcome, dict(verdict.refused)) == ("refused", {1: "EVENT_TIME_INVALID"})
    error["details"] = [{"fieldViolations": [{"field": "destinations[0].operating_account"}]}]
    assert Google().verdict(Answer(400, {}, json.dumps({"error": error}).encode()), 3).outcome == "pause"
    quota = {"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "17s"}]}}
    assert Google().verdict(Answer(429, {}, json.dumps(quota).encode()), 3).seconds == 17.0
    early = report(Google(), at_us=NOW - 3 * HOUR)
    assert Google().check(early, NOW) == "Conversion before its click"


def test_openais_amounts_are_in_minor_units() -> None:
    def amount(currency: str) -> Any:
        made = report(OpenAI(), event_name="order_created", value=1_234_560_000, currency=currency)
        (event,) = json.loads(asked(OpenAI(), made).body)["events"]
        return event["data"]["amount"]

    assert (amount("USD"), amount("JPY"), amount("KWD")) == (123_456, 1_235, 1_234_560)


def test_those_that_answer_for_each_event() -> None:
    details = [{"index": 2, "propertyName": "eventTime"}, {"index": 9}, {"index": True}, 7]
    body = {"eventsReceived": 2, "error": {"code": "x", "details": details}, "traceId": "t"}
    verdict = Microsoft().verdict(Answer(200, {}, json.dumps(body).encode()), 3)
    assert (verdict.outcome, list(verdict.refused)) == ("accepted", [2])
    verdict = Microsoft().verdict(Answer(400, {}, json.dumps(body | {"eventsReceived": 0}).encode()), 3)
    assert (verdict.outcome, list(verdict.refused)) == ("refused", [2]), "none of the others was taken"
    events = [{"status": "processed"}, {"status": "failed", "error_message": "no"}]
    pinterest = {"num_events_received": 2, "num_events_processed": 1, "events": events}
    verdict = Pinterest().verdict(Answer(200, {}, json.dumps(pinterest).encode()), 2)
    assert (verdict.outcome, list(verdict.refused)) == ("accepted", [1])
    assert Pinterest().verdict(Answer(200, {}, json.dumps({"events": events}).encode()), 3).outcome == "retry"


@given(st.integers(0, 5_000))
def test_parts_are_all_of_it_once(size: int) -> None:
    places = [place for part in splitting.parts(size) for place in part]
    assert places == (list(range(size)) if size > 1 else [])


def test_no_good_event_is_in_more_than_four_requests() -> None:
    assert max(splitting.most_requests(size) for size in range(1, 1_001)) == 4
    assert [len(part) for part in splitting.parts(1_000)] == [100] * 10
    assert [len(part) for part in splitting.parts(999)] == [100] * 9 + [99]


@given(st.lists(st.integers(1, 100)), st.integers(1, 20), st.integers(1, 500))
def test_what_fits(sizes: list[int], most: int, most_bytes: int) -> None:
    count = splitting.fitting(sizes, most, most_bytes)
    assert count <= min(most, len(sizes))
    assert count == 1 or sum(sizes[:count]) + count <= most_bytes or not sizes
    assert DAY == 24 * HOUR
