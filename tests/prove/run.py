"""`make prove EXAMPLES=10000`: so many random histories against the model, on every core.

They are made in blocks, each from a seed of its own. Blocks that held are noted in .cache/prove.json, for the
code as it is: a run that was broken off goes on where it was, and a larger number adds to what was proven.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from hashlib import blake2b
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.prove.histories import HISTORIES, prove

ROOT = Path(__file__).parents[2]
NOTED = ROOT / ".cache" / "prove.json"
SIZE = 250
"""Examples of a block: Hypothesis looks for what is new in each."""


def block(number: int, examples: int = SIZE) -> int:
    """The block of this seed; returns how many examples held. Raises with the smallest one that did not."""
    tried = 0

    @settings(
        max_examples=examples, database=None, deadline=None, print_blob=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @seed(number)
    @given(HISTORIES)
    def holds(history) -> None:  # type: ignore[no-untyped-def]
        nonlocal tried
        prove(history)
        tried += 1

    holds()
    return tried


def fingerprint() -> str:
    """Of the code that is proven and of what proves it."""
    digest = blake2b(digest_size=12)
    kinds = ("attribution", "model", "stores/sqlite", "stores/journal")
    files = [path for kind in kinds for path in (ROOT / "appliance" / kind).glob("*.*")]
    files += (ROOT / "appliance" / "actors").glob("conversions*.py")
    files += [*(ROOT / "tests" / "prove").glob("*.py"), ROOT / "tests" / "actors" / "conversions_rig.py"]
    for path in sorted(path for path in files if path.suffix in (".py", ".sql")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    code, began = fingerprint(), time.monotonic()
    noted = json.loads(NOTED.read_text()) if NOTED.exists() else {}
    held: dict[str, int] = noted.get("blocks", {}) if noted.get("code") == code else {}
    number, running = 0, dict[Future[int], int]()
    if held:
        print(f"{sum(held.values()):,} examples held before; going on", flush=True)
    with ProcessPoolExecutor(asked.workers) as pool:
        while sum(held.values()) < asked.examples:
            while len(running) < asked.workers:
                if str(number) not in held:
                    running[pool.submit(block, number)] = number
                number += 1
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                which = running.pop(done)
                try:
                    held[str(which)] = done.result()
                except BaseException:
                    print(f"block {which} does not hold", file=sys.stderr, flush=True)
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                NOTED.parent.mkdir(exist_ok=True)
                NOTED.write_text(json.dumps({"code": code, "blocks": held}))
                print(f"{sum(held.values()):,} of {asked.examples:,} examples hold", flush=True)
        for future in running:
            future.cancel()
    print(f"proven by {sum(held.values()):,} examples, {time.monotonic() - began:.0f} s of them now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
