"""The package's Weir inside the bare root: started as its unit says, asked and counted from outside."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bare.root import Root
from tests.bare.unit import Started, Unit
from tests.faults.networks import Postback
from tests.faults.tally import held_by, tally
from tests.rig import wait_for
from tests.visitors import Visit
from tests.wire import Address

CONFIG = "/etc/weir/weir.toml"
DATA = "/var/lib/weir"
UNIT = "/lib/systemd/system/weir.service"
PORT: Address = ("127.0.0.1", 80)
INSTALL_SECONDS = 300.0
SHIPPED_WITHIN = 90.0
AS_WEIR = ("setpriv", "--reuid=weir", "--regid=weir", "--init-groups")


class Installed:
    """`visits` and `sales` are all that was answered so far; `folder` is the proof's own, outside."""

    def __init__(self, root: Root, folder: Path) -> None:
        self.root, self.folder = root, folder
        self._log = folder / "weir.log"
        self.visits: list[Visit] = []
        self.sales: list[Postback] = []
        self.stored: list[tuple[str, int]] = []
        """Sockets that the last start left in systemd's store; the next start gets them."""

    def install(self, deb: Path) -> str:
        inside = self.root / "/tmp" / deb.name
        shutil.copy(deb, inside)
        try:
            return self.root.run("dpkg", "--install", f"/tmp/{deb.name}", seconds=INSTALL_SECONDS)
        finally:
            inside.unlink()

    def show_log(self) -> None:
        """What Weir itself said of its troubles, each kind once."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        grave = {re.sub(r"\d+", "0", line): line for line in lines if re.search(r"error|critical", line)}
        for line in list(grave.values())[-8:]:
            print(f"     its log: {line[-600:]}", flush=True)

    @contextmanager
    def started(self, **environ: str) -> Iterator[Started]:
        """As the installed unit file says, with what is in the store."""
        unit = Unit.read(self.root / UNIT)
        with Started(self.root, unit, self._log, self.stored, environ) as weir:
            self.stored = []
            yield weir

    def call(self, name: str, /, **payload: Any) -> Any:
        argv = ("weir", "call", "--config", CONFIG, name, json.dumps(payload))
        return json.loads(self.root.run(*argv, seconds=60))

    def totals(self, **wanted: int) -> dict[str, Any] | None:
        """The overview, once every figure in `wanted` is reached."""
        try:
            report: dict[str, Any] = self.call("reports.overview")
        except AssertionError:
            return None  # clicks are served before the core answers
        return report if all(report[name] >= count for name, count in wanted.items()) else None

    def wait_shipped(self) -> dict[str, Any]:
        """Until the report has every answered click; what it has beyond them the tally judges."""
        clicks = sum(1 for visit in self.visits if visit.click_id)
        found: dict[str, Any] = wait_for(
            f"{clicks} clicks in the report", lambda: self.totals(clicks=clicks), SHIPPED_WITHIN
        )
        return found

    def judge(self) -> str:
        """Every answered click and sale against the stopped warehouse. AssertionError for any difference."""
        copy = self.folder / "data"  # a look at the original would leave root's files in it
        subprocess.run(["cp", "-a", str(self.root / DATA), str(copy)], check=True)
        try:
            found = tally(self.visits, self.sales, held_by(copy), 0)
        finally:
            shutil.rmtree(copy)
        assert not found.faults, found.faults
        assert (found.lost, found.doubled) == (0, 0), found.closing_line()
        return found.closing_line()
