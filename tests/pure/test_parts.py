"""Catalog → parts: named by content, one change touches one part, and the edge can read them."""

from __future__ import annotations

import hashlib
import time

import msgspec

from appliance.attribution.template import names
from appliance.model.catalog import (
    AdAccount,
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Page,
    Source,
    Stream,
    Target,
    Template,
)  # fmt: skip
from appliance.model.postbacks import BUYER_FIELDS
from appliance.model.table import NetworkEntry, Part, SettingsEntry
from appliance.routing.compile import Draft, decode_part
from appliance.routing.holdings import Holdings, part_of
from appliance.routing.parts import compile_part, digest, settings_part

replace = msgspec.structs.replace


def holding(**kinds: list[Entity]) -> Holdings:
    holdings = Holdings()
    for kind, entities in kinds.items():
        for entity in entities:
            holdings.put(kind, entity)  # type: ignore[arg-type]
    return holdings


def every_part(holdings: Holdings) -> dict[str, Part]:
    made = {}
    for name in holdings.parts():
        part, left_out = compile_part(name, holdings, names)
        assert left_out == []
        if part is not None:
            made[name] = part
    return made


def example() -> Holdings:
    return holding(
        campaign=[
            Campaign(id=1, slug="a", public_id="pa", source_id=1),
            Campaign(id=2, slug="b", public_id="pb"),
        ],
        stream=[Stream(id=1, campaign_id=1, targets=(Target(destination_id=65),))],
        destination=[Destination(id=1, url="/x"), Destination(id=65, url="https://d.example/{click_id}")],
        source=[Source(id=1, currency="EUR")],
        network=[Network(id=1, slug="n", secret="geheim", template_id=1)],
        template=[Template(id=1, mapping={"click_id": ("my_id",), "secret": ("pw",)})],
        link=[Link(id=1, token="t", campaign_id=1)],
        page=[Page(id=1, slug="p", body="hi")],
    )


def test_a_table_built_from_the_parts_knows_everything() -> None:
    draft = Draft()
    for part in [*every_part(example()).values(), settings_part(SettingsEntry(no_route_text="away"))]:
        draft.put(part.name, list(decode_part(part.frames)))
    table = [step for step in draft.build(7, 1) if step is not None][-1]
    assert sorted(table.by_slug) == ["a", "b"]
    assert sorted(table.by_public_id) == ["pa", "pb"]
    assert table.by_slug["a"].streams[0].targets[0].id == 65
    assert list(table.links) == ["t"]
    assert list(table.pages) == ["p"]
    assert table.settings.no_route_text == "away"


def test_an_edge_knows_of_a_secret_only_its_digest() -> None:
    parts = every_part(example())
    (entry,) = decode_part(parts["network"].frames)
    assert entry == NetworkEntry(
        1, "n", True, (hashlib.sha256(b"geheim").digest(),), ("my_id",), ("pw",),
        ("transaction_id", "tx", "tid", "order_id"),
        buyer=tuple((field, places) for field, places in BUYER_FIELDS.items() if places),
    )  # fmt: skip
    assert not any(b"geheim" in frame for part in parts.values() for frame in part.frames)


def test_an_account_s_events_are_taken_while_it_is_active_and_has_a_token() -> None:
    def intakes(*accounts: AdAccount) -> tuple[tuple[bytes, int], ...]:
        draft = Draft()
        for part in every_part(holding(ad_account=list(accounts))).values():
            draft.put(part.name, list(decode_part(part.frames)))
        (table,) = [step for step in draft.build(7, 1) if step is not None]
        return table.intakes

    digest_ = hashlib.sha256(b"token").hexdigest()
    account = AdAccount(id=70, platform="meta", intake_hash=digest_, token="weir-sealed:x")
    assert intakes(account) == ((bytes.fromhex(digest_), 70),)
    for closed in ({"intake_hash": ""}, {"status": "paused"}, {"archived": True}):
        assert intakes(replace(account, **closed)) == ()
    (part,) = every_part(holding(ad_account=[account])).values()
    assert not any(b"weir-sealed" in frame for frame in part.frames), "its token stays in the core"


