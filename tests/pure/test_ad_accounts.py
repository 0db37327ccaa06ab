"""What makes accounts, pixels and subscriptions good, and where a pixel's events go."""

from __future__ import annotations

import os
from typing import Any

import pytest

from appliance.access.vault import Vault
from appliance.model.catalog import AdAccount, EventRow, Pixel, PlatformName, Subscription
from appliance.partners.listed import listed_faults
from appliance.partners.mapping import usual
from appliance.partners.roster import PLATFORMS
from appliance.partners.wayfinding import TOKEN, Ways, setting

VAULT = Vault(b"s" * 32, (), os.urandom)


def paths(entity: AdAccount | Pixel | Subscription) -> list[str]:
    return [problem.path for problem in listed_faults(entity)]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"platform": "google", "dry_run": True}, []),
        ({"platform": "google", "dry_run": False}, ["settings.customer_id", "token"]),
        ({"platform": "taboola", "dry_run": False}, ["accept_experimental"]),
        ({"platform": "taboola", "dry_run": False, "accept_experimental": True}, []),
        ({"platform": "taboola"}, []),
        ({"platform": "openai", "dry_run": False, "token": "t"}, ["accept_experimental"]),
        ({"dry_run": False, "token": "t"}, []),
        ({"token": "a b"}, ["token"]),
        ({"token": "a\x00b"}, ["token"]),
        ({"token": "t" * 8_193}, ["token"]),
        ({"token": VAULT.seal("t" * 8_000, TOKEN)}, []),
        ({"settings": {"api_version": "v25.0", "app_secret": "x"}}, []),
        ({"settings": {"customer_id": "1"}}, ["settings.customer_id"]),
        ({"settings": {"api_version": "x" * 2_049}}, ["settings.api_version"]),
        ({"settings": {"url": "ftp://x"}}, ["settings.url"]),
        ({"settings": {"url": "http://[::1"}}, ["settings.url"]),
        ({"settings": {"url": "http://127.0.0.1:9/x"}}, []),
        ({"requests_per_minute": 0}, ["requests_per_minute"]),
        ({"requests_per_minute": 60_001}, ["requests_per_minute"]),
    ],
)
def test_accounts(fields: dict[str, Any], wrong: list[str]) -> None:
    assert paths(AdAccount(**fields)) == wrong


def row(**fields: Any) -> EventRow:
    return EventRow(**{"event_name": "Purchase", **fields})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"code": ""}, ["code"]),
        ({"code": "a b"}, ["code"]),
        ({"statuses": ("sale", "sold")}, ["statuses[1]"]),
        ({"types": ("",)}, ["types[0]"]),
        ({"campaign_ids": tuple(range(1, 202))}, ["campaign_ids"]),
        ({"page_url": "/x"}, ["page_url"]),
        ({"page_url": "https://shop.example/"}, []),
        ({"mapping": (row(),) * 51}, ["mapping"]),
        ({"mapping": (row(event_name=" "),)}, ["mapping[0].event_name"]),
        ({"mapping": (row(), row(statuses=("hold",)))}, ["mapping[1].statuses[0]"]),
        ({"mapping": (row(statuses=("hold",)),), "statuses": ()}, []),
        ({"mapping": (row(count="conversions"),)}, ["mapping[0].count"]),
        ({"mapping": (row(when="interpreted", count="lander_searches"),)}, []),
        ({"mapping": (row(when="interpreted", statuses=("sale",)),)}, ["mapping[0].statuses"]),
        ({"mapping": (row(custom={"value": "1"}),)}, ["mapping[0].custom.value"]),
        ({"mapping": (row(custom={"Email": "{sub1}"}),)}, ["mapping[0].custom.Email"]),
        ({"mapping": (row(custom={"a b": "x"}),)}, ["mapping[0].custom.a b"]),
        ({"mapping": (row(custom={"a": "{sub1} {nothing}"}),)}, ["mapping[0].custom.a"]),
        ({"mapping": (row(custom={"a": "{keyword}"}),)}, ["mapping[0].custom.a"]),
        ({"mapping": (row(when="interpreted", custom={"a": "{keyword}"}),)}, []),
        ({"mapping": (row(when="interpreted", custom={"a": "{sub1}"}),)}, ["mapping[0].custom.a"]),
    ],
)
def test_pixels(fields: dict[str, Any], wrong: list[str]) -> None:
    assert paths(Pixel(**{"ad_account_id": 1, "code": "px", **fields})) == wrong


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"campaign_id": "1"}, []),
        ({"campaign_id": ""}, ["campaign_id"]),
        ({"campaign_id": " 1"}, ["campaign_id"]),
        ({"campaign_id": "1", "network": "x" * 201}, ["network"]),
        ({"campaign_id": "1", "traffic_source": "a\nb"}, ["traffic_source"]),
    ],
)
def test_subscriptions(fields: dict[str, Any], wrong: list[str]) -> None:
    assert paths(Subscription(**fields)) == wrong


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_usual_rows_are_good_rows(platform: PlatformName) -> None:
    assert paths(Pixel(ad_account_id=1, code="px", mapping=tuple(usual(PLATFORMS[platform])))) == []


