"""What a stream asks of a visit, how it shares its clicks out, and what a destination allows.

Parts of the catalog's entities: stored with them, checked in routing/, compiled into the routing table.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Operator = Literal[
    "eq", "neq", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "gt", "gte", "lt", "lte", "exists", "not_exists", "regex",
    "mask", "not_mask", "cidr", "not_cidr", "in_list", "not_in_list",
]  # fmt: skip


class Window(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Hours of a day, `begin` to `end` by the wall clock, on the ISO weekdays (1 is Monday) it begins on.

    An `end` not after `begin` is on the next day: days [1], 22:00 to 02:00 ends on Tuesday.
    """

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    begin: str = "00:00"
    end: str = "24:00"


class Schedule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Open in any of the windows (none: all day) from `first` until before `last` (local ISO times, "" open).

    All by the clocks of `timezone`, an IANA name.
    """

    timezone: str = "UTC"
    windows: tuple[Window, ...] = ()
    first: str = ""
    last: str = ""


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One test of a visit, or a group of them.

    A test looks at `param` (a query parameter) or `fact` (routing/facts.py lists them) with `operator`; or at
    the clock with `schedule`. `in`, `not_in`, `cidr` and `not_cidr` take a list, masks one text or a list;
    `exists` and `not_exists` nothing; `in_list` and `not_in_list` a `list_id`. A group has `all` or `any`.
    `negate` turns it round.

    A missing parameter satisfies only neq, not_in, not_contains, not_exists, not_mask, not_cidr and
    not_in_list. A fact that cannot be known makes its test unknown: neither it nor its negation matches.
    Texts are compared case-sensitively; gt/gte/lt/lte compare decimal numbers.
    """

    param: str = ""
    fact: str = ""
    operator: Operator | Literal[""] = ""
    value: str | tuple[str, ...] = ""
    list_id: int | None = None
    schedule: Schedule | None = None
    all: tuple[Rule, ...] = ()
    any: tuple[Rule, ...] = ()
    negate: bool = False


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A destination's share of a stream: it receives weight / sum(weights) of the clicks."""

    destination_id: int
    weight: int = 100


StreamKind = Literal["forced", "regular", "default"]
Simple = Literal["weighted", "waterfall", "round_robin"]
Strategy = Literal["weighted", "waterfall", "round_robin", "best_roi", "adaptive"]


class Distribution(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a stream chooses among its destinations that are open.

    `best_roi` ranks them by ROI over `window_hours`, `adaptive` by what `goal` they reach; a destination with
    less than `min_clicks` in the window leaves best_roi to `fallback`. `floor_percent` is the share that
    adaptive leaves to every destination.
    """

    strategy: Strategy = "weighted"
    window_hours: int = 24
    min_clicks: int = 100
    fallback: Simple = "round_robin"
    goal: Literal["conversions", "revenue"] = "conversions"
    floor_percent: int = 5


class UniquePolicy(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Not the same destination twice for the same `user_key` within the window, while others are open.

    `user_key` is source_click_id, user_agent, address, visitor (the cookie), sub1 to sub30, a utm name, or
    query.NAME. When all were shown, `exhausted_mode` lets them be repeated or leaves none. `skip_converted`:
    never again what this visitor converted on, whatever the mode.
    """

    enabled: bool = True
    user_key: str = "source_click_id"
    history_window_hours: int = 24
    exhausted_mode: Literal["allow_repeat", "no_destination"] = "allow_repeat"
    skip_converted: bool = False


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a stream answers a click.

    The first six kinds lead to the chosen destination: redirect (with `status`), meta, double_meta (the
    referrer is hidden), js, iframe, form_post. The others need none: text, html and json show `body`,
    status answers `status` alone, campaign goes on in `campaign_id`.
    """

    kind: Literal[
        "redirect", "meta", "double_meta", "js", "iframe", "form_post",
        "text", "html", "json", "status", "campaign",
    ] = "redirect"  # fmt: skip
    status: int = 302
    body: str = ""
    campaign_id: int | None = None


Metric = Literal["clicks", "cost", "conversions", "revenue"]


class Cap(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """At most `limit` of a metric in any `window_hours`, or with 0 hours in a calendar day of `timezone`.

    `limit` is a plain decimal number; money counts in `currency`, "" for the appliance's.
    """

    metric: Metric
    limit: str
    window_hours: int = 0
    timezone: str = "UTC"
    currency: str = ""


class Probe(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a destination's health is asked for. `url` "" is the destination's own, its macros left empty.

    Well means one of `statuses` (none: 200 to 399) and `contains` in the answer's first 64 KiB. `down_after`
    failures in a row make it unhealthy, `up_after` successes healthy again.
    """

    url: str = ""
    method: Literal["GET", "HEAD"] = "GET"
    every_s: int = 60
    timeout_s: int = 5
    statuses: tuple[int, ...] = ()
    contains: str = ""
    down_after: int = 3
    up_after: int = 2


class Uniqueness(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What makes a visitor of a campaign and of its streams a new one: nothing seen of `by` for so long.

    The facts unique_campaign and unique_stream are found where a rule asks for them, or of `every_click`.
    """

    by: Literal["address", "address_agent", "cookie"] = "address_agent"
    window_hours: int = 24
    every_click: bool = False


class CostModel(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a click of a source costs: `parameter` reads it, cpc is `amount`, cpm `amount` for a thousand.

    cpa is `amount` for a conversion and revshare `amount` per cent of its revenue; both cost the click 0.
    `amount` is a plain decimal number in the source's currency.
    """

    kind: Literal["parameter", "cpc", "cpm", "cpa", "revshare"] = "parameter"
    amount: str = "0"


class Transparent(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A visible next hop in `param` is followed: to one of `hosts`, or signed with the source's secret.

    `hosts` are exact names, or *.name for all below one. The signature is the parameter `hmac`: HMAC-SHA256
    of the URL, in hex.
    """

    param: str = "lpurl"
    hosts: tuple[str, ...] = ()
