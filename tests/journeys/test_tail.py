"""`weir tail` against the real executable: what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.rig import PATIENCE, ROOT, CallFailed, Weir, program, start_weir, wait_for


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with start_weir(tmp_path_factory.mktemp("tail") / "data") as running:
        yield running


class Tail:
    """A running `weir tail` and the lines that it has printed."""

    def __init__(self, *args: str) -> None:
        self.lines: list[str] = []
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [*program(), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # A shell's background job ignores Ctrl-C, and so would everything that a test there starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._threads = [
            threading.Thread(target=self._read, args=(stream, into))
            for stream, into in ((self.process.stdout, self.lines), (self.process.stderr, self.said))
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream, into: list[str]) -> None:  # type: ignore[no-untyped-def]
        with stream:
            into.extend(iter(stream.readline, ""))

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def shows(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.lines)


@contextmanager
def tail(*args: str) -> Iterator[Tail]:
    running = Tail(*args)
    try:
        wait_for("the tail watches", lambda: running.process.poll() is not None or running.said)
        yield running
    finally:
        running.process.kill()
        running.wait()


def watchers(weir: Weir) -> int:
    """How many watch now; -1 while nobody can say."""
    try:
        return int(weir.call("system.status")["live"]["watchers"])
    except CallFailed:
        return -1


def click(weir: Weir) -> str:
    return httpx.get(f"{weir.public}/c/demo?cost=0.05").headers["location"].rpartition("click_id=")[2]


@pytest.mark.slow
def test_clicks_and_conversions_appear_and_ctrl_c_ends_it(weir: Weir) -> None:
    with tail("--data", str(weir.data), "tail") as watching:
        number = click(weir)
        wait_for("the click", lambda: watching.shows("click ", "campaign 1", number))
        httpx.get(f"{weir.public}/pb/demo?click_id={number}&transaction_id=t1&payout=2.5&status=approved")
        wait_for("the conversion", lambda: watching.shows("conversion", "2.5 USD", "transaction t1"))
        wait_for("the outcome", lambda: watching.shows("postback", "processed conversion"))
        assert watching.shows("system", "ready")
        watching.process.send_signal(signal.SIGINT)
        assert watching.wait() == 0
        assert "Traceback" not in "".join(watching.said)
        assert "\x1b" not in "".join(watching.lines)


@pytest.mark.slow
def test_it_goes_on_where_it_was_when_the_core_is_killed(weir: Weir) -> None:
    with tail("--data", str(weir.data), "tail", "--json", "--topic", "clicks") as watching:
        first = click(weir)
        wait_for("the first click", lambda: watching.shows(first))
        weir.kill("core")
        wait_for("the loss", lambda: any("again in" in line for line in watching.said))
        weir.wait_ready()

        wait_for("the feed is back", lambda: watchers(weir) == 1)
        second = click(weir)
        wait_for("the second click", lambda: watching.shows(second))
        frames = [json.loads(line) for line in watching.lines]
        assert all(event["topic"] == "clicks" for frame in frames for event in frame["events"])
        assert sorted(frames, key=lambda frame: frame["seq"]) == frames


@pytest.mark.slow
def test_it_ends_when_nobody_reads_any_more(weir: Weir) -> None:
    piped = subprocess.Popen(
        f"{' '.join(program())} --data {weir.data} tail | head -n 1",
        shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    out, err = piped.communicate(timeout=PATIENCE)
    assert "ready" in out
    assert "Traceback" not in err
    wait_for("nobody watches", lambda: watchers(weir) == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--data", "{none}", "tail"], "no Weir is running"),
        (["tail", "--url", "{admin}", "--token-file", "{wrong}"], "no API token"),
        (["tail", "--url", "{admin}", "--token-file", "{none}"], "cannot be read"),
        (["tail", "--url", "http://127.0.0.1:1", "--token-file", "{wrong}"], "cannot connect"),
        (["tail", "--url", "{public}", "--token-file", "{wrong}"], "answered 404"),
        (["tail", "--url", "ftp://x", "--token-file", "{wrong}"], "no address of an admin port"),
        (["tail", "--url", "{admin}"], "go together"),
        (["--data", "{data}", "tail", "--campaign", "0"], "campaign_id"),
    ],
)
def test_what_cannot_begin_says_why_and_ends(weir: Weir, args: list[str], words: str) -> None:
    wrong = weir.data.parent / "wrong"
    wrong.write_text("weir_" + "x" * 43)
    places = {"none": "/nonexistent", "admin": weir.admin, "public": weir.public, "data": weir.data}
    filled = [each.format(wrong=wrong, **places) for each in args]
    ended = subprocess.run(
        [*program(), *filled], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False
    )
    assert ended.returncode in (1, 2)
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
