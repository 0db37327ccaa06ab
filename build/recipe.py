"""What goes into the executable, and every flag with its reason."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
SITE = Path(sysconfig.get_path("platlib"))
SCREENS = ROOT / "ui" / "dist"
"""What `make ui` builds; `make binary` does so first where Node.js is."""

COUNTRIES = ROOT / ".cache" / "geo" / "country.mmdb"
"""The table of countries, which `make binary` fetches first where npm is (build/geo.py)."""

UNUSED = frozenset({"pandas", "pyarrow", "numpy"})
"""chDB declares them for DataFrames; we ask for rows and bytes. 200 MB."""

SERVICES = ("s3", "sqs", "dynamodb", "cloudwatch", "logs", "sts", "sso", "sso-oidc")
"""Of botocore's 430 models those that stores/aws*.py and credentials need: 2 of 28 MB."""

MODES = ("fast", "release")

INTERPRETED = {
    "fast": (),
    "release": ("appliance.edge", "appliance.http.public", "appliance.routing", "appliance.model",
                "appliance.actors.router", "appliance.actors.journal", "appliance.actors.kernel",
                "appliance.stores.journal", "appliance.stores.geo"),
}  # fmt: skip
"""Modules of ours, with those below them, that stay bytecode; the rest of `appliance` becomes C, by mode.

A click costs 113 us of processor when its path is C and 101 when CPython 3.11 interprets it, in one run:
Nuitka passes keywords (a click's event has forty) in a dictionary where CPython passes them in place.
"""


@dataclass(frozen=True)
class Package:
    """An installed distribution and the names it can be imported by."""

    name: str
    version: str
    imports: frozenset[str]


def dependencies() -> list[Package]:
    """The closure of pyproject.toml's dependencies and the extra `aws` as installed, without the unused ones,
    by name.

    Raises importlib.metadata.PackageNotFoundError when one is not installed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: dict[str, Package] = {}
    asked_for = [*project["dependencies"], *project["optional-dependencies"]["aws"]]
    waiting = [(Requirement(text), frozenset({""})) for text in asked_for]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        asked, extras_of_asker = waiting.pop()
        name = re.sub(r"[-_.]+", "-", asked.name).lower()
        wanted = asked.marker is None or any(
            asked.marker.evaluate({"extra": extra}) for extra in extras_of_asker
        )
        extras = frozenset({"", *asked.extras})
        if name in UNUSED or not wanted or (name, extras) in seen:
            continue
        seen.add((name, extras))
        installed = importlib.metadata.distribution(name)
        found[name] = Package(name, installed.version, frozenset(_imports(installed)))
        waiting += [(Requirement(text), extras) for text in installed.requires or ()]
    return sorted(found.values(), key=lambda package: package.name)


def _imports(installed: importlib.metadata.Distribution) -> Iterator[str]:
    for file in installed.files or ():
        top = file.parts[0]
        if len(file.parts) > 1 and top.isidentifier():
            yield top
        elif len(file.parts) == 1 and file.suffix in (".py", ".so"):
            yield top.partition(".")[0]


def build_id(mode: str, packages: list[Package]) -> str:
    """Sixteen hex digits of everything that decides what comes out: the same inputs, the same name."""
    digest = hashlib.sha256()
    sources = [
        path
        for top in ("appliance", "build")
        for path in sorted((ROOT / top).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    ]
    countries = [COUNTRIES] if COUNTRIES.is_file() else []
    for path in [*sources, *_screens(), *countries, ROOT / "pyproject.toml"]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    tools = [_nuitka(), sys.version, platform.machine(), *platform.libc_ver(), mode]
    digest.update("\0".join(tools + [f"{one.name}={one.version}" for one in packages]).encode())
    return digest.hexdigest()[:16]


def _screens() -> list[Path]:
    """What the screens are built from; nothing when they are not built, so that both kinds have their id."""
    if not (SCREENS / "index.html").is_file():
        return []
    ui = ROOT / "ui"
    return [
        *sorted(path for path in (ui / "src").rglob("*") if path.is_file()),
        *(
            ui / name
            for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
        ),
    ]


def _nuitka() -> str:
    """The exact version that the extra `binary` pins; it need not be installed to look into the cache."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return next(text for text in project["optional-dependencies"]["binary"] if text.startswith("nuitka=="))


