"""Named lists: lines in, a file out in small steps, and what it holds by bisection."""

from __future__ import annotations

import random
import time
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import Refused
from appliance.routing.entries import MOST_ALIKE, MOST_SHORT, build, merge, read_entries
from appliance.routing.lists import MAGIC, MOST_ENTRIES, NOTHING, Damaged, ListFile
from appliance.routing.masks import compile_mask


def file_of(of, entries) -> ListFile:
    written = bytearray()
    steps = build(of, iter(entries), written.extend)
    for _ in steps:
        pass
    return ListFile(bytes(written))


def made(of, text) -> ListFile:
    return file_of(of, read_entries(of, text))


def test_lines_are_entries_each_once_and_in_order():
    assert read_entries("text", " b \r\n\n a\nb\n#c\n") == [b"#c", b"a", b"b"]
    twice = "1.2.3.4 - 1.2.3.9\n1.2.3.4-1.2.3.9"
    assert read_entries("address", f"10.0.0.9/8 # ours\n# nothing\n::1\n{twice}") == [
        b"1.2.3.4-1.2.3.9", b"10.0.0.0/8", b"::1",
    ]  # fmt: skip
    assert read_entries("mask", "*bot*\n\n*bot*") == [b"*bot*"]


@pytest.mark.parametrize("of", ["text", "address", "mask"])
def test_a_text_of_windows_begins_with_its_first_entry(of):
    assert read_entries(of, "\ufeff1.2.3.4\r\n5.6.7.8\r\n") == [b"1.2.3.4", b"5.6.7.8"]


@pytest.mark.parametrize(
    ("of", "text", "line"),
    [
        ("text", "a\n" + "x" * 513, "line 2: at most 512"),
        ("text", "a\nb\nc\x00d", "line 3: no control"),
        ("address", "10.0.0.0/8\nexample.com", "line 2: no address"),
        ("address", "10.0.0.0/40", "line 1: no address"),
        ("mask", "***", "line 1: a mask of stars"),
    ],
)
def test_a_line_that_is_no_entry_is_named(of, text, line):
    with pytest.raises(Refused) as caught:
        read_entries(of, text)
    assert caught.value.fields[0].message.startswith(line)


@given(st.lists(st.lists(st.binary(min_size=1, max_size=3), unique=True).map(sorted), max_size=4),
       st.lists(st.binary(min_size=1, max_size=3), unique=True).map(sorted))  # fmt: skip
def test_merging_is_a_union_without_what_is_taken_out(several, without):
    assert list(merge(several, without)) == sorted({e for one in several for e in one} - set(without))


ENTRY = st.text("abé ü-1", min_size=1, max_size=6).filter(lambda text: text.strip() == text)


@given(st.sets(ENTRY), st.lists(ENTRY))
def test_a_list_of_texts_holds_exactly_its_entries(entries, asked):
    file = made("text", "\n".join(entries))
    contents = file.contents()
    assert file.footer.entries == len(entries)
    assert [line.decode() for line in file.lines()] == sorted(entries, key=str.encode)
    assert all(contents.holds(entry) for entry in entries)
    assert [contents.holds(text) for text in asked] == [text in entries for text in asked]
    assert not contents.holds("") and not NOTHING.holds("a")


ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
NEAR = st.integers(0, 300).map(lambda n: str(ip_address((10 << 24) + n)))
BLOCKS = st.builds(lambda a, n: str(ip_network(f"{a}/{n}", strict=False)), NEAR, st.integers(20, 32))
RANGES = st.builds(
    lambda a, b: f"{min(a, b, key=ip_address)}-{max(a, b, key=ip_address)}", NEAR, NEAR
)  # fmt: skip


