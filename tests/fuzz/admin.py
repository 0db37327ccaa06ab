"""schemathesis against a real Weir: no 5xx and no answer that /api/openapi.json does not promise.

python -m tests.fuzz.admin --minutes 20 [--seed 1]

Without a seed every run asks other things and prints the seed that repeats it: so it finds what is new, by
hand. With one it asks the same things in the same order, as far as the minutes go: so .ci/run judges a change
by what the change did, and not by chance.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.rig import ROOT, Weir, start_weir

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
)  # fmt: skip
STRICTER = ("negative_data_rejection", "unsupported_method", "allow_header_conformance")
"""Beyond the promise, with --stricter."""
LEFT_OUT = ("warehouse.detach", "session.sign_out")
"""While the warehouse is detached reports answer 503, as they promise. Who signs out learns nothing more."""


@contextmanager
def appliance() -> Iterator[tuple[Weir, str, int]]:
    """A Weir with a little traffic in it, an administrator's session, and his number.

    A session, because no API token may change users and tokens.
    """
    with tempfile.TemporaryDirectory() as place:
        # Codes in the answer: without mail they would be unavailable, which is a 5xx that is right.
        env = {"WEIR_ADMIN__LOCAL_CODES": "true"}
        with start_weir(Path(place) / "data", env=env) as weir:
            him = {"email": "fuzz@example.com"}
            user = weir.call("users.create", {**him, "role": "administrator"})["id"]
            code = weir.call("session.request_code", him)["code"]
            token = _post(f"{weir.admin}/api/session/sign_in", {**him, "code": code})["token"]
            for number in range(20):
                _get(f"{weir.public}/c/demo?sub1={number}&cost=0.10")
                _get(f"{weir.public}/pb/demo?click_id=x{number}&transaction_id={number}&payout=1")
            yield weir, token, user


def _post(url: str, body: object) -> Any:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def _get(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as fault:
        fault.close()


def run(
    weir: Weir, token: str, user: int, seconds: float, seed: int, checks: tuple[str, ...] = CHECKS
) -> int:
    """schemathesis's exit code: 0 when it found nothing."""
    with tempfile.TemporaryDirectory() as place:
        hooks = Path(place) / "hooks.py"
        hooks.write_text(HOOKS.format(user=user))
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", f"{weir.admin}/api/openapi.json",
                "--header", f"Authorization: Bearer {token}", "--checks", ",".join(checks),
                "--max-time", str(round(seconds)), "--continue-on-failure", "--warnings", "off",
                "--request-timeout", "60", "--generation-database", "none",
                *(word for name in LEFT_OUT for word in ("--exclude-operation-id", name)),
                "--seed", str(seed),
            ],
            cwd=place,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": f"{place}:{ROOT}"},
        ).returncode  # fmt: skip


HOOKS = """\
import schemathesis


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    '''Whoever blocks or archives himself learns nothing more.'''
    users = context.operation is not None and context.operation.path.startswith("/api/users/")
    return not (users and str((path_parameters or {{}}).get("id")) == "{user}")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--stricter", action="store_true", help="also " + ", ".join(STRICTER))
    parser.add_argument("--seed", type=int, help="ask what the run with this seed asked")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if asked.seed is None else asked.seed
    print(f"schemathesis: --seed {seed}", flush=True)
    checks = CHECKS + STRICTER if asked.stricter else CHECKS
    with appliance() as (weir, token, user):
        code = run(weir, token, user, asked.minutes * 60, seed, checks)
        failed = [line for line in weir.log_lines() if line["level"] in ("error", "critical")]
        for line in failed[:20]:
            print(line, file=sys.stderr)
        print(f"schemathesis: --seed {seed}, exit code {code}, {len(failed)} faults in Weir's log")
        return code or bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
