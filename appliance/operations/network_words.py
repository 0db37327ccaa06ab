"""Status words that a network sent and nobody knew: what to map."""

from __future__ import annotations

from msgspec import Struct

from appliance.attribution import normalize
from appliance.attribution.claim import UNKNOWN_WORD
from appliance.errors import FieldProblem
from appliance.model.catalog import Network
from appliance.operations.asking import ask
from appliance.operations.context import Context, Forbidden
from appliance.operations.nouns import Id
from appliance.operations.period import Span, reach_of, refuse, span_of
from appliance.operations.registry import operation
from appliance.reporting import words


class UnknownWords(Span, frozen=True, kw_only=True):
    """`id` of the network; the period is that of the postbacks' arrival."""

    id: Id


class UnknownWord(Struct, frozen=True, kw_only=True):
    """`word` came with so many `postbacks`, which count as hold; `example` is the id of the latest one.

    `status` is what the word means by now, "" while nobody mapped it: those postbacks can be reprocessed.
    """

    word: str
    postbacks: int
    first_us: int
    last_us: int
    example: str
    status: str


class UnknownWordList(Struct, frozen=True, kw_only=True):
    """Most postbacks first."""

    items: tuple[UnknownWord, ...]


@operation("networks.unknown_words", permission="records.read", example={"id": 1})
async def unknown_words(request: UnknownWords, context: Context) -> UnknownWordList:
    """Status words of a network that were not known when they came: map them in its status_words."""
    if reach_of(context.caller) is not None:
        raise Forbidden("postbacks belong to no campaign: whoever sees some campaigns only sees none")
    problems: list[FieldProblem] = []
    from_us, to_us, _ = span_of(request, problems)
    refuse(problems, "this list cannot be made")
    network = await context.catalog.get("network", request.id)
    assert isinstance(network, Network)
    rows = await ask(
        words.unknown(network.id, from_us, to_us, UNKNOWN_WORD), context, "networks.unknown_words"
    )
    return UnknownWordList(
        items=tuple(
            UnknownWord(
                word=row["word"],
                postbacks=int(row["postbacks"]),
                first_us=int(row["first_us"]),
                last_us=int(row["last_us"]),
                example=row["example"],
                status=_now(row["word"], network),
            )
            for row in rows
        )
    )


def _now(word: str, network: Network) -> str:
    reading = normalize.status(word, words=network.status_words)
    return reading.status if reading.known else ""
