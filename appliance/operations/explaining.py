"""routing.explain: a recorded click decided again with the configuration that routed it, and the proof."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from msgspec import Struct, structs

from appliance.errors import FieldProblem, Missing, Unavailable
from appliance.model.events import ClickEvent
from appliance.model.ids import click_time_ms
from appliance.operations.asking import ask
from appliance.operations.context import Caller, Context
from appliance.operations.nouns import Request
from appliance.operations.period import refuse
from appliance.operations.records import Word
from appliance.operations.registry import operation
from appliance.operations.workbench import Workbench
from appliance.reporting import recorded as records
from appliance.routing import verdicts
from appliance.routing.configuration import Built, Key
from appliance.routing.recorded import Difference, Step, campaign_of, decide_again, differences
from appliance.routing.trace import Trace, trace, without_money

MOST_PARENTS = 20
"""Clicks that one came from, through landing pages and campaigns; it is exact with the first one only."""
_MONEY = ("cost", "url_hash")


class ExplainRequest(Request, frozen=True, kw_only=True):
    click_id: Word


class Explanation(Struct, frozen=True, kw_only=True):
    """A click decided again at its `revision`. `exact`: every recorded field came out the same.

    `differences` are those that did not. `url_proven` is false for a click that went nowhere or is older than
    the hash it would be proven by. `kernel` is the version of the deciding that was recorded; another one
    than `kernel_now` may decide otherwise.
    """

    click_id: str
    at_us: int
    revision: int
    kernel: int
    kernel_now: int
    exact: bool
    url_proven: bool
    differences: tuple[Difference, ...]
    trace: Trace


@operation(
    "routing.explain",
    permission="records.read",
    example={"click_id": "01a201dc-0c92-7bd0-8060-0e54d6026f6b"},
)
async def explain(request: ExplainRequest, context: Context) -> Explanation:
    """Why a click went where it went: its revision's configuration decides the recorded inputs again.

    Shows which streams were tried, which rule failed on which value, the verdict on every destination and
    the final URL, and proves that all of it equals what was recorded.
    """
    click = await recorded_click(request.click_id, context)
    built, step = await _step(click, context)
    parents: list[Step] = []
    younger = click
    while younger.parent_id and len(parents) < MOST_PARENTS:
        rows = await ask(records.one(younger.parent_id), context, "routing.explain")
        if not rows:
            break  # too old to be kept: what only it knew shows as a difference
        younger = records.click_of(rows[0])
        parents.insert(0, (await _step(younger, context))[1])
    return await bench_of(context).run(lambda check: _explained(step, parents, built, context.caller))


async def _step(click: ClickEvent, context: Context) -> tuple[Built, Step]:
    """The click with the table of its revision."""
    keys: list[Key] = [("campaign", click.campaign_id)]
    if click.link_id:
        keys.append(("link", click.link_id))
    gather = functools.partial(context.catalog.configuration, click.revision, keys, context.caller)
    built = await bench_of(context).table((click.revision, *keys), gather)
    return built, Step(click, built.table)


def _explained(step: Step, parents: Sequence[Step], built: Built, caller: Caller) -> Explanation:
    click = step.click
    decision, visit = decide_again(step, parents)
    found = differences(step, decision, visit)
    if not click.url_hash:
        found = tuple(each for each in found if each.field != "url_hash")
    seen = trace(built, decision, visit, click.at_us)
    if not caller.sees_money:
        seen = without_money(seen, campaign_of(step))
        found = tuple(
            structs.replace(each, recorded=None, replayed=None) if each.field in _MONEY else each
            for each in found
        )
    return Explanation(
        click_id=click.id,
        at_us=click.at_us,
        revision=click.revision,
        kernel=click.inputs.kernel,
        kernel_now=verdicts.KERNEL,
        exact=not found,
        url_proven=bool(click.url_hash) and not any(each.field == "url_hash" for each in found),
        differences=found,
        trace=seen,
    )


def bench_of(context: Context) -> Workbench:
    if context.workbench is None:
        raise Unavailable("nothing is explained or tried out here")
    return context.workbench


async def recorded_click(id: str, context: Context) -> ClickEvent:
    """The whole click, if it is in a campaign of the caller's."""
    wanted = id.strip().lower()
    if click_time_ms(wanted) is None:
        words = "a click id, such as 01a201dc-0c92-7bd0-8060-0e54d6026f6b"
        refuse([FieldProblem("click_id", words)], "no such id")
    rows = await ask(records.one(wanted), context, "routing.explain")
    if not rows or not context.caller.reaches(int(rows[0]["campaign_id"])):
        raise Missing("there is no such click (yet: it takes a second or two to arrive here)")
    return records.click_of(rows[0])
