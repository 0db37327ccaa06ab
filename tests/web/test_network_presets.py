"""Each preset takes what its network sends: through the real door into the journal, and understood."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
import pytest

from appliance.attribution import presets, profiles
from appliance.attribution.claim import Statement, understand
from appliance.attribution.template import ALIASES
from appliance.model.catalog import Campaign, Destination, Entity, Network, Stream, Template
from appliance.model.events import PostbackLogEvent
from appliance.model.rules import Target
from appliance.routing.checks import check
from appliance.routing.holdings import Holdings
from tests.networks import AT, CLICK, EXAMPLES, Example
from tests.pure.tables import parts
from tests.web.front import FORM, Front, front

SECRET = "the passphrase of a network"
IV = bytes(range(16))
NEEDS_BODY = {"clickbank_ins", "digistore24_ipn", "hotmart", "kiwify", "eduzz", "monetizze"}
IN_FORMS = {"digistore24_ipn", "eduzz", "monetizze"}


def entities(preset: presets.Preset) -> tuple[Network, Template | None]:
    """What networks.create_from_preset stores."""
    network = msgspec.structs.replace(preset.network(secret=SECRET if preset.signature else ""), id=7)
    if not preset.mapping:
        return network, None
    template = Template(id=3, name="t", mapping=dict(preset.mapping))
    return msgspec.structs.replace(network, template_id=3), template


def filled(given: Mapping[str, str], values: Mapping[str, str]) -> str:
    """The postback URL's query as the network calls it."""
    unknown = {macro for macro in given.values() if macro not in values and not macro.isalnum()}
    assert not unknown, f"the example says nothing of {unknown}"
    return "&".join(f"{name}={quote(values.get(macro, macro), safe='')}" for name, macro in given.items())


def signed(preset: presets.Preset, sent: Mapping[str, object]) -> tuple[dict[str, str], bytes]:
    """(headers, body) of a network that posts."""
    if preset.signature == "digistore24":
        pairs = "".join(f"{name}={sent[name]}{SECRET}" for name in sorted(sent) if sent[name])
        form = {**sent, "sha_sign": hashlib.sha512(pairs.encode()).hexdigest().upper()}
        return FORM, urlencode(form).encode()
    if preset.signature == "clickbank_ins":
        key = hashlib.sha1(SECRET.encode(), usedforsecurity=False).hexdigest()[:32].encode()
        done = subprocess.run(
            ["openssl", "enc", "-aes-256-cbc", "-K", key.hex(), "-iv", IV.hex()],
            input=json.dumps(sent).encode(), capture_output=True, check=True,
        )  # fmt: skip
        body = {"notification": base64.b64encode(done.stdout).decode(), "iv": base64.b64encode(IV).decode()}
        return {"Content-Type": "application/json"}, json.dumps(body).encode()
    if preset.name in IN_FORMS:
        return FORM, urlencode(sent).encode()
    return {"Content-Type": "application/json"}, json.dumps(sent).encode()


async def send(front_: Front, preset: presets.Preset, sent: Mapping[str, object]) -> bytes:
    path = f"/pb/{preset.network().slug}"
    if preset.name in NEEDS_BODY:
        headers, body = signed(preset, sent)
        answer = await front_.ask(path, "POST", headers, body)
    else:
        answer = await front_.ask(f"{path}?{filled(preset.given, dict(sent))}")  # type: ignore[arg-type]
    assert answer.status == 200, answer
    return answer.body


def said(event: PostbackLogEvent, preset: presets.Preset) -> Statement:
    network, template = entities(preset)
    found = understand(event, (0, 1, 1), network, template, "USD")
    assert isinstance(found, Statement), found
    return found


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"{it.preset}-{index}" for index, it in enumerate(EXAMPLES)]
)
async def test_what_the_network_sends_is_understood(example: Example, tmp_path: Path) -> None:
    preset = presets.named(example.preset)
    assert preset is not None
    network, template = entities(preset)
    stored: list[Entity] = [network, *([template] if template else [])]
    async with front(tmp_path, parts=parts(*stored)) as door:
        reply = await send(door, preset, example.sent)
        (event,) = door.events(PostbackLogEvent)
    assert reply.startswith(b"OK")
    assert (event.stage, event.network_id) == ("received", 7)
    meant = said(event, preset)
    assert (meant.click_id, meant.status, meant.payout, meant.currency) == (
        CLICK, example.status, example.micro, example.currency,
    )  # fmt: skip
    assert (meant.transaction_id, meant.event_type) == (example.transaction, example.type)
    assert meant.upsell == (example.upsell or meant.upsell)
    assert meant.happened_us == (AT * 1_000_000 if example.at else 0)
    assert meant.fallback == (preset.currency or "USD")
    assert [note for note in meant.notes if "unknown word" in note] == []


def test_every_preset_that_sends_postbacks_has_an_example_and_no_other() -> None:
    assert {it.preset for it in EXAMPLES} == {it.name for it in presets.ALL if not it.polled}
    for preset in presets.ALL:
        assert bool(preset.given) is not (preset.polled or preset.name in NEEDS_BODY), preset.name


@pytest.mark.parametrize("preset", presets.ALL, ids=lambda it: it.name)
def test_a_preset_is_a_good_network_and_template(preset: presets.Preset) -> None:
    network, template = entities(preset)
    holdings = Holdings()
    for kind, entity in (("template", template), ("network", network)):
        if entity is not None:
            new = msgspec.structs.replace(entity, id=0)
            assert check(kind, new, holdings) == []  # type: ignore[arg-type]
            holdings.put(kind, entity)  # type: ignore[arg-type]
    assert {*preset.given, *(name for more in preset.more.values() for name in more)} <= {
        name for names in ALIASES.values() for name in names
    }
    assert preset.note == "" or preset.note.endswith(".")
    assert all(word == word.casefold() for word in preset.words)


