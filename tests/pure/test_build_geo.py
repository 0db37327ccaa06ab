"""The build's table of countries: fetched by whatever npm there is, checked, never half there."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from appliance.stores import geo
from tests import mmdb
from tests.rig import ROOT

STORES = ROOT / "appliance" / "stores"


def load(name: str) -> ModuleType:
    """A file of build/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"build_{name}", ROOT / "build" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def fetcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = load("geo")
    monkeypatch.setattr(made, "ROOT", tmp_path)
    monkeypatch.setattr(made, "FOLDER", tmp_path / "geo")
    monkeypatch.setattr(made, "TABLE", tmp_path / "geo" / "country.mmdb")
    return made


def package(
    folder: Path, member: str = "package/geo-whois-asn-country.mmdb", body: bytes | None = None
) -> Path:
    """A package as npm packs it; its table is a real MMDB file of more than a megabyte."""
    if body is None:
        wide = {f"10.{n}.0.0/16": {"country_code": "DE", "pad": chr(97 + n) * 60_000} for n in range(20)}
        body = mmdb.write(folder / "table.mmdb", wide, type="country").read_bytes()
    packed = folder / "packed.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        for name, text in ((member, body), ("package/NRO_LICENSE", b"nro.net"), ("package/README.md", b"#")):
            file = folder / "member"
            file.write_bytes(text)
            archive.add(file, name)
    return packed


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An npm that does what the script says: $5 is where to pack."""
    place = folder / "bin"
    place.mkdir()
    program = place / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")


def test_it_is_fetched_and_can_be_read(
    fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = package(tmp_path)
    npm(
        tmp_path,
        monkeypatch,
        f'[ "$1" = pack ] && cp {packed} "$4/its-own-name.tgz" && echo "$5" > {tmp_path}/asked',
    )
    assert fetcher.fetch() == ""
    assert (tmp_path / "asked").read_text().strip() == "@ip-location-db/geo-whois-asn-country-mmdb"
    assert geo.open_file(fetcher.TABLE, tmp_path).lookup("10.3.4.5") == {"country": "DE"}
    assert sorted(path.name for path in fetcher.FOLDER.iterdir()) == [
        "NRO_LICENSE",
        "README.md",
        "country.mmdb",
    ]
    assert fetcher.days_old() < 1


@pytest.mark.parametrize(
    ("script", "why"),
    [("echo 'no such host' >&2; exit 7", "npm pack ended with 7: no such host."), ("exit 0", "no word")],
)
def test_a_failing_npm_is_quoted_and_leaves_the_table_that_was_there(
    fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    fetcher.FOLDER.mkdir()
    fetcher.TABLE.write_bytes(b"older")
    npm(tmp_path, monkeypatch, script)
    assert why in fetcher.fetch()
    assert [path.name for path in fetcher.FOLDER.iterdir()] == ["country.mmdb"]
    assert fetcher.TABLE.read_bytes() == b"older"


@pytest.mark.parametrize(
    ("member", "body", "why"),
    [
        ("package/other.mmdb", b"x", "is not what it was"),
        ("package/geo-whois-asn-country.mmdb", b"<html>" * 300_000, "no MMDB file"),
        ("package/geo-whois-asn-country.mmdb", mmdb.MARK, "sensible size"),
    ],
)
def test_what_is_no_such_table_is_not_kept(
    fetcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str, body: bytes, why: str
) -> None:
    npm(tmp_path, monkeypatch, f'cp {package(tmp_path, member, body)} "$4/a.tgz"')
    assert why in fetcher.fetch()
    assert list(fetcher.FOLDER.iterdir()) == []


def test_without_npm_the_build_goes_on_and_says_what_follows(tmp_path: Path) -> None:
    """As a program, the way make runs it; beside a copy of itself, so that there is no table yet."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "geo.py").write_bytes((ROOT / "build" / "geo.py").read_bytes())
    done = subprocess.run(
        [sys.executable, tmp_path / "build" / "geo.py"],
        env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "npm is not installed" in done.stdout
    assert "match nobody" in done.stdout


def test_the_executable_takes_everything_along_that_detection_needs(tmp_path: Path) -> None:
    recipe = load("recipe")
    packages = {each.name: each for each in recipe.dependencies()}
    assert {"ua-parser", "ua-parser-rs", "ua-parser-builtins", "maxminddb"} <= packages.keys()
    assert "ua_parser_rs" in packages["ua-parser-rs"].imports
    flags = recipe.flags(tmp_path, "id")
    assert {"--include-package=maxminddb", "--include-package=ua_parser_rs"} <= set(flags)
    assert "--include-distribution-metadata=maxminddb" in flags
    taken = f"--include-data-files={recipe.COUNTRIES}=appliance/_geo/country.mmdb" in flags
    assert taken == geo.embedded_file().is_file()
    assert geo.embedded_file() == recipe.COUNTRIES


def test_the_executable_takes_amazons_driver_and_the_models_of_what_is_asked() -> None:
    recipe = load("recipe")
    packages = {each.name: each for each in recipe.dependencies()}
    assert {"botocore", "urllib3", "jmespath", "python-dateutil"} <= packages.keys()
    models = recipe.SITE / "botocore" / "data"
    assert [name for name in recipe.SERVICES if not (models / name).is_dir()] == []
    asked = re.findall(r'client\("(\w+)"', "".join(map(Path.read_text, STORES.glob("aws*.py"))))
    assert {"s3", "sqs", "dynamodb", "cloudwatch", "logs"} >= set(asked) >= {"s3", "sqs", "dynamodb"}
    assert set(asked) <= set(recipe.SERVICES)


def test_the_cache_of_the_build_is_not_committed() -> None:
    done = subprocess.run(["git", "check-ignore", ".cache/geo/country.mmdb"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0
