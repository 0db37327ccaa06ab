"""The file of landing pages' visits: shared, bounded, and never more than a visit that is not known."""

from __future__ import annotations

from pathlib import Path

from appliance.model.ids import click_id
from appliance.stores.landings import LONGEST, LandingVisits


def test_what_one_edge_keeps_another_finds_also_after_a_restart(tmp_path: Path) -> None:
    one, other = LandingVisits(tmp_path / "edges" / "x"), LandingVisits(tmp_path / "edges" / "x")
    ids = [click_id(1_700_000_000_000 + n, n * 77_777_777) for n in range(500)]
    for number, each in enumerate(ids):
        (one if number % 2 else other).keep(each, f"token-{number}")
    assert [one.find(each) for each in ids] == [f"token-{number}" for number in range(500)]
    one.close()
    other.close()
    later = LandingVisits(tmp_path / "edges" / "x")
    assert later.find(ids[7]) == "token-7" and later.find(click_id(1, 1)) == ""
    later.close()
    assert later.find(ids[7]) == ""
    later.keep(ids[7], "more")


def test_the_oldest_of_a_row_goes_first_and_the_file_does_not_grow(tmp_path: Path) -> None:
    kept = LandingVisits(tmp_path / "x", rows=1)
    ids = [click_id(1_700_000_000_000 + n, n) for n in range(50)]
    for each in ids:
        kept.keep(each, "t" * LONGEST)
    assert [each for each in ids if kept.find(each)] == ids[-8:]
    assert kept.find(ids[-1]) == "t" * LONGEST
    kept.keep(ids[0], "t" * (LONGEST + 1))
    assert not kept.find(ids[0])
    assert (tmp_path / "x").stat().st_size <= 8 * 1024
    kept.close()


def test_a_file_that_cannot_be_used_keeps_nothing_and_says_so_once(tmp_path: Path, caplog) -> None:
    (tmp_path / "x").mkdir()
    kept = LandingVisits(tmp_path / "x")
    kept.keep(click_id(1, 1), "t")
    assert kept.find(click_id(1, 1)) == ""
    assert len(caplog.records) == 1


def test_damage_is_a_visit_that_is_not_known(tmp_path: Path) -> None:
    kept = LandingVisits(tmp_path / "x", rows=1)
    each = click_id(1_700_000_000_000, 5)
    kept.keep(each, "token")
    with (tmp_path / "x").open("r+b") as file:
        file.seek(36)
        file.write(b"\xff\xff\xff")
    assert kept.find(each) != "token"
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:40])
    assert kept.find(each) != "token"
    kept.close()
