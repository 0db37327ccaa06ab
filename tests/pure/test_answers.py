"""Answers: which kinds there are, what they ask for, and that nothing breaks out of what is shown."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.http.public import answers
from appliance.model.catalog import Campaign
from appliance.model.rules import Answer
from appliance.routing import verdicts
from appliance.routing.answers import MAX_CAMPAIGNS, check_answer
from appliance.routing.decide import decide
from appliance.routing.state import State
from tests.pure.tables import CLICK, KEY, build, decided, destination, stream, visit

PAGES = ("meta", "double_meta", "js", "iframe", "form_post")
URL = "https://offer.example/a?s={sub1}&it's={query.x}&u={user_agent}#{sub2}"


def shop(answer: Answer, url: str = URL, **more):
    campaign = Campaign(id=1, slug="shoes", public_id="PUB")
    return build(campaign, destination(1, url), stream(1, 1, answer=answer), **more)


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (Answer(), []),
        (Answer(status=301), []),
        (Answer(status=200), ["answer.status"]),
        (Answer(status=304), ["answer.status"]),
        (Answer(kind="status", status=404), []),
        (Answer(kind="status", status=204), []),
        (Answer(kind="status"), ["answer.status"]),
        (Answer(kind="status", status=100), ["answer.status"]),
        (Answer(kind="status", status=205), ["answer.status"]),
        (Answer(kind="text", body="hi"), []),
        (Answer(kind="html", body="<p>", status=403), []),
        (Answer(kind="html", body="\ud800"), ["answer.body"]),
        (Answer(kind="html", body="x" * 300_000), ["answer.body"]),
        (Answer(kind="json", body='{"a": 1}'), []),
        (Answer(kind="json", body="{"), ["answer.body"]),
        (Answer(kind="json", body="[" * 5_000), ["answer.body"]),
        (Answer(kind="js", body="alert(1)"), ["answer.body"]),
        (Answer(kind="campaign", campaign_id=2), []),
        (Answer(kind="campaign"), ["answer.campaign_id"]),
        (Answer(kind="campaign", campaign_id=1), ["answer.campaign_id"]),
        (Answer(campaign_id=2), ["answer.campaign_id"]),
    ],
)
def test_what_an_answer_may_hold(answer, faults):
    assert [fault.path for fault in check_answer(answer, 1)] == faults


def test_the_plain_redirect_is_no_answer_to_look_at():
    made = shop(Answer())
    assert made.by_slug["shoes"].streams[0].answer is None
    assert answers.shown(decided(made)).status == 302


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_with_their_status(status):
    seen = answers.shown(decided(shop(Answer(status=status)), "sub1=a"))
    assert (seen.status, seen.location[:33], seen.body) == (status, "https://offer.example/a?s=a&it's=", b"")


@pytest.mark.parametrize(
    ("answer", "status", "kind", "body"),
    [
        (Answer(kind="text", body="hé"), 200, answers.TEXT, "hé"),
        (Answer(kind="html", body="<b>x</b>"), 200, answers.HTML, "<b>x</b>"),
        (Answer(kind="json", body="[1]", status=451), 451, answers.JSON, "[1]"),
        (Answer(kind="status", status=404), 404, answers.TEXT, ""),
        (Answer(kind="status", status=204), 204, answers.TEXT, ""),
    ],
)
def test_a_stream_that_answers_itself_needs_no_destination(answer, status, kind, body):
    campaign = Campaign(id=1, slug="shoes", public_id="PUB")
    decision = decided(build(campaign, stream(1, answer=answer)))
    assert (decision.kind, decision.stream_id, decision.destination_id) == (verdicts.TO_ANSWER, 1, 0)
    seen = answers.shown(decision)
    assert (seen.status, seen.content_type, seen.body.decode()) == (status, kind, body)


class _Page(HTMLParser):
    """Every tag with its attributes, and what stands in scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.script = ""
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._in_script = tag == "script"

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if self._in_script:
            self.script += data


ANYTHING = st.text(max_size=80) | st.sampled_from(
    ["\"><script>alert(1)</script>", "' onload='x", "javascript:alert(1)", "&quot;", "</script>", "';x='",
     "%22%3E", "{sub2}", "\\", "`${x}`", "\u2028", "//evil.example", "..", "<!--", "]]>", "&#x27;"]
)  # fmt: skip


def hostile(made, one: str, other: str):
    seen = visit()
    seen.subs = {1: one, 2: other}
    seen.params = {"x": other}
    seen.user_agent = one
    return decide(made, made.by_slug["shoes"], seen, State(), 0, 0)


@given(ANYTHING, ANYTHING, st.sampled_from(["text", "html", "json"]))
def test_a_body_shows_nothing_that_a_visitor_sent(one, other, kind):
    body = '{"id": "{click_id} {campaign_id}.{stream_id} {cost} {sub1} {query.x} {unknown} {user_agent}"}'
    decision = hostile(
        build(Campaign(id=1, slug="shoes", public_id="PUB"), stream(2, answer=Answer(kind=kind, body=body))),
        one,
        other,
    )
    shown = answers.shown(decision).body.decode()
    assert shown == f'{{"id": "{CLICK} 1.2 0 {{sub1}} {{query.x}} {{unknown}} {{user_agent}}"}}'


