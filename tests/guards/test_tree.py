"""The tree keeps its shape: sizes, names, places. An exception would be listed here with its reason."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.rig import ROOT

LONGEST = 500
"""Lines of a Python file; 300 is the aim."""

EMPTY_WORDS = {"manager", "helper", "util", "utils", "common", "base", "misc", "service", "handler"}
"""Words that say nothing about what a thing is or does (also in the plural)."""

TOP_LEVEL = ("appliance", "appliance/actors", "appliance/http", "ui", "build", "packaging", "deploy", "tests")


def python_files() -> list[Path]:
    return sorted(path for top in ("appliance", "tests", "build") for path in (ROOT / top).rglob("*.py"))


def words(name: str) -> set[str]:
    """`"HTTPBase_utils"` → {"http", "base", "utils"}, singular too."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    lower = {part.lower() for part in parts}
    return lower | {part.removesuffix("s") for part in lower}


def test_no_python_file_is_too_long() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    assert {path: lines for path, lines in sizes.items() if lines > LONGEST} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in python_files() if words(path.stem) & EMPTY_WORDS] == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    def classes() -> Iterator[str]:
        for path in python_files():
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield node.name

    assert [name for name in classes() if words(name) & EMPTY_WORDS] == []


def test_the_owners_top_level_is_there() -> None:
    assert [place for place in TOP_LEVEL if not (ROOT / place).is_dir()] == []
    assert (ROOT / "pyproject.toml").is_file()


@pytest.mark.parametrize("place", ["build", "packaging", "deploy", "ui"])
def test_folders_named_like_packages_of_others_are_no_packages(place: str) -> None:
    assert not (ROOT / place / "__init__.py").exists()


def test_no_folder_of_tests_shadows_the_standard_library() -> None:
    assert not (ROOT / "tests" / "http").exists()


def test_git_does_not_ignore_the_build_folder() -> None:
    done = subprocess.run(["git", "check-ignore", "build/recipe.py"], cwd=ROOT, capture_output=True)
    assert done.returncode != 0


def test_lock_files_name_no_registry() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    locks = [ROOT / name for name in tracked if "lock" in Path(name).name and not name.endswith(".py")]

    def without_donations(text: str) -> str:
        return re.sub(r'"funding": (?:\{[^}]*\}|\[[^\]]*\]|"[^"]*")', "", text)

    texts = {path.name: without_donations(path.read_text()) for path in locks if path.is_file()}
    named = [name for name, text in texts.items() if re.search(r"https?://", text)]
    assert named == []


def test_no_mock_library_is_used() -> None:
    forbidden = re.compile(r"^\s*(?:from|import)\s+(?:unittest\.mock|mock|pytest_mock)\b", re.MULTILINE)
    assert [str(path) for path in python_files() if forbidden.search(path.read_text())] == []


def test_catching_everything_has_its_reason_beside_it() -> None:
    """`except Exception` in the product: a comment in that line or in the next one."""
    bare = []
    for path in sorted((ROOT / "appliance").rglob("*.py")):
        lines = [*path.read_text().splitlines(), ""]
        for number, (line, following) in enumerate(pairwise(lines), 1):
            if re.match(r"\s*except Exception\b", line):
                beside = line.partition("#")[2] or following.strip().partition("#")[2]
                if len(re.sub(r"noqa: \w+", "", beside).strip()) < 20:
                    bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []


def test_types_are_strict_and_warnings_are_errors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["mypy"]["strict"] is True
    assert project["tool"]["mypy"]["packages"] == ["appliance"]
    assert project["tool"]["pytest"]["ini_options"]["filterwarnings"][0] == "error"


def test_every_log_field_may_be_one() -> None:
    """`extra={"name": …}` raises KeyError inside logging: the names that a record has itself are taken."""
    import logging

    taken = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}
    # Replaced by the line's own fields of the same name, so they would vanish.
    taken |= {"ts", "level", "logger", "component", "process", "exception"}
    found = []
    for path in (ROOT / "appliance").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
                keys = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                found += [f"{path.name}:{node.value.lineno} {key}" for key in keys & taken]
    assert found == []
