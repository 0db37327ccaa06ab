"""What a visitor is shown for a decision: a status, a place to go, a page.

Every value is escaped for its place. A page of ours has its URL in HTML attributes and nowhere else; its
script is the same for every visitor, so that the Content-Security-Policy names it by its hash and nothing
that came with a request can run.
"""

from __future__ import annotations

import html
from base64 import b64encode
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from appliance.http.public.replies import JSON, TEXT
from appliance.routing import verdicts
from appliance.routing.answers import CompiledAnswer
from appliance.routing.decision import Decision
from appliance.routing.seals import LONGEST, opened, seal

HTML = b"text/html; charset=utf-8"
HOP = b"double meta"
"""What the second page of a double meta is sealed for."""
_HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
_GO = "location.replace(document.getElementById('go').href)"
# Not form.submit(): a field of that name would take its place.
_POST = "HTMLFormElement.prototype.submit.call(document.getElementById('go'))"


class Shown(NamedTuple):
    """`location` is where a redirect leads, "" for any other; `headers` are further header lines."""

    status: int
    location: str = ""
    content_type: bytes = TEXT
    body: bytes = b""
    headers: bytes = b""


def _policy(script: str = "", more: str = "") -> bytes:
    """Header lines of a page of ours: it may do what it is for, and nothing else."""
    allowed = (
        f" script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}';" if script else ""
    )
    policy = f"default-src 'none';{allowed}{more} base-uri 'none'"
    return f"Content-Security-Policy: {policy}\r\nX-Content-Type-Options: nosniff\r\n".encode()


_META = _policy()
_HIDING = _META + b"Referrer-Policy: no-referrer\r\n"
_JS = _policy(_GO)
_FRAME = _policy("", " frame-src http: https:; style-src 'unsafe-inline';")
_FORM = _policy(_POST, " form-action http: https:;")
_NOSNIFF = b"X-Content-Type-Options: nosniff\r\n"


def shown(decision: Decision, key: bytes = b"") -> Shown:
    """How a decision looks. `key` seals the second page of a double meta: without it there is one."""
    answer = decision.answer
    if decision.kind == verdicts.TO_REPLY:
        return Shown(decision.status, body=decision.text.encode())
    if answer is None:
        return Shown(302, decision.url)
    if answer.kind == "redirect":
        return Shown(answer.status, decision.url)
    if not answer.leads:
        return _own(answer, decision.text.encode())
    url = decision.url
    match answer.kind:
        case "meta":
            return _page(_refresh(url), _META)
        case "double_meta":
            return _page(_refresh(_second(url, key) or url), _HIDING)
        case "js":
            link = f'<a id="go" href="{html.escape(url)}">Continue</a><script>{_GO}</script>'
            return _page(f"</head><body>{link}</body></html>", _JS)
        case "iframe":
            style = "<style>html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block}</style>"
            frame = f'<iframe src="{html.escape(url)}"></iframe>'
            return _page(f"{style}</head><body>{frame}</body></html>", _FRAME)
        case "form_post":
            return _page(_form(url), _FORM)
    return Shown(302, url)  # a kind of a newer version: its visitors still arrive


def second(key: bytes, sealed: str) -> Shown | None:
    """The second page of a double meta, for a text that `shown` sealed."""
    payload = opened(key, HOP, sealed)
    return None if payload is None else _page(_refresh(payload.decode("ascii", "replace")), _HIDING)


def _second(url: str, key: bytes) -> str:
    """The path of the second page; "" when the URL is too long to be carried there."""
    sealed = seal(key, HOP, url.encode("ascii", "replace"))
    return f"/m/{sealed}" if 0 < len(sealed) <= LONGEST else ""


def _own(answer: CompiledAnswer, body: bytes) -> Shown:
    match answer.kind:
        case "html":
            return Shown(answer.status, "", HTML, body, _NOSNIFF)
        case "json":
            return Shown(answer.status, "", JSON, body, _NOSNIFF)
        case "text":
            return Shown(answer.status, "", TEXT, body, _NOSNIFF)
    return Shown(answer.status)


def _page(rest: str, headers: bytes) -> Shown:
    return Shown(200, "", HTML, (_HEAD + rest).encode("utf-8", "replace"), headers)


def _refresh(url: str) -> str:
    # Quoted inside the attribute: without quotes some browsers end the URL at its first comma or semicolon.
    place = html.escape(url.replace("'", "%27"))
    return (
        f'<meta http-equiv="refresh" content="0;url=&#x27;{place}&#x27;"></head>'
        f'<body><a href="{place}">Continue</a></body></html>'
    )


def _form(url: str) -> str:
    """A form that posts the URL's parameters to the rest of it."""
    split = urlsplit(url)
    action = html.escape(split._replace(query="", fragment="").geturl())
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in parse_qsl(split.query, keep_blank_values=True, errors="replace")
    )
    button = "<noscript><button>Continue</button></noscript>"
    form = f'<form id="go" method="post" action="{action}">{fields}{button}</form>'
    return f"</head><body>{form}<script>{_POST}</script></body></html>"