PARSED = {
    kind: _Page(answers.shown(hostile(shop(Answer(kind=kind)), "a", "b"), KEY).body.decode())
    for kind in PAGES
}


@pytest.mark.parametrize("kind", PAGES)
@given(one=ANYTHING, other=ANYTHING)
def test_nothing_breaks_out_of_a_page(kind, one, other):
    """Whatever the visitor sent: the same tags, the same script, and one place to go, the decision's."""
    decision = hostile(shop(Answer(kind=kind)), one, other)
    seen = answers.shown(decision, KEY)
    text = seen.body.decode()
    page, plain = _Page(text), PARSED[kind]
    assert (page.tags, page.script) == (plain.tags, plain.script)
    assert [a[:2] for a in page.attributes] == [a[:2] for a in plain.attributes]
    url = decision.url
    places = {value for _, name, value in page.attributes if name in ("href", "src", "action")}
    refreshes = [
        re.fullmatch(r"0;url='([^']*)'", v)[1]
        for t, n, v in page.attributes
        if n == "content" and "url=" in v
    ]
    if kind == "double_meta":
        (place,) = places
        assert refreshes == [place] and place.startswith("/m/")
        opened = answers.second(KEY, place[3:])
        assert f'href="{_escaped(url)}"' in opened.body.decode()
    elif kind == "meta":
        assert refreshes == [url.replace("'", "%27")] and places == set(refreshes)
    elif kind == "form_post":
        split = urlsplit(url)
        assert places == {"https://offer.example/a"}
        names = [v for t, n, v in page.attributes if (t, n) == ("input", "name")]
        values = [v for t, n, v in page.attributes if (t, n) == ("input", "value")]
        assert list(zip(names, values, strict=True)) == parse_qsl(split.query, keep_blank_values=True)
    else:
        assert places == {url}
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.path) == ("https", "offer.example", "/a")
    assert [name for name, _ in parse_qsl(split.query, keep_blank_values=True)] == ["s", "it's", "u"]


def _escaped(url: str) -> str:
    return url.replace("'", "%27").replace("&", "&amp;")


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_may_run_its_own_script_only(kind):
    seen = answers.shown(decided(shop(Answer(kind=kind))), KEY)
    policy = seen.headers.decode()
    assert "default-src 'none'" in policy and "unsafe-inline'; script" not in policy
    assert ("script-src 'sha256-" in policy) == (kind in ("js", "form_post"))
    assert ("Referrer-Policy: no-referrer" in policy) == (kind == "double_meta")


def test_the_second_page_of_a_double_meta_leads_nowhere_but_where_a_decision_led():
    place = re.search(
        rb'href="/m/([^"]+)"', answers.shown(decided(shop(Answer(kind="double_meta"))), KEY).body
    )
    sealed = place[1].decode()
    assert answers.second(KEY, sealed) is not None
    for forged in (sealed[:-2], "A" + sealed[1:], sealed + "AAAA", "", "x", "aHR0cHM6Ly9ldmls"):
        assert answers.second(KEY, forged) is None
    assert answers.second(b"", sealed) is None


def test_a_double_meta_without_a_key_or_too_long_is_one_page():
    for made, key in ((shop(Answer(kind="double_meta")), b""), (shop(Answer(kind="double_meta"), URL), KEY)):
        decision = hostile(made, "x" * 2_000, "y" * 2_500) if key else decided(made)
        assert b"/m/" not in answers.shown(decision, key).body


def chain(length: int, back: int | None = None):
    """Campaigns 1 to length, each handing on to the next; the last one has a destination, or leads `back`."""
    entities = [destination(1)]
    for n in range(1, length + 1):
        last = n == length
        entities.append(Campaign(id=n, slug=f"c{n}", public_id=f"P{n}"))
        on = back if last else n + 1
        answer = Answer() if on is None else Answer(kind="campaign", campaign_id=on)
        entities.append(stream(n, *([1] if on is None else []), campaign=n, answer=answer))
    return build(*entities)


@pytest.mark.parametrize(
    ("length", "back"), [(2, None), (MAX_CAMPAIGNS + 1, None), (MAX_CAMPAIGNS + 2, None), (2, 1)]
)
def test_campaigns_hand_a_visitor_on_so_often_and_no_more(length, back):
    made, seen = chain(length, back), visit("cost=1")
    campaign, kinds = made.by_slug["c1"], []
    while campaign is not None:
        decision = decide(made, campaign, seen, State(), 0, 0)
        kinds.append(decision.kind)
        campaign = decision.onward
        if campaign is not None:
            seen.pass_on(0, (0, ""))
    if length <= MAX_CAMPAIGNS + 1 and back is None:
        assert kinds == ["campaign"] * (length - 1) + ["destination"]
    else:
        assert kinds == ["campaign"] * MAX_CAMPAIGNS + ["reply"]
        assert decision.reason == "too_many_campaigns"
    assert seen.cost == 0


def test_a_campaign_that_is_gone_takes_nobody():
    made = build(
        Campaign(id=1, slug="shoes", public_id="PUB"),
        stream(1, answer=Answer(kind="campaign", campaign_id=9)),
    )
    assert decided(made).reason == "no_destination_available"
