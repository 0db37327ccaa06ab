"""Accounts at ad platforms: the vault of their tokens, and how reporting to each goes."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

from msgspec import Meta, Struct, field, structs

from appliance.access import tokens
from appliance.access.vault import Unopened, Vault
from appliance.errors import FieldProblem, Missing, Refused, Unavailable
from appliance.model.catalog import AdAccount, Entity, Pixel, PlatformName, Status
from appliance.model.history import MASK, SEALED
from appliance.model.platforms import AccountReport
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, Seen, UnsetType, offer, shown
from appliance.operations.period import refuse
from appliance.operations.platform_desk import PlatformDesk
from appliance.operations.registry import Door, operation
from appliance.operations.system import Nothing
from appliance.partners.listed import FASTEST
from appliance.partners.platform import DAY, Platform, Trial, too_old
from appliance.partners.report import Identity, Report
from appliance.partners.roster import PLATFORMS
from appliance.partners.wayfinding import TOKEN, opened, setting, way_of

PerMinute = Annotated[int, Meta(ge=1, le=FASTEST)]

_NOT_BY_TOKEN: dict[Door, str] = {"mcp": "a token makes no others"}

TEST_CODE = "TEST_WEIR"
"""Of test events that a platform only checks, where neither the pixel nor the request has one."""
_AS_IT_MUST = "refused for its age, as it had to be: token and pixel are good, and nothing was counted"


class List(Listing, frozen=True, kw_only=True):
    platform: PlatformName | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    dry_run: bool | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """`token` is what the platform gave you; it and the secret settings are kept encrypted and shown to
    nobody. ad_accounts.platforms names the `settings` of each. In `dry_run`, the default, reports are made
    and checked and none is sent. A platform that is experimental is reported to with `accept_experimental`
    only: what it demands could not be verified."""

    name: str
    platform: PlatformName
    status: Status = "active"
    token: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    dry_run: bool = True
    accept_experimental: bool = False
    requests_per_minute: PerMinute = 600


class ChangeAccount(Change, frozen=True, kw_only=True):
    """A mask sent back as token, or as a setting, leaves it as it is; `settings` replaces all of them."""

    name: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    token: str | UnsetType = UNSET
    settings: dict[str, str] | UnsetType = UNSET
    dry_run: bool | UnsetType = UNSET
    accept_experimental: bool | UnsetType = UNSET
    requests_per_minute: PerMinute | UnsetType = UNSET


async def _sealed(values: dict[str, Any], before: Entity | None, context: Context) -> dict[str, Any]:
    """What is stored of what was sent: secrets sealed, masks replaced by what they stand for."""
    vault = desk_of(context).vault
    assert before is None or isinstance(before, AdAccount)
    plain, had = dict(values), before.settings if before is not None else {}
    if before is not None and plain.get("token") == MASK:
        del plain["token"]
    settings: dict[str, str] = plain.get("settings", {})
    kept = {name: had[name] for name, value in settings.items() if value == MASK and name in had}
    if kept:
        plain["settings"] = {**settings, **kept}
    problems = [FieldProblem("token", _A_MASK)] if _HALF_A_MASK in plain.get("token", "") else []
    problems += [
        FieldProblem(f"settings.{name}", _A_MASK)
        for name, value in plain.get("settings", {}).items()
        if _HALF_A_MASK in value
    ]
    number = before.id if before is not None else None
    refuse([*problems, *await context.catalog.faults("ad_account", number, plain)], _UNSTORED)
    if "token" in plain:
        plain["token"] = vault.seal(plain["token"], TOKEN)
    if "settings" in plain:
        secret = PLATFORMS[plain["platform"] if before is None else before.platform].secret_settings
        plain["settings"] = {
            name: vault.seal(value, setting(name)) if name in secret and name not in kept else value
            for name, value in plain["settings"].items()
        }
    return plain


_A_MASK = "the secret itself, without its mask"
_HALF_A_MASK = MASK[: len(MASK) // 2]
"""In whatever was pasted into a mask, wherever the cursor stood; no platform's secret has it."""
_UNSTORED = "this ad account cannot be stored"

