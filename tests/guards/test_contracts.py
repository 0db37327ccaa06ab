"""The import contracts of .importlinter know every module; import-linter itself runs in `make check`."""

from __future__ import annotations

import ast
import configparser
import re

import pytest

from tests.rig import ROOT

APPLIANCE = ROOT / "appliance"
LEAVES = {
    "appliance.addresses",
    "appliance.config",
    "appliance.errors",
    "appliance.intake_config",
    "appliance.alert_config",
    "appliance.consent_config",
}
"""Anyone may import these; they import nothing of ours but each other."""


def contracts() -> configparser.ConfigParser:
    read = configparser.ConfigParser()
    read.read(ROOT / ".importlinter")
    return read


def layers() -> set[str]:
    return set(re.findall(r"appliance[\w.]*", contracts()["importlinter:contract:down"]["layers"]))


def modules() -> set[str]:
    """Every module and package right under appliance."""
    files = {f"appliance.{path.stem}" for path in APPLIANCE.glob("*.py") if path.stem != "__init__"}
    return files | {f"appliance.{path.parent.name}" for path in APPLIANCE.glob("*/__init__.py")}


def test_every_module_has_its_layer() -> None:
    assert modules() - {"appliance.actors"} - layers() - LEAVES == set()


OWNERS = {"quart": "http", "parser": "http", "warehouse": "stores", "sqlite": "stores", "aws": "stores"}
"""Contract → the package inside which the library may be used."""


@pytest.mark.parametrize("contract", sorted(OWNERS))
def test_everybody_but_its_owner_is_forbidden_a_library(contract: str) -> None:
    listed = contracts()[f"importlinter:contract:{contract}"]["source_modules"].split()
    assert modules() - set(listed) - {f"appliance.{OWNERS[contract]}", "appliance.__main__"} == set()


def test_only_amazons_adapters_may_use_its_driver() -> None:
    listed = contracts()["importlinter:contract:aws"]["source_modules"].split()
    stores = {f"appliance.stores.{path.stem}" for path in (APPLIANCE / "stores").glob("*.py")}
    stores |= {
        f"appliance.stores.{path.parent.name}" for path in (APPLIANCE / "stores").glob("*/__init__.py")
    }
    theirs = {name for name in stores if name.startswith("appliance.stores.aws")}
    assert stores - theirs - {"appliance.stores.__init__"} == {each for each in listed if ".stores." in each}


def test_every_actor_is_a_sibling_of_the_others() -> None:
    actors = {f"appliance.actors.{path.stem}" for path in (APPLIANCE / "actors").glob("*.py")}
    assert actors - {"appliance.actors.__init__"} - layers() == set()


def test_the_leaves_import_nothing_of_ours() -> None:
    for name in LEAVES:
        tree = ast.parse((APPLIANCE / f"{name.rpartition('.')[2]}.py").read_text())
        ours = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {module for module in ours if module and module.startswith("appliance")} <= LEAVES


def test_only_the_command_line_reads_the_configuration() -> None:
    """Sections are values passed inwards; anyone may name their types, only cli calls `load`."""
    loads = re.compile(r"config\.load|from appliance\.config import[^\n]*\bload|os\.environ|os\.getenv")
    allowed = {
        "cli.py",
        "config.py",
        "init.py",  # what it writes must load; what is there already says where the data is
        "supervisor.py",  # NOTIFY_SOCKET, WATCHDOG_USEC: no child inherits them; MALLOC_ARENA_MAX: each does
        "logs.py",  # JOURNAL_STREAM: whether journald reads stderr
        "listening.py",  # LISTEN_FDS: systemd's way to hand over sockets
    }
    users = {path.name for path in APPLIANCE.rglob("*.py") if loads.search(path.read_text())}
    assert users - allowed == set()