def stage_chdb(to: Path) -> None:
    """chDB's native part as pip laid it out, linked into `to`.

    Nuitka would rename the extension and lose the library that it opens at run time, which asks for it by
    its name (design: "Packaging facts"). Untouched and beside its Python part, Python's own import finds it.
    """
    mine = f"libpybind11nonlimitedapi_chdb_{sys.version_info.major}.{sys.version_info.minor}.so"
    for name in ("chdb/_chdb.abi3.so", f"chdb/{mine}"):
        _link(SITE / name, to / name)
    for path in (SITE / "chdb_core.libs").glob("*.so"):
        _link(path, to / "chdb_core.libs" / path.name)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        target.write_bytes(source.read_bytes())


def flags(work: Path, identity: str) -> list[str]:
    """Nuitka's arguments. `work` is where it may write; `work/chdb` and `work/BUILD` must be there."""
    return [
        # One file that unpacks itself; how and where, launch.c says.
        "--mode=onefile",
        # The package, not a file in it: else appliance/ is on sys.path and our http replaces Python's.
        "--python-flag=-m",
        "--output-filename=weir",
        f"--output-dir={work}",
        # Where the bootstrap unpacks; launch.c renames it when it is complete. The id keeps builds apart.
        f"--onefile-tempdir-spec={{CACHE_DIR}}/weir/{identity}.new",
        # Each file compressed by itself, so that Nuitka's cache spares chDB's 555 MB the second time.
        "--onefile-as-archive",
        # Versions that libraries ask for at run time: trio-websocket looks up trio's and dies without.
        *(f"--include-distribution-metadata={each.name}" for each in dependencies()),
        # Modules that are only imported by name at run time: the operations, re2's one module, time zones.
        "--include-package=appliance",
        "--include-package-data=appliance",
        "--include-package=tzdata",
        "--include-module=re2",
        # Nuitka leaves these two C parts of the standard library out, "to avoid bloat".
        "--include-module=_bisect",
        "--include-module=_json",
        # The screens, where http/admin/assets.py looks for them.
        *([f"--include-data-dir={SCREENS}=appliance/_ui"] if (SCREENS / "index.html").is_file() else []),
        # The table of countries, where stores/geo.py looks for it, and whom it asks to be named with it.
        *(
            f"--include-data-files={path}=appliance/_geo/{path.name}"
            for path in (COUNTRIES, COUNTRIES.with_name("NRO_LICENSE"))
            if path.is_file()
        ),
        # The reader of such tables in C (stores/geo.py refuses the slow one), and user agents' patterns:
        # both are imported where Nuitka need not see it.
        "--include-package=maxminddb",
        "--include-package=ua_parser_builtins",
        "--include-package=ua_parser_rs",
        # Root certificates for machines without ca-certificates.
        "--include-package-data=certifi",
        # chDB's library, untouched (stage_chdb), and not as an extension module of Nuitka's.
        f"--include-raw-dir={work}/chdb=.",
        "--nofollow-import-to=chdb._chdb",
        # Declared by dependencies and never imported on our paths.
        *(f"--nofollow-import-to={name}" for name in sorted(UNUSED)),
        "--nofollow-import-to=chdb.datastore,chdb.agents,chdb.dbapi,trio.testing",
        f"--include-data-files={work}/BUILD=appliance/BUILD",
        f"--user-plugin={ROOT}/build/nuitka_plugin.py",
        # Nuitka's asserts about the environment are for finding build faults; a server shall not carry them.
        "--deployment",
        # Docstrings of operations are their documentation: `weir operations` prints them. So they stay.
        # Link-time optimisation: minutes of build for nothing measurable; most time is in C libraries.
        "--lto=no",
        "--jobs=2",
        f"--report={work}/report.xml",
        # ccache is used by itself when it is installed; never offer to download a tool.
        "--assume-yes-for-downloads",
        "--no-progressbar",
        "appliance",
    ]