# Where a pixel's events go


def account(**fields: Any) -> AdAccount:
    sealed = {"token": VAULT.seal("tok", TOKEN)}
    return AdAccount(**{"id": 1, "name": "Main", "dry_run": False, **sealed, **fields})


def pixel(**fields: Any) -> Pixel:
    return Pixel(**{"id": 7, "ad_account_id": 1, "code": "px", **fields})


def test_a_way_has_its_secrets_opened() -> None:
    ways = Ways(VAULT.open)
    settings = {"app_secret": VAULT.seal("app", setting("app_secret")), "api_version": "v25.0"}
    ways.configure([account(settings=settings, requests_per_minute=60)], [pixel(test_code="T1")])
    way = ways.way("pixel:7")
    assert way is not None
    assert way.pixel == ("px", "tok", {"app_secret": "app", "api_version": "v25.0"}, "T1")
    assert (way.account, way.name, way.per_minute) == ("account:1", "Main", 60)
    assert (way.dry_run, way.held, way.gone, way.missing) == (False, False, False, "")
    assert ways.way("pixel:8") is None and ways.way("postback:7") is None


@pytest.mark.parametrize(
    ("of_account", "of_pixel", "then"),
    [
        ({"status": "paused"}, {}, (True, False, "")),
        ({}, {"status": "paused"}, (True, False, "")),
        ({"archived": True}, {}, (False, True, "")),
        ({}, {"archived": True}, (False, True, "")),
        ({"token": ""}, {}, (True, False, "it has no token")),
        ({"token": "", "dry_run": True}, {}, (False, False, "")),
        # Whoever pauses an account wants it to wait.
        ({"token": "", "status": "paused"}, {}, (True, False, "")),
        ({"platform": "google"}, {}, (True, False, "it has no customer_id")),
        ({"platform": "taboola", "token": ""}, {}, (False, False, "")),
    ],
)
def test_what_is_held_and_what_is_gone(
    of_account: dict[str, Any], of_pixel: dict[str, Any], then: tuple[bool, bool, str]
) -> None:
    ways = Ways(VAULT.open)
    ways.configure([account(**of_account)], [pixel(**of_pixel)])
    way = ways.way("pixel:7")
    assert way is not None and (way.held, way.gone, way.missing) == then


def test_a_token_that_cannot_be_opened_holds_its_account_and_no_other() -> None:
    other = Vault(b"o" * 32, (), os.urandom)
    ways = Ways(VAULT.open)
    ways.configure(
        [account(token=other.seal("x", TOKEN)), account(id=2)], [pixel(), pixel(id=8, ad_account_id=2)]
    )
    first, second = ways.way("pixel:7"), ways.way("pixel:8")
    assert first is not None and second is not None
    assert first.held and other.key_id in first.missing and first.pixel.token == ""
    assert not second.held


def test_who_is_asked_in_another_way_is_named() -> None:
    ways = Ways(VAULT.open)
    both = [pixel(), pixel(id=8, ad_account_id=2)]
    assert ways.configure([account(), account(id=2)], both) == []
    assert ways.configure([account(name="Renamed"), account(id=2)], both) == []
    assert ways.configure([account(token=VAULT.seal("new", TOKEN)), account(id=2)], both) == ["account:1"]
    # The same token sealed anew is the same token.
    assert ways.configure([account(token=VAULT.seal("new", TOKEN)), account(id=2)], both) == []
    assert ways.configure([account(status="paused"), account(id=2, dry_run=True)], both) == [
        "account:1", "account:2",
    ]  # fmt: skip
