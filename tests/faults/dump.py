"""`python -m tests.faults.dump DATA`: what a stopped data directory's warehouse holds, as JSON on stdout.

A process of its own, because one chDB path is open in one process only; plain SQL, none of Weir's code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import clickhouse_connect

QUERIES = {
    # click id → (token, rows)
    "clicks": "select id, any(subs[7]), count() from click_events group by id",
    "identities": "select click_id, '', count() from click_identity group by click_id",
    # transaction id → (sum of count, 1 and how many rows are there twice). A postback that was sent again to
    # another edge may be read before the first one: then its conversion begins earlier, by further revisions.
    "conversions": "select transaction_id, sum(count), 1 + count() - uniqExact(id, revision) "
    "from conversion_events group by 1",
    # postback id → rows as received
    "postbacks": "select id, '', count() from postback_log_events where stage = 'received' group by id",
    "aside": "select toString(seq), reason, 1 from ingestion_errors",
}


def main(data: Path) -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=str(data / "warehouse"), database="weir")
    try:
        held = {}
        for name, sql in QUERIES.items():
            body = client.raw_query(sql, fmt="JSONCompactEachRow")
            rows = [json.loads(line) for line in body.splitlines() if line]
            held[name] = {str(key): [value, int(count)] for key, value, count in rows}
    finally:
        client.close()
    json.dump(held, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
