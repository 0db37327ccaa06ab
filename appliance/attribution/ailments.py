"""What the doctor knows: each fault by its code, in a sentence, and how to mend it, in another.

docs/reference/doctor.md describes them to people; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from appliance.model.doctor import Finding


class Ailment(NamedTuple):
    """`{about}` and `{example}` are the finding's. A `grave` one costs money while nobody looks: it makes the
    appliance degraded."""

    fault: str
    fix: str
    grave: bool = False


AILMENTS: Mapping[str, Ailment] = {
    "macro_unexpanded": Ailment(
        "The field {about} arrives as a macro that nobody replaced: {example}.",
        "Put the macro that this network knows for {about} into its postback URL, or leave the parameter"
        " out.",
    ),
    "ids_swapped": Ailment(
        "The click id and the transaction id have changed places.",
        "Give each parameter its own macro in the network's postback URL, or swap them in its template; then"
        " the refused postbacks can be reprocessed.",
    ),
    "click_id_elsewhere": Ailment(
        "The click id arrives in the parameter {about}, where it is not looked for.",
        "Map click_id to {about} in the network's template, or rename the parameter in its postback URL.",
    ),
    "click_id_glued": Ailment(
        "The click id arrives with something glued to it: {example}.",
        "Write ? once in the postback URL, before the first parameter, and a plain & between the others.",
    ),
    "time_unit": Ailment(
        "The time of the conversion arrives in a unit that nobody reads: {example}.",
        "Send it in seconds, milli- or microseconds since 1970, or as 2026-11-22T14:30:00Z; until then its"
        " arrival counts.",
    ),
    "time_unusable": Ailment(
        "The time of the conversion cannot be right: {example}.",
        "Check the network's macro for the time, and its time zone; until then its arrival counts.",
    ),
    "status_unknown": Ailment(
        "Nobody has said what the status word {about} means; its conversions are in hold.",
        "Map it in the network's status_words, then reprocess its postbacks.",
    ),
    "secret_misplaced": Ailment(
        "Postbacks are refused: their secret arrives in the parameter {about}, where it is not looked for.",
        "Send it in the parameter secret, or map the field secret to {about} in the network's template.",
        grave=True,
    ),
    "postbacks_refused": Ailment(
        "Every postback of this network is refused: {example}",
        "Mend what the reason says; postbacks.list shows each of them as it came.",
        grave=True,
    ),
    "clicks_unknown": Ailment(
        "No postback of this network finds its click.",
        "Check that its offer URLs carry {{click_id}} and that the network sends the same value back.",
        grave=True,
    ),
    "network_silent": Ailment(
        "This network has fallen silent: {example}.",
        "Look at its panel whether it still has conversions, and send a test postback to its URL.",
        grave=True,
    ),
    "rate_missing": Ailment(
        "Conversions in a currency are not counted in their campaign's, for want of a rate: {about}.",
        "Enter the rate with rates.set, dated {example} or up to a month before, then reprocess the"
        " postbacks.",
        grave=True,
    ),
    "cost_missing": Ailment(
        "Conversions come from clicks without a cost, though this source tells what its clicks cost.",
        "Check the cost macro in the campaign's link; costs.adjust makes up for clicks that are past.",
    ),
    "landing_unclicked": Ailment(
        "Nobody clicks through this landing page: {example}.",
        "Open the page and see whether its button leads to /lp/{{click_id}}/1, or has the tracking script.",
    ),
}
"""Code → what it is."""


def fault_of(finding: Finding) -> str:
    """What is wrong, in a sentence."""
    return _said(AILMENTS[finding.code].fault, finding)


def fix_of(finding: Finding) -> str:
    """What to do about it, in a sentence."""
    return _said(AILMENTS[finding.code].fix, finding)


def _said(sentence: str, finding: Finding) -> str:
    return sentence.format(about=finding.about, example=finding.example)
