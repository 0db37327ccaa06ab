"""The section of the configuration about visitors whose clicks say nothing of what they allow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from appliance.errors import FieldProblem

_COUNTRY = re.compile(r"[A-Z]{2}|EEA", re.ASCII)


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ad platforms may do with a conversion without a signal of consent, by the click's country:
    `limited` is for counting and not for advertising, `denied` is not sent. EEA stands for its countries."""

    limited_countries: tuple[str, ...] = ("EEA", "GB", "CH")
    denied_countries: tuple[str, ...] = ()
    elsewhere: Literal["granted", "limited", "denied"] = "granted"


def check_consent(section: Consent) -> Iterator[FieldProblem]:
    for name in ("limited_countries", "denied_countries"):
        for index, code in enumerate(getattr(section, name)):
            if not _COUNTRY.fullmatch(code):
                what = "a country's two letters in capitals, or EEA"
                yield FieldProblem(f"consent.{name}[{index}]", f"{code[:40]!r} is not {what}")
