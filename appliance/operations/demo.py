"""What a new data directory begins with: one campaign, two offers on pages of this appliance, a network.

All of it is ordinary catalog data: the operator may change or archive any of it.
"""

from __future__ import annotations

import html
import shlex
import shutil
import sys
from pathlib import Path

from appliance.model.catalog import Campaign, Destination, Entity, Kind, Link, Network, Page, Source, Stream
from appliance.model.rules import Target

SLUG = "demo"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo offer %(letter)s</title>
<style>
  :root { color-scheme: light dark }
  body { margin: 0; font: 17px/1.55 system-ui, sans-serif; background: #f3f6f8; color: #17212b }
  main { max-width: 46rem; margin: 8vh auto; padding: 2.2rem; background: #fff; border-radius: 14px;
         border-top: 6px solid %(color)s; box-shadow: 0 10px 40px rgba(20, 40, 60, .09) }
  h1 { margin: 0 0 .3rem; font-size: 1.6rem }
  p { margin: .8rem 0 }
  code, pre { font: 14px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace }
  code { background: #eaf0f4; padding: .12em .4em; border-radius: 5px; overflow-wrap: anywhere }
  pre { background: #17212b; color: #e7eef4; padding: 1rem 1.1rem; border-radius: 9px;
        white-space: pre-wrap; overflow-wrap: anywhere }
  small { color: #5c6b79 }
  @media (prefers-color-scheme: dark) {
    body { background: #10161c; color: #dfe7ee }
    main { background: #1a232c }
    code { background: #26323d }
    pre { background: #0c1116 }
  }
</style>
<main>
  <h1>You reached demo offer %(letter)s</h1>
  <p>Weir routed this visit here and recorded it. Its click id:</p>
  <p><code>{query.click_id}</code></p>
  <p>Now play the affiliate network and report a sale of 1.50 USD for it:</p>
  <pre>%(postback)s</pre>
  <p>Then ask for the report, on the machine where Weir runs:</p>
  <pre>weir call reports.overview '{}'</pre>
  <p><small>This page, its campaign, network and destinations are ordinary entries of your catalog:
  <code>weir call campaigns.list</code>.</small></p>
</main>
</html>
"""


def entities() -> list[tuple[Kind, Entity]]:
    """In an order in which each refers only to earlier ones; ids are given because the catalog is empty."""
    split = (Target(destination_id=1, weight=50), Target(destination_id=2, weight=50))
    return [
        ("network", Network(id=1, name="Demo network", slug=SLUG, currency="USD")),
        ("source", Source(id=1, name="Demo source", currency="USD")),
        ("page", _page(1, "a", "#0b8457")),
        ("page", _page(2, "b", "#2a6fdb")),
        ("destination", _offer(1, "a")),
        ("destination", _offer(2, "b")),
        (
            "campaign",
            Campaign(id=1, name="Demo campaign", slug=SLUG, public_id=SLUG, source_id=1, currency="USD"),
        ),
        ("stream", Stream(id=1, name="Both offers, half each", campaign_id=1, position=10, targets=split)),
        (
            "stream",
            Stream(
                id=2,
                name="Default: offer A",
                campaign_id=1,
                position=1000,
                targets=(Target(destination_id=1),),
            ),
        ),
        (
            "link",
            Link(
                id=1,
                name="Demo link",
                token=SLUG,
                campaign_id=1,
                params={"sub1": "demo-link", "utm_source": "demo"},
            ),
        ),
    ]


def _offer(number: int, letter: str) -> Destination:
    return Destination(
        id=number,
        name=f"Demo offer {letter.upper()}",
        url=f"/p/demo-offer-{letter}?click_id={{click_id}}",
        network_id=1,
    )


def _page(number: int, letter: str, color: str) -> Page:
    postback = _postback("{origin}", "{encoded.click_id}", f"{letter.upper()}-{{encoded.click_id}}")
    shown = {"letter": letter.upper(), "color": color, "postback": html.escape(postback, quote=False)}
    return Page(
        id=number,
        name=f"Demo offer {letter.upper()}",
        slug=f"demo-offer-{letter}",
        body=_PAGE % shown,
    )


def _postback(origin: str, click_id: str, transaction_id: str) -> str:
    """A shell line that reports a sale, as the demo network would."""
    sale = "payout=1.50&currency=USD&status=approved"
    return f'curl "{origin}/pb/{SLUG}?click_id={click_id}&transaction_id={transaction_id}&{sale}"'


def lines_to_try(public: str, data: str, domain: str = "") -> list[str]:
    """Three shell lines that make a click, its conversion and a report; `public` is host:port as bound.

    `domain` is the host name that tracked links have, if it is known.
    """
    here = origin(public, domain)
    click = f"'{here}/c/{SLUG}?sub1=hello&cost=0.10'"
    called = " ".join(shlex.quote(word) for word in (*program(), "--data", data))
    return [
        f"CLICK=$(curl -so /dev/null -w '%{{redirect_url}}' {click} | sed 's/.*click_id=//'); echo $CLICK",
        _postback(here, "$CLICK", "$CLICK"),
        f"{called} call reports.overview '{{}}'",
    ]


def program() -> list[str]:
    """How a person calls this very Weir from a shell in the directory it was started in."""
    compiled = globals().get("__compiled__")
    if launched := getattr(compiled, "original_argv0", None):
        return [launched]  # the one executable; what runs is the copy that it unpacked (build/launch.c)
    beside = Path(sys.executable).with_name("weir")
    if found := shutil.which("weir"):
        return ["weir"] if Path(found).resolve() == beside.resolve() or not beside.exists() else [str(beside)]
    if beside.exists():
        here = Path.cwd()
        return [str(beside.relative_to(here) if beside.is_relative_to(here) else beside)]
    return [sys.executable, "-m", "appliance"]


def origin(bound: str, domain: str = "") -> str:
    """The origin of tracked links."""
    return f"http://{reachable(bound, domain)}"


def reachable(bound: str, domain: str = "") -> str:
    """An address a person can open: `domain`, else one on this machine; "everywhere" is no such address."""
    host, _, port = bound.rpartition(":")
    if domain:
        return domain if port == "80" else f"{domain}:{port}"
    if host in ("0.0.0.0", ""):  # noqa: S104  read, not bound
        host = "127.0.0.1"
    elif host in ("[::]", "::"):
        host = "[::1]"
    return f"{host}:{port}"
