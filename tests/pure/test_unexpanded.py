"""Macros that a source left as they were are missing; a visitor's own words are not."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.unexpanded import _ID, _WHOLE, ENDS, FORMS, is_unexpanded, may_hold_macros
from appliance.routing.visit import Visit, read_query


def read(query: str) -> Visit:
    visit = Visit("c", "x", query, read_query(query))
    visit.read_tracking()
    return visit


@pytest.mark.parametrize(
    "value",
    [
        *(form.example for form in FORMS),
        "{click_id}", "{CampaignId}", "{keyword:utf-8}", "{ifmobile:m}", "{$click_id}", "{_custom}", "{cost}",
        "{{campaign.name}}", "{{ad.id}}", "{{ob_click_id}}", "{{ campaign.id }}", "${SUBID}",
        "${campaign_id}", "[IMPRESSIONID]", "[bid]", "[BANNER_CREATIVE_ID]", "__CLICKID__",
        "__CALLBACK_PARAM__",
        "__AID_NAME__", "__OS__", "__UA1__", "__BBG__", "_CAMPAIGN_ID_",
        "##SUB_ID_SHORT(action)##", "##BANNER_ID##",
        "<payout>", "#price#", "%cost%", "xxc1xx",
        "{{campaign.name}}-{{adset.name}}", "{campaignid}_{adgroupid}_{creative}", "[CAMPAIGN_ID]|[SITE_ID]",
        "__CAMPAIGN_ID__.__AID__",
    ],
)  # fmt: skip
def test_a_macro_nobody_filled_in(value: str) -> None:
    assert is_unexpanded(value)
    assert value[-1] in ENDS


@pytest.mark.parametrize(
    "value",
    [
        "__init__", "__main__", "__Init__", "__", "____", "_x_", "_best_", "__A", "A__", "__A__b",
        "{}", "{ }", "{1}", "{1,2}", '{"a":1}', "{a b}", "{a", "a}", "x{a}", "{a}x", "{a} and more",
        "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "{{}}", "{a}}",
        "{{a}",
        "[]", "[1]", "[US]", "[US] Shoes", "[a b]", "[[a]", "[abc]def",
        "<>", "< 5", "a<b>", "<3", "<a b>", "50%", "100%", "%", "%%", "%20%", "5%off%", "10% to 20%",
        "$", "$$", "$5$", "a$b$", "$9.99", "#", "#1", "#sale", "##", "# a #", "!!!", "wow!!!", "!!!wow",
        "xx", "xxx", "linux", "xxlargexx", "xxc12xx", "max", "snake_case_", "trailing_", "WORD_", "_CLICK_",
        "C#",
        "plain", "a-b", "https://x.example/?a={b}", "user@x.example", "été", "{é}", "{" + "a" * 300 + "}",
    ],
)  # fmt: skip
def test_a_visitors_own_words(value: str) -> None:
    assert not is_unexpanded(value)
    assert read("sub1=" + quote(value)).subs == {1: value}


@given(st.text(st.characters(codec="utf-8", exclude_characters="{}[]<>#%$!_"), max_size=60))
def test_what_has_no_delimiter_is_never_taken_for_a_macro(value: str) -> None:
    assert not is_unexpanded(value) or value.startswith("xx")


@given(st.text(alphabet="{}[]<>#%$!_:().xaA1 -", max_size=300))
def test_every_macro_ends_in_a_character_that_is_looked_for(value: str) -> None:
    if is_unexpanded(value):
        assert value[-1] in ENDS
        assert may_hold_macros(f"a=b&sub1={value}") and may_hold_macros(f"sub1={quote(value)}&c=d")


def test_a_macro_that_can_be_read_in_two_ways_is_not_tried_in_all_of_them() -> None:
    """Sixteen of them were 2^16 ways: forty such parameters in one link held an edge for a second."""
    assert type(_WHOLE).__module__.startswith("re2") and type(_ID).__module__.startswith("re2")
    for whole in ("{a:b(c)}" * 20, "__AID__" * 16, "__CID____CID__" * 15, "{a}__AID__" * 8):
        assert is_unexpanded(whole) and not is_unexpanded(whole + "(!")


@pytest.mark.parametrize("value", ["{" + "0aF4" * 8 + "}", "{a}{" + "a" * 32 + "}"])
def test_an_id_in_braces_is_no_macro(value: str) -> None:
    assert not is_unexpanded(value) and is_unexpanded(value.replace("a", "g").replace("0", "x"))


def test_a_parameter_that_was_not_filled_in_is_missing_everywhere() -> None:
    visit = read(
        "sub1={zoneid}&clickid=${SUBID}&gclid=G&cost={cost}&bid=0.5&other=[site]&currency=__CUR__&utm_term=t"
    )
    assert visit.subs == {}
    assert visit.source_click_id == "G"
    assert visit.cost == 500_000
    assert visit.utm == {"utm_term": "t"}
    assert visit.faults == ()
    assert visit.unexpanded == ("sub1", "clickid", "cost", "other", "currency")
    assert visit.params == {"gclid": "G", "bid": "0.5", "utm_term": "t"}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
@pytest.mark.parametrize("encoded", [True, False])
def test_every_form_is_known_as_it_arrives(form, encoded: bool) -> None:
    visit = read(f"sub1={quote(form.example, safe='') if encoded else form.example}&sub2=b")
    assert (visit.subs, visit.unexpanded) == ({2: "b"}, ("sub1",))


@pytest.mark.parametrize("name", ["campaign", "device", "ad_id", "bid", "creative", "zoneid", "cafe"])
def test_per_cent_signs_that_look_like_encoded_bytes(name: str) -> None:
    """%campaign% begins with %ca, which is a byte to whoever decodes it."""
    visit = read(f"sub1=%{name}%&sub2=b")
    assert (visit.subs, visit.unexpanded) == ({2: "b"}, ("sub1",))
