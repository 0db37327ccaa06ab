"""What detecting the facts of a visit costs, in microseconds of processor: `python -m tests.bench.detection`.

A visitor like the one before, one from a new address, and one with a user agent never seen; beside the whole
click without any detection, because only the ratio survives a change of machine. And what it costs to seal
who made it, alone and with what an ad platform put into the link and the browser.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from appliance.actors.kernel import Mailbox
from appliance.actors.router import Router
from appliance.model.catalog import Campaign, Destination, Stream
from appliance.model.rules import Target
from appliance.model.table import CampaignEntry, DestinationEntry, StreamEntry, TableUpdate
from appliance.routing import agents
from appliance.routing.detection import Detection
from appliance.routing.parts import make_part
from appliance.routing.places import Places
from appliance.routing.visit import Visit
from appliance.stores import geo
from appliance.stores.identity_keys import IdentityKeys
from tests import mmdb
from tests.agents import AGENTS

TIMES = 20_000
ROUNDS = 3
CHUNK = 100
LIKE = ("en-US,en;q=0.9", "https://www.facebook.com/")


def visit(agent: str, address: str) -> Visit:
    made = Visit("c", "shoes", "sub1=a&cost=0.1", {"sub1": "a", "cost": "0.1"})
    made.user_agent, made.address, (made.language, made.referrer) = agent, address, LIKE
    return made


def cost(make: Callable[[], Callable[[Visit], object]], visits: list[Visit]) -> float:
    """Per visit, of the quickest hundred in a row: so little is seldom disturbed by whatever else runs."""
    best = float("inf")
    for _ in range(ROUNDS):
        work = make()
        for start in range(0, len(visits), CHUNK):
            some = visits[start : start + CHUNK]
            began = time.perf_counter()
            for each in some:
                work(each)
            best = min(best, (time.perf_counter() - began) / len(some))
    return best * 1e6


async def router(detection: Detection | None, keys: IdentityKeys | None = None) -> Router:
    made = Router(Mailbox("router", 1), lambda unit, refusable=False: None, detection=detection, sealing=keys)
    stream = Stream(id=1, campaign_id=1, targets=(Target(destination_id=1),))
    parts = [
        (CampaignEntry(Campaign(id=1, slug="shoes")), StreamEntry(stream)),
        (DestinationEntry(Destination(id=1, url="https://offer.example/?c={click_id}")),),
    ]
    named = [make_part(f"part/{n}", tuple(map(msgspec.msgpack.encode, part))) for n, part in enumerate(parts)]
    await made.take(TableUpdate(1, 1, tuple(named), (), len(named)))
    return made


async def main() -> None:
    agents.warm()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as edge.py
    dice = random.Random(7)
    known = [text for text, facts in AGENTS if facts["bot"] == "0"]
    repeated = [visit(known[0], "203.0.113.7")] * TIMES
    moved = [visit(known[0], f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}") for n in range(TIMES)]
    fresh = [visit(f"{dice.choice(known)} {n}", "203.0.113.7") for n in range(2_000)]
    with tempfile.TemporaryDirectory() as folder:
        own = geo.embedded_file()
        table = {"10.0.0.0/8": {"country_code": "DE"}}
        path = own if own.is_file() else mmdb.write(Path(folder) / "a.mmdb", table, type="country")
        database = geo.open_file(path, Path(folder))

        def detection() -> Detection:
            return Detection(Places([database.lookup], database.facts))

        print("detection alone, µs a visit (the quickest hundred in a row):")
        kinds = {"like the one before": repeated, "a new address each": moved, "a new agent each": fresh}
        for name, visits in kinds.items():
            print(f"  {name:22}{cost(lambda: detection().facts, visits):7.2f}")
        print("the whole click in the router, journal left out, without and with it, µs:")
        for name, visits in kinds.items():
            routers = [await router(each) for each in [None] * ROUNDS + [detection() for _ in range(ROUNDS)]]
            clicks = iter([each.click for each in routers])
            plain, whole = (cost(lambda clicks=clicks: next(clicks), visits) for _ in range(2))
            print(f"  {name:22}{plain:7.2f}{whole:8.2f}   + {whole - plain:.2f}")
        print("the whole click in the router without detection, not sealed and sealed, µs:")
        keys = IdentityKeys(Path(folder), 7)
        told = visit(known[0], "203.0.113.7")
        told.params["fbclid"] = "IwAR0" + "x" * 80
        told.cookies = {"_fbp": "fb.1.1596403881668.1116446470"}
        for name, visits in {"plain": repeated, "from a platform": [told] * TIMES}.items():
            routers = [await router(None, each) for each in [None] * ROUNDS + [keys] * ROUNDS]
            clicks = iter([each.click for each in routers])
            plain, whole = (cost(lambda clicks=clicks: next(clicks), visits) for _ in range(2))
            print(f"  {name:22}{plain:7.2f}{whole:8.2f}   + {whole - plain:.2f}")


if __name__ == "__main__":
    trio.run(main)
