"""Recorded clicks as the events that they were: read back from the warehouse whole, to be decided again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from appliance.model.events import ClickEvent, DecisionInputs
from appliance.reporting.rows import COLUMNS
from appliance.reporting.sql import Query, reach

MOST_AT_ONCE = 1_000
"""Clicks of one read: about 3 MB."""

_COLUMNS = [name for name in COLUMNS["click_events"] if name not in ("edge", "epoch", "seq", "at")]
_SHOWN = "toUnixTimestamp64Micro(at) as at_us, " + ", ".join(_COLUMNS)


def one(id: str) -> Query:
    """The click of this id."""
    return Query(f"select {_SHOWN} from click_events where id = {{id:String}} limit 1", {"id": id})  # noqa: S608


def newest(limit: int, before: str = "", campaign: int = 0, campaigns: Sequence[int] | None = None) -> Query:
    """The newest clicks that came by a link, older than the click `before`; of one campaign or all, and only
    of `campaigns`."""
    parameters: dict[str, object] = {"limit": limit}
    where = "parent_id = ''" + reach(tuple(campaigns) if campaigns is not None else None, parameters)
    if before:
        where += " and id < {before:String}"
        parameters["before"] = before
    if campaign:
        where += " and campaign_id = {campaign:Int64}"
        parameters["campaign"] = campaign
    sql = f"select {_SHOWN} from click_events where {where} order by id desc limit {{limit:UInt32}}"  # noqa: S608
    return Query(sql, parameters)


def click_of(row: Mapping[str, Any]) -> ClickEvent:
    """The event of a row of `one` or `newest`. Raises msgspec.ValidationError for what is none."""
    given = dict(row)
    inputs = msgspec.json.decode(str(given["inputs"]))
    inputs["facts"] = given["facts"]
    given["inputs"] = _sequence(DecisionInputs, inputs)
    given["counted"] = bool(int(given["counted"]))
    return msgspec.convert(_sequence(ClickEvent, given), ClickEvent, strict=False, str_keys=True)


def _sequence(type_: type[msgspec.Struct], values: Mapping[str, Any]) -> list[Any]:
    """The fields in their order, as records have them; one without a value has its default."""
    made: list[Any] = [type_.__struct_config__.tag] if type_.__struct_config__.tag is not None else []
    fields = msgspec.structs.fields(type_)
    return made + [values[f.name] if f.name in values else _default(f) for f in fields]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made: Callable[[], Any] = field.default_factory
    return made() if field.default is msgspec.NODEFAULT else field.default
