"""OPTIMIZE, where it changes rows: which partitions, and one of them at a time."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from appliance.model.shipping import Mergeable
from appliance.stores.warehouse_client import rows

_MERGEABLE = """
select table, partition_id as id, count() as parts, sum(rows) as number,
    toUnixTimestamp(max(modification_time)) as written
from system.parts
where active and database = currentDatabase()
    and match(table, '^[a-z][a-z0-9_]*$') and match(partition_id, '^[a-z0-9]+$')
group by table, id
having max(has_lightweight_delete) = 1 or (parts > 1 and table in (
    select name from system.tables
    where database = currentDatabase() and match(engine, '(Replacing|Summing|Aggregating|Collapsing)')))
order by table, id
"""
"""Merging changes rows where rows of one key become one, and where deleted ones are still on the disk. A
partition of one part has nothing to merge: whatever was written to it since it was merged is another part."""


def mergeable(client: Client) -> list[Mergeable]:
    return [
        Mergeable(row["table"], row["id"], row["parts"], row["number"], row["written"] * 1_000_000)
        for row in rows(client, _MERGEABLE, {})
    ]


def optimize(client: Client, it: Mergeable) -> int:
    """Merge it into one part; how many rows it has then."""
    if not it.table.isidentifier() or not it.partition.isalnum():
        raise ValueError(f"{it} is no partition of ours")
    client.command(f"optimize table {it.table} partition id '{it.partition}' final")
    sql = (
        "select sum(rows) as number from system.parts where active and database = currentDatabase()"
        " and table = {table:String} and partition_id = {id:String}"
    )
    return int(rows(client, sql, {"table": it.table, "id": it.partition})[0]["number"])
