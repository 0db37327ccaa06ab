"""Secrets at rest: what is sealed opens with its own key, in its own place, and nowhere else."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.vault import Unopened, Vault
from appliance.model.catalog import AdAccount, Change
from appliance.model.history import MASK, SEALED, deed, differences, masked, shown
from appliance.operations import nouns

SECRET, OTHER = b"a" * 32, b"b" * 32
PLACE = "ad_account.token"


def vault(secret: bytes = SECRET, *older: bytes) -> Vault:
    return Vault(secret, older, os.urandom)


@given(st.text())
def test_what_is_sealed_opens_again_and_shows_nothing(text: str) -> None:
    sealed = vault().seal(text, PLACE)
    assert vault().open(sealed, PLACE) == text
    assert (sealed == "") == (text == "")
    if len(text) > 4:
        assert text not in sealed


def test_the_same_text_is_never_sealed_alike() -> None:
    assert len({vault().seal("token", PLACE) for _ in range(100)}) == 100


def test_each_key_has_a_name_that_the_text_carries() -> None:
    sealed = vault().seal("token", PLACE)
    assert sealed.startswith(f"{SEALED}v1:{vault().key_id}:")
    assert vault().key_id != vault(OTHER).key_id


def test_a_wrong_secret_says_which_and_what_to_do() -> None:
    sealed = vault().seal("EAAB-secret", PLACE)
    with pytest.raises(Unopened) as caught:
        vault(OTHER).open(sealed, PLACE)
    for said in (vault().key_id, vault(OTHER).key_id, "secret_file", ".old", "enter the value again"):
        assert said in caught.value.message
    assert "EAAB" not in caught.value.message


def test_an_older_secret_opens_and_is_renewed() -> None:
    sealed = vault().seal("token", PLACE)
    rotated = vault(OTHER, SECRET)
    assert rotated.open(sealed, PLACE) == "token"
    assert not rotated.is_current(sealed)
    again = rotated.renewed(sealed, PLACE)
    assert rotated.is_current(again)
    assert vault(OTHER).open(again, PLACE) == "token"
    assert rotated.renewed(again, PLACE) is again


@pytest.mark.parametrize(
    "broken",
    ["plain text", "weir-sealed:", "weir-sealed:v1:", "weir-sealed:v2:00000000:AAAA", "weir-sealed:v1:short"],
)
def test_what_is_no_sealed_text_is_refused(broken: str) -> None:
    with pytest.raises(Unopened):
        vault().open(broken, PLACE)


def test_every_changed_character_is_noticed() -> None:
    sealed = vault().seal("token", PLACE)
    body = sealed.rindex(":") + 1
    for at in range(body, len(sealed)):
        torn = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(Unopened):
            vault().open(torn, PLACE)
        with pytest.raises(Unopened):
            vault().open(sealed[:at], PLACE)


def test_put_in_another_place_it_does_not_open() -> None:
    with pytest.raises(Unopened, match="sealed for another place"):
        vault().open(vault().seal("token", PLACE), "ad_account.settings.app_secret")


def test_nobody_is_shown_a_sealed_text_whatever_its_field() -> None:
    sealed = vault().seal("token", PLACE)
    account = AdAccount(
        platform="meta", token=sealed, settings={"app_secret": sealed, "api_version": "v25.0"},
        intake_hash="ab" * 32, intake_hint="weir_ab",
    )  # fmt: skip
    seen = [shown(account), masked(shown(account)), nouns.shown(account)]
    for each in seen:
        assert sealed not in str(each) and "ab" * 32 not in str(each)
    assert nouns.shown(account).token == MASK
    assert nouns.shown(account).settings == {"app_secret": MASK, "api_version": "v25.0"}
    assert nouns.shown(AdAccount(platform="meta")).token == ""


def test_history_says_that_a_token_was_changed_and_not_to_what() -> None:
    before: dict[str, object] = {"token": vault().seal("one", PLACE)}
    after: dict[str, object] = {"token": vault().seal("two", PLACE)}
    (found,) = differences(before, after)
    assert (found.field, found.before, found.after) == ("token", MASK, MASK)
    assert deed(Change(kind="ad_account", id=1, before=before, after=after)) == "changed"
