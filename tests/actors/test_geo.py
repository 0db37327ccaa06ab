"""Databases of addresses are as new as their files: opened when settled, kept when the new one is no use."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import trio

from appliance.actors.geo import EVERY_SECONDS, GeoWatch
from appliance.actors.kernel import inline_runner
from appliance.routing.detection import Detection
from appliance.routing.visit import Visit
from appliance.stores import geo
from tests import mmdb

NET = "203.0.113.0/24"


def country(path: Path, code: str) -> Path:
    return mmdb.write(path, {NET: {"country_code": code}}, type="country")


def watch(folder: Path, *paths: Path) -> tuple[GeoWatch, Detection]:
    detection = Detection()
    opener = partial(geo.open_file, scratch=folder)
    return GeoWatch(paths, opener, geo.stamp, inline_runner, detection), detection


def seen(detection: Detection, fact: str = "country") -> str | None:
    made = Visit("c", "x", "", {})
    made.address = "203.0.113.9"
    return detection.facts(made).get(fact)


async def test_a_replaced_file_is_read_once_it_has_settled(tmp_path, autojump_clock):
    path = country(tmp_path / "a.mmdb", "DE")
    watcher, detection = watch(tmp_path, path)
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        assert seen(detection) == "DE"  # before anything else starts
        country(path, "FR")
        await trio.sleep(EVERY_SECONDS * 1.5)
        assert seen(detection) == "DE"  # it may still be written
        await trio.sleep(EVERY_SECONDS)
        assert seen(detection) == "FR"
        nursery.cancel_scope.cancel()
    assert [report.error for report in watcher.report()] == [""]


async def test_a_download_in_place_is_not_read_before_it_ends(tmp_path, autojump_clock):
    path = country(tmp_path / "a.mmdb", "DE")
    whole = country(tmp_path / "b.mmdb", "FR").read_bytes()
    watcher, detection = watch(tmp_path, path)
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        with path.open("r+b") as file:
            file.truncate(0)
            for index, byte in enumerate(range(0, len(whole), 60)):
                file.write(whole[byte : byte + 60])
                file.flush()
                os.utime(path, ns=(index, index))
                await trio.sleep(EVERY_SECONDS)
                assert seen(detection) == "DE"
                assert watcher.report()[0].error == ""
        await trio.sleep(EVERY_SECONDS * 2.5)
        assert seen(detection) == "FR"
        nursery.cancel_scope.cancel()


async def test_a_file_that_is_no_use_or_gone_leaves_what_was_read_before(tmp_path):
    path = country(tmp_path / "a.mmdb", "DE")
    watcher, detection = watch(tmp_path, path)
    await watcher.look()
    good = path.read_bytes()
    path.write_bytes(b"<html>no such key</html>")
    for _ in range(3):
        await watcher.look()
    [report] = watcher.report()
    assert "MMDB" in report.error
    assert (report.facts, report.layout, seen(detection)) == (("country",), "flat", "DE")
    path.unlink()
    await watcher.look()
    assert watcher.report()[0].error == "No such file or directory"
    assert seen(detection) == "DE"
    path.write_bytes(good)
    for _ in range(2):
        await watcher.look()
    assert (watcher.report()[0].error, seen(detection)) == ("", "DE")


async def test_a_file_may_come_later(tmp_path):
    path = tmp_path / "a.mmdb"
    watcher, detection = watch(tmp_path, path)
    await watcher.look()
    assert watcher.report()[0].error == "No such file or directory"
    assert (seen(detection), detection.places.known) == (None, frozenset())
    country(path, "DE")
    await watcher.look()
    assert (watcher.report()[0].error, seen(detection)) == ("", "DE")
    assert detection.places.known == {"country"}


async def test_several_files_tell_together_and_the_first_wins(tmp_path):
    cities = {NET: {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Berlin"}}}}
    owners = {NET: {"autonomous_system_number": 24940, "autonomous_system_organization": "Hetzner"}}
    watcher, detection = watch(
        tmp_path,
        mmdb.write(tmp_path / "city.mmdb", cities, type="GeoLite2-City"),
        mmdb.write(tmp_path / "asn.mmdb", owners, type="GeoLite2-ASN"),
        tmp_path / "missing.mmdb",
        country(tmp_path / "own.mmdb", "US"),
    )
    await watcher.look()
    facts = [seen(detection, name) for name in ("country", "city", "asn", "isp", "datacenter")]
    assert facts == ["DE", "Berlin", "24940", "Hetzner", "1"]
    assert detection.places.known == {"country", "city", "asn", "isp", "datacenter"}
    reports = [(report.layout, report.type, report.facts) for report in watcher.report()]
    assert reports == [
        ("geoip2", "GeoLite2-City", ("city", "country")), ("geoip2", "GeoLite2-ASN", ("asn", "isp")),
        ("", "", ()), ("flat", "country", ("country",)),
    ]  # fmt: skip


async def test_a_full_disk_keeps_the_old_state_and_is_tried_again(tmp_path):
    path = country(tmp_path / "a.mmdb", "DE")
    full = [False]

    def opener(asked: Path) -> geo.AddressFile:
        if full[0]:
            raise OSError(28, "No space left on device")
        return geo.open_file(asked, tmp_path)

    detection = Detection()
    watcher = GeoWatch([path], opener, geo.stamp, inline_runner, detection)
    await watcher.look()
    full[0] = True
    country(path, "FR")
    for _ in range(3):
        await watcher.look()
    assert (watcher.report()[0].error, seen(detection)) == ("No space left on device", "DE")
    full[0] = False
    await watcher.look()
    assert (watcher.report()[0].error, seen(detection)) == ("", "FR")
