"""What an answer of a platform means, and what of it may be kept and shown."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.partners.masking import Redactor
from appliance.partners.platform import Answer, Platform, Verdict

ANSWER = 2_048
"""Characters of an answer that are kept."""
REASON = 300
"""Of a platform's words on a request, and on one of its events."""
TRACE = 64


def understood(
    platform: Platform, answer: Answer, sent: int, secrets: Iterable[str], private: Iterable[str]
) -> tuple[Verdict, str]:
    """What an answer to a request with `sent` events means, and its text: without these secrets, which open
    the account, and without a person, of whom the events said what is `private`. Platforms' files pass on
    their words uncut: they are cut here, once they are clean."""
    clean = Redactor(secrets, private)
    found = platform.verdict(answer, sent)
    verdict = found._replace(
        reason=clean(found.reason, REASON),
        trace=clean(found.trace, TRACE),
        details={place: clean(words, REASON) for place, words in found.details.items()},
    )
    return verdict, clean(answer.text, ANSWER)
