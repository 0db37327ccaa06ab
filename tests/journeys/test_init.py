"""`weir init` as a person runs it: what it asks, what it writes, and that it never overwrites."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance import cli, config
from appliance.errors import ConfigError
from appliance.init import Plan
from tests.rig import PATIENCE, ROOT


def init(*words: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance", "init", *words],
        capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, timeout=PATIENCE,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env},
    )  # fmt: skip


def everything(folder: Path) -> dict[str, tuple[int, bytes, int]]:
    """path → (mode, content, inode) of every file below."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes(), path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def link(done: subprocess.CompletedProcess[str]) -> str:
    found = re.search(r"^  (http://\S+/claim/[\w-]{43})$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return found[1]


def test_it_writes_everything_once_and_the_second_run_changes_nothing(tmp_path: Path) -> None:
    data, file = tmp_path / "lib" / "weir", tmp_path / "etc" / "weir.toml"
    words = (
        "--config", str(file), "--data", str(data), "--domain", "Go.Example.com",
        "--email", "ann@Example.com",
        "--public", "127.0.0.1:8090", "--admin", "127.0.0.1:8091",
    )  # fmt: skip
    first = init(*words)
    assert first.returncode == 0, first.stderr
    settings = config.load(file, {})
    assert settings == config.Settings(
        data=str(data),
        public=config.Public(bind="127.0.0.1:8090", domain="go.example.com"),
        admin=config.Admin(bind="127.0.0.1:8091", emails=("ann@example.com",)),
    )
    assert (mode(file), mode(data), mode(data / "secret"), mode(data / "claim")) == (
        0o640, 0o750, 0o600, 0o600,
    )  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{64}\n", (data / "secret").read_text())
    assert link(first) == f"http://127.0.0.1:8091/claim/{(data / 'claim').read_text().strip()}"
    assert (
        "first sign-in" in first.stdout and "ssh -L 8091:127.0.0.1:8091 USER@go.example.com" in first.stdout
    )
    before = everything(tmp_path)
    assert set(before) == {"etc/weir.toml", "lib/weir/secret", "lib/weir/claim"}, "no temporary file stays"
    second = init(*words)
    assert second.returncode == 0 and everything(tmp_path) == before
    assert link(second) == link(first)
    assert f"{file} is there already" in second.stdout and "Not taken: --domain, --email" in second.stdout


def test_with_yes_only_what_was_chosen_is_set(tmp_path: Path) -> None:
    assert init("--yes", cwd=tmp_path).returncode == 0
    text = (tmp_path / "data" / "weir.toml").read_text()
    assert [line for line in text.splitlines() if line and line[0] not in "#["] == []
    assert config.load(tmp_path / "data" / "weir.toml", {}) == config.Settings()


def test_without_a_terminal_it_names_the_flags_and_writes_nothing(tmp_path: Path) -> None:
    done = init("--data", str(tmp_path / "d"), "--domain", "go.example.com")
    assert done.returncode == 2
    assert "no terminal" in done.stderr and "--email" in done.stderr and "--yes" in done.stderr
    assert "--domain" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "value", "path"),
    [
        ("--domain", "http://go.example.com", "public.domain"),
        ("--email", "ann", "admin.emails[0]"),
        ("--public", "example.com:80", "public.bind"),
        ("--admin", "weir.example:8081", "admin.bind"),
    ],
)
def test_a_wrong_value_names_its_field_and_nothing_is_written(
    tmp_path: Path, flag: str, value: str, path: str
) -> None:
    done = init("--yes", "--data", str(tmp_path / "d"), flag, value)
    assert done.returncode == 2 and f"\n  {path}: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_configuration_that_is_there_stops_it(tmp_path: Path) -> None:
    file = tmp_path / "weir.toml"
    file.write_text("edges = 0\n")
    done = init("--yes", "--config", str(file), "--data", str(tmp_path / "d"))
    assert done.returncode == 2 and "edges: from 1 to 64" in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("a file")
    done = init("--yes", "--data", str(tmp_path / "d"), "--config", str(tmp_path / "weir.toml"))
    assert done.returncode == 1 and f"cannot write {tmp_path / 'd'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_claimed_installation_gets_no_new_link(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "claimed").touch()
    done = init("--yes", "--data", str(tmp_path / "d"))
    assert done.returncode == 0 and "/claim/" not in done.stdout and not (tmp_path / "d" / "claim").exists()


