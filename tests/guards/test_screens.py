"""The screens' sources and their build keep what ui.md of the design asks: tokens, sizes, nothing inline."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.rig import ROOT

UI = ROOT / "ui"
FIRST_PAINT = 100_000
"""Bytes of JavaScript and CSS, gzipped."""
LONGEST_COMPONENT = 200
VALUE = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|oklab)a?\(|(?<![\w.-])\d*\.?\d+(?:px|rem|pt)\b")


def sources(*suffixes: str) -> list[Path]:
    return sorted(path for path in (UI / "src").rglob("*") if path.suffix in suffixes)


def test_colours_and_sizes_stand_in_the_tokens_only() -> None:
    found = []
    for path in sources(".css"):
        if path.name == "tokens.css":
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        found += [f"{path.name}: {match.group()}" for match in VALUE.finditer(text)]
    assert found == []


def test_no_component_is_longer_than_one_idea() -> None:
    files = [path for path in sources(".ts", ".tsx") if path.name != "api.ts"]
    lengths = {path.name: len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST_COMPONENT} == {}


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = (UI / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", page)
    for path in sources(".ts", ".tsx", ".css"):
        text = path.read_text()
        assert not re.search(r"dangerouslySetInnerHTML|innerHTML|\beval\(|new Function|@import url", text), (
            path
        )
        outside = re.findall(r"https?://(?!www\.w3\.org|offer\.example)[\w.]+", text)
        assert outside == [], path


def test_parts_know_no_screen() -> None:
    for path in (UI / "src" / "parts").iterdir():
        assert not re.search(r'from "\.\./(?:screens|live|session|api|names)', path.read_text()), path


@pytest.mark.skipif(not (UI / "dist" / "index.html").is_file(), reason="the screens are not built: make ui")
def test_the_first_paint_is_small() -> None:
    page = (UI / "dist" / "index.html").read_text()
    names = re.findall(r'(?:src|href)="/assets/([^"]+\.(?:js|css))"', page)
    assert {Path(name).suffix for name in names} == {".js", ".css"}
    sizes = {name: len(gzip.compress((UI / "dist" / "assets" / name).read_bytes())) for name in names}
    assert sum(sizes.values()) < FIRST_PAINT, sizes
    for name in names:
        assert (UI / "dist" / "assets" / f"{name}.br").is_file()
        assert (UI / "dist" / "assets" / f"{name}.gz").is_file()
