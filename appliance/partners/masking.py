"""What an attempt at a report shows: everything but who the visitor was, and what opens the account."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import Struct

MASK = "***"
_PEOPLE = frozenset(("user_data", "user", "userData", "landingPageDeviceInfo"))
_NOT_PEOPLE = frozenset(("adIdentifiers",))
"""Where identifiers stand that say nothing of a person: clicks' own ids."""
_ALONE = frozenset(("oppref", "click-id", "ob_click_id"))
"""Identifiers that stand beside the event's other fields."""
_LONGEST = 2_000


_MAIL = re.compile(
    r"(?<![^\s@\"'<>:,;{}\[\]\\])"
    r"[^\s@\"'<>:,;{}\[\]\\]+@[^\s@\"'<>:,;{}\[\]\\]+\.[^\s@\"'<>:,;{}\[\]\\]+",
    re.ASCII,
)
"""An address of mail. It begins where a word does: tried at each letter of a long one, it takes minutes."""
_PRIVATE = re.compile(
    r"[0-9A-Fa-f]{64,}"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f:]{0,39}",
    re.ASCII,
)
"""What else says who somebody is, wherever it stands: hashes, addresses of IPv4 and of IPv6."""
_HASH = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_LONGEST_KIND = 320
"""Characters of the longest text that is recognised by its looks: an address of mail."""
_WINDOW = 4
"""Times what is kept of a text is cleaned."""
_FEW = 4
"""With so many texts to be cleaned it is worth finding out what need not be looked for: hashes, which are
recognised by their looks, and are most of what a thousand events say of people."""
_SHORT = 6
"""Characters of a text that is too common to be taken out of an answer."""
_encode = msgspec.json.Encoder().encode


class Shown(NamedTuple):
    """An event as an attempt shows it, the names of the identifiers that it carries, and the texts that were
    replaced: a platform may repeat them in its answer."""

    text: str
    names: tuple[str, ...]
    private: tuple[str, ...] = ()


