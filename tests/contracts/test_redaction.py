"""What a platform repeats of a token or of a person is never shown in part, wherever its answer is cut."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from appliance.outbound.platforms import PlatformDoor
from appliance.outbound.trials import try_out
from appliance.partners.masking import MASK, Redactor
from appliance.partners.platform import Answer, Message, Pixel, Sent, Verdict
from appliance.partners.roster import PLATFORMS
from appliance.partners.understanding import ANSWER, REASON, TRACE, understood
from appliance.partners.ways import Way
from tests.actors.reporter_rig import Site
from tests.platforms.every import CASES, SOMEBODY

TOKEN = "".join(sha256(b"%d" % n).hexdigest()[:10] + "xYz" for n in range(31))[:400]
"""Nothing of it looks like a hash."""
HASH = sha256(b"somebody@example.com").hexdigest()
PART = 12
"""So many characters in a row are a part."""
CUTS = (TRACE, REASON, ANSWER, 2 * ANSWER)


def part_of(secret: str, shown: str) -> str:
    """The first part of a secret that is shown; "" for none."""
    parts = (secret[at : at + PART] for at in range(len(secret) - PART + 1))
    return next((part for part in parts if part in shown), "")


def step(secret: str) -> int:
    """Between two places: every cut falls into a secret at several."""
    return max(PART - 1, len(secret) // 12)


def answers(words: str, status: int) -> Iterator[Answer]:
    """An answer with these words wherever one of the platforms has any, and one that is nothing else."""
    named = {"index": 0, "propertyName": words, "errorMessage": words}
    document = {
        "code": 40105, "message": words, "request_id": words, "requestId": words, "traceId": words,
        "fbtrace_id": words, "events_received": 1, "num_events_processed": 0, "reason": words,
        "events": [{"status": "failed", "error_message": words}],
    }  # fmt: skip
    error = {
        "error": {
            "message": words, "code": 190, "status": words, "fbtrace_id": words, "details": [named],
        },
    }  # fmt: skip
    for body in (words, json.dumps(document), json.dumps(document | error), json.dumps({"message": words})):
        yield Answer(status, {}, body.encode())


def said(verdict: Verdict, text: str) -> str:
    """All that is kept of an answer."""
    kept = (verdict.reason, verdict.trace, text, verdict.label, *verdict.refused.values())
    return "\n".join((*kept, *verdict.details.values()))


@pytest.mark.parametrize("name", sorted(PLATFORMS))
@pytest.mark.parametrize("secret", (TOKEN, HASH), ids=("token", "hash"))
def test_no_cut_leaves_a_part_of_what_a_platform_repeats(name: str, secret: str) -> None:
    opens = (TOKEN,)
    befores = sorted(
        {at for cut in CUTS for at in range(max(0, cut - len(secret) - 40), cut + 1, step(secret))}
    )
    for before in befores:
        words = "Wrong: " + "-" * before + " " + secret
        for status in (200, 400):
            for answer in answers(words, status):
                verdict, text = understood(PLATFORMS[name], answer, 1, opens, (HASH,))
                assert not part_of(secret, said(verdict, text)), (before, status, answer.body[:40])
                assert len(verdict.reason) <= REASON
                assert len(verdict.trace) <= TRACE
                assert len(text) <= ANSWER
                assert all(len(each) <= REASON for each in verdict.details.values())


@pytest.mark.parametrize("name", sorted(PLATFORMS))
@pytest.mark.parametrize("secret", (TOKEN, HASH), ids=("token", "hash"))
def test_nor_does_an_answer_that_is_full_of_it(name: str, secret: str) -> None:
    for count in (20, 100, 2_000):
        for before in range(0, len(secret), step(secret)):
            words = "-" * before + f" {secret}" * count
            for answer in answers(words, 400) if count < 2_000 else (Answer(400, {}, words.encode()),):
                verdict, text = understood(PLATFORMS[name], answer, 1, (TOKEN,), (HASH,))
                assert not part_of(secret, said(verdict, text)), (count, before)


AGENT = "Mozilla/5.0 (X11; Linux x86_64) Somebody/1.0 " + "v" * 300
PIECES = st.sampled_from((TOKEN, HASH, AGENT, "it@example.com", " ", "-" * 50, "x" * 997, " é ", "\n"))


@given(st.lists(PIECES, max_size=60), st.integers(0, 900), st.sampled_from((TRACE, REASON, ANSWER)))
def test_what_is_shown_of_any_text_has_no_part_of_anything(pieces: list[str], before: int, most: int) -> None:
    found = Redactor((TOKEN, ""), (HASH, AGENT))("." * before + " ".join(pieces), most)
    assert len(found) <= most
    for secret in (TOKEN, HASH, AGENT[:45], "it@example.com"):
        assert not part_of(secret, found)


@pytest.mark.parametrize("most", (TRACE, REASON, ANSWER))
@pytest.mark.parametrize("secret", (TOKEN, HASH, AGENT))
def test_the_end_of_what_is_cleaned_shows_no_part_either(most: int, secret: str) -> None:
    """The cleaned window's end is a cut like any other: every place at it, and masks before it."""
    clean = Redactor((TOKEN,), (HASH, AGENT))
    window = clean.window(most)
    for start in range(window - len(secret) - 2, window + 2, 3):
        masked = f"{TOKEN} " * (start // (len(TOKEN) + 1))
        text = masked + "." * (start - len(masked)) + " " + secret + "." * 9_000
        assert not part_of(secret, clean(text, most)), start


def test_of_two_secrets_neither_hides_the_other() -> None:
    clean = Redactor(("abcdef", "abcdef-and-more"), ("Mozilla", "Mozilla and more"))
    assert clean("abcdef-and-more Mozilla and more", 99) == f"{MASK} {MASK}"


def test_a_secret_is_known_as_documents_and_queries_have_it() -> None:
    secret = "1//0gAb+Cd/Ef=="
    clean = Redactor((secret,))
    for each in (secret, secret.replace("/", r"\/"), "1%2F%2F0gAb%2BCd%2FEf%3D%3D"):
        assert clean(f"bad token {each}.", 99) == f"bad token {MASK}."


def test_a_hash_in_a_longer_row_of_digits_leaves_none_of_them() -> None:
    assert Redactor(())("ab" * 20 + HASH, 999) == MASK
    assert not part_of(HASH, Redactor((), (HASH,))("ab" * 20 + HASH, 999))


def test_a_short_text_is_kept_as_it_is_and_a_long_one_up_to_its_bound() -> None:
    clean = Redactor((TOKEN,), (HASH,))
    assert clean("", REASON) == ""
    assert clean("190/0: Malformed", REASON) == "190/0: Malformed"
    assert clean("- " * 500_000, REASON) == "- " * (REASON // 2)


@pytest.mark.parametrize("text", ("a" * 2**20, "a." * 2**19, "a@" * 2**19, "1:" * 2**19, "f" * 2**20))
def test_no_answer_takes_long_to_clean(text: str) -> None:
    """1 MiB, which is as long as one can be, with what a thousand events say of people."""
    private = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}) Gecko/{n}" for n in range(2_000)]
    private += [sha256(b"%d" % n).hexdigest() for n in range(5_000)]
    began = time.process_time()
    understood(PLATFORMS["openai"], Answer(400, {}, text.encode()), 1_000, (TOKEN,), private)
    assert time.process_time() - began < 5.0  # 20 ms; minutes where a pattern takes the square of it


