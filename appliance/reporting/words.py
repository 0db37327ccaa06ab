"""Status words that nobody knew, out of the postback log."""

from __future__ import annotations

from appliance.reporting.sql import PERIOD, Query

MOST = 500


def unknown(network_id: int, from_us: int, to_us: int, note: str) -> Query:
    """`word`, how many `postbacks` said it, `first_us`, `last_us` and one's `example` id, most first.

    `note` is what stands before the word in the reason of a postback that was processed.
    """
    sql = (
        "select extract(substring(reason, position(reason, {note:String}) + length({note:String})), '^[^;]*')"  # noqa: S608  our words
        " as word, uniqExact(id) as postbacks, toUnixTimestamp64Micro(min(at)) as first_us,"
        " toUnixTimestamp64Micro(max(at)) as last_us, argMax(id, at) as example"
        f" from postback_log_events where {PERIOD} and network_id = {{network:Int64}} and stage = 'processed'"
        " and position(reason, {note:String}) > 0"
        f" group by word order by postbacks desc, word limit {MOST}"
    )
    return Query(sql, {"from_us": from_us, "to_us": to_us, "network": network_id, "note": note})