offer(
    "ad_account",
    "ad_accounts",
    listing=List,
    create=Create,
    change=ChangeAccount,
    example={"name": "Summer", "platform": "meta", "token": "EAAB…", "settings": {"api_version": "v25.0"}},
    change_example={"dry_run": False},
    copies=False,
    prepare=_sealed,
)


class Standings(Struct, frozen=True, kw_only=True):
    items: tuple[AccountReport, ...]


@operation("ad_accounts.standings", permission="ad_accounts.read")
async def standings(request: Nothing, context: Context) -> Standings:
    """How reporting to each account goes: queued, accepted, refused by reason, the next deadline and what is
    lost when nobody acts, how well visitors are identified, and why it is paused."""
    return Standings(items=tuple(_seen(each, context) for each in desk_of(context).report()))


def _seen(it: AccountReport, context: Context) -> AccountReport:
    """As far as the caller may know."""
    if context.caller.sees_money:
        return it
    pixels = tuple(structs.replace(each, at_risk={}) for each in it.pixels)
    return structs.replace(it, at_risk={}, pixels=pixels)


class OneAccount(Request, frozen=True, kw_only=True):
    id: Id


@operation("ad_accounts.resume", permission="ad_accounts.write", changes=True, example={"id": 1})
async def resume(request: OneAccount, context: Context) -> AccountReport:
    """Ask the account's platform again now, whatever it refused before: permissions were given, say."""
    desk = desk_of(context)
    await account_of(request.id, context)
    await desk.resume([request.id])
    for report in desk.report():
        if report.account_id == request.id:
            return _seen(report, context)
    raise Missing(f"there is no ad_account {request.id}")


class Renewal(Request, frozen=True, kw_only=True):
    """`revision`: refuse with a conflict unless the account still is at this revision."""

    id: Id
    revision: Seen | None = None


class IntakeToken(Struct, frozen=True, kw_only=True):
    """`intake_token` is for `Authorization: Bearer` at POST /api/events. It is shown here and never again."""

    id: int
    revision: int
    intake_hint: str
    intake_token: str


@operation(
    "ad_accounts.renew_intake_token",
    permission="tokens.write",
    changes=True,
    example={"id": 1},
    closed_at=_NOT_BY_TOKEN,
)
async def renew_intake_token(request: Renewal, context: Context) -> IntakeToken:
    """Make the token with which programs hand in interpreted events; one from before is worth nothing now."""
    secret = tokens.PREFIX + secrets.token_urlsafe(tokens.SECRET_BYTES)
    values = {"intake_hash": tokens.digest(secret), "intake_hint": tokens.hint(secret)}
    made = await context.catalog.change("ad_account", request.id, values, context.caller, request.revision)
    return IntakeToken(
        id=made.id, revision=made.revision, intake_hint=values["intake_hint"], intake_token=secret
    )


@operation("ad_accounts.close_intake", permission="ad_accounts.write", changes=True, example={"id": 1})
async def close_intake(request: Renewal, context: Context) -> AdAccount:
    """Take no more interpreted events for this account: its token is worth nothing from now on."""
    values = {"intake_hash": "", "intake_hint": ""}
    made = await context.catalog.change("ad_account", request.id, values, context.caller, request.revision)
    assert isinstance(made, AdAccount)
    return shown(made)


class FeedAddress(Struct, frozen=True, kw_only=True):
    """`url` is for Google Ads to fetch, HTTPS. It holds the token, is shown here and never again."""

    id: int
    revision: int
    url: str


@operation(
    "ad_accounts.renew_feed",
    permission="tokens.write",
    changes=True,
    example={"id": 1},
    closed_at=_NOT_BY_TOKEN,
)
async def renew_feed(request: Renewal, context: Context) -> FeedAddress:
    """Let Google Ads fetch conversions as a file, instead of sending them: needs no approval and no token. An
    address from before is worth nothing now."""
    account = await account_of(request.id, context)
    if account.platform != "google":
        wrong = FieldProblem("id", f"{account.platform} fetches no files; only google does")
        raise Refused("this account can have no feed", [wrong])
    secret = tokens.PREFIX + secrets.token_urlsafe(tokens.SECRET_BYTES)
    values = {"feed_hash": tokens.digest(secret)}
    made = await context.catalog.change("ad_account", request.id, values, context.caller, request.revision)
    origin = context.system.public
    return FeedAddress(id=made.id, revision=made.revision, url=f"{origin}/feeds/{secret}.csv")


