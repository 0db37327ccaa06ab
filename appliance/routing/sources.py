"""What a traffic source calls its parameters, what its clicks cost, and what it owes for a conversion."""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.errors import FieldProblem
from appliance.model import money
from appliance.model.catalog import Source
from appliance.routing import presets
from appliance.routing.visit import PLAIN, SLOTS, SUBS, UTM, Reading, Slot

FIELDS = ("source_click_id", "cost", "currency", *(f"sub{n}" for n in range(1, SUBS + 1)), *UTM)
"""What a source may have its own parameter for."""
RESERVED = ("trafficback_depth", "trafficback_visited")
"""Parameters that Weir itself reads."""
LONGEST_PARAM = 128
LONGEST_SECRET = 200

_PARAM = re.compile(r"[^\x00-\x20\x7f&=#+%\ud800-\udfff]+")
_NAME = "a parameter's name: 1 to 128 characters, no space and none of & = # + %"
_PRICED = ("cpc", "cpm")


def compile_source(source: Source | None) -> Reading:
    """How a visit's parameters are read (Visit.read_tracking). A source without any wishes shares PLAIN.

    A parameter that the source gives a meaning has no other: where `cid` is its campaign, it is no click id.
    """
    if source is None:
        return PLAIN
    price = click_price(source)
    if not source.params and price < 0:
        return PLAIN
    slots: dict[str, Slot] = dict(SLOTS)
    for field in source.params:
        if field in SLOTS and not isinstance(SLOTS[field], tuple):
            slots[field] = (SLOTS[field], "spare")
    for field, name in source.params.items():
        slots[name] = _slot(field)
    if price >= 0:
        slots = {name: slot for name, slot in slots.items() if not _is_money(slot)}
    return Reading(slots, price, source.currency if price >= 0 else "")


def _slot(field: str) -> Slot:
    """Rank -1: before every alias, and after what a link sets."""
    if field == "source_click_id":
        return (-1, "id")
    if field in ("cost", "currency"):
        return (-1, field)
    return SLOTS[field]


def _is_money(slot: Slot) -> bool:
    return isinstance(slot, tuple) and slot[1] in ("cost", "currency")


def click_price(source: Source) -> int:
    """Micro-units that every click of it costs; -1 when the click itself says.

    With cpa and revshare a click costs nothing: the conversion does (attribution/charge.py).
    """
    model = source.cost_model
    if model.kind == "parameter":
        return -1
    amount = money.micro(model.amount) if model.kind in _PRICED else 0
    if amount is None or amount < 0:
        return 0  # check_source refuses it
    return amount // 1_000 if model.kind == "cpm" else amount


def check_source(source: Source) -> list[FieldProblem]:
    """Every fault of a source beside its name, its currency and its transparent links (routing/hops.py)."""
    problems = [*_check_params(source), *_check_cost(source), *_check_secret(source)]
    if source.preset and presets.named(source.preset) is None:
        problems.append(FieldProblem("preset", "no such preset; sources.presets names them all"))
    return problems


def _check_params(source: Source) -> Iterable[FieldProblem]:
    meant: dict[str, str] = {}
    for field, name in source.params.items():
        path = f"params.{field}"
        if field not in FIELDS:
            yield FieldProblem(path, "no such field; there are: source_click_id, cost, currency, "
                               f"sub1 to sub{SUBS}, {', '.join(UTM)}")  # fmt: skip
        elif len(name) > LONGEST_PARAM or not _PARAM.fullmatch(name):
            yield FieldProblem(path, _NAME)
        elif name in RESERVED:
            yield FieldProblem(path, f"Weir itself reads {name}")
        elif (other := meant.setdefault(name, field)) != field:
            yield FieldProblem(path, f"{name} is {other} already")


def _check_cost(source: Source) -> Iterable[FieldProblem]:
    model = source.cost_model
    amount = money.micro(model.amount)
    path = "cost_model.amount"
    if amount is None or amount < 0:
        yield FieldProblem(path, "a plain decimal number from 0, such as 0.05")
    elif model.kind == "parameter":
        if amount:
            yield FieldProblem(path, "leave it out: the cost is a parameter's")
    elif model.kind == "revshare":
        if amount > 100 * money.MICRO:
            yield FieldProblem(path, "at most 100 per cent")
    elif model.kind == "cpm" and amount % 1_000:
        yield FieldProblem(path, "at most 3 digits after the point: a click costs a thousandth of it")
    elif amount and not source.currency:
        yield FieldProblem("currency", f"say in which currency the amount of {model.kind} is")


def _check_secret(source: Source) -> Iterable[FieldProblem]:
    if len(source.secret) > LONGEST_SECRET or not source.secret.isprintable():
        yield FieldProblem("secret", f"at most {LONGEST_SECRET} characters, no control characters")
