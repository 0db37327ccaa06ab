"""Something to look at: campaigns, clicks and sales, as small traffic would leave them."""

from __future__ import annotations

import random

from tests.rig import Weir, wait_for
from tests.screens.browser import click, sale

NAMES = (
    "Summer push, DE", "Nutra US keto", "Dating T1 mobile", "Sweepstakes iPhone AU", "VPN worldwide pop",
    "Antivirus JP native with quite a long name that goes on and on", "Loans PL",
)  # fmt: skip


def make_traffic(weir: Weir, clicks: int = 90) -> None:
    """Weighted clicks over the campaigns, some with a sale; returns when the reports have them."""
    dice = random.Random(4)
    slugs = ["demo"]
    for number, name in enumerate(NAMES):
        slug = f"c{number}"
        made = weir.call("campaigns.create", {"name": name, "slug": slug})
        targets = [{"destination_id": 1, "weight": 70}, {"destination_id": 2, "weight": 30}]
        rules = [{"param": "country", "operator": "in", "value": ["US", "CA"]}] if number % 2 else []
        weir.call(
            "streams.create",
            {"campaign_id": made["id"], "name": "Main", "position": 10, "targets": targets, "rules": rules},
        )
        if number == 6:
            weir.call("campaigns.change", {"id": made["id"], "status": "paused"})
        else:
            slugs.append(slug)
    wait_for("the new campaigns on every edge", lambda: _taken(weir))
    for _ in range(clicks):
        place = min(int(dice.expovariate(0.5)), len(slugs) - 1)
        made_click = click(weir, f"/c/{slugs[place]}?country=US&cost=0.0{dice.randint(1, 9)}&sub1=s{place}")
        if dice.random() < 0.15:
            sale(weir, made_click, f"{dice.choice((0.4, 1.5, 2.25))}")
    wait_for(
        "the reports", lambda: weir.call("reports.overview", {"metrics": ["clicks"]})["clicks"] >= clicks, 60
    )


def _taken(weir: Weir) -> bool:
    status = weir.call("system.status")
    return all(edge["taken_revision"] == status["catalog"]["revision"] for edge in status["edges"])
