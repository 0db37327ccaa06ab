"""What makes an affiliate network good, and what is to be entered where for it."""

from __future__ import annotations

import html
import re

import pytest

from appliance.attribution import presets
from appliance.model.catalog import Network, Template
from appliance.model.history import MASK, mask, unmasked
from appliance.model.postbacks import REPLY_MACROS
from appliance.operations.networks import urls_of
from appliance.routing.affiliates import check_network


def paths(network: Network) -> list[str]:
    return [problem.path for problem in check_network(network)]


GOOD = Network(
    slug="n", secret="a", secrets=("b", "c" * 200), allow=("203.0.113.7", "203.0.113.9/24", "2001:db8::/32"),
    signature="hmac_sha256", reply='{"ok": "{transaction}{transaction_id}{click_id}{id}{nothing}"}\r\n\t',
    status_words={"Ok": "sale", " 2 ": "hold", "отказ": "rejected"}, duplicates_by_type={"deposit": "create"},
    claim_by=("event_type", "upsell"), transitions={"lead": ("sale", "trash"), "sale": ()},
    unknown_click="accept", click_wait_hours=0.5,
)  # fmt: skip


def test_a_good_network() -> None:
    assert paths(GOOD) == [] and paths(Network(slug="n")) == []
    assert paths(Network(slug="n", click_wait_hours=0)) == []
    assert paths(Network(slug="n", signature="digistore24", secrets=("x",))) == []


