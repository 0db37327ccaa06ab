"""Pages of the operator's own, served at /p/{slug}."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from appliance.operations.nouns import UNSET, Change, Listing, Request, UnsetType, offer


class List(Listing, frozen=True, kw_only=True):
    """At most 50 at once: each may be 256 KiB."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 20
    slug: str | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`{query.NAME}` and `{origin}` in the body are filled in, HTML-escaped; at most 256 KiB."""

    name: str
    slug: str
    body: str
    content_type: str = "text/html; charset=utf-8"


class ChangePage(Change, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    body: str | UnsetType = UNSET
    content_type: str | UnsetType = UNSET


offer(
    "page",
    "pages",
    listing=List,
    create=Create,
    change=ChangePage,
    example={"name": "Pre-lander", "slug": "pre", "body": "<h1>Hello</h1><p>Click {query.click_id}</p>"},
    change_example={"body": "<h1>Goodbye</h1>"},
    by_slug=True,
)