def test_only_a_network_that_signs_brings_its_secrets_to_the_edge() -> None:
    networks: list[Entity] = [
        Network(
            id=1,
            slug="plain",
            secret="geheim-1",
            secrets=("geheim-2",),
            allow=("203.0.113.0/24",),
            reply="OK",
        ),
        Network(id=2, slug="signed", secret="three", secrets=("four",), signature="hmac_sha256"),
        Network(id=3, slug="unable", signature="hmac_sha256"),
    ]
    part, left_out = compile_part("network", holding(network=networks), names)
    assert part is not None and [each.id for each in left_out] == [3], "it could prove nothing"
    plain, signed = (entry for entry in decode_part(part.frames) if isinstance(entry, NetworkEntry))
    assert plain.secrets == tuple(hashlib.sha256(each).digest() for each in (b"geheim-1", b"geheim-2"))
    assert (plain.keys, plain.allow, plain.reply) == ((), ("203.0.113.0/24",), "OK")
    assert (signed.signature, signed.keys) == ("hmac_sha256", (b"three", b"four"))
    assert len(signed.secrets) == 2, "an older edge, which knows no signatures, asks for a secret"
    assert not any(each in frame for frame in part.frames for each in (b"geheim-1", b"geheim-2"))


def test_a_network_of_an_older_table_is_read() -> None:
    old = msgspec.msgpack.encode(["network", 1, "n", True, [b"x" * 32], ["cid"], ["secret"]])
    assert list(decode_part((old,))) == [NetworkEntry(1, "n", True, (b"x" * 32,), ("cid",), ("secret",))]


def test_a_default_name_of_the_secret_that_the_template_uses_otherwise_is_no_secret() -> None:
    def secret_params(**mapping: tuple[str, ...]) -> tuple[str, ...]:
        network, template = Network(id=1, slug="n", template_id=1), Template(id=1, mapping=mapping)
        part, _ = compile_part("network", holding(network=[network], template=[template]), names)
        assert part is not None
        (entry,) = decode_part(part.frames)
        assert isinstance(entry, NetworkEntry)
        return entry.secret_params

    assert secret_params(click_id=("key",), transaction_id=("token", "tx")) == ("secret",)
    assert secret_params(click_id=("key",), secret=("key",)) == ("key",)
    assert secret_params(click_id=("$.key.id",), payout=("=token",)) == ("secret", "token")


def test_one_change_changes_one_part_and_the_same_content_has_the_same_name() -> None:
    def changed(kind: Kind, entity: Entity) -> set[str]:
        holdings = example()
        before = every_part(holdings)
        holdings.put(kind, entity)
        after = every_part(holdings)
        return {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}

    assert changed("campaign", Campaign(id=2, slug="c", public_id="pb")) == {"campaign/2"}
    assert changed("stream", Stream(id=2, campaign_id=2)) == {"campaign/2"}
    assert changed("stream", Stream(id=1, campaign_id=2)) == {"campaign/1", "campaign/2"}
    assert changed("destination", Destination(id=65, url="/y")) == {"destination/01"}
    assert changed("template", Template(id=1)) == {"network"}
    assert changed("page", Page(id=1, slug="p", body="", archived=True)) == {"page/01"}
    assert changed("campaign", Campaign(id=2, slug="b", public_id="pb")) == set()


def test_streams_without_their_campaign_make_no_part() -> None:
    holdings = holding(
        stream=[Stream(id=1, campaign_id=1)], campaign=[Campaign(id=1, slug="a", archived=True)]
    )
    assert compile_part("campaign/1", holdings, names) == (None, [])


def test_a_broken_entity_in_the_store_stays_out_and_is_named() -> None:
    holdings = holding(destination=[Destination(id=1, url="/ok"), Destination(id=65, url="https://{sub1}/")])
    part, left_out = compile_part("destination/01", holdings, names)
    assert part is not None
    assert len(part.frames) == 1
    assert [(bad.kind, bad.id, bad.problems[0].path) for bad in left_out] == [("destination", 65, "url")]


def test_a_digest_tells_how_frames_are_cut() -> None:
    assert digest((b"ab", b"c")) != digest((b"a", b"bc")) != digest((b"abc",))


def test_ten_thousand_campaigns_compile_in_steps_that_hold_nobody() -> None:
    holdings = holding(
        campaign=[Campaign(id=i, slug=f"c{i}", public_id=f"p{i}") for i in range(1, 2_001)],
        stream=[Stream(id=i * 5 + k, campaign_id=i) for i in range(1, 2_001) for k in range(5)],
    )
    # Of the processor, not of the clock: other tests run beside this one.
    began, worst = time.thread_time(), 0.0
    for name in holdings.parts():
        step = time.thread_time()
        compile_part(name, holdings, names)
        worst = max(worst, time.thread_time() - step)
    assert time.thread_time() - began < 2
    assert worst < 0.05
    assert part_of("stream", Stream(id=9, campaign_id=3)) == "campaign/3"
