"""`weir events send`: a file of events into a running Weir, by each of its ways in."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.board import Board, running
from tests.platforms.account import Account, told
from tests.platforms.ways import document
from tests.rig import PATIENCE, ROOT, program, wait_for


class Place:
    """A Weir with an account whose reports go nowhere, and a watched folder."""

    def __init__(self, board: Board, folder: Path) -> None:
        self.board, self.folder = board, folder
        self.account = Account(board, "http://127.0.0.1:9", dry_run=True)
        self.account.subscribe()

    def reported(self, events: list[dict[str, Any]]) -> int:
        clicks = {each["ts_click_id"] for each in events}
        found = told(self.board.weir.data, self.account.target)
        return sum(each.report.click_ids["fbclid"] in clicks for each in found)

    def until(self, events: list[dict[str, Any]]) -> None:
        wait_for("the events are reported", lambda: self.reported(events) >= len(events))
        assert self.reported(events) == len(events)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("send")
    folder = home / "data" / "events"
    folder.mkdir(parents=True)
    with running(home, WEIR_INTAKE__FOLDER__PATH="events") as board:
        yield Place(board, folder)


def send(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program(), "events", "send", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **env},
        timeout=PATIENCE,
    )


def events(first: int, count: int) -> list[dict[str, Any]]:
    now_us = time.time_ns() // 1_000
    return [document(first + number, now_us) for number in range(count)]


def test_to_the_weir_here(place: Place, tmp_path: Path) -> None:
    made = events(1_000, 30)
    file = tmp_path / "e.json"
    file.write_text(json.dumps([*made, {"session_id": ""}, 7], indent=1))
    done = send(file, "--data", place.board.weir.data)
    assert (done.returncode, done.stdout) == (1, "30 events taken, 2 refused\n")
    assert done.stderr.splitlines() == [
        "event 31: session_id: missing",
        "event 32: an event must be a JSON object",
    ]
    place.until(made)
    again = send(file, "--data", place.board.weir.data)
    assert again.returncode in (0, 1)
    assert place.reported(made) == 30


def test_to_a_public_port(place: Place, tmp_path: Path) -> None:
    made = events(2_000, 25)
    file = tmp_path / "e.ndjson.gz"
    file.write_bytes(gzip.compress(b"\n".join(json.dumps(each).encode() for each in made)))
    token = tmp_path / "token"
    token.write_text(place.account.intake_token + "\n")
    done = send(file, "--url", place.board.public, "--token-file", token)
    assert (done.returncode, done.stdout, done.stderr) == (0, "25 events taken, 0 refused\n", "")
    place.until(made)


def test_into_a_watched_folder(place: Place, tmp_path: Path) -> None:
    made = events(3_000, 1_200)
    file = tmp_path / "e.ndjson"
    file.write_text("\n".join(map(json.dumps, made)))
    done = send(file, "--folder", place.folder)
    assert (done.returncode, done.stdout) == (0, f"{place.folder / 'e.ndjson'}\n")
    place.until(made)
    wait_for("the file is done", (place.folder / "done" / "e.ndjson").exists)
    intakes = {each["name"]: each for each in place.board.call("intakes.list")["items"]}
    assert intakes["folder"]["batches"] == 1


def test_an_intake_is_paused_while_it_runs(place: Place, tmp_path: Path) -> None:
    # How long the folder takes for a file while it runs: two looks, two seconds apart.
    before, file = events(4_900, 1), tmp_path / "before.ndjson"
    file.write_text(json.dumps(before[0]))
    assert send(file, "--folder", place.folder).returncode == 0
    began = time.monotonic()
    place.until(before)
    took = time.monotonic() - began
    made = events(5_000, 3)
    file = tmp_path / "paused.ndjson"
    file.write_text("\n".join(map(json.dumps, made)))
    paused = place.board.call("intakes.pause", name="folder")
    assert paused["paused_by"]
    assert send(file, "--folder", place.folder).returncode == 0
    direct = events(6_000, 1)
    place.account.send([json.dumps(each).encode() for each in direct])
    place.until(direct)
    # A file is taken once two looks, 2 s apart, found it alike: wait for twice as long as it took.
    time.sleep(max(6.0, 2 * took))
    assert place.reported(made) == 0 and (place.folder / "paused.ndjson").exists()
    assert place.board.call("intakes.resume", name="folder")["paused_by"] == ""
    place.until(made)


def test_the_filter_is_switched_off_while_running(place: Place) -> None:
    def asked_for_by_nobody(first: int) -> list[dict[str, Any]]:
        return [{**each, "campaign_id": "nobody-asks"} for each in events(first, 1)]

    board = place.board
    board.call("events.import", text=json.dumps(before := asked_for_by_nobody(7_000)))
    assert board.call("subscription_filter.off")["on"] is False
    board.call("events.import", text=json.dumps(meanwhile := asked_for_by_nobody(7_100)))
    assert board.call("subscription_filter.on")["on"] is True
    board.call("events.import", text=json.dumps(after := asked_for_by_nobody(7_200)))
    assert [place.reported(each) for each in (before, meanwhile, after)] == [0, 1, 0]


def test_a_network_with_a_layout_reports_its_postbacks(place: Place) -> None:
    board = place.board
    slug = board.name("tonic-")
    board.call("networks.create", name=slug, slug=slug, layout="tonic")
    board.call("subscriptions.create", name=board.name("wanted-"), campaign_id="77001")
    board.settle()
    now = int(time.time())
    query = (
        f"subid1=Mozilla&subid2=px_|_77001_|_2_|_3_|_facebook_|_tonic-session&subid3=goodx9000"
        f"&subid4=203.0.113.9_|_US_|_NewYork_|_New+York_|_{now - 60}_|_Boats&type=click&kwp=used+boats"
    )
    # The pixel's code is no number here, and Tonic's are: it is garbage, and said to be.
    assert board.visit(f"/pb/{slug}?{query}&revenue={{revenue}}").status == 200

    def recorded() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = board.call("events.list", session_id="tonic-session")["items"]
        return found

    (item,) = wait_for("the postback is an event", recorded)
    assert (item["intake"], item["network"], item["conversions"], float(item["revenue"])) == (
        "postbacks", "tonic", 1, 0.0,
    )  # fmt: skip
    assert item["invalid_reason"] == "Invalid pixel"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("/nothing/here",), "is no file that can be read"),
        (("FILE", "--url", "http://127.0.0.1:9"), "--url goes with --token or --token-file"),
        (("FILE", "--folder", "/nothing/here"), "is no folder"),
        (("FILE", "--url", "http://127.0.0.1:9", "--folder", "/tmp"), "not allowed with"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    file = tmp_path / "e.json"
    file.write_text("[]")
    done = send(*(str(file) if word == "FILE" else word for word in words), "--data", tmp_path / "data")
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stdout == ""


def test_a_wrong_token_is_said(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text("[{}]")
    done = send(file, "--url", place.board.public, "--token", "wrong")
    assert done.returncode == 1
    assert "This is no token of an ad account." in done.stderr
