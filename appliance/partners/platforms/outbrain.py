"""Outbrain: one GET per conversion, without a token and without a way to say it twice harmlessly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from appliance.partners.platform import (
    DAY,
    REFUSED,
    Answer,
    Limits,
    Message,
    OAuth,
    Pixel,
    Tests,
    Trial,
    Verdict,
    checked,
    decimal_of,
    given,
    no_answer,
    page,
)
from appliance.partners.report import Report

_SECOND = 1_000_000


class Outbrain:
    """An event's name is the conversion's in the account, case and all; a pixel's code is a label of ours."""

    name = "outbrain"
    limits = Limits(batch=1, window_us=30 * DAY, ahead_us=60 * _SECOND, dedupe_us=0)
    click_parameters: tuple[str, ...] = ("dicbo", "ob_click_id")
    experimental = True
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("url",)
    secret_settings: tuple[str, ...] = ()
    needs_token = False
    names: Mapping[str, str] = {}
    only_conversions = True
    nameless = False
    tests: Tests = "none"
    trial: Trial = "none"
    oauth: OAuth | None = None

    def check(self, report: Report, now_us: int) -> str:
        return checked(report, self.limits, self.click_parameters, now_us)

    def encode(self, report: Report) -> bytes:
        query = given(
            ob_click_id=report.click_ids.get("ob_click_id", "") or report.click_ids.get("dicbo", ""),
            name=report.event_name,
            orderId=report.order_id or report.event_id,
            orderValue=decimal_of(report),
            currency=report.currency,
            timestamp=report.at_us // 1_000,
        )
        return urlencode(query).encode()

    def request(self, pixel: Pixel, events: Sequence[bytes]) -> Message:
        (query,) = events
        origin = pixel.settings.get("url", "https://tr.outbrain.com")
        return Message("GET", f"{origin}/unifiedPixel?{query.decode()}", (), b"")

    def verdict(self, answer: Answer, sent: int) -> Verdict:
        if 200 <= answer.status < 300 and not page(answer):
            return Verdict("accepted", received=sent)
        if answer.status in (400, 404, 422):
            return Verdict("refused", REFUSED, answer.text)
        return no_answer(answer)