@pytest.mark.parametrize(
    ("network", "wrong"),
    [
        (Network(slug="n", secret="x" * 201), ["secret"]),
        (Network(slug="n", secret="a\nb"), ["secret"]),
        (Network(slug="n", secrets=("", " ", "x" * 201, "a\x00")),
         ["secrets[0]", "secrets[1]", "secrets[2]", "secrets[3]", "secrets"]),
        (Network(slug="n", secrets=("a", "b", "a")), ["secrets"]),
        (Network(slug="n", secret="a", secrets=("b", "a")), ["secrets"]),
        (Network(slug="n", secrets=(MASK, f"{MASK}2")), ["secrets[0]", "secrets[1]"]),
        (Network(slug="n", secrets=tuple("abcdefghijk")), ["secrets"]),
        (Network(slug="n", signature="clickbank_ins"), ["secret"]),
        (Network(slug="n", allow=("203.0.113.300", "", "example.com", "1.2.3.4/33", "1.2.3.*", "::1/129")),
         [f"allow[{at}]" for at in range(6)]),
        (Network(slug="n", allow=("::ffff:203.0.113.0/120", "::ffff:1.2.3.4")), ["allow[0]", "allow[1]"]),
        (Network(slug="n", allow=("10.0.0.0/8",) * 201), ["allow"]),
        (Network(slug="n", reply="OK {payout}"), ["reply"]),
        (Network(slug="n", reply="x" * 501), ["reply"]),
        (Network(slug="n", reply="a\x00\ud800"), ["reply"]),
        (Network(slug="n", status_words={"a": "won", "A ": "sale", "": "sale", "x" * 101: "sale"}),
         ["status_words.a", "status_words.A ", "status_words.", "status_words." + "x" * 101]),
        (Network(slug="n", status_words={str(at): "sale" for at in range(501)}), ["status_words"]),
        (Network(slug="n", duplicates_by_type={"": "edit", "a\n": "edit"}),
         ["duplicates_by_type.", "duplicates_by_type.a\n"]),
        (Network(slug="n", transitions={"won": (), "sale": ("lost", "refund")}),
         ["transitions.won", "transitions.sale[0]"]),
        (Network(slug="n", claim_by=("upsell", "upsell")), ["claim_by"]),
        (Network(slug="n", click_wait_hours=-1.0), ["click_wait_hours"]),
        (Network(slug="n", click_wait_hours=1e9), ["click_wait_hours"]),
        (Network(slug="n", click_wait_hours=float("nan")), ["click_wait_hours"]),
        (Network(slug="n", preset="x" * 101), ["preset"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_network(network: Network, wrong: list[str]) -> None:
    assert paths(network) == wrong


def test_every_preset_makes_a_good_network() -> None:
    for preset in presets.ALL:
        network = Network(
            slug="n", secret="x" if preset.signature else "", signature=preset.signature, reply=preset.reply,
            status_words=dict(preset.words), duplicates=preset.duplicates, claim_by=preset.claim_by,
            transitions=dict(preset.transitions), preset=preset.name, currency=preset.currency,
        )  # fmt: skip
        assert paths(network) == [], preset.name


def test_several_secrets_are_known_by_their_numbers() -> None:
    held = ("one", "two", "three")
    masks = mask(held)
    assert masks == (f"{MASK}1", f"{MASK}2", f"{MASK}3")
    assert (mask([]), mask(()), mask(""), mask(None), mask("x"), mask(["x"])) == (
        [], (), "", None, MASK, [f"{MASK}1"],
    )  # fmt: skip
    assert unmasked(masks, held) == held
    assert unmasked((masks[2], "new", masks[0]), held) == ("three", "new", "one")
    assert unmasked((f"{MASK}4", MASK), held) == (f"{MASK}4", MASK), "which are refused as masks"


# -- what is to be entered where -------------------------------------------------------------------------

ORIGIN = "https://go.example"


def postbacks(network: Network, template: Template | None = None) -> dict[str, str]:
    return {each.title: each.url for each in urls_of(network, template, ORIGIN).postbacks}


def test_the_urls_of_a_network() -> None:
    usual = (
        "https://go.example/pb/n?click_id={click_id}&payout={payout}&status={status}"
        "&transaction_id={transaction_id}&currency={currency}"
    )
    assert postbacks(Network(slug="n")) == {"": usual}
    assert postbacks(Network(slug="n", secret="x")) == {"": f"{usual}&secret=SECRET"}
    assert postbacks(Network(slug="n", secrets=("x",), signature="hmac_sha256")) == {"": usual}
    assert postbacks(Network(slug="n", secret="x", signature="clickbank_ins")) == {
        "": "https://go.example/pb/n"
    }
    mapping = {
        "click_id": ("my id", "cid"), "payout": ("$.sum",), "currency": ("=USD",), "secret": ("pw",),
        "status": ("st",), "transaction_id": ("tx",),
    }  # fmt: skip
    assert postbacks(Network(slug="n", secret="x"), Template(mapping=mapping)) == {
        "": "https://go.example/pb/n?my%20id={click_id}&st={status}&tx={transaction_id}&pw=SECRET"
    }


def test_the_urls_of_presets_have_the_networks_own_macros() -> None:
    found = urls_of(Network(slug="tune", preset="tune"), None, ORIGIN)
    assert found.paste == "aff_click_id={click_id}"
    assert found.postbacks[0].url == (
        "https://go.example/pb/tune?click_id={aff_click_id}&payout={payout}&status={status}"
        "&transaction_id={transaction_id}&currency={currency}"
    )
    assert list(postbacks(Network(slug="b", preset="buygoods", secret="x"))) == ["", "refunds"]
    assert all(
        url.endswith("&secret=SECRET")
        for url in postbacks(Network(slug="b", preset="buygoods", secret="x")).values()
    )
    assert urls_of(Network(slug="c", preset="cj"), None, ORIGIN).postbacks == ()
    assert postbacks(Network(slug="k", preset="clickbank_ins", signature="clickbank_ins", secret="x")) == {
        "": "https://go.example/pb/k"
    }
    assert urls_of(Network(slug="n", preset="of a newer Weir"), None, ORIGIN).paste == "{click_id}"


def test_pages_report_only_to_networks_that_ask_for_no_proof() -> None:
    found = urls_of(Network(slug="n"), None, ORIGIN)
    (url,) = re.findall(r'src="([^"]+)"', found.pixel)
    assert html.unescape(url) == "https://go.example/px/n.gif?transaction_id=ORDER_ID&payout=12.50"
    assert found.script.startswith('<script src="https://go.example/js/n.js"></script>')
    for network in (
        Network(slug="n", secret="x"), Network(slug="n", secrets=("x",)), Network(slug="n", allow=("::1",)),
        Network(slug="n", signature="hmac_sha256", secret="x"),
    ):  # fmt: skip
        closed = urls_of(network, None, ORIGIN)
        assert (closed.pixel, closed.script) == ("", "")


def test_every_macro_of_a_reply_is_one_that_the_door_fills_in() -> None:
    """tests/web/test_postback_kept.py uses each of them."""
    from appliance.http.public.postback import Found, accepted
    from appliance.model.table import NetworkEntry

    for name in REPLY_MACROS:
        entry = NetworkEntry(1, "n", True, (), ("cid",), transaction_params=("tx",), reply=f"[{{{name}}}]")
        body = accepted(Found(200, "", entry, {"cid": "c", "tx": "t"}), "i").body
        assert body == {"id": b"[i]", "click_id": b"[c]", "nothing": b"[]"}.get(name, b"[t]")
