"""A bare Debian 12 to install into: debootstrap's smallest, kept as a tar for the next run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bare.table import Skipped

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir-build"
SUITE = "bookworm"
BOOTSTRAP_SECONDS = 900
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

OF_DPKG = re.compile(
    r"""
      /var/lib/dpkg/(?:status|available|info/format|lock|lock-frontend|diversions|statoverride)(?:-old)?$
    | /var/lib/dpkg/(?:triggers|updates)/          # what dpkg remembers of its own work
    | /var/log/(?:dpkg\.log|alternatives\.log)$    # its log
    | /var/(?:cache|lib)/apt(?:/|$)                # not written by dpkg at all
    | /var/cache/(?:debconf|ldconfig)/             # ldconfig's trigger
    | /etc/ld\.so\.cache$
    | /etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-$   # the copies useradd makes of what it changes
    | /(?:proc|sys|dev)/
    """,
    re.VERBOSE,
)
"""Paths that installing and purging anything at all may leave or change."""


def mirror() -> str:
    """The machine's own Debian mirror, out of /etc/apt. SystemExit when it has none."""
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]
    one_line = re.compile(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b", re.MULTILINE)
    found: list[tuple[str, str]] = []
    for path in files:
        found += one_line.findall(path.read_text()) if path.is_file() else []
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
            if "deb" in fields.get("Types", "").split() and "main" in fields.get("Components", "").split():
                found += [
                    (uri, suite) for uri in fields["URIs"].split() for suite in fields["Suites"].split()
                ]
    # The right release first; any Debian mirror has the others too.
    ranked = sorted((suite != SUITE, place) for place, (_, suite) in enumerate(found))
    for _, place in ranked:
        uri, suite = found[place]
        if uri.rstrip("/").endswith("/debian") and "-" not in suite:
            return uri
    raise SystemExit("bare: no Debian mirror in /etc/apt; the proof needs one to make a bare root")


def kept_tar() -> Path:
    """The bare root as a tar, made when it is not there. Needs debootstrap and the mirror only then."""
    tar = CACHE / f"bare-{SUITE}.tar"
    if tar.is_file():
        return tar
    if shutil.which("debootstrap") is None:
        raise SystemExit("bare: debootstrap is missing: apt install debootstrap")
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = CACHE / f"bare-{SUITE}.{os.getpid()}"
    print(f"Making a bare {SUITE} (once; it is kept as {tar}) ...", flush=True)
    try:
        subprocess.run(
            ["debootstrap", "--variant=minbase", SUITE, str(fresh / "root"), mirror()],
            check=True, stdout=subprocess.DEVNULL, timeout=BOOTSTRAP_SECONDS,
        )  # fmt: skip
        for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists"):
            for path in (fresh / "root" / unneeded).glob("*.deb" if "cache" in unneeded else "*_*"):
                path.unlink()
        argv = ["tar", "-C", str(fresh / "root"), "--numeric-owner", "-cf", str(fresh / "tar"), "."]
        subprocess.run(argv, check=True, timeout=BOOTSTRAP_SECONDS)
        (fresh / "tar").replace(tar)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return tar


class Root:
    """The unpacked bare root; commands run in it by chroot."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def unpack(self, tar: Path) -> None:
        self.path.mkdir(parents=True)
        subprocess.run(
            ["tar", "-C", str(self.path), "--numeric-owner", "-xpf", str(tar)], check=True, timeout=300
        )

    def mount(self) -> None:
        """proc and the few devices. The mounts are in a namespace of the proof's own and die with it."""
        subprocess.run(["mount", "-t", "proc", "proc", str(self / "/proc")], check=True)
        for name in ("null", "zero", "urandom", "random"):
            node = self / f"/dev/{name}"
            if not node.exists():
                node.touch()
            subprocess.run(["mount", "--bind", f"/dev/{name}", str(node)], check=True)

    def __truediv__(self, inside: str) -> Path:
        """The outside path of an absolute path inside."""
        return self.path / inside.lstrip("/")

    def argv(self, *command: str) -> list[str]:
        return ["chroot", str(self.path), *command]

    def environ(self, **more: str) -> dict[str, str]:
        """Nothing of this machine's environment comes in."""
        own = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return own | more

    def run(
        self,
        *command: str,
        seconds: float = 120,
        environ: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
    ) -> str:
        """What the command printed, stderr after stdout. AssertionError for other exit codes."""
        done = subprocess.run(
            self.argv(*command), env=self.environ(**(environ or {})), capture_output=True, text=True,
            timeout=seconds, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode in accept, f"{' '.join(command)} ended with {done.returncode}: {said[-1500:]}"
        return said

    def has(self, program: str) -> bool:
        return subprocess.run(
            self.argv("/bin/sh", "-c", f"command -v {program}"), env=self.environ(), stdout=subprocess.DEVNULL
        ).returncode == 0  # fmt: skip

    def listing(self) -> dict[str, str]:
        """Path → kind, mode, owner and, below /etc, content; without what dpkg keeps for itself."""
        return dict(self._entries())

    def _entries(self) -> Iterator[tuple[str, str]]:
        for folder, names, files in os.walk(self.path):
            inside = f"/{Path(folder).relative_to(self.path)}".replace("/.", "/").rstrip("/")
            if inside in ("/proc", "/sys", "/dev"):
                names.clear()
                continue
            for name in (*names, *files):
                path, shown = Path(folder) / name, f"{inside}/{name}"
                if OF_DPKG.search(shown):
                    continue
                found = path.lstat()
                content = path.read_bytes().hex() if inside == "/etc" and path.is_file() else ""
                yield shown, f"{found.st_mode:o} {found.st_uid}:{found.st_gid} {content}"


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """`+path`, `-path` and `~path` of what came, went and changed."""
    came = [f"+{path}" for path in after if path not in before]
    went = [f"-{path}" for path in before if path not in after]
    changed = [f"~{path}" for path in after if path in before and before[path] != after[path]]
    return sorted(came + went + changed)


def port_free_of_privilege() -> None:
    """Raises Skipped when any user may bind port 80 here: then a capability proves nothing."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if limit.is_file() and int(limit.read_text()) <= 80:
        raise Skipped("every user may bind port 80 on this machine")
