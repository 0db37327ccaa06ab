"""What the front door hands on: variables that `make help` and the README name arrive where they count."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from tests.rig import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


@pytest.mark.parametrize(
    ("words", "run"),
    [
        ("faults", "-m tests.faults.run --kills 30"),
        (
            "faults PHASE=platforms EVENTS=100000 KILLS=20",
            "-m tests.faults.run --kills 20 --phase platforms --events 100000",
        ),
        ("faults PHASE='kills disk'", "-m tests.faults.run --kills 30 --phase kills --phase disk"),
        ("efflux", "EFFLUX_OBJECTS=500 EFFLUX_EVENTS=200000"),
        ("efflux OBJECTS=20 EVENTS=4000", "EFFLUX_OBJECTS=20 EFFLUX_EVENTS=4000"),
    ],
)
def test_variables_arrive(words: str, run: str) -> None:
    said = subprocess.run(
        ["make", "-n", *shlex.split(words)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": os.environ["PATH"]},  # a make around this one has variables of its own
    ).stdout  # fmt: skip
    assert run in " ".join(said.split())


def test_the_readme_says_how_to_reach_the_issues_size() -> None:
    assert "make faults PHASE=platforms EVENTS=100000 KILLS=20" in (ROOT / "README.md").read_text()
