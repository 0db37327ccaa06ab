"""What a postback, or a conversion, shows of a fault. Pure: one look at one record, nothing remembered.

A symptom holds no secret and no whole value of a person: values are shown by `shown` and `named` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appliance.attribution.claim import UNKNOWN_WORD
from appliance.attribution.template import Fields, extract, is_macro, names
from appliance.model.catalog import Template
from appliance.model.conversions import Conversion
from appliance.model.events import OWN_DOORS, PostbackLogEvent
from appliance.model.ids import click_time_ms
from appliance.model.places import value_at

UNREPLACED = re.compile(r"(?:^|; )(\w+): the macro was not replaced")
_UNKNOWN_WORD = re.compile(rf"(?:^|; ){re.escape(UNKNOWN_WORD)}([^;]+)")
UNUSABLE_TIME = re.compile(r"(?:^|; )time: ")
NO_CLICK_ID = re.compile(r"(?:^|; )(?:click_id: |The click id is missing)")
MISPLACED = re.compile(r"The secret is in (.{1,40}); it is looked for in ", re.DOTALL)
"""What the door says of a postback whose secret stands in another place (http/public/proofs.py)."""
YOUNGEST_MS, OLDEST_MS = 2_000, 400 * 86_400_000
"""How long before its postback a click was. Networks' own ids can look like ours, and are made at once."""
LONGEST_SHOWN = 24
_YEAR_US = 400 * 86_400_000_000
_UNITS = (10, 100, 10**4, 10**5, 10**7, 10**8, 10**9)
"""Of a second: what nobody reads. Seconds, milli- and microseconds everybody does (attribution/times.py)."""
_NUMBER = re.compile(r"\d{9,20}", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_WORD = re.compile(rf"[A-Za-z][A-Za-z_-]{{0,{LONGEST_SHOWN - 1}}}|\d{{1,3}}", re.ASCII)
_ID_AT_FIRST = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Symptom(NamedTuple):
    """What was seen of a fault (attribution/ailments.py), of what network or campaign, and when."""

    code: str
    at_us: int
    network_id: int = 0
    campaign_id: int = 0
    source_id: int = 0
    destination_id: int = 0
    about: str = ""
    example: str = ""


def shown(value: str) -> str:
    """A value as a finding may show it: a word or a macro whole, of anything else its beginning."""
    if _WORD.fullmatch(value) or (len(value) <= LONGEST_SHOWN and is_macro(value)):
        return value
    kept = 3 if len(value) >= 8 else 1
    return f"{_printable(value[:kept])}… ({len(value)} characters)"


def named(parameter: str) -> str:
    """A parameter's name: it is part of the mapping, but a URL may have anything in that place."""
    return parameter if _PARAMETER.fullmatch(parameter) else shown(parameter)


def of_postback(
    processed: PostbackLogEvent, raw: PostbackLogEvent | None, template: Template | None
) -> Iterator[Symptom]:
    """Of a postback and what became of it. `raw` as it arrived, where that is at hand."""
    reason = processed.reason
    if not reason:
        return
    params: Mapping[str, str] = raw.params if raw is not None else {}

    def seen(code: str, about: str = "", example: str = "") -> Symptom:
        return Symptom(code, processed.at_us, processed.network_id, about=about, example=example)

    if raw is not None and raw.method in OWN_DOORS:
        template = None
    for field in dict.fromkeys(UNREPLACED.findall(reason)):
        yield seen("macro_unexpanded", field, _macro(field, params, template))
    for word in _UNKNOWN_WORD.findall(reason):
        yield seen("status_unknown", shown(word))
    if UNUSABLE_TIME.search(reason) and raw is not None:
        value = extract(template, params).time
        other = _of_another_unit(value, processed.at_us)
        yield seen("time_unit" if other else "time_unusable", example=shown(value))
    if processed.outcome == "refused" and NO_CLICK_ID.search(reason):
        yield from _lost_click_id(processed, params, template)


def of_refusal(refused: PostbackLogEvent, template: Template | None) -> Iterator[Symptom]:
    """Of a postback that the door turned away."""
    if NO_CLICK_ID.search(refused.reason):
        yield from _lost_click_id(refused, refused.params, template)
    misplaced = MISPLACED.search(refused.reason)
    if misplaced is not None:
        about = named(misplaced[1])
        yield Symptom("secret_misplaced", refused.at_us, refused.network_id, about=about)


def of_conversion(conversion: Conversion) -> Iterator[Symptom]:
    """Of a conversion as it is now: money that counts in no currency of its campaign."""
    it = conversion
    if it.payout and it.unit and not it.void and not it.rate and it.currency not in ("", it.unit):
        for pair, rate in it.rates.items():
            day, base, quote = pair.split(" ")
            if not rate and (base, quote) == (it.currency, it.unit):
                yield Symptom(
                    "rate_missing", it.known_us, it.network_id, about=f"{base} to {quote}", example=day
                )
                return


def _lost_click_id(
    postback: PostbackLogEvent, params: Mapping[str, str], template: Template | None
) -> Iterator[Symptom]:
    """Of a postback without a usable click id: whether it has one somewhere else."""

    def seen(code: str, about: str = "", example: str = "") -> Symptom:
        return Symptom(code, postback.at_us, postback.network_id, about=about, example=example)

    click, transaction = postback.click_id, postback.transaction_id
    if postback.stage == "refused":
        fields = extract(template, params)
        click, transaction = fields.click_id.lower(), fields.transaction_id
    begins = _ID_AT_FIRST.match(click)
    if begins is not None:
        rest = click[begins.end() :]
        if rest and not rest[0].isalnum():
            yield seen("click_id_glued", example=f"{click[:8]}…{_printable(rest[0])}…")
    elif click and _ours(transaction, postback.at_us):
        yield seen("ids_swapped")
    else:
        places = [name for name, value in params.items() if _ours(value, postback.at_us)]
        if len(places) == 1:
            yield seen("click_id_elsewhere", named(places[0]))


def _ours(value: str, at_us: int) -> bool:
    """Whether it can be the id of a click that was there before this postback."""
    made = click_time_ms(value.strip().lower())
    return made is not None and YOUNGEST_MS <= at_us // 1000 - made <= OLDEST_MS


def _macro(field: str, params: Mapping[str, str], template: Template | None) -> str:
    """The macro that came instead of the field's value; "" where it is not at hand."""
    own = names(template, field) if field in Fields._fields else ()
    for value in ((value_at(place, params) or "").strip() for place in own):
        if is_macro(value):
            return shown(value)
    return ""


def _of_another_unit(value: str, at_us: int) -> bool:
    """Whether a number that is no time in seconds, milli- or microseconds is one in another unit."""
    if _NUMBER.fullmatch(value) is None:
        return False
    number = int(value)
    return any(abs(number * 1_000_000 // unit - at_us) <= _YEAR_US for unit in _UNITS)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
