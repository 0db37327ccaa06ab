"""`make binary`: the executable dist/weir, from the cache when these very inputs were built before.

python build/binary.py --mode release            build, or take from the cache
python build/binary.py --mode release --cached   only take from the cache; exit code 3 when it is not there
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import recipe

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir-build"
KEPT = 3
"""Binaries kept in the cache, 180 MB each."""
NOT_CACHED = 3
FLOOR = (2, 36)
"""glibc of Debian 12. A newer symbol means that the build machine is too new for what we promise."""


def main() -> int:
    arguments = argparse.ArgumentParser(description="Builds dist/weir.")
    arguments.add_argument("--mode", choices=recipe.MODES, default="release")
    arguments.add_argument("--cached", action="store_true", help="never build: exit 3 when it is not cached")
    asked = arguments.parse_args()
    mode: str = asked.mode
    packages = recipe.dependencies()
    identity = recipe.build_id(mode, packages)
    cached = CACHE / f"weir-{identity}"
    if not cached.is_file():
        if asked.cached:
            print(f"no binary for these inputs is cached: {mode} build {identity}")
            return NOT_CACHED
        began = time.monotonic()
        built = build(mode, identity, packages)
        seconds = time.monotonic() - began
        keep(built, cached)
        print(f"built in {seconds / 60:.1f} minutes")
    os.utime(cached)
    target = recipe.ROOT / "dist" / "weir"
    target.parent.mkdir(exist_ok=True)
    fresh = target.with_suffix(".new")
    shutil.copy2(cached, fresh)
    fresh.replace(target)
    size = target.stat().st_size / 1e6
    print(f"dist/weir: {mode} build {identity}, {size:.0f} MB, needs glibc {FLOOR[0]}.{FLOOR[1]} or newer")
    return 0


def build(mode: str, identity: str, packages: list[recipe.Package]) -> Path:
    """Run Nuitka; the executable's path. Raises SystemExit with what to do when it fails."""
    work = recipe.ROOT / ".cache" / "binary"
    shutil.rmtree(work / "chdb", ignore_errors=True)
    recipe.stage_chdb(work / "chdb")
    (work / "BUILD").write_text(f"{identity} {mode}\n")
    inside = {"appliance", *(name for package in packages for name in package.imports)}
    environ = os.environ | {
        "WEIR_BUILD_ID": identity,
        "WEIR_BUILD_SITE": str(recipe.SITE),
        "WEIR_BUILD_INSIDE": json.dumps(sorted(inside)),
        "WEIR_BUILD_INTERPRETED": json.dumps(recipe.INTERPRETED[mode]),
        "WEIR_BUILD_SERVICES": json.dumps(recipe.SERVICES),
        "CCACHE_DIR": os.environ.get("CCACHE_DIR", str(CACHE / "ccache")),
    }
    print(f"Building {identity} ({mode}); the first time takes 10 to 25 minutes on two cores ...", flush=True)
    log = work / "nuitka.log"
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "nuitka", *recipe.flags(work, identity)],
            cwd=recipe.ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
    if done.returncode:
        sys.stderr.write("\n".join(log.read_text("utf-8", "replace").splitlines()[-30:]) + "\n")
        raise SystemExit(f"Nuitka ended with {done.returncode}; the whole log is {log}")
    check_floor(work / "appliance.dist")
    return work / "weir"


def check_floor(folder: Path) -> None:
    """Every file of the build asks for no newer glibc than we promise. Raises SystemExit naming the first."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.open("rb").read(4) != b"\x7fELF":
            continue
        text = subprocess.run(["objdump", "-T", path], capture_output=True, text=True, check=True).stdout
        for major, minor in re.findall(r"\(GLIBC_(\d+)\.(\d+)(?:\.\d+)?\)", text):
            if (int(major), int(minor)) > FLOOR:
                raise SystemExit(f"{path.name} needs glibc {major}.{minor}: build on Debian 12 or older")


def keep(built: Path, cached: Path) -> None:
    """Move into the cache as a whole; the oldest leave it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = cached.with_suffix(".new")
    shutil.copy2(built, fresh)
    fresh.replace(cached)
    aged = sorted(CACHE.glob("weir-*[0-9a-f]"), key=lambda path: path.stat().st_mtime)
    for old in aged[:-KEPT]:
        old.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
