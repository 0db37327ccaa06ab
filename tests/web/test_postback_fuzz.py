"""Whatever is sent, the door answers, keeps no secret, and never takes for proven what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.http.public import bodies, postback
from appliance.http.public.request import Request
from appliance.model.table import NetworkEntry
from appliance.routing.compile import decode_part
from tests.web.affiliates import NETWORKS, parts

TABLE: dict[str, NetworkEntry] = {
    entry.slug: entry for entry in decode_part(parts()[0].frames) if isinstance(entry, NetworkEntry)
}
SECRETS = [each for network in NETWORKS for each in (network.secret, *network.secrets) if len(each) > 6]
SIGNED = {"signed", "digistore", "clickbank"}
_names = st.sampled_from(
    ["click_id", "cid", "transaction_id", "secret", "token", "api_token", "signature", "hmac", "sha_sign",
     "notification", "iv", "order", "auth", "$.auth.token", "network", "x", "", "=", "[0]"]
)  # fmt: skip
_texts = st.one_of(st.text(max_size=20), st.sampled_from([*SECRETS, "0", "{click_id}", "open", "signed"]))
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names | _texts, inner, max_size=3)),
    max_leaves=8,
)
_queries = st.one_of(
    st.binary(max_size=60),
    st.lists(st.tuples(_names, _texts), max_size=5).map(
        lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
    ),
)
_bodies = st.one_of(
    _queries,
    st.dictionaries(_names, _json, max_size=5).map(
        lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
    ),
)
_kinds = st.sampled_from(
    [b"", b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"text/xml", b"\xff;"]
)
_headers = st.dictionaries(
    st.sampled_from([b"authorization", b"x-secret", b"key", b"x-signature", b"x-hub-signature-256"]),
    st.one_of(st.binary(max_size=40), st.sampled_from([f"Bearer {each}".encode() for each in SECRETS])),
    max_size=3,
)
_addresses = st.sampled_from(["203.0.113.7", "198.51.100.1", "::1", "", "no address"])


def sent(method: bytes, body: bytes, kind: bytes, headers: dict[bytes, bytes]) -> Request:
    request = Request()
    request.method, request.body, request.headers = method, body, {**headers, b"content-type": kind}
    return request


_methods = st.sampled_from([b"GET", b"POST"])


@given(st.sampled_from([*TABLE, None]), _methods, _queries, _bodies, _kinds, _headers, _addresses)
@example("nested", b"POST", b"", b'{"auth": {"token": {"a": "nested-secret"}}}', b"", {}, "::1")
@example("open", b"POST", b"", b'{"cid": ' + b"[" * 900 + b"]" * 900 + b"}", b"application/json", {}, "::1")
def test_the_door_always_answers_and_keeps_no_secret(
    slug: str | None, method: bytes, query: bytes, body: bytes, kind: bytes, headers: dict[bytes, bytes],
    address: str,
) -> None:  # fmt: skip
    found = postback.read(slug, query, sent(method, body, kind, headers), TABLE, address)
    assert found.status in (200, 400, 403, 404) and (found.status == 200) == (found.reason == "")
    if found.status == 200:
        reply = postback.accepted(found, "01a201dc")
        assert reply.status == 200 and b"\r\n\r\n" not in reply.head
        assert found.network is not None and found.network.slug not in SIGNED, "nobody signed this"
    elif found.network is not None:
        assert postback.refusal(found).status == found.status
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found.params)) == found.params
    assert len(found.params) <= bodies.MAX_FIELDS
    assert all(len(name) <= bodies.MAX_NAME for name in found.params)
    if found.network is not None:
        assert not network_secrets(found.network.slug) & set(said(found.params))


def said(params: dict[str, str]) -> Iterator[str]:
    """Every value, and every text and key of those that are JSON."""
    yield from params.values()
    for value in params.values():
        try:
            waiting = [json.loads(value)]
        except (ValueError, RecursionError):
            continue
        while waiting:
            match waiting.pop():
                case dict() as found:
                    waiting += [*found, *found.values()]
                case list() as found:
                    waiting += found
                case str() as found:
                    yield found


def network_secrets(slug: str) -> set[str]:
    network = next(each for each in NETWORKS if each.slug == slug)
    return {each for each in (network.secret, *network.secrets) if each in SECRETS}


@given(_json)
def test_what_is_kept_of_json_is_json(value: Any) -> None:
    kept = bodies.texts([("a", value)], lambda text: False).get("a")
    if isinstance(value, dict | list) and kept is not None:
        json.loads(kept)
