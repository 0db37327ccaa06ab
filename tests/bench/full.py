"""The click figure with everything on: geo, user agents, rules on facts, caps, sticky visitors, anti-repeat.

Plain and full clicks are asked for in turn, with the same changing visitors, and compared by the edge's
processor time per answer: the rate of a shared core wanders by a third, its work per click does not.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from appliance.model.catalog import Campaign
from appliance.model.rules import Rule
from appliance.routing.decide import decide
from appliance.routing.detection import Detection
from appliance.routing.state import State
from appliance.routing.visit import Visit, read_query
from tests.bench import catalog, clicks, load
from tests.bench.clicks import Rounds
from tests.pure import tables
from tests.rig import Weir, start_weir, wait_for

AIMS = {"full_over_plain_cost": "<= 1.6"}
KNOWN_AGENTS = 50
_LISTED = 1_000_000
_LINES = 50_000

# 95 of 100 requests repeat one of 50 user agents; five bring one that nobody sent before.
_VISITORS = """
local n, agents = 0, {{}}
for i = 1, {known} do
  agents[i] = "Mozilla/5.0 (Linux; Android 1" .. i % 5 .. "; SM-G99" .. i .. ") AppleWebKit/537.36 "
    .. "(KHTML, like Gecko) Chrome/" .. 110 + i .. ".0.0.0 Mobile Safari/537.36"
end
function request()
  n = n + 1
  local agent = agents[n % {known} + 1]
  if n % 20 == 0 then agent = agent .. " x" .. n .. "." .. {salt} end
  local headers = {{
    ["User-Agent"] = agent, ["Accept-Language"] = "de-DE,de;q=0.9",
    ["X-Forwarded-For"] = "84." .. 130 + n % 10 .. "." .. n % 200 .. ".7",
  }}
  return wrk.format("GET", "{path}" .. "&sub3=v" .. n % 5000, headers)
end
"""


def fill(data: Path) -> None:
    """A full campaign `full` beside those of the plain catalog."""
    calls = catalog.Calls(data)
    try:
        offers = [
            calls("destinations.create", {
                "name": f"Full {n}",
                "url": f"https://full{n}.example/?cid={{click_id}}&s={{sub1}}&c={{country}}",
                "caps": [{"metric": "clicks", "limit": "100000000", "window_hours": 24}],
            })["id"]
            for n in range(4)
        ]  # fmt: skip
        made = calls("campaigns.create", {
            "name": "Full", "slug": "full", "sticky": "destination",
            "uniqueness": {"by": "address_agent", "window_hours": 24},
        })  # fmt: skip
        for position in range(catalog.STREAMS):
            rules: list[dict[str, Any]] = [
                *catalog.rules(position),
                {"fact": "country", "operator": "in", "value": ["DE", "FR", "GB", "US"]},
                {"fact": "device_type", "operator": "neq", "value": "bot"},
                {"fact": "os", "operator": "in", "value": ["Android", "iOS"]},
                {"fact": "browser", "operator": "exists"},
            ]
            calls("streams.create", {
                "campaign_id": made["id"], "name": f"Full {position}", "position": position, "rules": rules,
                "targets": [{"destination_id": offer, "weight": 25} for offer in offers],
                "unique_policy": {"user_key": "sub3", "history_window_hours": 24},
            })  # fmt: skip
    finally:
        calls.close()


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, float | int | None]:
    """µs of the edge's processor per plain and per full click, their ratio, and what a list costs."""
    env = {"WEIR_PUBLIC__TRUSTED_PROXIES": "127.0.0.1/32"}
    with start_weir(folder / "full", env=env) as weir:
        catalog.fill(weir.data)
        fill(weir.data)
        full = f"/c/full?{catalog.QUERY}"
        plain = f"/c/b7?{catalog.QUERY}"
        first = _first(weir, full)
        clicks.pin(weir)
        clicks.hold(weir)
        edge = weir.children()["edge-0"]
        cost: dict[str, list[float]] = {"plain": [], "full": []}
        found = Rounds()
        for turn in range(2 * rounds):
            for name, path in sorted({"plain": plain, "full": full}.items(), reverse=bool(turn % 2)):
                before = _cpu(edge)
                one = _visitors(weir, path, seconds)
                cost[name].append((_cpu(edge) - before) / one.answers * 1e6)
                if name == "full":
                    found.busy.append(one)
        clicks.release(weir)
        listed = _beside_a_list(weir, full, seconds)
    plain_us, full_us = statistics.median(cost["plain"]), statistics.median(cost["full"])
    return {
        "plain_click_us": round(plain_us, 1),
        "full_click_us": round(full_us, 1),
        "full_over_plain_cost": round(full_us / plain_us, 3),
        "full_clicks_per_s": round(found.per_s()),
        "full_first_click_ms": round(first, 2),
        "slowest_decision_us": round(slowest_decision(), 1),
        **listed,
    }


