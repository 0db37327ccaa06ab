"""The routing table on the wire: parts named by content, so that only what changed travels.

A part holds msgpack frames of the tagged entries below. Its digest is the BLAKE2b-128 of its frames.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from appliance.model.catalog import Campaign, Destination, Link, ListKind, Page, Source, Stream
from appliance.model.wire import decoder


class CampaignEntry(Struct, frozen=True, array_like=True, tag="campaign"):
    """A campaign as an edge may know it: `secret` is the SHA-256 of its secret in hex, or ""."""

    campaign: Campaign


class StreamEntry(Struct, frozen=True, array_like=True, tag="stream"):
    stream: Stream


class DestinationEntry(Struct, frozen=True, array_like=True, tag="destination"):
    destination: Destination


class SourceEntry(Struct, frozen=True, array_like=True, tag="source"):
    source: Source


class LinkEntry(Struct, frozen=True, array_like=True, tag="link"):
    link: Link


class PageEntry(Struct, frozen=True, array_like=True, tag="page"):
    page: Page


class ListEntry(Struct, frozen=True, array_like=True, tag="list"):
    """A named list: its entries lie in the file `digest` below the data directory, "" for none."""

    id: int
    of: ListKind
    digest: str


class NetworkEntry(Struct, frozen=True, array_like=True, tag="network"):
    """A network as an edge may know it: the digests of its secrets, and the secrets only where it signs.

    `secrets` are SHA-256 digests, empty when none is asked for; `click_id_params` and `transaction_params`
    are the names (attribution/template.py) that may carry these, in order, `secret_params` those that may
    carry the secret (and are never journaled). With a `signature` (catalog.Network) no secret comes along:
    `keys` are what it is checked with. `allow` are addresses and networks that may send, () for all. `reply`
    is what an accepted postback is answered, "" for the usual. `buyer` are the places of what it says of who
    bought (model/postbacks.BUYER_FIELDS), `layout` what its postbacks are as interpreted events.
    """

    id: int
    slug: str
    active: bool
    secrets: tuple[bytes, ...]
    click_id_params: tuple[str, ...]
    secret_params: tuple[str, ...] = ("secret", "token", "key")
    transaction_params: tuple[str, ...] = ()
    signature: str = ""
    keys: tuple[bytes, ...] = ()
    allow: tuple[str, ...] = ()
    reply: str = ""
    buyer: tuple[tuple[str, tuple[str, ...]], ...] = ()
    layout: str = ""


class IntakeEntry(Struct, frozen=True, array_like=True, tag="intake"):
    """An ad account whose interpreted events POST /api/events takes; `digest` is its token's SHA-256."""

    ad_account_id: int
    digest: bytes


class SettingsEntry(Struct, frozen=True, array_like=True, tag="settings"):
    """Routing settings from the configuration: what happens to a click that no destination takes."""

    trafficback_url: str = ""
    no_route_status: int = 404
    no_route_text: str = "Nothing here."
    count_bots: bool = True
    currency: str = "USD"
    max_trafficback_depth: int = 3
    seal: bytes = b""
    """Signs what visitors carry from a landing page to its exits (routing/seals.py); empty: nothing is."""


Entry = (
    CampaignEntry
    | StreamEntry
    | DestinationEntry
    | SourceEntry
    | LinkEntry
    | PageEntry
    | ListEntry
    | NetworkEntry
    | SettingsEntry
    | IntakeEntry
)

decode_entry: Callable[[bytes], Entry] = decoder(Entry)


class Part(Struct, frozen=True, array_like=True):
    """`name` is stable (`campaign/12`, `destination/07`), `digest` the hash of `frames`.

    `frames` is empty while `file` names a file below the data directory that holds them (msgpack list).
    """

    name: str
    digest: str
    frames: tuple[bytes, ...] = ()
    file: str = ""


class TableUpdate(Struct, frozen=True, tag="table"):
    """Core → edge: with `removed` gone and `parts` put, the edge has the parts of `digests` and no others."""

    revision: int
    compiled_us: int
    parts: tuple[Part, ...]
    removed: tuple[str, ...]
    total_parts: int
