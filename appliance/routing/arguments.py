"""Macros with an argument: `{date:FORMAT}`, `{date:FORMAT,ZONE}` and `{sample:A,B,…}`.

The argument is the operator's, percent-decoded once (a space is %20); what comes out is encoded like any
value. Both are the same again when a click is decided again: a sample is drawn by the click's own draw.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from appliance.model.zones import zone
from appliance.routing.draws import DRAW_BITS, nth
from appliance.routing.visit import Visit

Reader = Callable[[Visit, object], str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLES = 1_000
"""Which of a click's further draws (routing/draws.py) are for samples: this one and those behind it."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

_LETTERS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at.year % 100:02}",
    "m": lambda at: f"{at.month:02}",
    "n": lambda at: str(at.month),
    "M": lambda at: _MONTHS[at.month - 1][:3],
    "F": lambda at: _MONTHS[at.month - 1],
    "d": lambda at: f"{at.day:02}",
    "j": lambda at: str(at.day),
    "D": lambda at: _DAYS[at.weekday()][:3],
    "l": lambda at: _DAYS[at.weekday()],
    "N": lambda at: str(at.isoweekday()),
    "w": lambda at: str(at.isoweekday() % 7),
    "z": lambda at: str(at.timetuple().tm_yday - 1),
    "o": lambda at: f"{at.isocalendar().year:04}",
    "W": lambda at: f"{at.isocalendar().week:02}",
    "H": lambda at: f"{at.hour:02}",
    "G": lambda at: str(at.hour),
    "h": lambda at: f"{at.hour % 12 or 12:02}",
    "g": lambda at: str(at.hour % 12 or 12),
    "i": lambda at: f"{at.minute:02}",
    "s": lambda at: f"{at.second:02}",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "P": lambda at: f"{at:%z}"[:3] + ":" + f"{at:%z}"[3:5],
    "O": lambda at: f"{at:%z}",
    "U": lambda at: str(int(at.timestamp())),
}
"""Letters of a format: PHP's, which Keitaro's users know. What is no letter stands for itself."""


def reader(name: str, place: int) -> Reader | None:
    """Who reads `date:…` or `sample:…`; None for what is neither, or cannot be read.

    `place` is the macro's own in its URL: two samples there are drawn apart.
    """
    kind, colon, argument = name.partition(":")
    if not colon or not argument:
        return None
    if kind == "date":
        return _date(unquote(argument))
    if kind == "sample":
        return _sample([unquote(text) for text in argument.split(",")], place)
    return None


def _date(argument: str) -> Reader | None:
    form, comma, name = argument.rpartition(",")
    if not comma or ("/" not in name and name != "UTC"):  # a comma of the format's own
        form, name = argument, "UTC"
    if any(letter.isascii() and letter.isalpha() and letter not in _LETTERS for letter in form):
        return None
    try:
        where = zone(name)
    except ValueError:
        return None
    pieces = [_LETTERS.get(letter, letter) for letter in form]

    def read(visit: Visit, ids: object) -> str:
        at = (_EPOCH + timedelta(microseconds=visit.at_us)).astimezone(where)
        return "".join(piece if isinstance(piece, str) else piece(at) for piece in pieces)

    return read


def _sample(texts: list[str], place: int) -> Reader:
    return lambda visit, ids: texts[nth(visit.draw, _SAMPLES + place) * len(texts) >> DRAW_BITS]
