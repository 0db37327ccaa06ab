"""Macros that a traffic source left as they were: `sub1={zoneid}` says nothing, and is read as missing.

Strict on purpose, because visitors' own texts arrive in the same parameters: a value counts only when all of
it is a macro, or several with a separator between, in a delimiter that some source or network writes
(reference/conversion-apis.md 7). docs/reference/sources.md lists the forms; a test holds it to them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import re2

LONGEST = 256
"""A longer value is no macro."""


class Form(NamedTuple):
    """How a macro is written: an example, and the pattern of exactly one."""

    example: str
    pattern: str


_NAME = r"\$?[A-Za-z_][A-Za-z0-9_.]{0,63}"
_PLAIN = r"[A-Za-z][A-Za-z0-9_.-]{1,63}"
# What follows a name: {keyword:utf-8}, {ifmobile:m}, ##SUB_ID_SHORT(action)##.
_ARGUMENT = r"(?:[:|][^{}\[\]<>]{1,40})?(?:\([^(){}]{0,40}\))?"
# One underscore at each end is what many write for TikTok's two; they are never put in, so only these.
_TIKTOK = "CLICKID|CAMPAIGN_ID|CAMPAIGN_NAME|AID|AID_NAME|CID|CID_NAME|CTYPE|PLACEMENT"

FORMS: tuple[Form, ...] = (
    Form("{zoneid}", rf"\{{{_NAME}{_ARGUMENT}\}}"),
    Form("{{campaign.id}}", rf"\{{\{{ ?{_NAME}{_ARGUMENT} ?\}}\}}"),
    Form("${SUBID}", rf"\$\{{{_NAME}{_ARGUMENT}\}}"),
    Form("[clickid]", r"\[[A-Za-z_][A-Za-z0-9_.]{2,63}\]"),
    Form("[[clickid]]", r"\[\[[A-Za-z_][A-Za-z0-9_.]{0,63}\]\]"),
    Form("[[[subid]]]", r"\[\[\[[A-Za-z_][A-Za-z0-9_.]{0,63}\]\]\]"),
    Form("<click_id>", rf"<{_PLAIN}>"),
    Form("##CAMPAIGN_ID##", rf"##{_PLAIN}(?:\([^()]{{0,40}}\))?##"),
    Form("#s2#", rf"#{_PLAIN}#"),
    Form("%zoneid%", rf"%{_PLAIN}%"),
    Form("$price$", rf"\${_PLAIN}\$"),
    Form("!!!clickRef!!!", rf"!!!{_PLAIN}!!!"),
    Form("__CAMPAIGN_ID__", r"__[A-Z][A-Z0-9]{0,30}(?:_[A-Z0-9]{1,30}){0,6}__"),
    Form("_CLICKID_", rf"_(?:{_TIKTOK})_"),
    Form("xxpayoutxx", r"xx(?:payout|c[1-9])xx"),
)
_ONE = "(?:" + "|".join(form.pattern for form in FORMS) + ")"
# RE2: a macro can be read in two ways ({a:b(c)}, __AID__), and Python's re tried 2^15 of them, 35 ms a value.
_WHOLE = re2.compile(rf"{_ONE}(?:[-_|.:,;/~+ ]{{0,3}}{_ONE})*".encode())
# In braces, 32 hexadecimal digits are an id; with hyphens it is no name anyway.
_ID = re2.compile(rb"(?:^|[^{])\{[0-9A-Fa-f]{32}\}")

ENDS = frozenset("}]>#%$!_x")
"""The last character of any macro: whoever reads many values looks at it first."""


def may_hold_macros(query: str) -> bool:
    """Whether any value in a query can be one, as it came: most clicks are spared a look at each of them.

    An empty query says nothing of parameters that did not come in it.
    """
    return (
        "%" in query
        or "{" in query
        or "[" in query
        or "=_" in query
        or "<" in query
        or "$" in query
        or "!" in query
        or "#" in query
        or "=xx" in query
        or not query
    )


@lru_cache(maxsize=4096)
def is_unexpanded(value: str) -> bool:
    """Whether a value, decoded, is nothing but macros that nobody filled in."""
    if len(value) > LONGEST:
        return False
    text = value.encode("utf-8", "replace")
    return _WHOLE.fullmatch(text) is not None and _ID.search(text) is None


def was_unexpanded(name: str, query: str) -> bool:
    """The same of a parameter as it stood in the query, for %zoneid%: %ca is half a letter to a decoder."""
    for pair in query.split("&"):
        found, _, value = pair.partition("=")
        if found == name:
            return is_unexpanded(value)
    return False
