"""The demo is ordinary catalog data that passes every check, and its lines can be typed."""

from __future__ import annotations

import shlex

import pytest

from appliance.model.catalog import Destination, Page, Stream
from appliance.operations import demo
from appliance.routing.checks import check
from appliance.routing.holdings import Holdings


def test_every_entity_passes_in_the_order_given() -> None:
    holdings = Holdings()
    for kind, entity in demo.entities():
        assert check(kind, entity, holdings) == []
        holdings.put(kind, entity)
    assert all(holdings.counts[k] for k in ("campaign", "stream", "destination", "source", "network", "link"))


def test_the_first_stream_splits_evenly_and_a_default_follows() -> None:
    split, default = sorted(
        (e for _, e in demo.entities() if isinstance(e, Stream)), key=lambda s: s.position
    )
    assert [target.weight for target in split.targets] == [50, 50]
    assert len(default.targets) == 1
    assert split.rules == default.rules == ()


def test_the_pages_are_what_the_destinations_lead_to_and_need_no_script() -> None:
    pages = {page.slug: page for _, page in demo.entities() if isinstance(page, Page)}
    urls = [entity.url for _, entity in demo.entities() if isinstance(entity, Destination)]
    assert sorted(f"/p/{slug}?click_id={{click_id}}" for slug in pages) == sorted(urls)
    for page in pages.values():
        assert "<script" not in page.body
        assert "http" not in page.body.replace("{origin}", ""), "nothing is fetched from elsewhere"
        assert "{origin}/pb/demo?click_id={encoded.click_id}&amp;transaction_id=" in page.body


def test_the_lines_name_this_appliance_and_survive_a_shell() -> None:
    click, postback, report = demo.lines_to_try("0.0.0.0:8080", "./my data")
    assert "http://127.0.0.1:8080/c/demo" in click
    url = shlex.split(postback)[1]
    assert url.startswith("http://127.0.0.1:8080/pb/demo?click_id=$CLICK&transaction_id=$CLICK&payout=1.50")
    words = shlex.split(report)
    assert words[-5:] == ["--data", "./my data", "call", "reports.overview", "{}"]


@pytest.mark.parametrize(
    ("bound", "shown"),
    [
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("[::]:8080", "[::1]:8080"),
        ("192.0.2.7:8080", "192.0.2.7:8080"),
        ("[2001:db8::1]:1", "[2001:db8::1]:1"),
    ],
)
def test_everywhere_is_shown_as_this_machine(bound: str, shown: str) -> None:
    assert demo.reachable(bound) == shown


def test_the_lines_name_the_domain_of_tracked_links() -> None:
    click, postback, _ = demo.lines_to_try("0.0.0.0:80", "./data", "go.example.com")
    assert "http://go.example.com/c/demo" in click and "http://go.example.com/pb/demo" in postback
    click, *_ = demo.lines_to_try("[::]:8080", "./data", "go.example.com")
    assert "http://go.example.com:8080/c/demo" in click


def test_what_a_visitor_is_to_copy_into_a_shell_holds_nothing_the_shell_would_run() -> None:
    [page, _] = [page for _, page in demo.entities() if isinstance(page, Page)]
    command = page.body.split("<pre>")[1].split("</pre>")[0]
    assert "{query." not in command
