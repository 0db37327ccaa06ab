"""How a screen looks: a picture for the eye, axe-core, and nothing that sticks out."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.rig import ROOT
from tests.screens.browser import SCHEMES, Scheme, Size, shot

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"


def faults_of_axe(page: Page, *, colours: bool = False) -> list[str]:
    """What axe-core says against the page as it is now; `colours`: against its contrasts only."""
    if not page.evaluate("!!window.axe"):
        page.add_script_tag(path=AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    contrast = {"type": "rule", "values": ["color-contrast"]}
    options = {"runOnly": contrast if colours else {"type": "tag", "values": tags}}
    found: Any = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def nothing_sticks_out(page: Page, name: str) -> None:
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{name} sticks out by {too_wide} px"


def looks_right(page: Page, name: str, size: Size, scheme: Scheme) -> None:
    shot(page, f"{name}-{size}-{scheme}")
    nothing_sticks_out(page, name)
    assert faults_of_axe(page) == []


def open_in_light(page: Page, path: str) -> None:
    """The screen at `path`, when it has come to rest."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('.stale')")
    page.wait_for_timeout(300)


def looks_right_in_both(page: Page, name: str, size: Size) -> None:
    """In light, then in dark, which changes colours only: a whole look of axe-core takes long."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shot(page, f"{name}-{size}-{scheme}")
        assert faults_of_axe(page, colours=scheme == "dark") == [], (name, size, scheme)
    nothing_sticks_out(page, name)
