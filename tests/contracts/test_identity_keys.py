"""Identities sealed under daily keys: opened by those who have the day's key, by nobody once it is gone."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.actors.kernel import inline_runner
from appliance.partners.report import Identity
from appliance.stores.identities import WarehouseIdentities
from appliance.stores.identity_keys import FOLDER, IdentityKeys
from tests.guards.record_old import filled
from tests.records import NOON

DAY = 86_400_000_000
WHO = Identity(address="203.0.113.7", user_agent="Mozilla/5.0", seen={"_fbp": "fb.1.2.3"}, emails=("a@b.cd",))


def files(data: Path) -> list[str]:
    return sorted(path.name for path in (data / FOLDER).iterdir())


def test_what_was_sealed_is_opened_by_another_process(tmp_path: Path) -> None:
    everything = filled(Identity)
    assert isinstance(everything, Identity)
    for who in (WHO, everything):
        sealed = IdentityKeys(tmp_path, 7).seal(who, NOON)
        assert IdentityKeys(tmp_path, 7).open(sealed) == who
        assert who.address.encode() not in sealed
    visit = IdentityKeys(tmp_path, 7).seal_visit("::1", "x", {"_ttp": "t"}, NOON)
    assert IdentityKeys(tmp_path, 7).open(visit) == Identity(
        address="::1", user_agent="x", seen={"_ttp": "t"}
    )


def test_two_of_the_same_visitor_have_nothing_in_common(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    one, other = (keys.seal(WHO, NOON) for _ in range(2))
    assert one != other and one[4:16] != other[4:16]


def test_nobody_is_nothing(tmp_path: Path) -> None:
    assert IdentityKeys(tmp_path, 7).seal(Identity(), NOON) == b""
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("end", [0, 1, 4, 15, 16, 20, -1])
def test_what_is_damaged_is_nobody(tmp_path: Path, end: int) -> None:
    keys = IdentityKeys(tmp_path, 7)
    sealed = keys.seal(WHO, NOON)
    assert keys.open(sealed[:end]) == Identity()
    assert keys.open(b"\x02" + sealed[1:]) == Identity()
    assert keys.open(sealed[:1] + b"\xff\xff\xff" + sealed[4:]) == Identity()
    assert keys.open(sealed[:-1] + bytes([sealed[-1] ^ 1])) == Identity()


def test_a_day_cannot_pass_for_another(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    monday, tuesday = keys.seal(WHO, NOON), keys.seal(WHO, NOON + DAY)
    assert keys.open(tuesday[:4] + monday[4:]) == Identity()


def test_keys_are_their_owner_s_only_and_made_beforehand(tmp_path: Path) -> None:
    IdentityKeys(tmp_path, 7).prepare(NOON)
    assert len(files(tmp_path)) == 2, "today's and tomorrow's"
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    for path in (tmp_path / FOLDER).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = [path.read_bytes() for path in sorted((tmp_path / FOLDER).iterdir())]
    IdentityKeys(tmp_path, 7).prepare(NOON)
    assert before == [path.read_bytes() for path in sorted((tmp_path / FOLDER).iterdir())]


def test_whoever_comes_first_makes_the_key_for_all(tmp_path: Path) -> None:
    several = [IdentityKeys(tmp_path, 7) for _ in range(8)]
    sealed: list[bytes] = []
    ready = threading.Barrier(len(several))

    def seal(keys: IdentityKeys) -> None:
        ready.wait()
        sealed.append(keys.seal(WHO, NOON))

    threads = [threading.Thread(target=seal, args=(keys,)) for keys in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(tmp_path)) == 1
    assert [IdentityKeys(tmp_path, 7).open(each) for each in sealed] == [WHO] * 8


def test_a_day_s_key_is_destroyed_when_its_window_is_over(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    sealed = keys.seal(WHO, NOON)
    keys.destroy(NOON + 7 * DAY)
    assert keys.open(sealed) == WHO, "a click of the evening before is not seven days old yet"
    keys.destroy(NOON + 8 * DAY)
    assert files(tmp_path) == []
    assert keys.open(sealed) == Identity(), "not even by those who had it in memory"
    keys.seal(WHO, NOON)
    assert keys.open(sealed) == Identity(), "a key of the same day is another key"


def test_destroying_leaves_what_is_not_ours(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    keys.destroy(NOON)  # without a folder there is nothing to do
    keys.seal(WHO, NOON)
    folder = tmp_path / FOLDER
    (folder / "README").write_text("mine")
    left = folder / ".2020-01-01.key.0a1b2c3d"
    left.write_text("half")
    os.utime(left, (1, 1))
    keys.destroy(NOON + 30 * DAY)
    assert files(tmp_path) == ["README"]


def test_without_a_key_clicks_go_on_unsealed_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    keys = IdentityKeys(tmp_path, 7)
    assert keys.seal(WHO, NOON) == b"" and keys.unsealed == 1
    with pytest.raises(OSError):
        keys.prepare(NOON)


def test_a_damaged_key_is_no_key(tmp_path: Path) -> None:
    IdentityKeys(tmp_path, 7).seal(WHO, NOON)
    (key,) = (tmp_path / FOLDER).iterdir()
    key.write_text("00")
    keys = IdentityKeys(tmp_path, 7)
    assert keys.seal(WHO, NOON) == b""
    assert keys.open(b"\x01" + (NOON // DAY).to_bytes(3, "big") + bytes(40)) == Identity()
    with pytest.raises(ValueError, match="no key of ours"):
        keys.prepare(NOON)


# -- out of the warehouse --------------------------------------------------------------------------------


class Held:
    """The warehouse's lookup, over what it is told."""

    def __init__(self, rows: dict[str, bytes]) -> None:
        self.rows = rows
        self.asked: list[list[str]] = []

    def __call__(self, ids: Sequence[str]) -> dict[str, bytes]:
        self.asked.append(list(ids))
        return {each: self.rows[each] for each in ids if each in self.rows}


async def test_identities_are_found_in_one_question(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    held = Held({"a": keys.seal(WHO, NOON), "b": b"", "c": b"\x01\x00\x00\x01" + bytes(40)})
    found = await WarehouseIdentities(keys, held, inline_runner).find(["a", "a", "b", "c", "d"])
    assert found == {"a": WHO, "b": Identity(), "c": Identity()}, "d is not there, or never was"
    assert held.asked == [["a", "b", "c", "d"]]
    assert await WarehouseIdentities(keys, held, inline_runner).find([]) == {}


async def test_what_the_landing_page_saw_is_its_exit_s_too(tmp_path: Path) -> None:
    keys = IdentityKeys(tmp_path, 7)
    page = keys.seal_visit("203.0.113.7", "x", {"_fbp": "seen", "_fbc": "old"}, NOON, external_id="m7")
    exit_ = keys.seal_visit("203.0.113.8", "y", {"_fbc": "new"}, NOON, parent="page")
    held = Held({"page": page, "exit": exit_})
    found = await WarehouseIdentities(keys, held, inline_runner).find(["exit"])
    assert found == {
        "exit": Identity(
            address="203.0.113.8", user_agent="y", seen={"_fbp": "seen", "_fbc": "new"}, external_id="m7"
        )
    }
    assert held.asked == [["exit"], ["page"]]
    del held.rows["page"]
    assert (await WarehouseIdentities(keys, held, inline_runner).find(["exit"]))["exit"].seen == {
        "_fbc": "new"
    }
