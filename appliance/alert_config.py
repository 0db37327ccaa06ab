"""The section `[alerts]` of the configuration: who is told when something is wrong, and when it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from appliance.addresses import is_url, mailbox
from appliance.errors import FieldProblem


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail goes as `[mail]` says; a webhook is signed (Standard Webhooks) with a secret `whsec_…`."""

    emails: tuple[str, ...] = ()
    webhook: str = ""
    webhook_secret: str = ""
    queue_minutes: float = 30.0
    error_percent: float = 20.0
    error_minutes: float = 15.0
    error_least: int = 20
    disk_free_mb: int = 2_000


MOST_EMAILS = 20


def check_alerts(alerts: Alerts, can_mail: bool) -> Iterator[FieldProblem]:
    """What types cannot say of the section. `can_mail`: a way to send mail is configured."""
    for index, address in enumerate(alerts.emails):
        try:
            mailbox(address)
        except ValueError as fault:
            yield FieldProblem(f"alerts.emails[{index}]", f"{address!r}: {fault}")
    if alerts.emails and not can_mail:
        yield FieldProblem("alerts.emails", "needs mail.resend_key or mail.smtp_url")
    if len(alerts.emails) > MOST_EMAILS:
        yield FieldProblem("alerts.emails", f"at most {MOST_EMAILS}")
    if alerts.webhook and not is_url(alerts.webhook):
        yield FieldProblem("alerts.webhook", "an absolute http(s) URL")
    if alerts.webhook and not re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}", alerts.webhook_secret):
        yield FieldProblem("alerts.webhook_secret", "whsec_ and 24 to 64 bytes in base64")
    for key, least, most in (
        ("queue_minutes", 0.1, 10_080),
        ("error_percent", 0.1, 100),
        ("error_minutes", 1, 1_440),
        ("error_least", 1, 1_000_000),
        ("disk_free_mb", 0, 10_000_000),
    ):
        if not least <= getattr(alerts, key) <= most:
            yield FieldProblem(f"alerts.{key}", f"from {least:g} to {most:,}")
