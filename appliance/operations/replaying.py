"""routing.replay: recorded clicks sent through a draft of the configuration, and who would move where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from appliance.errors import Missing
from appliance.model.events import ClickEvent
from appliance.operations.asking import ask
from appliance.operations.context import Context
from appliance.operations.drafts import Draft, drafted
from appliance.operations.explaining import bench_of
from appliance.operations.nouns import Id, Request
from appliance.operations.period import reach_of
from appliance.operations.registry import operation
from appliance.operations.simulating import names_of
from appliance.operations.workbench import Check
from appliance.reporting import recorded as records
from appliance.routing.configuration import Built, Key
from appliance.routing.recorded import Step, decide_again
from appliance.routing.simulation import Outcome, outcome

MOST_CLICKS = 10_000
MOST_MOVES = 500
EXAMPLES = 5
MOST_CAMPAIGNS = 200


class ReplayRequest(Request, frozen=True, kw_only=True):
    """The last `clicks` that came by a link, of one campaign or of all that are yours.

    `changes` as in routing.simulate; without any, what has changed since those clicks shows.
    """

    campaign_id: Id | None = None
    clicks: Annotated[int, Meta(ge=1, le=MOST_CLICKS)] = 1_000
    changes: Draft = ()


class Place(Struct, frozen=True, kw_only=True):
    """Where a click ended or would end."""

    decision: str
    reason: str
    stream_id: int
    stream: str
    destination_id: int
    destination: str


class Move(Struct, frozen=True, kw_only=True):
    """So many clicks of a campaign would go from one place to another; `click_ids` are a few of them."""

    campaign_id: int
    campaign: str
    before: Place
    after: Place
    clicks: int
    click_ids: tuple[str, ...]


class Replay(Struct, frozen=True, kw_only=True):
    """`stayed` would end where they ended, `moved` elsewhere, `gone` came by a campaign or link that is gone.

    `moves` are the most frequent first, 500 at most; `more` is how many there are beside. `from_us` is the
    time of the oldest click.
    """

    revision: int
    clicks: int
    from_us: int
    stayed: int
    moved: int
    gone: int
    moves: tuple[Move, ...]
    more: int = 0


@operation(
    "routing.replay",
    permission="records.read",
    example={
        "campaign_id": 1,
        "clicks": 500,
        "changes": [{"kind": "stream", "id": 1, "values": {"status": "paused"}}],
    },
)
async def replay(request: ReplayRequest, context: Context) -> Replay:
    """Who of the last recorded clicks would move where with these changes. Nothing is stored, nobody is sent.

    Each is decided again with what its edge knew then: the same draw, facts, memory, caps and health.
    """
    bench = bench_of(context)
    changes = drafted(request.changes, context.caller)
    clicks = await _newest(request, context)
    keys: list[Key] = list(dict.fromkeys(("campaign", click.campaign_id) for click in clicks))
    keys = keys[:MOST_CAMPAIGNS]
    links: list[Key] = list(dict.fromkeys(("link", click.link_id) for click in clicks if click.link_id))
    if request.campaign_id is not None:
        await context.catalog.get("campaign", request.campaign_id)
        keys = keys or [("campaign", request.campaign_id)]
    clicks = [click for click in clicks if ("campaign", click.campaign_id) in set(keys)]
    built = await bench.build(await context.catalog.draft(changes, [*keys, *links], context.caller))
    return await bench.run(lambda check: _replayed(clicks, built, check))


async def _newest(request: ReplayRequest, context: Context) -> list[ClickEvent]:
    found: list[ClickEvent] = []
    reach = reach_of(context.caller)
    while len(found) < request.clicks:
        limit = min(records.MOST_AT_ONCE, request.clicks - len(found))
        before = found[-1].id if found else ""
        query = records.newest(limit, before, request.campaign_id or 0, reach)
        rows = await ask(query, context, "routing.replay")
        found += [records.click_of(row) for row in rows]
        if len(rows) < limit:
            break
    return found


def _replayed(clicks: Sequence[ClickEvent], built: Built, check: Check) -> Replay:
    moves: dict[tuple[Outcome, Outcome], list[str]] = {}
    counts: dict[tuple[Outcome, Outcome], int] = {}
    turns: dict[int, int] = {}
    gone = 0
    for number, click in enumerate(reversed(clicks)):  # the oldest first: round robins take their turns
        if number % 50 == 0:
            check()
        try:
            decision, _ = decide_again(Step(click, built.table), turns=turns)
        except Missing:
            gone += 1
            continue
        if decision.turned:
            turns[decision.turned] = turns.get(decision.turned, 0) + 1
        before, after = _outcome(click), outcome(decision)
        if before != after:
            counts[before, after] = counts.get((before, after), 0) + 1
            examples = moves.setdefault((before, after), [])
            if len(examples) < EXAMPLES:
                examples.append(click.id)
    moved = sum(counts.values())
    names = names_of(built.configuration)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Replay(
        revision=built.configuration.revision,
        clicks=len(clicks),
        from_us=clicks[-1].at_us if clicks else 0,
        stayed=len(clicks) - moved - gone,
        moved=moved,
        gone=gone,
        moves=tuple(
            Move(
                campaign_id=before.campaign_id,
                campaign=names.get(("campaign", before.campaign_id), ""),
                before=_place(before, names),
                after=_place(after, names),
                clicks=count,
                click_ids=tuple(moves[before, after]),
            )
            for (before, after), count in ranked[:MOST_MOVES]
        ),
        more=max(0, len(ranked) - MOST_MOVES),
    )


def _outcome(click: ClickEvent) -> Outcome:
    return Outcome(
        campaign_id=click.campaign_id,
        decision=click.decision,
        reason=click.reason,
        stream_id=click.stream_id,
        destination_id=click.destination_id,
    )


def _place(end: Outcome, names: dict[Key, str]) -> Place:
    return Place(
        decision=end.decision,
        reason=end.reason,
        stream_id=end.stream_id,
        stream=names.get(("stream", end.stream_id), ""),
        destination_id=end.destination_id,
        destination=names.get(("destination", end.destination_id), ""),
    )
