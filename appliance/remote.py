"""`weir call --url`: one operation of a Weir elsewhere, through its REST door (operations/routes.py).

What `call.py` promises holds here too: the answer on stdout, an error on stderr in the one shape.
"""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import msgspec

from appliance.call import LONGEST_ANSWER_WAIT, LONGEST_FILLING_WAIT, fail, show
from appliance.errors import Refused, WeirError
from appliance.operations import registry, routes
from appliance.operations.lists import FILLED
from appliance.operations.registry import error_shape

_BLOCK = 1 << 16


def call(
    url: str,
    token: str,
    name: str,
    payload: str,
    out: IO[str],
    err: IO[str],
    entries: IO[bytes] | None = None,
) -> int:
    """Call `name` at `url` with the JSON text `payload`; the exit code: 0, or 1 after an error on stderr.

    `entries` are those of a list, one a line, however many.
    """
    try:
        method, target, body = _request(name, payload)
        if entries is None:
            return _exchange(url, token, method, target, body, "application/json", out, err)
        if name not in FILLED:
            raise Refused(f"{name} takes no entries; {', '.join(FILLED)} do")
        if body != b"{}":
            raise Refused("beside --entries the payload is the list's id alone")
        return _exchange(url, token, method, target, entries, "text/plain", out, err)
    except WeirError as fault:
        show(msgspec.json.encode(error_shape(fault)), err)
        return 1
    except TimeoutError:
        return fail(err, "unavailable", "no answer came in time")
    except (OSError, http.client.HTTPException) as fault:
        return fail(err, "unavailable", f"no Weir answers at {url}: {fault}")


def token_in(path: Path) -> str:
    """The token in a file. Raises Refused."""
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise Refused(f"the token file cannot be read: {fault}") from None
    if not found or not found.isascii() or not found.isprintable():
        raise Refused(f"{path} holds no token")
    return found


def _request(name: str, payload: str) -> tuple[str, str, bytes | None]:
    found = registry.load_all().get(name)
    if found is None:
        raise registry.NoSuchOperation(f"there is no operation {name[:80]!r}; `weir operations` lists them")
    if "rest" in found.closed_at:
        raise registry.NoSuchOperation(f"{name} is not offered here: {found.closed_at['rest']}")
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as fault:
        raise Refused(f"the payload is no JSON: {fault}") from None
    if not isinstance(value, dict):
        raise Refused("the payload is no JSON object")
    return routes.request(found, value)


def _exchange(
    url: str,
    token: str,
    method: str,
    target: str,
    body: bytes | IO[bytes] | None,
    content_type: str,
    out: IO[str],
    err: IO[str],
) -> int:
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url} is no address such as https://weir.example.com")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = content_type
    wait = LONGEST_ANSWER_WAIT if content_type == "application/json" else LONGEST_FILLING_WAIT
    connection = (
        http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=wait, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=wait)
    )
    try:
        connection.request(method, parts.path.rstrip("/") + target, body, headers)
        answer = connection.getresponse()
        if answer.status < 300 and answer.getheader("Content-Disposition"):
            while block := answer.read(_BLOCK):
                out.buffer.write(block)  # type: ignore[attr-defined]  # a file is bytes
            out.flush()
            return 0
        text = answer.read()
        if answer.getheader("Content-Type", "").partition(";")[0] != "application/json":
            return fail(err, "unavailable", f"what answers at {url} is no Weir (HTTP {answer.status})")
        show(text, out if answer.status < 300 else err)
        return 0 if answer.status < 300 else 1
    finally:
        connection.close()
