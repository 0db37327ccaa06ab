"""`make deb`: dist/weir_VERSION_ARCHITECTURE.deb, made of the executable that is there.

    python packaging/deb.py --binary dist/weir --out dist [--version V] [--compression zstd|xz|gzip|none]

The executable unpacks itself once; the package carries that folder, so that no start ever unpacks anything.
The same executable and the same commit make the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import licences

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCRIPTS = ("postinst", "prerm", "postrm")
UNPACK_SECONDS = 300


def main() -> int:
    arguments = argparse.ArgumentParser(description="Builds the Debian package.")
    arguments.add_argument("--binary", type=Path, default=ROOT / "dist" / "weir")
    arguments.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments.add_argument("--version", help="instead of the executable's own")
    # What the choices come to stands in README.md here.
    arguments.add_argument("--compression", choices=("zstd", "xz", "gzip", "none"), default="zstd")
    arguments.add_argument("--level", type=int, default=9)
    asked = arguments.parse_args()
    for tool in ("dpkg-deb", "dpkg"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is missing: packages are built on Debian (apt install dpkg-dev)")
    if not asked.binary.is_file():
        raise SystemExit(f"{asked.binary} is not there: build it with `make binary`")
    asked.out = asked.out.resolve()  # XDG_CACHE_HOME below it has to be absolute
    asked.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    # Beside the result, so that 650 MB are renamed and not copied.
    with tempfile.TemporaryDirectory(prefix=".deb-", dir=asked.out) as folder:
        tree = Path(folder) / "tree"
        own = unpack(asked.binary.resolve(), Path(folder) / "cache", tree / "usr" / "lib" / "weir")
        version = asked.version or own
        furnish(tree)
        even_out(tree)
        architecture = printed("dpkg", "--print-architecture")
        control(tree, version, architecture)
        package = asked.out / f"weir_{version}_{architecture}.deb"
        build(tree, package, asked.compression, asked.level)
    size = package.stat().st_size / 1e6
    print(f"{package}: {size:.0f} MB, {asked.compression}, {time.monotonic() - began:.0f} s")
    return 0


def printed(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def unpack(binary: Path, cache: Path, to: Path) -> str:
    """Move the folder that the executable makes of itself to `to`; the version it says it is."""
    cache.mkdir(mode=0o700)
    environ = {"XDG_CACHE_HOME": str(cache), "HOME": str(cache), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [binary, "version"], env=environ, capture_output=True, text=True, timeout=UNPACK_SECONDS, check=False
    )
    said = re.match(r"weir (\d[\w.+~-]*)", done.stdout)
    folders = [path for path in (cache / "weir").glob("*") if path.is_dir()]
    if done.returncode or said is None or len(folders) != 1:
        raise SystemExit(f"`{binary} version` did not unpack itself: {done.stdout}{done.stderr}")
    to.parent.mkdir(parents=True)
    folders[0].rename(to)
    return said.group(1)


def furnish(tree: Path) -> None:
    """Everything beside the program: link, unit, sample configuration, changelog, licences."""
    (tree / "usr" / "bin").mkdir()
    # The program finds its folder by /proc/self/exe, which is where the link leads to.
    (tree / "usr" / "bin" / "weir").symlink_to("../lib/weir/weir")
    # /lib/systemd is the same place; under this name it also is on a Debian that forbids the other.
    unit = tree / "usr" / "lib" / "systemd" / "system" / "weir.service"
    unit.parent.mkdir(parents=True)
    shutil.copy(HERE / "weir.service", unit)
    documents = tree / "usr" / "share" / "doc" / "weir"
    documents.mkdir(parents=True)
    shutil.copy(HERE / "weir.toml", documents / "weir.toml")
    changelog = (ROOT / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(changelog, mtime=0))
    (documents / "copyright").write_text(licences.collected(), "utf-8")


def even_out(tree: Path) -> None:
    """Modes that do not depend on who built it under which umask."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def control(tree: Path, version: str, architecture: str) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    kilobytes = sum(-(-path.stat().st_size // 1024) for path in files)
    debian = tree / "DEBIAN"
    debian.mkdir()
    debian.chmod(0o755)
    text = (HERE / "debian" / "control").read_text("utf-8")
    for name, value in (("VERSION", version), ("ARCHITECTURE", architecture), ("KILOBYTES", str(kilobytes))):
        text = text.replace(f"@{name}@", value)
    (debian / "control").write_text(text, "utf-8")
    (debian / "control").chmod(0o644)
    sums = "".join(f"{digest(path)}  {path.relative_to(tree)}\n" for path in files)
    (debian / "md5sums").write_text(sums, "utf-8")
    (debian / "md5sums").chmod(0o644)
    for name in SCRIPTS:
        shutil.copy(HERE / "debian" / name, debian / name)
        (debian / name).chmod(0o755)


def digest(path: Path) -> str:
    """What dpkg --verify compares; no protection against anybody."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def build(tree: Path, package: Path, compression: str, level: int) -> None:
    """Write the package as a whole. The last commit's time stands for every file's."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or printed("git", "log", "-1", "--format=%ct")
    environ = os.environ | {"SOURCE_DATE_EPOCH": epoch}
    fresh = tree.parent / "fresh.deb"
    squeeze = [f"-Z{compression}"] + ([] if compression == "none" else [f"-z{level}"])
    argv = ["dpkg-deb", "--root-owner-group", *squeeze, "--build", str(tree), str(fresh)]
    subprocess.run(argv, env=environ, check=True, stdout=subprocess.DEVNULL)
    fresh.replace(package)


if __name__ == "__main__":
    sys.exit(main())