class _Usual(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An event as Meta has it, and others after its model: what it says of a person is in `user_data`."""

    event_name: str
    event_time: int
    event_id: str
    action_source: str
    user_data: msgspec.Raw
    custom_data: dict[str, str | int | float] = {}
    event_source_url: str = ""
    referrer_url: str = ""
    opt_out: bool = False
    data_processing_options: tuple[str, ...] = ()
    data_processing_options_country: int = 0
    data_processing_options_state: int = 0


_usual = msgspec.json.Decoder(_Usual).decode
_values = msgspec.json.Decoder(dict[str, str | tuple[str]]).decode
_BEFORE = b',"user_data":'
_CLOSER = _PEOPLE | _NOT_PEOPLE | _ALONE
"""Names that take a closer look where they stand elsewhere."""


def shown(event: bytes) -> Shown:
    """An event as its platform encoded it (partners/platforms: by msgspec, compactly): each value about a
    person is replaced, its name stays, so that it can be counted."""
    return _as_usual(event) or shown_of_any(event)


def _as_usual(event: bytes) -> Shown | None:
    """What `shown_of_any` makes of it, at a third of the cost; None where that takes a closer look."""
    try:
        it = _usual(event)
        raw = bytes(it.user_data)
        values = _values(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    start = event.find(_BEFORE) + len(_BEFORE)
    if not event.startswith(raw, start) or not _CLOSER.isdisjoint(it.custom_data):
        return None
    names, kinds = tuple(values), tuple(map(type, values.values()))
    whole = event[:start] + _hidden_values(names, kinds) + event[start + len(raw) :]
    text = msgspec.json.format(whole, indent=0).decode()
    private: dict[str, None] = {}
    for value in values.values():
        plain = value if isinstance(value, str) else value[0]
        if len(plain) >= _SHORT:
            private[plain] = None
        elif not plain:
            names = tuple(name for name, each in values.items() if each not in ("", ("",)))
    return Shown(text[:_LONGEST], names, tuple(private))


@lru_cache(maxsize=1_024)
def _hidden_values(names: tuple[str, ...], kinds: tuple[type, ...]) -> bytes:
    """The same few in almost every event of a pixel."""
    return _encode({name: MASK if kind is str else [MASK] for name, kind in zip(names, kinds, strict=True)})


def shown_of_any(event: bytes) -> Shown:
    """What `shown` means, and its way for what is not as usual."""
    try:
        found = msgspec.json.decode(event)
    except msgspec.DecodeError:  # a query; those carry no person
        text = event.decode("utf-8", "replace")
        return Shown(text[:_LONGEST], tuple(name for name, _ in parse_qsl(text) if name in _ALONE))
    marks = _Marks({}, {})
    text = msgspec.json.format(_encode(_walked(found, marks)), indent=0).decode()
    return Shown(text[:_LONGEST], tuple(marks.names), tuple(marks.private))


def masked(event: bytes) -> str:
    """The text of `shown`."""
    return shown(event).text


class _Marks(NamedTuple):
    names: dict[str, None]
    private: dict[str, None]


def _walked(value: object, marks: _Marks) -> object:
    """Outside of what is about a person."""
    if type(value) is list:
        return [_walked(item, marks) for item in value]
    if type(value) is not dict:
        return value
    found = {}
    for name, item in value.items():
        if name in _PEOPLE:
            item = _hidden(item, marks, name)
        elif name in _ALONE:
            if item:
                marks.names[name] = None
        elif type(item) is dict or type(item) is list:
            if name in _NOT_PEOPLE and type(item) is dict:
                marks.names.update((key, None) for key, each in item.items() if key not in _PEOPLE and each)
            item = _walked(item, marks)
        found[name] = item
    return found


def _hidden(value: object, marks: _Marks, under: str) -> object:
    """Each value replaced, and noted."""
    if type(value) is str:
        if value:
            marks.names[under] = None
            if len(value) >= _SHORT:
                marks.private[value] = None
        return MASK
    if type(value) is dict:
        return {name: _hidden(item, marks, name) for name, item in value.items()}
    if type(value) is list:
        return [_hidden(item, marks, under) for item in value]
    if value is not None:
        marks.names[under] = None
    return MASK


def scrubbed(text: str, private: Iterable[str] = ()) -> str:
    """A text of the platform's without what says who somebody is: these texts, and what looks like it."""
    # The longest first: one may begin with another.
    for each in sorted((each for each in private if each in text), key=len, reverse=True):
        text = text.replace(each, MASK)
    return _PRIVATE.sub(MASK, _MAIL.sub(MASK, text))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A text of the platform's without what opens the account."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may begin with another
        if secret:
            text = text.replace(secret, MASK)
    return text


class Redactor:
    """Makes texts of a platform's fit to be shown: cleaned of these first, and then cut. What was cut off in
    its midst would not be recognised any more, and all but its end would be shown.

    A long text is not cleaned whole: an answer may have 1 MiB, and a thousand events say much of people. Of a
    window, several times what is kept, nothing is kept that stands close to its end, since what stands across
    that is not recognised either. That much is dropped after the cleaning: masks shrink a text, and what
    stood far behind what is kept may have come into it.
    """

    def __init__(self, secrets: Iterable[str], private: Iterable[str] = ()) -> None:
        known = {each for each in secrets if each}
        # As JSON's escapes and a query have them.
        escaped = {each.replace("/", r"\/") for each in known}
        self._secrets = known | escaped | {quote(each, safe="", errors="replace") for each in known}
        self._private = list(private)
        self._cleaned = 0

    @cached_property
    def _margin(self) -> int:
        """Asked for by long texts only: almost none is one. A mask may be longer than what it replaces."""
        return len(MASK) * max(_LONGEST_KIND, *map(len, self._secrets), *map(len, self._private))

    def window(self, most: int) -> int:
        """So many characters of a long text are looked at to keep `most`."""
        return _WINDOW * most + self._margin

    def __call__(self, text: str, most: int) -> str:
        """At most `most` characters."""
        if not text:
            return ""
        self._cleaned += 1
        if self._cleaned == _FEW:
            self._private = [each for each in self._private if not _HASH.fullmatch(each)]
        if len(text) <= _WINDOW * most or len(text) <= self.window(most):
            return self._clean(text)[:most]
        found = self._clean(text[: self.window(most)])
        return found[: min(most, max(len(found) - self._margin, 0))]

    def _clean(self, text: str) -> str:
        return scrubbed(hidden(text, self._secrets), self._private)