async def test_what_an_account_says_of_itself_has_no_part_of_its_token(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    site = Site(tmp_path / "ledger.db")
    way = site.ways["pixel:1"]
    token = TOKEN[:284]
    site.ways["pixel:1"] = way._replace(pixel=way.pixel._replace(token=token))
    words = json.dumps({"error": {"message": f"Malformed access token {token}", "code": 190}})
    site.faults = [Answer(400, {}, words.encode())] * 3
    site.put(1)
    reporter = site.reporter()
    await nursery.start(reporter.run)
    await site.until(lambda: bool(reporter.standings()))
    (standing,) = reporter.standings().values()
    assert standing.reason.endswith(f"Malformed access token {MASK}")
    found = site.store.get(site.stored()[0].delivery.id)
    assert found is not None
    kept = "".join(each.error + each.answer + each.request for each in found[1])
    assert kept.count("Malformed") >= 2
    assert not part_of(token, kept)
    site.close()


class _Door(PlatformDoor):
    """A platform that answers to anything in these words."""

    def __init__(self, words: str) -> None:
        self.words = words

    async def token(self, way: Way) -> str | Verdict:
        await trio.lowlevel.checkpoint()
        return "bought-" + TOKEN

    async def send(self, message: Message, seconds: float) -> Sent:
        await trio.lowlevel.checkpoint()
        return Sent(Answer(400, {}, self.words.encode()), "", left=True)


@pytest.mark.parametrize("name", sorted(name for name in PLATFORMS if PLATFORMS[name].trial != "none"))
async def test_a_trial_shows_no_part_of_a_secret_or_of_a_person(name: str) -> None:
    platform, case = PLATFORMS[name], CASES[name]
    client = "client-" + TOKEN[::-1]
    settings = {**case.settings, **dict.fromkeys(platform.secret_settings, client)}
    way = Way("account:1", platform, Pixel("px", TOKEN, settings))
    secrets = (TOKEN, HASH, *([client] if platform.secret_settings else ()))
    for secret in secrets:
        for before in (0, 100, 280, ANSWER - 100, 2 * ANSWER - 100):
            tried = await try_out(_Door("-" * before + f" {secret} " * 9), way, [])
            assert not part_of(secret, tried.request + said(tried.verdict, tried.answer)), before


async def test_a_trial_shows_nothing_of_its_events_person() -> None:
    platform, case = PLATFORMS["meta"], CASES["meta"]
    site_event = json.dumps({"user_data": {"client_user_agent": SOMEBODY.user_agent}}).encode()
    way = Way("account:1", platform, Pixel("px", TOKEN, case.settings))
    tried = await try_out(_Door(f"not liked: {SOMEBODY.user_agent}"), way, [site_event])
    assert tried.answer == f"not liked: {MASK}"
