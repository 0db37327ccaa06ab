"""packaging/install.sh in the bare root: install, upgrade, uninstall, purge."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bare.root import Root, difference
from tests.bare.systemctl import recorded
from tests.bare.table import Table
from tests.rig import ROOT

WORLD = "/var/tmp/script"
LIB = "/usr/local/lib"
OLD = "weir-0000000000000000"
SECONDS = 300.0


class Script:
    """One executable, installed twice: the second time over a build that pretends to be older."""

    def __init__(self, root: Root, binary: Path, table: Table) -> None:
        self.root, self.table = root, table
        self._binary = binary

    def prove(self) -> None:
        world = self.root / WORLD
        before = self.root.listing()
        world.mkdir(parents=True)
        shutil.copy(self._binary, world / "weir")
        for name in ("install.sh", "weir.service"):
            shutil.copy(ROOT / "packaging" / name, world / name)
        try:
            self.installed()
            self.upgraded()
            self.removed()
        finally:
            shutil.rmtree(world)
        with self.table.check("install.sh --uninstall --purge leaves no trace"):
            assert (left := difference(before, self.root.listing())) == [], left[:20]

    def run(self, *words: str) -> str:
        return self.root.run("sh", f"{WORLD}/install.sh", *words, seconds=SECONDS)

    def builds(self) -> list[str]:
        return sorted(path.name for path in (self.root / LIB).glob("weir-*"))

    def installed(self) -> None:
        with self.table.check("install.sh without systemd says how to start it") as note:
            said = self.run(f"{WORLD}/weir", "--email", "owner@t.example")
            assert "start it yourself" in said, said
            self.root.run(
                "setpriv", "--reuid=weir", "--regid=weir", "--init-groups",
                "weir", "check", "--config", "/etc/weir/weir.toml",
            )  # fmt: skip
            unit = (self.root / "/etc/systemd/system/weir.service").read_text()
            assert "ExecStart=/usr/local/bin/weir serve" in unit, unit
            note.text = f"{len(said.splitlines())} lines"

    def upgraded(self) -> None:
        with self.table.check("install.sh again: a newer build takes over, the older folder goes") as note:
            (new,) = self.builds()
            (self.root / LIB / OLD).mkdir()
            link = self.root / LIB / "weir"
            link.unlink()
            link.symlink_to(OLD)
            secret = (self.root / "/var/lib/weir/secret").read_bytes()
            with recorded(self.root) as told:
                self.run(f"{WORLD}/weir")
                assert told() == ["daemon-reload", "try-restart weir.service"]
            assert (str(link.readlink()), self.builds()) == (new, [new])
            assert (self.root / "/var/lib/weir/secret").read_bytes() == secret
            note.text = new

    def removed(self) -> None:
        with self.table.check("install.sh --uninstall keeps the data"):
            with recorded(self.root) as told:
                self.run("--uninstall")
                assert told() == ["stop weir.service", "disable weir.service", "daemon-reload"]
            assert (self.root / "/var/lib/weir/secret").is_file()
            assert not self.builds() and not (self.root / "/usr/local/bin/weir").is_symlink()
        self.run("--uninstall", "--purge")
