"""What the catalog refuses, with the field's name, and that it names every fault at once."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.template import ALIASES
from appliance.model.catalog import (
    TYPES,
    Campaign,
    Destination,
    Entity,
    Kind,
    Link,
    Network,
    Page,
    Rule,
    Source,
    Stream,
    Target,
    Template,
)  # fmt: skip
from appliance.routing.checks import TEMPLATE_FIELDS, check, faults
from appliance.routing.holdings import Holdings


def kind_of(entity: Entity) -> Kind:
    return next(kind for kind, type_ in TYPES.items() if type(entity) is type_)


def holding(*entities: Entity) -> Holdings:
    holdings = Holdings()
    for entity in entities:
        holdings.put(kind_of(entity), entity)
    return holdings


HELD = (
    Campaign(id=1, slug="taken", public_id="pub1"),
    Campaign(id=2, slug="gone", public_id="pub2", archived=True),
    Destination(id=1, url="https://a.example/"),
    Destination(id=2, url="https://b.example/", archived=True),
    Network(id=1, slug="net"),
    Source(id=1),
    Template(id=1),
    Link(id=1, token="tok", campaign_id=1),
)


def paths(entity: Entity) -> list[str]:
    return [problem.path for problem in check(kind_of(entity), entity, holding(*HELD))]


@pytest.mark.parametrize(
    "entity",
    [
        Campaign(slug="a", public_id="x"),
        Campaign(slug="gone", public_id="pub2"),
        Campaign(id=1, slug="taken", public_id="pub1", name="itself"),
        Campaign(slug="0_-", public_id="X_-", source_id=1, currency="EUR", trafficback_url="https://t.example/{sub1}"),
        Campaign(slug="a" * 64, public_id="x", name="n" * 200),
        Stream(campaign_id=1),
        Stream(campaign_id=1, targets=(Target(destination_id=1, weight=1_000_000),)),
        Stream(campaign_id=1, position=-5, rules=(Rule(param="a", operator="regex", value="^x+$"),)),
        Destination(url="http://a.example:8080/p?c={click_id}#f"),
        Destination(url="/p/offer?click_id={click_id}", network_id=1),
        Source(name="ünïcode"),
        Network(slug="n", secret="s3cret", template_id=1),
        Template(mapping={"payout": ("sum", "p"), "secret": ("pw",)}),
        Link(token="T", campaign_id=1, params={"sub1": "a b"}),
        Page(slug="p", body="<p>" + "x" * (256 * 1024 - 3)),
    ],
)  # fmt: skip
def test_good_entities_pass(entity: Entity) -> None:
    assert paths(entity) == []


@pytest.mark.parametrize(
    ("entity", "wrong"),
    [
        (Campaign(slug="A", public_id="x"), ["slug"]),
        (Campaign(slug="", public_id=""), ["slug", "public_id"]),
        (Campaign(slug="-a", public_id="a/b", currency="usd"), ["slug", "public_id", "currency"]),
        (Campaign(slug="a" * 65, public_id="x", name="n" * 201), ["name", "slug"]),
        (Campaign(slug="ok\n", public_id="x", name="a\nb"), ["name", "slug"]),
        (Campaign(slug="taken", public_id="pub1"), ["slug", "public_id"]),
        (Campaign(slug="a", public_id="x", source_id=9), ["source_id"]),
        (Campaign(slug="a", public_id="x", trafficback_url="ftp://x/"), ["trafficback_url"]),
        (Stream(campaign_id=2), ["campaign_id"]),
        (Stream(campaign_id=9, targets=(Target(destination_id=2), Target(destination_id=7))),
         ["campaign_id", "targets[0].destination_id", "targets[1].destination_id"]),
        (Stream(campaign_id=1, targets=(Target(destination_id=1), Target(destination_id=1))),
         ["targets[1].destination_id"]),
        (Stream(campaign_id=1, targets=(Target(destination_id=1, weight=0),)), ["targets"]),
        (Stream(campaign_id=1, targets=(Target(destination_id=1, weight=-1),)),
         ["targets[0].weight", "targets"]),
        (Stream(campaign_id=1, position=10**12), ["position"]),
        (Stream(campaign_id=1, rules=(
            Rule(param="", operator="eq", value="x"),
            Rule(param="a", operator="in", value="x"),
            Rule(param="a", operator="in", value=("x",) * 10_001),
            Rule(param="a", operator="eq", value=("x",)),
            Rule(param="a", operator="exists", value="x"),
            Rule(param="a", operator="gt", value="tall"),
            Rule(param="a", operator="regex", value="("),
        )), ["rules[0].param", *[f"rules[{i}].value" for i in range(1, 7)]]),
        (Destination(url=""), ["url"]),
        (Destination(url="https://{sub1}.example/"), ["url"]),
        (Destination(url="https://a.example:{sub1}/"), ["url"]),
        (Destination(url="{sub1}://a.example/"), ["url"]),
        (Destination(url="https://{sub1}@a.example/"), ["url"]),
        (Destination(url="https://a.example/ x"), ["url"]),
        (Destination(url="https://a.example/\r\nSet-Cookie: a=b"), ["url"]),
        (Destination(url="//evil.example/"), ["url"]),
        (Destination(url="/\\evil.example/"), ["url"]),
        (Destination(url="javascript:alert(1)"), ["url"]),
        (Destination(url="https://a.example/" + "x" * 4_096, network_id=5), ["url", "network_id"]),
        (Source(currency="EURO"), ["currency"]),
        (Network(slug="net", secret="a\x00", template_id=4), ["secret", "slug", "template_id"]),
        (Template(mapping={"price": ("p",), "payout": (), "status": ("",)}),
         ["mapping.price", "mapping.payout", "mapping.status[0]"]),
        (Template(mapping={"payout": ("$.a[", "=5"), "click_id": ("=x", "$.a.b"), "secret": ("$.a", "=k"),
                           "notation": ("=,", "comma"), "time": ("ts",)}),
         ["mapping.payout[0]", "mapping.click_id[0]", "mapping.secret[1]", "mapping.notation[1]"]),
        (Link(token="tok", campaign_id=1), ["token"]),
        (Link(token="a b", campaign_id=2, params={"": "x", "a": "y\n"}),
         ["token", "params.", "params.a", "campaign_id"]),
        (Page(slug="P", body="x" * (256 * 1024 + 1), content_type="text/html\r\nX: y"),
         ["slug", "body", "content_type"]),
    ],
)  # fmt: skip
def test_every_fault_is_named_at_once(entity: Entity, wrong: list[str]) -> None:
    assert paths(entity) == wrong


def test_an_archived_owner_gives_its_slug_back() -> None:
    holdings = holding(*HELD)
    campaign = holdings.get("campaign", 1)
    assert campaign is not None
    holdings.put("campaign", msgspec.structs.replace(campaign, archived=True))
    assert check("campaign", Campaign(slug="taken", public_id="pub1"), holdings) == []


def test_the_fields_of_a_template_are_those_that_attribution_reads() -> None:
    assert set(TEMPLATE_FIELDS) == set(ALIASES)


def test_counts_leave_out_what_is_archived() -> None:
    holdings = holding(*HELD)
    assert (holdings.counts["campaign"], holdings.counts["destination"], holdings.counts["page"]) == (1, 1, 0)
    holdings.put("campaign", Campaign(id=1, slug="other", public_id="pub1"))
    holdings.put("destination", Destination(id=1, url="/", archived=True))
    assert (holdings.counts["campaign"], holdings.counts["destination"]) == (1, 0)


def test_users_are_those_that_refer_and_are_not_archived() -> None:
    holdings = holding(*HELD, Stream(id=3, campaign_id=1, targets=(Target(destination_id=1),)))
    assert [(kind, user.id) for kind, user in holdings.users("campaign", 1)] == [("link", 1), ("stream", 3)]
    holdings.put("stream", Stream(id=3, campaign_id=1))
    assert holdings.users("destination", 1) == []
    holdings.put("stream", Stream(id=3, campaign_id=1, archived=True))
    assert [(kind, user.id) for kind, user in holdings.users("campaign", 1)] == [("link", 1)]


texts = st.text(max_size=300)


@given(
    st.one_of(
        st.builds(Campaign, name=texts, slug=texts, public_id=texts, currency=texts, trafficback_url=texts),
        st.builds(Destination, name=texts, url=texts),
        st.builds(Link, token=texts, campaign_id=st.integers(), params=st.dictionaries(texts, texts)),
        st.builds(Page, slug=texts, body=texts, content_type=texts),
        st.builds(Template, mapping=st.dictionaries(texts, st.tuples(texts))),
        st.builds(
            Stream,
            campaign_id=st.integers(),
            position=st.integers(),
            rules=st.tuples(st.builds(Rule, param=texts, value=texts | st.tuples(texts, texts))),
            targets=st.tuples(st.builds(Target, destination_id=st.integers(), weight=st.integers())),
        ),
    )
)
def test_any_entity_is_judged_and_what_passes_can_be_put_on_the_wire(entity: Entity) -> None:
    check(kind_of(entity), entity, Holdings())
    if not faults(entity):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(entity), type=type(entity)) == entity