@pytest.mark.parametrize("preset", [it for it in presets.ALL if it.words], ids=lambda it: it.name)
def test_every_word_of_a_preset_means_what_it_says(preset: presets.Preset) -> None:
    network, template = entities(preset)
    place = preset.mapping.get("status", ("status",))[0]
    for word, status in preset.words.items():
        params = {"tid": "T", "transaction_id": "T", "click_id": CLICK, place: word.upper()}
        extra = preset.mapping.get("click_id", ("click_id",))[0]
        params[extra if not extra.startswith("$") else "click_id"] = CLICK
        names = Template(id=3, mapping={"status": (place,)}) if template else None
        event = PostbackLogEvent(1, "p", AT * 1_000_000, "received", "", "", 7, "GET", params, "", "")
        found = understand(event, (0, 1, 1), network, names, "USD")
        assert isinstance(found, Statement)
        assert found.status == status, word


async def test_the_further_urls_of_a_preset_are_understood_too(tmp_path: Path) -> None:
    preset = presets.named("buygoods")
    assert preset is not None
    network, _ = entities(preset)
    values = {"{SUBID}": CLICK, "{COMMISSION_AMOUNT}": "58.00", "{ORDERID}": "99"}
    async with front(tmp_path, parts=parts(network)) as door:
        answer = await door.ask(f"/pb/buygoods?{filled(preset.more['refunds'], values)}")
        (event,) = door.events(PostbackLogEvent)
    assert answer.body.startswith(b"OK"), "an empty answer would make it call again for three days"
    assert (said(event, preset).status, said(event, preset).payout) == ("refund", 58_000_000)


async def test_what_goes_into_an_offers_url_is_a_macro_that_weir_fills(tmp_path: Path) -> None:
    everywhere = "&".join(f"{it.name}.{it.paste}" for it in presets.ALL)
    campaign = Campaign(id=1, slug="c", public_id="p")
    stream = Stream(id=1, campaign_id=1, targets=(Target(destination_id=1),))
    offer = Destination(id=1, url=f"https://offer.example/?{everywhere}")
    async with front(tmp_path, parts=parts(campaign, stream, offer)) as door:
        location = (await door.ask("/c/c")).location
    pasted = [each.partition("=")[2] for each in location.partition("?")[2].split("&")]
    assert len(pasted) == len(presets.ALL)
    assert len(set(pasted)) == 1
    assert len(pasted[0]) == 36


URLS = {
    "keitaro": "subid={c}&tid=T&payout=1,5&status=New&lead_status=new,open&sale_status=ok&currency=EUR",
    "binom": "cnv_id={c}&payout=1.5&cnv_status=lead&cnv_status2=deposit&cnv_currency=EUR",
    "voluum": "cid={c}&payout=1.5&txid=T&et=deposit&currency=EUR&status=lead",
    "redtrack": "clickid={c}&sum=1.5&type=deposit&status=lead&rdtk_event_id=e&currency=EUR",
    "bemob": "cid={c}&payout=1.5&txid=T&status=lead&currency=EUR",
    "funnelflux": "hit={c}&rev=1.5%20EUR&tx=T&status=lead",
    "prosper202": "sid={c}&amount=1.5%20EUR&status=lead",
}


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda it: it.name)
async def test_a_postback_url_made_for_another_tracker_goes_on_working(
    profile: profiles.Profile, tmp_path: Path
) -> None:
    template = Template(id=3, name="t", mapping=dict(profile.mapping))
    network = Network(id=7, name="n", slug="n", template_id=3)
    assert check("template", msgspec.structs.replace(template, id=0), Holdings()) == []
    async with front(tmp_path, parts=parts(network, template)) as door:
        answer = await door.ask("/pb/n?" + URLS[profile.name].format(c=CLICK))
        assert answer.status == 200
        (event,) = door.events(PostbackLogEvent)
    found = understand(event, (0, 1, 1), network, template, "USD")
    assert isinstance(found, Statement)
    assert (found.click_id, found.payout, found.currency, found.status) == (CLICK, 1_500_000, "EUR", "lead")
    url = URLS[profile.name]
    assert (found.transaction_id, found.event_type) == ("T" * ("=T" in url), "deposit" * ("deposit" in url))


async def test_impact_may_also_post_its_own_names_as_json(tmp_path: Path) -> None:
    preset = presets.named("impact")
    assert preset is not None
    network, template = entities(preset)
    assert template is not None
    sent = {
        "SubId1": CLICK, "ActionId": "1000.4500.1", "Status": "REVERSED", "Payout": -25.0, "Currency": "USD",
        "ActionTrackerName": "Online Sale", "EventDate": AT * 1_000,
    }  # fmt: skip
    async with front(tmp_path, parts=parts(network, template)) as door:
        body = json.dumps(sent).encode()
        answer = await door.ask("/pb/impact", "POST", {"Content-Type": "application/json"}, body)
        assert answer.status == 200
        (event,) = door.events(PostbackLogEvent)
    meant = said(event, preset)
    assert (meant.click_id, meant.transaction_id, meant.status, meant.payout, meant.currency) == (
        CLICK, "1000.4500.1", "rejected", None, "USD",
    )  # fmt: skip
    assert (meant.event_type, meant.happened_us) == ("Online Sale", AT * 1_000_000)