def test_a_secret_that_lives_elsewhere_is_made_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "keys" / "weir"
    elsewhere.parent.mkdir()
    file = tmp_path / "weir.toml"
    file.write_text(f'data = "{tmp_path}/d"\nsecret_file = "{elsewhere}"\n')
    assert init("--yes", "--config", str(file)).returncode == 0
    assert elsewhere.exists() and not (tmp_path / "d" / "secret").exists()


def on_a_terminal(words: list[str], answers: list[str], cwd: Path) -> str:
    """Run `weir init` on a pseudo-terminal, type each answer at a question; what was on the screen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(sys.executable, [sys.executable, "-m", "appliance", "init", *words],
                  {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)})  # fmt: skip
    screen, waiting, deadline = "", list(answers), time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(terminal, 4096).decode()
            except OSError:  # the other side has gone
                break
            screen += data
            if screen.endswith(": ") and waiting:
                os.write(terminal, waiting.pop(0).encode() + b"\n")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return screen


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_on_a_terminal_it_asks_for_what_is_missing_and_again_for_what_is_wrong(tmp_path: Path) -> None:
    screen = on_a_terminal([], ["go example", "Go.Example.com", ""], tmp_path)
    assert "Domain of your tracked links" in screen and "expected a host name" in screen
    settings = config.load(tmp_path / "data" / "weir.toml", {})
    assert (settings.public.domain, settings.admin.emails) == ("go.example.com", ())
    other = tmp_path / "other"
    other.mkdir()
    screen = on_a_terminal(["--domain", "go.example.com"], ["\x04"], other)
    assert "Domain" not in screen and "nothing was written" in screen
    assert list(other.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_as_root_what_it_makes_belongs_to_the_data_directorys_owner(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    os.chown(tmp_path / "lib", 65534, 65533)
    (tmp_path / "etc").mkdir()
    file, data = tmp_path / "etc" / "weir.toml", tmp_path / "lib" / "weir"
    assert init("--yes", "--config", str(file), "--data", str(data)).returncode == 0
    for path in (data, data / "secret", data / "claim"):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533), path
    # The service reads its configuration; only root writes it.
    assert (file.stat().st_uid, file.stat().st_gid, mode(file)) == (0, 65533, 0o640)
    assert (tmp_path / "etc").stat().st_uid == 0, "what was there stays whose it was"


def test_a_path_that_toml_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "weir.toml", {"data": str(tmp_path / "d\udcff")}, {}, None, True)
    with pytest.raises(ConfigError, match="data: the path is no UTF-8"):
        plan.run()
    assert list(tmp_path.iterdir()) == []


def test_the_systems_configuration_is_used_where_nothing_else_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "etc.toml"
    system.write_text("edges = 7\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WEIR_")]:
        monkeypatch.delenv(name)

    def edges(*words: str) -> str:
        assert cli.main([*words, "check"], system_file=system) == 0
        found = re.search(r"(\d+) edge", capsys.readouterr().out)
        assert found
        return found[1]

    assert edges() == "7"
    assert edges("--data", str(tmp_path / "d")) == "1"
    monkeypatch.setenv("WEIR_DATA", str(tmp_path / "d"))
    assert edges() == "1"
    monkeypatch.delenv("WEIR_DATA")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weir.toml").write_text("edges = 3\n")
    assert edges() == "3"
    system.unlink()
    (tmp_path / "data" / "weir.toml").unlink()
    assert edges() == "1"
