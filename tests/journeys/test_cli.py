"""The command line as a person uses it: real processes, nothing opened but what is asked for."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from appliance import __version__
from tests.rig import PATIENCE, ROOT, program


def weir(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program(), *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **env},
        timeout=PATIENCE,
    )


def test_version() -> None:
    said = weir("version").stdout
    assert said == weir("--version").stdout
    build = r" \(build [0-9a-f]{16} (release|fast)\)" if "BINARY" in os.environ else ""
    assert re.fullmatch(rf"weir {re.escape(__version__)}{build}\n", said)


def test_help_names_the_commands_and_hides_the_children() -> None:
    said = weir("--help").stdout
    for command in ("serve", "check", "config", "call", "operations", "version"):
        assert f"\n    {command} " in said
    assert "edge" not in said.replace("--edges", "").split("options:")[0]


def test_no_command_is_a_usage_error_that_lists_them() -> None:
    done = weir()
    assert done.returncode == 2 and "COMMAND" in done.stderr


def test_check_says_what_would_be_used_and_opens_nothing(tmp_path: Path) -> None:
    done = weir("check", "--data", str(tmp_path / "d"), "--edges", "2")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/d" in done.stdout and "0.0.0.0:8080, 2 edges" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_check_lists_every_fault(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text("[public]\nbnd = 1\nbind = 'x'\n")
    done = weir("check", "--config", str(file), WEIR_EDGES="many")
    assert done.returncode == 2
    for path in ("public.bnd:", "public.bind:", "edges:"):
        assert f"\n  {path}" in done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_data_and_config_stand_before_or_after_the_command(tmp_path: Path, before: bool) -> None:
    file = tmp_path / "w.toml"
    file.write_text("edges = 5\n")
    where = ["--data", str(tmp_path), "--config", str(file)]
    done = weir(*where, "check") if before else weir("check", *where)
    assert f"data      {tmp_path}\n" in done.stdout and "5 edges" in done.stdout


def test_weir_toml_in_the_data_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "weir.toml").write_text("edges = 3\n")
    assert "3 edges" in weir("--data", str(tmp_path), "check").stdout
    assert "3 edges" in weir("check", WEIR_DATA=str(tmp_path)).stdout
    (tmp_path / "other.toml").write_text("edges = 4\n")
    assert (
        "4 edges" in weir("--data", str(tmp_path), "check", WEIR_CONFIG=str(tmp_path / "other.toml")).stdout
    )


def test_config_shows_every_setting_with_its_origin_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text('[warehouse]\nurl = "http://u:hunter2@db:8123/weir"\n')
    done = weir("config", "--config", str(file), "--public", ":81", WEIR_DEMO="false")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines["demo"].endswith("False  (environment WEIR_DEMO)")
    assert lines["public.bind"].endswith("':81'  (command line)")
    assert lines["warehouse.url"].endswith(f"'http://u:***@db:8123/weir'  (file {file})")
    assert lines["journal.reserve_mb"].endswith("64  (default)")


def test_serve_with_a_wrong_configuration_starts_nothing(tmp_path: Path) -> None:
    done = weir("serve", "--data", str(tmp_path / "d"), "--public", "nowhere", "--admin", "here")
    assert done.returncode == 2
    assert "public.bind:" in done.stderr and "admin.bind:" in done.stderr
    assert not (tmp_path / "d").exists()


def test_a_child_without_a_parent_says_so() -> None:
    done = subprocess.run(
        [*program(), "edge"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the parent died before its first line" in done.stderr and "Traceback" not in done.stderr
