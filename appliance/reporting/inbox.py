"""Inbound postbacks as they were received, each with what became of it last: SQL, and rows → Raw."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from appliance.model.conversions import CORE_EDGE, Position, Stamp, entered_position
from appliance.model.events import PostbackLogEvent
from appliance.model.ids import click_time_ms
from appliance.model.inbox import Fate, Raw
from appliance.reporting.sql import PERIOD, Query

AT_ONCE = 400
"""Postbacks asked for by name in one query: a server takes its parameters in an address."""
NO_CLICK_ID = "The click id is missing"
"""How the door's reason begins for a postback that may be understood by another template. Others that it
refused were not proven to be the network's, or could not be read."""

_TABLE = "postback_log_events"
_ARRIVED = f"(stage = 'received' or (stage = 'refused' and startsWith(reason, '{NO_CLICK_ID}')))"
_FATE = "tuple(outcome, reason, conversion_id, click_id, transaction_id)"


class Wanted(Struct, frozen=True, kw_only=True):
    """Which postbacks arrived: within a period, of a network (0 for all), by id, with a text in their
    parameters, or with one of these outcomes last."""

    from_us: int
    to_us: int
    network_id: int = 0
    ids: Sequence[str] = ()
    text: str = ""
    outcomes: Sequence[str] = ()


def wanted(it: Wanted, limit: int) -> Query:
    """The rows of these, oldest first."""
    parameters: dict[str, object] = {"from_us": it.from_us, "to_us": it.to_us}
    where = PERIOD
    if it.network_id:
        where += " and network_id = {network:Int64}"
        parameters["network"] = it.network_id
    chosen = where + f" and {_ARRIVED}"
    if it.ids:
        chosen += " and id in {ids:Array(String)}"
        parameters["ids"] = list(it.ids)
    if it.text:
        found = "positionCaseInsensitiveUTF8(x, {text:String}) > 0"
        chosen += f" and arrayExists(x -> {found}, mapValues(params))"
        parameters["text"] = it.text
    last = ""
    if it.outcomes:
        last = "where if(stage = 'refused', 'refused', fate.1) in {outcomes:Array(String)} "
        parameters["outcomes"] = list(it.outcomes)
    return _joined(chosen, where, last, limit, parameters)


def at(stamps: Collection[Stamp]) -> Query:
    """The rows of at most AT_ONCE postbacks that arrived at these stamps."""
    times = [stamp[0] for stamp in stamps]
    parameters: dict[str, object] = {
        "from_us": min(times), "to_us": max(times) + 1,
        "keys": [_key(*stamp[1:]) for stamp in stamps],
    }  # fmt: skip
    by_id = "concat('-1:', substring(id, 1, 30))"
    key = f"if(edge = {CORE_EDGE}, {by_id}, concat(toString(edge), ':', toString(epoch), ':', toString(seq)))"
    chosen = f"{PERIOD} and {_ARRIVED} and {key} in {{keys:Array(String)}}"
    return _joined(chosen, PERIOD, "", len(times), parameters)


def claimed(subjects: Sequence[tuple[int, str, str]]) -> Query:
    """The ids of conversions with one of these (network id, transaction id, click id without one)."""
    return Query(
        "select distinct id from conversion_events where network_id in {networks:Array(Int64)} and "
        "(transaction_id in {transactions:Array(String)} or transaction_id = '' and click_id in "
        "{clicks:Array(String)}) limit 50000",
        {
            "networks": sorted({network for network, _, _ in subjects}),
            "transactions": sorted({transaction for _, transaction, _ in subjects} - {""}),
            "clicks": sorted({click for _, _, click in subjects} - {""}),
        },
    )


def _key(edge: int, epoch: int, seq: int) -> str:
    return f"{edge}:{epoch:015x}{seq:015x}" if edge == CORE_EDGE else f"{edge}:{epoch}:{seq}"


def _joined(chosen: str, where: str, last: str, limit: int, parameters: dict[str, object]) -> Query:
    sql = (
        f"with chosen as (select * from {_TABLE} where {chosen}), "  # noqa: S608  our words
        f"fates as (select id, argMax({_FATE}, tuple(epoch, seq)) as fate from {_TABLE} "
        f"where {where} and stage = 'processed' and id in (select id from chosen) group by id) "
        "select toUnixTimestamp64Micro(chosen.at) as at_us, chosen.edge as edge, chosen.epoch as epoch, "
        "chosen.seq as seq, chosen.id as id, chosen.stage as stage, chosen.reason as reason, "
        "chosen.network_id as network_id, chosen.method as method, chosen.params as params, "
        "chosen.address as address, chosen.request_id as request_id, "
        "chosen.sealed as sealed, fates.fate as fate "
        f"from chosen left join fates on chosen.id = fates.id {last}"
        "order by chosen.at, chosen.id limit {limit:UInt32}"
    )
    return Query(sql, {**parameters, "limit": limit})


def raw_of(row: Mapping[str, Any], later: Mapping[str, Fate]) -> Raw:
    """A row of these; `later` is what became of some of them since, by id."""
    event = PostbackLogEvent(
        v=1,
        id=row["id"],
        at_us=int(row["at_us"]),
        stage="received",
        outcome="",
        reason="",
        network_id=int(row["network_id"]),
        method=row["method"],
        params=dict(row["params"]),
        address=row["address"],
        request_id=row["request_id"],
        sealed=b64decode(row["sealed"]),
    )
    fate = later.get(event.id)
    if fate is None:
        fate = Fate(*_texts(row["fate"]))
    if not fate.outcome and row["stage"] == "refused":
        fate = Fate("refused", row["reason"])
    return Raw(position_of(row), event, fate)


def position_of(row: Mapping[str, Any]) -> Position:
    """Where a postback stands that arrived."""
    edge = int(row["edge"])
    return entered_position(row["id"]) if edge == CORE_EDGE else (edge, int(row["epoch"]), int(row["seq"]))


def _texts(fate: Any) -> list[str]:
    """A tuple, as JSON has it: a list, or an object where its members have names."""
    return [str(each) for each in (fate.values() if isinstance(fate, dict) else fate or ())]


def life(id: str) -> Query:
    """All that was logged of a postback, in order. An edge's ids begin with the time of arrival."""
    parameters: dict[str, object] = {"id": id}
    where = "id = {id:String}"
    if (arrived := click_time_ms(id)) is not None:
        where += f" and {PERIOD}"
        parameters |= {"from_us": arrived * 1_000, "to_us": (arrived + 1) * 1_000}
    return Query(
        "select toUnixTimestamp64Micro(at) as at_us, toUnixTimestamp64Micro(known_at) as known_us, edge, "  # noqa: S608  our words
        "epoch, seq, id, stage, outcome, reason, network_id, method, params, address, request_id, click_id, "
        f"transaction_id, conversion_id from {_TABLE} where {where} "
        "order by stage = 'processed', epoch, seq limit 1000",
        parameters,
    )