@given(st.lists(BLOCKS | RANGES | NEAR | ADDRESSES, max_size=30), st.lists(NEAR | ADDRESSES, max_size=10))
def test_a_list_of_addresses_holds_what_is_in_one_of_its_entries(entries, asked):
    contents = made("address", "\n".join(entries)).contents()
    for text in [*asked, *(entry for entry in entries if entry[-1] not in "/-" and "/" not in entry)]:
        if "-" in text:
            continue
        assert contents.holds(text) is any(_within(ip_address(text), entry) for entry in entries), text
    assert not contents.holds("no address") and not contents.holds("")


def _within(address, entry):
    first, dash, last = entry.partition("-")
    if dash:
        return address.version == 4 and ip_address(first) <= address <= ip_address(last)
    network = ip_network(entry, strict=False)
    if address.version == 6 and network.version == 4:
        return address.ipv4_mapped is not None and address.ipv4_mapped in network
    return address in network


MASKS = st.text("abcx*", min_size=1, max_size=9).filter(lambda mask: mask.strip("*"))


@settings(max_examples=200)
@given(st.sets(MASKS, max_size=40), st.lists(st.text("abcx", max_size=12), max_size=10))
def test_a_list_of_masks_holds_what_fits_one_of_them(masks, asked):
    contents = made("mask", "\n".join(masks)).contents()
    fits = [compile_mask(mask) for mask in masks]
    for text in [*asked, *asked, *(mask.replace("*", "") for mask in masks)]:
        assert contents.holds(text) is any(fit(text) for fit in fits), text


def test_masks_that_would_make_visitors_wait_are_refused():
    with pytest.raises(Refused, match="without three characters"):
        made("mask", "\n".join(f"*{n:x}*" for n in range(16, 16 + MOST_SHORT + 1)))
    with pytest.raises(Refused, match="alike"):
        made(
            "mask", "\n".join(f"*abc*{a}{b}*" for a in "0123456789abcdefghij" for b in "0123456789klmnopqrst")
        )
    assert (
        made("mask", "\n".join(f"*abc*{n:x}*" for n in range(MOST_ALIKE - 1))).footer.entries
        == MOST_ALIKE - 1
    )


def test_what_is_no_file_of_ours_is_damaged_and_never_half_read():
    whole = bytearray()
    for _ in build("text", iter([b"a", b"b"]), whole.extend):
        pass
    for broken in (
        b"",
        b"x" * 100,
        bytes(whole[:-1]),
        bytes(whole[:40]),
        MAGIC + b"\xff" * 24,
        b"Z" + whole[1:],
    ):
        with pytest.raises(Damaged):
            ListFile(bytes(broken)).contents()


def test_no_more_than_a_million():
    steps = build("text", (b"x%d" % n for n in range(MOST_ENTRIES + 1)), lambda data: None)
    with pytest.raises(Refused, match="1,000,000"):
        for _ in steps:
            pass


@pytest.mark.slow
@pytest.mark.parametrize("of", ["text", "address", "mask"])
def test_a_million_entries_are_made_in_small_steps(of):
    """500 steps at least, the longest of them far below what the whole takes; each entry is found."""
    draw = random.Random(1)
    unit = {
        "text": lambda n: b"publisher-%08d" % n,
        "address": lambda n: b"%d.%d.%d.%d" % (n >> 16 & 255, n >> 8 & 255, n & 255, n % 7),
        "mask": lambda n: b"*agent-%d-%06x*" % (n % 10, n),
    }[of]
    count = 1_000_000 if of == "text" else 100_000
    entries = sorted({unit(n) for n in range(count)})
    written, longest, began = bytearray(), 0.0, time.process_time()
    last, steps = began, 0
    for _ in build(of, iter(entries), written.extend):
        now = time.process_time()
        longest, last, steps = max(longest, now - last), now, steps + 1
    whole = time.process_time() - began
    assert steps >= len(entries) / 2_000
    assert longest < max(0.1, whole / 10)
    contents = ListFile(bytes(written)).contents()
    for entry in draw.sample(entries, 2_000):
        assert contents.holds(entry.decode().replace("*", ""))
    assert not any(contents.holds(f"nobody-{n}") for n in range(1_000))
