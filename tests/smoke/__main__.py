"""`make smoke`: the whole main job once, on the real executable with two edges, every figure checked.

1,000 mixed clicks and 200 postbacks go through real sockets; what every report must then say is computed
here from what was sent and from the redirects, with none of Weir's code. Exit code 1 on any difference.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import mmdb
from tests.rig import Weir, start_weir
from tests.smoke.figures import Comparison, compare, wait_for_reports
from tests.smoke.platforms import check_platforms
from tests.smoke.shop import SECRET, plan, plans_with_id, stock, wait_for_table
from tests.smoke.traffic import WRONG, Network, send_clicks, send_early, send_postbacks
from tests.wire import address_of, exchange

CLICKS, EARLY = 1_000, 20


def check_inside(weir: Weir, found: Comparison, recorded: int, network: Network) -> None:
    """What the appliance says of itself: nothing lost, nothing set aside, no secret in its log."""
    status = weir.call("system.status")
    by_edge = [
        {topic["topic"]: topic["published"] for topic in edge["topics"]}["click_events"]
        for edge in weir.call("system.event_producers")["edges"]
    ]
    journals = [edge["report"]["journal"] for edge in status["edges"]]
    outcomes = status["conversions"]["outcomes"]
    log = weir.log.read_text("utf-8", "replace")
    found.line(
        "the appliance",
        {"clicks published": recorded, "unrecorded": 0, "set aside": 0, "problems": [], "secrets in log": 0,
         "answers 200/400/403/404": [180, 3, 10, 7]},
        {"clicks published": sum(by_edge), "unrecorded": sum(j["unrecorded"] for j in journals),
         "set aside": status["warehouse"]["rows_set_aside"], "problems": status["problems"],
         "secrets in log": log.count(SECRET) + log.count(WRONG),
         "answers 200/400/403/404": [network.statuses[code] for code in (200, 400, 403, 404)]},
    )  # fmt: skip
    check_facts(weir, found, [edge["report"]["geo"] for edge in status["edges"]])
    print(f"clicks by edge {by_edge}; postbacks became {dict(sorted(outcomes.items()))}", flush=True)


def check_facts(weir: Weir, found: Comparison, files: list[list[dict[str, Any]]]) -> None:
    """The reader of databases in C and the patterns of user agents are inside the executable and at work."""
    robots = weir.call("clicks.list", {"limit": 1, "filters": {"browser": ["Googlebot"]}})
    robot = robots["items"][0]["facts"] if robots["items"] else {}
    found.line(
        "facts about visits",
        {"database": [("", "flat", ["country"])] * len(files), "robot": "1", "ip version": "4"},
        {"database": [(each[0]["error"], each[0]["layout"], each[0]["facts"]) for each in files],
         "robot": robot.get("bot"), "ip version": robot.get("ip_version")},
    )  # fmt: skip


def main() -> int:
    began = time.monotonic()
    dice = random.Random(20261122)
    with tempfile.TemporaryDirectory(prefix="weir-smoke-") as folder:
        table = {"203.0.113.0/24": {"country_code": "DE"}}
        countries = mmdb.write(Path(folder) / "countries.mmdb", table, type="country")
        settings = {
            "WEIR_DEMO": "false",
            "WEIR_GEO__DATABASES": str(countries),
            "WEIR_OUTBOUND__ALLOW": "127.0.0.0/8",
        }
        with start_weir(Path(folder) / "data", "--edges", "2", env=settings) as weir:
            print(f"started after {time.monotonic() - began:.1f} s", flush=True)
            shop = stock(weir)
            wait_for_table(weir)
            print(f"catalog ready after {time.monotonic() - began:.1f} s", flush=True)
            address = address_of(weir.public)
            network = Network(address, dice)
            clicks, sales = send_early(weir, address, plans_with_id(shop, dice, EARLY), network)
            clicks += send_clicks(address, (plan(shop, dice) for _ in range(CLICKS - EARLY)))
            for door in ("/c/nobody", "/go/nobody", "/r/nobody", "/tb/nobody"):
                assert exchange(address, door).status == 404, "no campaign: no click"
            sales += send_postbacks(network, clicks, dice)
            print(f"sent {len(clicks)} clicks and {network.sent} postbacks after "
                  f"{time.monotonic() - began:.1f} s", flush=True)  # fmt: skip
            wait_for_reports(weir, clicks, sales)
            found = compare(weir, shop, clicks, sales)
            check_inside(weir, found, len(clicks), network)
            check_platforms(weir, Path(folder), found, dice)
            code = weir.stop()
            found.line("stop", {"exit code": 0, "processes left": 0},
                       {"exit code": code, "processes left": len(weir.family())})  # fmt: skip
    counted = sum(click.counted for click in clicks)
    print(
        f"smoke: {len(clicks)} clicks ({counted} counted), {network.sent} postbacks, "
        f"{sum(sale.count for sale in sales)} conversions; {found.figures} figures compared, "
        f"{found.wrong} wrong; {time.monotonic() - began:.0f} s"
    )
    return 1 if found.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.TimeoutExpired) as fault:
        print(f"smoke: failed: {fault}")
        sys.exit(1)
