"""What a change is shown as: the fields that differ, and no secret."""

from __future__ import annotations

import pytest

from appliance.access.accounts import account_faults
from appliance.model.catalog import Campaign, Change, Destination, Entity, Network, Token, User
from appliance.model.history import FieldChange, deed, differences, masked, shown
from appliance.operations.nouns import shown as shown_entity
from appliance.operations.selection import sortable
from appliance.routing.checks import check
from appliance.routing.holdings import Holdings


def told(
    before: dict[str, object] | None, after: dict[str, object] | None
) -> list[tuple[str, object, object]]:
    return [(change.field, change.before, change.after) for change in differences(before, after)]


def test_only_what_differs_is_told() -> None:
    before = {"id": 1, "revision": 1, "name": "A", "slug": "a", "targets": [1], "archived": False}
    after = {"id": 1, "revision": 2, "name": "B", "slug": "a", "targets": [1, 2], "archived": True}
    assert told(before, after) == [
        ("name", "A", "B"), ("targets", [1], [1, 2]), ("archived", False, True),
    ]  # fmt: skip
    assert told(before, before) == []


def test_a_creation_tells_what_says_something() -> None:
    assert told(None, {"id": 1, "revision": 1, "name": "A", "slug": "", "archived": False, "rules": []}) == [
        ("name", None, "A")
    ]


def test_a_field_that_an_older_weir_did_not_store_is_no_difference() -> None:
    assert told({"name": "A"}, {"name": "A", "owner_id": None, "params": {}}) == []
    assert told({"name": "A"}, {"name": "A", "owner_id": 3}) == [("owner_id", None, 3)]
    assert told({"name": "A", "gone": "x"}, {"name": "A"}) == [("gone", "x", None)]


def test_a_secret_is_told_to_have_changed_and_not_from_what_to_what() -> None:
    assert differences({"secret": "old"}, {"secret": "new"}) == (
        FieldChange(field="secret", before="********", after="********"),
    )
    assert told({"secret": ""}, {"secret": "new"}) == [("secret", "", "********")]
    assert masked({"secret": "x", "hash": "y", "name": "z"}) == {
        "secret": "********", "hash": "********", "name": "z",
    }  # fmt: skip
    assert shown(Network(slug="n", secret="x"))["secret"] == "********"
    assert shown(Network(slug="n"))["secret"] == ""
    token = shown_entity(Token(user_id=1, hash="a" * 64, hint="weir_ab"))
    assert (token.hash, token.hint) == ("********", "weir_ab")


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (None, {}, "created"),
        ({"archived": False}, {"archived": True}, "archived"),
        ({"archived": True}, {"archived": False, "name": "x"}, "restored"),
        ({}, {"archived": False, "name": "x"}, "changed"),
    ],
)
def test_a_change_has_a_word(before: dict[str, object] | None, after: dict[str, object], word: str) -> None:
    assert deed(Change(kind="page", id=1, before=before, after=after)) == word


def test_lists_are_sorted_by_plain_fields_only() -> None:
    assert sortable("campaign") == (
        "id", "revision", "name", "owner_id", "slug", "public_id", "status", "source_id", "currency",
        "trafficback_url", "rotation", "sticky", "sticky_hours", "click_cookie_days",
    )  # fmt: skip
    for hidden in ("secret", "hash", "body", "rules", "targets", "params", "mapping", "scopes"):
        for kind in ("stream", "network", "template", "link", "page", "user", "token"):
            assert hidden not in sortable(kind)


@pytest.mark.parametrize(
    ("entity", "wrong"),
    [
        (User(email="ada@x.example"), []),
        (User(email="me@mail.x.example", campaigns=(1, 2)), []),
        (User(email="Ada@X.example"), ["email"]),
        (User(email=" ada@x.example"), ["email"]),
        (User(email="ada"), ["email"]),
        (User(email="a@" + "b" * 300), ["email"]),
        (User(email="a@b\nc", campaigns=(1, 1)), ["email", "campaigns[1]"]),
        (Token(user_id=1, scopes=("campaigns.read", "links.*", "*.read", "*"), hash="a" * 64), []),
        (Token(user_id=1, expires_at="2027-01-31T00:00:00+01:00"), []),
        (Token(user_id=1, scopes=("all", "campaigns.fly"), expires_at="2027-01-31", hash="x"),
         ["scopes[0]", "scopes[1]", "expires_at", "hash"]),
        (Token(user_id=1, expires_at="soon"), ["expires_at"]),
        (Campaign(slug="!"), []),
    ],
)  # fmt: skip
def test_every_fault_of_a_user_or_a_token_is_named(entity: Entity, wrong: list[str]) -> None:
    assert [problem.path for problem in account_faults(entity)] == wrong


def test_a_grant_names_a_campaign_that_exists_archived_or_not() -> None:
    holdings = Holdings()
    holdings.put("campaign", Campaign(id=1, slug="a", archived=True))
    assert [p.path for p in check("user", User(email="a@b", campaigns=(1, 2)), holdings)] == ["campaigns[1]"]


def test_a_macro_that_nobody_knows_is_refused_unless_it_is_stored_already() -> None:
    holdings = Holdings()
    wrong = Destination(url="https://a.example/?x={clickno}&y={query.z}&z={sub31}")
    found = check("destination", wrong, holdings)
    assert [(p.path, p.message.partition(";")[0]) for p in found] == [
        ("url", "there is no macro {clickno}"),
        ("url", "there is no macro {sub31}"),
    ]
    holdings.put("destination", Destination(id=1, url=wrong.url))
    assert check("destination", Destination(id=1, url=wrong.url, status="paused"), holdings) == []
    campaign = Campaign(slug="a", public_id="a", trafficback_url="/tb/b?x={nothing}")
    assert [p.path for p in check("campaign", campaign, holdings)] == ["trafficback_url"]
