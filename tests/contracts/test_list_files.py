"""Files of named lists: named by their content, whole or not there, kept for a week."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from appliance.actors.kernel import inline_runner
from appliance.errors import Missing, Refused, Unavailable, WeirError
from appliance.routing.lists import Damaged
from appliance.stores.lists import FOLDER, ListFiles, open_all, open_list


@pytest.fixture
def files(tmp_path: Path) -> ListFiles:
    return ListFiles(tmp_path)


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / FOLDER).iterdir())


def test_the_same_entries_are_the_same_file_whatever_the_way_there(files: ListFiles, tmp_path: Path) -> None:
    whole = files.write("text", "a\nb\nc\nd")
    first = files.write("text", "d\na")
    second = files.write("text", "c\nb")
    assert files.write("text", "b\nc", onto=first.digest) == whole
    assert files.write("text", "", [second.digest, first.digest]) == whole
    assert files.write("text", "x\ny\n", onto=whole.digest).entries == 6
    assert files.write("text", "x", [], files.write("text", "x\na\nb\nc\nd").digest, remove=True) == whole
    assert whole.entries == 4 and whole.digest in names(tmp_path)
    assert not [name for name in names(tmp_path) if name.endswith(".new")]


def test_no_entries_are_no_file(files: ListFiles, tmp_path: Path) -> None:
    one = files.write("text", "a")
    assert files.write("text", "\n\n").digest == ""
    assert files.write("text", "a", onto=one.digest, remove=True).digest == ""
    assert files.page("", 10, 0, "").items == () and files.holds("", "a") is False
    assert names(tmp_path) == [one.digest]


def test_a_page_of_entries_and_a_search(files: ListFiles) -> None:
    made = files.write("text", "\n".join(f"pub-{n:04}" for n in range(5_000)))
    assert files.page(made.digest, 2, 4_999, "").items == ("pub-4999",)
    found = files.page(made.digest, 2, 1, "pub-12")
    assert (found.items, found.total) == (("pub-1201", "pub-1202"), 100)


def test_entries_of_one_kind_do_not_go_into_a_list_of_another(files: ListFiles) -> None:
    texts = files.write("text", "a")
    with pytest.raises(Refused):
        files.write("mask", "*abc*", onto=texts.digest)
    with pytest.raises(Refused):
        files.write("address", "", [texts.digest])


def test_what_is_refused_leaves_nothing_behind(files: ListFiles, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        files.write("address", "1.2.3.4\nnonsense")
    with pytest.raises(Refused):
        files.write(
            "mask", "\n".join(f"*{n}*" for n in range(10, 99)) + "\n" + "\n".join(f"{n}*" for n in range(99))
        )
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["0" * 32, "../ledger.db", "..", "", "A" * 32, "0" * 31 + "/"])
def test_what_names_no_file_is_missing(files: ListFiles, tmp_path: Path, name: str) -> None:
    (tmp_path / "ledger.db").write_bytes(b"x" * 64)
    with pytest.raises(Missing):
        open_list(tmp_path, name)
    assert files.has(name) is False
    with pytest.raises(Missing):
        files.write("text", "", [name])


async def test_an_edge_opens_only_what_is_whole_and_goes_on_without_the_rest(
    files: ListFiles, tmp_path: Path
) -> None:
    good, bad, cut = (files.write("text", text).digest for text in ("good", "bad", "cut"))
    path = tmp_path / FOLDER
    (path / bad).write_bytes((path / good).read_bytes())
    (path / cut).write_bytes((path / cut).read_bytes()[:-9])
    for digest in (bad, cut):
        with pytest.raises(Damaged):
            open_list(tmp_path, digest)
    found = await open_all(inline_runner, tmp_path, [good, bad, cut, "0" * 32], {})
    assert {digest: contents is not None for digest, contents in found.items()} == {
        good: True, bad: False, cut: False, "0" * 32: False,
    }  # fmt: skip
    again = await open_all(inline_runner, tmp_path, [good], found)
    assert again[good] is found[good] and list(again) == [good]


def test_a_file_that_is_open_outlives_its_removal(files: ListFiles, tmp_path: Path) -> None:
    contents = open_list(tmp_path, files.write("address", "10.0.0.0/8").digest)
    for path in (tmp_path / FOLDER).iterdir():
        path.unlink()
    assert contents.holds("10.1.2.3") and not contents.holds("11.0.0.0")


def test_what_nothing_needs_goes_after_a_week(files: ListFiles, tmp_path: Path) -> None:
    needed, young, old = (files.write("text", text).digest for text in ("needed", "young", "old"))
    long_ago = time.time() - 8 * 86_400
    for digest in (needed, old):
        os.utime(tmp_path / FOLDER / digest, (long_ago, long_ago))
    assert files.sweep({needed}) == 1
    assert names(tmp_path) == sorted([needed, young])
    # Needed until now, so its week begins.
    assert files.sweep(set()) == 0 and len(names(tmp_path)) == 2


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    ListFiles(tmp_path)
    (tmp_path / FOLDER / "123.new").write_bytes(b"half")
    ListFiles(tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_is_told(files: ListFiles, tmp_path: Path) -> None:
    (tmp_path / FOLDER).rmdir()
    with pytest.raises(WeirError) as caught:
        files.write("text", "a")
    assert caught.value.code == "unavailable"


def test_lists_take_no_more_room_than_they_may(tmp_path: Path) -> None:
    files = ListFiles(tmp_path, most_bytes=200)
    first = files.write("text", "a")
    files.write("text", "b", onto=first.digest)
    with pytest.raises(Unavailable):
        files.write("text", "c")
    for path in (tmp_path / FOLDER).iterdir():
        os.utime(path, (0, 0))
    assert files.sweep({first.digest}) == 1
    assert files.write("text", "c").entries == 1


def test_entries_that_are_gone_are_told(files: ListFiles, caplog: pytest.LogCaptureFixture) -> None:
    files.sweep({files.write("text", "a").digest})
    assert not caplog.records
    files.sweep({"0" * 32})
    assert [record.list for record in caplog.records] == ["0" * 32]