@operation("ad_accounts.close_feed", permission="ad_accounts.write", changes=True, example={"id": 1})
async def close_feed(request: Renewal, context: Context) -> AdAccount:
    """End the file. What happens from now on is for the platform's interface, in a dry run at first."""
    values = {"feed_hash": "", "dry_run": True}
    made = await context.catalog.change("ad_account", request.id, values, context.caller, request.revision)
    assert isinstance(made, AdAccount)
    return shown(made)


class Resealed(Struct, frozen=True, kw_only=True):
    """`key` names the key that seals now; `accounts` were sealed by an older one and are by this one now."""

    key: str
    accounts: tuple[int, ...]


@operation("ad_accounts.reseal", permission="ad_accounts.write", changes=True)
async def reseal(request: Nothing, context: Context) -> Resealed:
    """Seal every secret with the key of the installation's present secret; the older one may go then. Raises
    what names the account of which one cannot be opened."""
    vault = desk_of(context).vault
    renewed = []
    offset = 0
    while True:
        page, total = await context.catalog.list("ad_account", 500, offset, {}, False)
        for it in page:
            assert isinstance(it, AdAccount)
            if values := _renewed(it, vault):
                await context.catalog.change("ad_account", it.id, values, context.caller, it.revision)
                renewed.append(it.id)
        offset += len(page)
        if offset >= total or not page:
            return Resealed(key=vault.key_id, accounts=tuple(renewed))


def _renewed(it: AdAccount, vault: Vault) -> dict[str, object]:
    """The fields that an older key sealed, sealed anew."""
    try:
        token = vault.renewed(it.token, TOKEN)
        settings = {
            name: vault.renewed(value, setting(name)) if value.startswith(SEALED) else value
            for name, value in it.settings.items()
        }
    except Unopened as fault:
        raise Refused(f"ad account {it.id} {it.name!r}: {fault.message}") from fault
    changed: dict[str, object] = {"token": token} if token != it.token else {}
    return changed | ({"settings": settings} if settings != it.settings else {})


class TestAccount(Request, frozen=True, kw_only=True):
    """`pixel_id`: by which of the account's pixels; left out, the first one. `test_code`: the platform's code
    of test events, where it shows one; left out, the pixel's. An event with such a code is shown by the
    platform among its test events, and meta counts it like any other."""

    id: Id
    pixel_id: Id | None = None
    test_code: Annotated[str, Meta(max_length=200)] = ""


class AccountTrial(Struct, frozen=True, kw_only=True):
    """`ok`: the account's token opens it. Otherwise `label` is one of Weir's words for what is wrong and
    `reason` the platform's own. `sent` false: there was nothing to ask. `warning`: what the platform counted
    of it, or may have. `request`, `answer`: masked."""

    ok: bool
    label: str
    reason: str
    sent: bool
    warning: str = ""
    request: str = ""
    status: int = 0
    latency_us: int = 0
    answer: str = ""
    trace: str = ""


