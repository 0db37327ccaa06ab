"""What a stream answers other than the plain 302: checked when stored, compiled with the routing table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from appliance.errors import FieldProblem
from appliance.model.rules import Answer
from appliance.routing.macros import READERS, Ids
from appliance.routing.visit import Visit

LEADING = ("redirect", "meta", "double_meta", "js", "iframe", "form_post")
"""Kinds that lead to the destination chosen; a stream with any other kind needs none."""
REDIRECTS = (301, 302, 303, 307, 308)
LARGEST_BODY = 256 * 1024
MAX_CAMPAIGNS = 5
"""Campaigns that hand one visitor on to each other; the next one sends him back instead."""
_STATUSES = (*range(200, 205), *range(206, 300), *range(400, 600))
BODY_MACROS = ("click_id", "campaign_id", "stream_id", "source_id", "timestamp", "cost")
"""What a body may show of a click: digits, letters, points and hyphens that we wrote ourselves, which mean
the same in a text, an attribute, a script and a JSON string. What visitors send has none for them all."""
_MACRO = re.compile(rf"\{{({'|'.join(BODY_MACROS)})\}}")
_BODIES = ("text", "html", "json")
PLAIN = Answer()


class Body:
    """A text with the macros of BODY_MACROS in it; every other brace stays what it is."""

    __slots__ = ("_pieces",)

    def __init__(self, text: str) -> None:
        self._pieces = _MACRO.split(text)

    def render(self, visit: Visit, ids: Ids) -> str:
        """The text for one visitor."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        return "".join(READERS[piece](visit, ids) if at % 2 else piece for at, piece in enumerate(pieces))


class CompiledAnswer:
    """`leads`: it needs a destination. `status` is the reply's; `body` what is shown."""

    __slots__ = ("body", "campaign_id", "kind", "leads", "status")

    def __init__(self, answer: Answer) -> None:
        self.kind = answer.kind
        self.leads = answer.kind in LEADING
        self.campaign_id = answer.campaign_id or 0
        self.body = Body(answer.body)
        if answer.kind in ("redirect", "status"):
            self.status = answer.status
        else:
            self.status = answer.status if answer.kind in _BODIES and answer.status in _STATUSES else 200


def compile_answer(answer: Answer) -> CompiledAnswer | None:
    """None for the plain 302, which nothing has to look at."""
    return None if answer == PLAIN else CompiledAnswer(answer)


def check_answer(answer: Answer, campaign_id: int) -> Iterator[FieldProblem]:
    """Every fault of a stream's answer; the catalog knows whether the campaign it names is there."""
    kind = answer.kind
    if kind == "redirect" and answer.status not in REDIRECTS:
        yield FieldProblem("answer.status", f"one of {', '.join(map(str, REDIRECTS))}")
    elif kind == "status" and answer.status not in _STATUSES:
        yield FieldProblem("answer.status", "200 to 299 or 400 to 599, but not 205: 204 and 404 are usual")
    elif kind in _BODIES and answer.status not in (302, *_STATUSES):
        yield FieldProblem("answer.status", "200 to 299 or 400 to 599, but not 205; left out it is 200")
    if kind == "campaign":
        if answer.campaign_id is None:
            yield FieldProblem("answer.campaign_id", "the campaign that goes on")
        elif answer.campaign_id == campaign_id:
            yield FieldProblem("answer.campaign_id", "another campaign than the stream's own")
    elif answer.campaign_id is not None:
        yield FieldProblem("answer.campaign_id", "only for an answer of the kind campaign")
    if kind not in _BODIES:
        if answer.body:
            yield FieldProblem("answer.body", f"only for an answer of the kinds {', '.join(_BODIES)}")
    elif len(answer.body.encode("utf-8", "surrogatepass")) > LARGEST_BODY:
        yield FieldProblem("answer.body", f"at most {LARGEST_BODY // 1024} KiB")
    elif kind == "json":
        try:
            msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            yield FieldProblem("answer.body", "one JSON value")
    if any("\ud800" <= character <= "\udfff" for character in answer.body):
        yield FieldProblem("answer.body", "half a character (a lone surrogate) cannot be sent")
