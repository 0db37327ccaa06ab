"""schemathesis against a real Weir: no 5xx and no answer that /api/openapi.json does not promise.

python -m tests.fuzz.admin --minutes 20
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import ROOT, Weir, start_weir

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
)  # fmt: skip
STRICTER = ("negative_data_rejection", "unsupported_method", "allow_header_conformance")
"""Beyond the promise, with --stricter. Known: `?user_id=null` means null, which the schema does not say, and
OPTIONS of /api/clicks/list also names the GET of /api/clicks/{id}."""
LEFT_OUT = ("warehouse.detach",)
"""While the warehouse is detached reports answer 503, as they promise."""


@contextmanager
def appliance() -> Iterator[tuple[Weir, str, int]]:
    """A Weir with a little traffic in it, an administrator's API token, and his number."""
    with tempfile.TemporaryDirectory() as place:
        # Codes in the answer: without mail they would be unavailable, which is a 5xx that is right.
        env = {"WEIR_ADMIN__LOCAL_CODES": "true"}
        with start_weir(Path(place) / "data", env=env) as weir:
            user = weir.call("users.create", {"email": "fuzz@example.com", "role": "administrator"})["id"]
            token = weir.call("tokens.create", {"name": "fuzz", "scopes": ["*"], "user_id": user})["token"]
            for number in range(20):
                _get(f"{weir.public}/c/demo?sub1={number}&cost=0.10")
                _get(f"{weir.public}/pb/demo?click_id=x{number}&transaction_id={number}&payout=1")
            yield weir, token, user


def _get(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as fault:
        fault.close()


def run(
    weir: Weir, token: str, user: int, seconds: float, checks: tuple[str, ...] = CHECKS, *more: str
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
                *more,
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
    asked = parser.parse_args()
    checks = CHECKS + STRICTER if asked.stricter else CHECKS
    with appliance() as (weir, token, user):
        code = run(weir, token, user, asked.minutes * 60, checks)
        failed = [line for line in weir.log_lines() if line["level"] in ("error", "critical")]
        for line in failed[:20]:
            print(line, file=sys.stderr)
        print(f"schemathesis: exit code {code}, {len(failed)} faults in Weir's log")
        return code or bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