@operation("ad_accounts.test", permission="ad_accounts.write", changes=True, example={"id": 1})
async def test(request: TestAccount, context: Context) -> AccountTrial:
    """Ask the platform whether the account's token opens it: with an event that it only checks or has to
    refuse, or with a request of none. Nothing is counted there, unless a test code asks for an event that
    meta shows; nothing is stored here, and a dry run makes no difference."""
    desk = desk_of(context)
    account = await account_of(request.id, context)
    platform = PLATFORMS[account.platform]
    if account.feed_hash:
        why = "Google fetches what it is told: there is no token to try"
        return AccountTrial(ok=True, label="", reason=why, sent=False)
    found = opened(account, desk.vault.open)
    if found[2]:
        return AccountTrial(ok=False, label="Not ready", reason=found[2], sent=False)
    if platform.trial == "none":
        why = f"{account.platform} asks nobody who he is: there is no token to try"
        return AccountTrial(ok=True, label="", reason=why, sent=False)
    pixel = await _pixel_of(request, context)
    way = way_of(account, found, pixel)
    code = request.test_code or pixel.test_code
    trial: Trial = "event" if code and platform.tests != "none" else platform.trial
    # A made-up code would be as good as none where events are taken: there the trial has none.
    code = (code or TEST_CODE) if trial == "event" else ""
    way = way._replace(pixel=way.pixel._replace(test_code=code))
    events = [_trial_event(account.platform, old=trial == "old")] if trial in ("event", "old") else []
    tried = await desk.try_out(way, [platform.encode(each) for each in events])
    verdict = tried.verdict
    accepted = verdict.outcome == "accepted"
    # A platform that finds fault with the event has taken the token.
    ok = accepted or verdict.outcome == "refused"
    reason = "" if accepted else verdict.reason
    if trial == "old" and verdict.label == too_old(platform.limits):
        reason = _AS_IT_MUST
    return AccountTrial(
        ok=ok,
        label="" if ok else verdict.label,
        reason=reason,
        sent=bool(tried.request),
        warning=_counted(platform, trial) if accepted and events else "",
        request=tried.request,
        status=tried.status,
        latency_us=tried.latency_us,
        answer=tried.answer,
        trace=verdict.trace,
    )


def _counted(platform: Platform, trial: Trial) -> str:
    """What there is to know of an event that the platform has taken; "" for nothing."""
    if trial == "old":
        return f"{platform.name} took an event that is too old to be taken, and may count it"
    if platform.tests == "counted":
        return f"{platform.name} shows this event among its test events and counts it like any other"
    if platform.tests == "unknown":
        return f"whether {platform.name} counts test events is not known"
    return ""


def _trial_event(name: PlatformName, *, old: bool) -> Report:
    """An event that never was; its click too, but of the shape that the platform's have. `old`: a day older
    than the platform takes."""
    platform = PLATFORMS[name]
    now_us = time.time_ns() // 1_000
    at_us = now_us - platform.limits.window_us - DAY if old else now_us
    return Report(
        event_name=platform.names.get("PageView", "PageView"),
        event_id=f"weir-test-{now_us}",
        at_us=at_us,
        click_at_us=at_us - 60_000_000,
        click_ids=dict.fromkeys(platform.click_parameters[:1], "weir-test"),
        value=1_000_000,
        currency="USD",
        page_url="https://example.com/",
        identity=Identity(
            address="192.0.2.1",
            user_agent="Mozilla/5.0 (compatible; Weir)",
            emails=("weir-test@example.com",),
        ),
    )


async def _pixel_of(request: TestAccount, context: Context) -> Pixel:
    """Raises Refused when the account has none, Missing."""
    if request.pixel_id is not None:
        pixel = await context.catalog.get("pixel", request.pixel_id)
        assert isinstance(pixel, Pixel)
        if pixel.ad_account_id != request.id:
            wrong = FieldProblem("pixel_id", f"is a pixel of ad account {pixel.ad_account_id}")
            raise Refused("this account cannot be tested", [wrong])
        return pixel
    found, _ = await context.catalog.list("pixel", 1, 0, {"ad_account_id": request.id}, False)
    for pixel in found:
        assert isinstance(pixel, Pixel)
        return pixel
    raise Refused(
        "this account cannot be tested", [FieldProblem("pixel_id", "it has no pixel yet; make one first")]
    )


def desk_of(context: Context) -> PlatformDesk:
    """Raises Unavailable."""
    if context.platforms is None:
        raise Unavailable("nobody reports to ad platforms here")
    return context.platforms


async def account_of(number: int, context: Context) -> AdAccount:
    """Raises Missing."""
    found = await context.catalog.get("ad_account", number)
    assert isinstance(found, AdAccount)
    if found.archived:
        raise Missing(f"ad account {number} is archived; restore it first")
    return found
