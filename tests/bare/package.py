"""The .deb in a bare root: installed, upgraded while it runs, removed, purged."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

from tests.bare.installed import AS_WEIR, CONFIG, DATA, PORT, UNIT, Installed
from tests.bare.root import Root, difference
from tests.bare.running import nobody_refused, prove_running
from tests.bare.systemctl import recorded
from tests.bare.table import Table
from tests.visitors import Visitors

MODES = {
    "/etc/weir": ("drwxr-x---", "root", "weir"),
    CONFIG: ("-rw-r-----", "root", "weir"),
    DATA: ("drwxr-x---", "weir", "weir"),
    f"{DATA}/secret": ("-rw-------", "weir", "weir"),
    f"{DATA}/claim": ("-rw-------", "weir", "weir"),
}
FILES = ("/usr/bin/weir", "/usr/lib/weir/weir", UNIT, "/usr/share/doc/weir/weir.toml",
         "/usr/share/doc/weir/copyright", "/usr/share/doc/weir/changelog.gz")  # fmt: skip
SYSTEMD = [
    ("an installation", ["enable weir.service", "daemon-reload", "start weir.service"]),
    ("an upgrade", ["daemon-reload", "try-restart weir.service"]),
    ("a removal", ["stop weir.service", "disable weir.service", "daemon-reload"]),
    ("an installation after that", ["enable weir.service", "daemon-reload", "start weir.service"]),
    ("a purge", ["stop weir.service", "disable weir.service", "daemon-reload"]),
]
"""What systemctl must be told, step by step: an upgrade stops nothing."""


class Package:
    """The story of one package in one root; `folder` is the proof's own, outside it."""

    def __init__(self, root: Root, deb: Path, table: Table, folder: Path) -> None:
        self.root, self.deb, self.table, self.folder = root, deb, table, folder
        self.site = Installed(root, folder)
        self._before = root.listing()

    def prove(self) -> None:
        self.installed()
        prove_running(self.site, self.table)
        self.upgraded()
        if self.table.failed:
            self.site.show_log()
        self.purged()

    def installed(self) -> None:
        with self.table.check("a bare root has neither Python nor systemd") as note:
            assert not self.root.has("python3") and not self.root.has("systemctl")
            note.text = f"Debian {self.root.run('cat', '/etc/debian_version').strip()}"
        with self.table.check("dpkg -i alone installs it") as note:
            self.site.install(self.deb)
            installed = self.root.run("dpkg-query", "-W", "-f", "${Installed-Size}", "weir")
            note.text = f"{self.deb.stat().st_size / 1e6:.0f} MB, installed {int(installed) / 1024:.0f} MB"
        with self.table.check("every file is there, as packed") as note:
            assert [path for path in FILES if not (self.root / path).exists()] == []
            assert self.root.run("dpkg", "--verify", "weir") == ""
            note.text = self.root.run("weir", "version").strip()
        with self.table.check("every library of it finds what it needs in here") as note:
            find = "find /usr/lib/weir -type f ( -name *.so* -o -name weir )"
            files = self.root.run(*find.split()).split()
            said = self.root.run("ldd", *files, accept=(0, 1))
            missing = [line.strip() for line in said.splitlines() if "not found" in line]
            assert missing == [], missing
            note.text = f"{len(files)} files"
        with self.table.check("user, group and modes"):
            home, shell = self.root.run("getent", "passwd", "weir").strip().split(":")[-2:]
            assert (home, shell) == (DATA, "/usr/sbin/nologin"), (home, shell)
            listed = {path: self._mode(path) for path in MODES}
            assert listed == MODES, listed
        with self.table.check("the configuration is right and the user weir reads it"):
            self.root.run(*AS_WEIR, "weir", "check", "--config", CONFIG)

    def _mode(self, path: str) -> tuple[str, str, str]:
        found = (self.root / path).stat()
        return (
            stat.filemode(found.st_mode),
            self._name("passwd", found.st_uid),
            self._name("group", found.st_gid),
        )

    def _name(self, kind: str, number: int) -> str:
        lines = [line.split(":") for line in (self.root / f"/etc/{kind}").read_text().splitlines()]
        return next((fields[0] for fields in lines if fields[2] == str(number)), str(number))

    def newer(self) -> Path:
        """The same package with a higher version, not compressed: that would take longer than the rest."""
        tree, deb = self.folder / "newer", self.folder / "weir_newer.deb"
        if not deb.exists():
            subprocess.run(["dpkg-deb", "--raw-extract", str(self.deb), str(tree)], check=True, timeout=300)
            control = tree / "DEBIAN" / "control"
            lines = control.read_text().splitlines()
            bumped = [f"{line}+newer" if line.startswith("Version:") else line for line in lines]
            control.write_text("\n".join(bumped) + "\n")
            argv = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(deb)]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=300)
            shutil.rmtree(tree)
        return deb

    def upgraded(self) -> None:
        newer = self.newer()
        with self.table.check("an upgrade under clicks, then the restart: nobody refused") as note:
            kept = {path: self._fingerprint(path) for path in (CONFIG, f"{DATA}/secret", f"{DATA}/claim")}
            visitors = Visitors(lambda: PORT, ("/c/bare",), name="upgrade", clients=2, pause=0.05)
            with self.site.started() as old:
                old.wait_ready()
                visitors.start()
                try:
                    self.site.install(newer)
                    old.stop(old.unit.stop_seconds)
                    self.site.stored = old.notifications.take_stored()
                    with self.site.started() as new:
                        ready = new.wait_ready()
                        visitors.stop()
                        self.site.visits += visitors.visits
                        note.text = f"READY=1 {ready:.1f} s, {nobody_refused(visitors)}"
                        self.site.wait_shipped()
                        new.stop(new.unit.stop_seconds)
                finally:
                    visitors.stop()
            version = self.root.run("dpkg-query", "-W", "-f", "${Version}", "weir")
            assert version.endswith("+newer"), version
        with self.table.check("the upgrade kept configuration, secret and data") as note:
            assert {path: self._fingerprint(path) for path in kept} == kept
            note.text = self.site.judge()

    def _fingerprint(self, path: str) -> tuple[object, ...]:
        found = (self.root / path).stat()
        return (found.st_mode, found.st_uid, found.st_gid, (self.root / path).read_bytes())

    def purged(self) -> None:
        backup = self.root / f"{DATA}/backups/2026-01-01.tar"
        with self.table.check("purge leaves the backups and nothing else") as note:
            backup.parent.mkdir(exist_ok=True)
            backup.write_text("a backup")
            self.root.run("dpkg", "--purge", "weir")
            left = difference(self._before, self.root.listing())
            kept = (DATA, f"{DATA}/backups", f"{DATA}/backups/{backup.name}")
            assert left == [f"+{path}" for path in kept], left[:20]
            assert backup.owner() == "root", "it belongs to a number without a name"
            note.text = kept[-1]
        self.told_systemd()
        with self.table.check("purge without backups leaves no trace"):
            left = difference(self._before, self.root.listing())
            assert left == [], left[:20]

    def told_systemd(self) -> None:
        with recorded(self.root) as told:
            for step, expected in SYSTEMD:
                with self.table.check(f"what {step} tells systemd") as note:
                    if step == "a removal":
                        self.root.run("dpkg", "--remove", "weir")
                    elif step == "a purge":
                        shutil.rmtree(self.root / f"{DATA}/backups")
                        self.root.run("dpkg", "--purge", "weir")
                    else:
                        self.site.install(self.deb if step == "an installation" else self.newer())
                    assert (said := told()) == expected, said
                    note.text = ", ".join(expected)