def _first(weir: Weir, path: str) -> float:
    """ms of the first full click after the catalog arrived: of its visitor nothing is cached yet."""
    agent = {
        "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148"
    }
    with httpx.Client() as client:
        wait_for(
            "the catalog on the edge", lambda: "at this address" not in client.get(weir.public + path).text
        )
        time.sleep(2)  # the edge's first budgets
        began = time.perf_counter()
        answer = client.get(f"{weir.public}{path}", headers={**agent, "X-Forwarded-For": "84.130.2.3"})
        taken = (time.perf_counter() - began) * 1_000
    if answer.status_code != 302:
        raise SystemExit(f"bench: a full click was answered {answer.status_code}")
    return taken


def _cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _visitors(weir: Weir, path: str, seconds: float) -> load.Load:
    salt = random.randrange(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "visitors.lua"
        script.write_text(_VISITORS.format(known=KNOWN_AGENTS, salt=salt, path=path))
        out = subprocess.run(
            ["taskset", "-c", load.CLIENT_CORE, "wrk", "--latency", "-t1", f"-c{load.CONNECTIONS}",
             f"-d{max(1, round(seconds))}", "-s", str(script), weir.public],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return load.parse(out.stdout + out.stderr)


def _beside_a_list(weir: Weir, path: str, seconds: float) -> dict[str, float | int | None]:
    """Click p99 at 1,000/s with a list of a million entries in a rule: without a catalog change, and with."""
    calls = catalog.Calls(weir.data)
    try:
        made = calls("lists.create", {"name": "A million", "of": "text"})["id"]
        uploads = [
            calls("lists.upload", {
                "id": made, "text": "\n".join(f"pub-{n}" for n in range(at, at + _LINES)),
            })["digest"]
            for at in range(0, _LISTED, _LINES)
        ]  # fmt: skip
        calls("lists.replace", {"id": made, "uploads": uploads})
        stream = calls("streams.list", {"limit": 1})["items"][0]["id"]
        rules = [*catalog.rules(0), {"param": "sub4", "operator": "not_in_list", "list_id": made}]
        calls("streams.change", {"id": stream, "rules": rules})
        url = f"{weir.public}{path}"
        without = load.run(url, seconds, per_s=1_000)
        done = threading.Event()
        changer = threading.Thread(target=_changes, args=(calls, stream, done))
        changer.start()
        during = load.run(url, seconds, per_s=1_000)
        done.set()
        changer.join()
        return {
            "list_entries": calls("lists.get", {"id": made})["entries"],
            "click_p99_ms_beside_list": round(without.p99_ms, 2),
            "click_p99_ms_while_catalog_changes": round(during.p99_ms, 2),
        }
    finally:
        calls.close()


def _changes(calls: Callable[[str, dict[str, Any]], Any], stream: int, done: threading.Event) -> None:
    number = 0
    while not done.wait(0.5):
        number += 1
        calls("streams.change", {"id": stream, "name": f"changed {number}"})


def slowest_decision() -> float:
    """µs of the slowest click among visits and rules made to be slow: read, detected, decided."""
    rules = (
        Rule(param="p", operator="regex", value="(a+)+$", negate=True),
        Rule(param="p", operator="regex", value="(.*a){20}b"),
        Rule(param="p", operator="not_mask", value="*a*a*a*a*b"),
        Rule(param="p", operator="not_contains", value="a" * 500 + "b"),
        Rule(fact="user_agent", operator="not_mask", value="*Mozilla*x*y*z*"),
        Rule(fact="ip", operator="not_cidr", value=("10.0.0.0/8", "2001:db8::/32")),
    )
    table = tables.build(
        Campaign(id=1, slug="shoes", name="Hostile", public_id="pub"),
        *(tables.destination(n) for n in (1, 2)),
        *(tables.stream(n, 1, 2, rules=(rules[n % len(rules)], *rules)) for n in range(1, 60)),
    )
    values = ("a" * 7_000, "a" * 2_047 + "!", "%61" * 2_500, "0" * 5_000, "1e999999", "%C3%A9" * 1_000)
    queries = [
        *(f"p={value}" for value in values),
        "&".join(f"sub{n}=%{n % 90 + 10}" * 2 for n in range(400)),
    ]
    detection = Detection()
    detection.fill(
        tables.visit(), False
    )  # the first one loads the patterns, as an edge does before it is ready
    worst = 0.0
    for query in queries:
        for agent in ("", "Mozilla/5.0 " + "x" * 1_000, "(" * 1_000, "Mozilla/5.0 (Linux; Android " * 36):
            began = time.perf_counter()
            visit = Visit("c", "shoes", query, read_query(query))
            visit.user_agent, visit.address = agent, "2001:db8:ffff::1"
            visit.read_tracking()
            detection.fill(visit, False)
            decide(table, table.by_slug["shoes"], visit, State(), 7, 1_700_000_000_000_000)
            worst = max(worst, time.perf_counter() - began)
    return worst * 1e6
