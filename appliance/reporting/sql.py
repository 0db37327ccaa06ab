"""A question → SQL for any ClickHouse. Values are bound parameters; names come from the catalogue only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct, structs

from appliance.reporting import formulas
from appliance.reporting.buckets import clock
from appliance.reporting.catalogue import DETECTED, DIMENSIONS, Dimension, click_facts
from appliance.reporting.formulas import Formula
from appliance.reporting.metrics import MONEY, STATUSES, SUMS, USUAL, formula, needed

Operator = Literal["in", "not_in", "contains", "not_contains"]


class Filter(Struct, frozen=True):
    """`contains` needs one of the texts to be part of the value, without regard to capitals."""

    dimension: str
    operator: Operator
    values: Sequence[int | str]


class Question(Struct, frozen=True, kw_only=True):
    """What is asked. Times in unix microseconds, `to_us` exclusive; `group_by`, `filters` name dimensions.

    `campaigns`: the only ones that the caller may see; None is all of them, () is nothing at all. `known_us`:
    what became known from then on is left out.
    """

    from_us: int
    to_us: int
    timezone: str
    currency: str
    campaigns: tuple[int, ...] | None = None
    known_us: int | None = None
    group_by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    metrics: tuple[str, ...] = USUAL
    customs: Mapping[str, Formula] = {}
    sort: str = ""
    descending: bool = True
    limit: int = 100
    offset: int = 0

    def sums(self) -> tuple[str, ...]:
        """What the warehouse has to add up for it."""
        sort = (self.sort,) if self.sort and self.sort not in self.group_by else ()
        wanted = needed((*self.metrics, *sort), self.customs)
        return tuple(name for name in SUMS if name in wanted)


class Query(NamedTuple):
    sql: str
    parameters: dict[str, object]


PERIOD = (
    "at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
    " and at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
)
_CLICKS: dict[str, str] = {
    "clicks": "toInt64(count())",
    "trafficbacks": "toInt64(countIf(decision = 'trafficback'))",
    "cost": "sum(cost)",
}
# The way out of a landing page is a click of its own, and the visit was counted on its way in.
_VISITS = " and counted = 1 and exit_number = 0"
_ON_PAGES = " and counted = 1 and landing_id != 0"
_LANDINGS = {
    "lp_views": "toInt64(countIf(exit_number = 0))",
    "lp_clicks": "toInt64(countIf(exit_number != 0))",
}
# An exit that leads to another page is its view as well: there landing_id is the page that it came from.
_NEXT_PAGES = (
    f"(select * replace (destination_id as landing_id), {', '.join(DETECTED)} from click_events"  # noqa: S608
    f" where {PERIOD} and exit_number != 0 and reason = 'next_landing')"
)
_NEXT_VIEWS = {"lp_views": "toInt64(count())"}
_UNIQUE = {"unique_clicks": "toInt64(uniqExact(visitor))"}
_CONVERSIONS: dict[str, str] = {
    "conversions": "sum(count)",
    **{name: f"sumIf(entered, status = '{status}')" for name, status in STATUSES.items()},
    "revenue": "sum(revenue)",
    "hold_revenue": "sum(hold)",
}
_ADJUSTMENTS = {"cost": "sum(cost)"}


def conditions(
    filters: Sequence[Filter], expression: Mapping[str, str], parameters: dict[str, object]
) -> str:
    """ " and …" for each filter; their values go to `parameters`. `expression` has SQL per dimension."""
    found = ""
    for index, each in enumerate(filters):
        name = f"filter{index}"
        type_ = "Array(Int64)" if DIMENSIONS[each.dimension].number else "Array(String)"
        sql, bound = expression[each.dimension], f"{{{name}:{type_}}}"
        parameters[name] = list(each.values)
        if each.operator in ("in", "not_in"):
            found += f" and {sql} {each.operator.replace('_', ' ')} {bound}"
        else:
            part = f"arrayExists(part -> positionCaseInsensitiveUTF8({sql}, part) > 0, {bound})"
            found += f" and {'not ' if each.operator == 'not_contains' else ''}{part}"
    return found


def reach(campaigns: tuple[int, ...] | None, parameters: dict[str, object]) -> str:
    """The caller's own campaigns as a condition."""
    if campaigns is None:
        return ""
    parameters["campaigns"] = list(campaigns)
    return " and campaign_id in {campaigns:Array(Int64)}"


class _Facts:
    """The union that a report sums over: one branch for each table that its sums need."""

    def __init__(self, question: Question, keys: Sequence[Sequence[int | str]] | None = None) -> None:
        self._question = question
        self._names = {*question.group_by, *(each.dimension for each in question.filters)}
        self._keys = keys
        self.sums = question.sums()
        self.parameters: dict[str, object] = {"from_us": question.from_us, "to_us": question.to_us}
        self._clock = clock(question.timezone, question.from_us // 1_000_000, -(-question.to_us // 1_000_000))
        self._reach = reach(question.campaigns, self.parameters)
        self._known = ""
        if question.known_us is not None:
            self.parameters["known_us"] = question.known_us
            self._known = " and {} < fromUnixTimestamp64Micro({{known_us:Int64}}, 'UTC')"
        self.text = self._sql()

    def _sql(self) -> str:
        wanted = set(self.sums)
        branches = []
        if wanted & _CLICKS.keys() or not wanted:
            branches.append(self._branch("click_events", "clicks", _VISITS, _CLICKS))
        if wanted & _UNIQUE.keys():
            branches.append(self._branch("click_events", "clicks", _VISITS, _UNIQUE, unit="''"))
        if wanted & _LANDINGS.keys():
            branches.append(self._branch("click_events", "clicks", _ON_PAGES, _LANDINGS, unit="''"))
        if "lp_views" in wanted:
            branches.append(self._branch(_NEXT_PAGES, "clicks", " and counted = 1", _NEXT_VIEWS, unit="''"))
        if wanted & _CONVERSIONS.keys():
            branches.append(self._branch(self._conversions(), "conversions", "", _CONVERSIONS))
        if wanted & _ADJUSTMENTS.keys():
            branches.append(self._branch(self._adjustments(), "adjustments", "", _ADJUSTMENTS))
        return " union all ".join(branches)

    def _expression(self, name: str, table: str) -> str:
        dimension: Dimension = DIMENSIONS[name]
        sql = {"clicks": dimension.clicks, "conversions": dimension.conversions}.get(
            table, dimension.adjustments
        )
        sql, parameters = self._clock.sql(sql)
        self.parameters |= parameters
        return sql

    def _branch(
        self, source: str, table: str, condition: str, sums: Mapping[str, str], unit: str = "currency"
    ) -> str:
        question = self._question
        expressions = {name: self._expression(name, table) for name in self._names}
        condition += self._let_through(table, expressions)
        if self._keys is not None:
            for index, name in enumerate(question.group_by):
                type_ = "Array(Int64)" if DIMENSIONS[name].number else "Array(String)"
                condition += f" and {expressions[name]} in {{key{index}:{type_}}}"
                self.parameters[f"key{index}"] = sorted({key[index] for key in self._keys})
        dimensions = "".join(
            f"{_typed(name, expressions[name])} as d{index}, " for index, name in enumerate(question.group_by)
        )
        groups = "".join(f"d{index}, " for index in range(len(question.group_by)))
        named = ", ".join(f"{sums.get(name, 'toInt64(0)')} as m_{name}" for name in self.sums)
        return (
            f"select {dimensions}{unit} as unit{', ' if named else ''}{named} from {source} "  # noqa: S608
            f"where {PERIOD}{condition} group by {groups}unit"
        )

    def _let_through(self, table: str, expressions: Mapping[str, str]) -> str:
        """The reach, what was known and the filters as conditions."""
        known = self._known.format("at" if table == "clicks" else "known_at")
        return self._reach + known + conditions(self._question.filters, expressions, self.parameters)

    def rows(self, table: Literal["clicks", "adjustments"]) -> str:
        """ "from … where …": the counted clicks, or the corrections of their cost, that are let through."""
        expressions = {name: self._expression(name, table) for name in self._names}
        source, condition = ("click_events", _VISITS) if table == "clicks" else (self._adjustments(), "")
        return f"from {source} where {PERIOD}{condition}{self._let_through(table, expressions)}"

    def _conversions(self) -> str:
        """The table, or what of it is needed with the latest status or with facts of the click beside it."""
        columns = ""
        if "status" in self._names:
            columns = ", argMax(status, revision) over (partition by id) as status_now"
        return self._beside_clicks(
            "conversion_events", [DIMENSIONS[n].conversions for n in self._names], columns
        )

    def _adjustments(self) -> str:
        """The table, with facts of the click beside what a conversion cost."""
        return self._beside_clicks("cost_adjustments", [DIMENSIONS[n].adjustments for n in self._names])

    def _beside_clicks(self, table: str, expressions: Sequence[str], columns: str = "") -> str:
        """`table` with `columns` added and with those of CLICK_FACTS that the expressions ask for."""
        text = " ".join(expressions)
        facts = click_facts(text)
        if not columns and not facts:
            return table
        columns = f"e.*{columns}"
        source = f"{table} as e"
        if facts:
            columns += "".join(f", c.{fact} as {fact}" for fact in facts)
            source += (
                f" any left join (select id as of, {', '.join(facts)} from click_events where id in "  # noqa: S608
                f"(select click_id from {table} where {PERIOD}{self._reach})) as c"
                " on c.of = e.click_id"
            )
        known = self._known.format("e.known_at")
        return f"(select {columns} from {source} where {_of('e')}{self._reach}{known})"  # noqa: S608


def _of(alias: str) -> str:
    return PERIOD.replace("at ", f"{alias}.at ")


def _typed(name: str, sql: str) -> str:
    """One type in every branch: a union of LowCardinality and plain texts is converted row by row."""
    return f"toInt64({sql})" if DIMENSIONS[name].number else f"toString({sql})"


def _figures(sums: Sequence[str]) -> str:
    """Every sum in the report's currency, and what there is in others: {currency: micro-units}."""
    own = "unit = {currency:String}"
    found = [
        f"sumIf(m_{name}, {own}) as {name}" if name in MONEY else f"sum(m_{name}) as {name}" for name in sums
    ]
    found += [
        f"sumMapIf(map(unit, m_{name}), not {own}) as other_{name}"
        for name in ("cost", "revenue")
        if name in sums
    ]
    return ", ".join(found)


def rows(question: Question, table: Literal["clicks", "adjustments"]) -> Query:
    """ "from … where …": what a question's cost is made of, row by row; it may be grouped by nothing."""
    facts = _Facts(structs.replace(question, group_by=(), metrics=()))
    return Query(facts.rows(table), facts.parameters)


def totals(question: Question) -> Query:
    """One row: the question's sums, and other_cost and other_revenue where money is among them."""
    facts = _Facts(structs.replace(question, group_by=()))
    sql = f"select {_figures(facts.sums)} from ({facts.text})"  # noqa: S608
    return Query(sql, facts.parameters | _currency(facts.sums, question))


def grouped(question: Question) -> Query:
    """A page of groups d0, d1, … with the columns of `totals`; `total` is the number of groups.

    all_<sum> are the totals over all groups, so that one look at the tables is enough; a sum that does not
    add up over groups (NOT_ADDITIVE) has none.
    """
    facts = _Facts(question)
    groups = _groups(question)
    columns = [*(name for name in facts.sums if name not in NOT_ADDITIVE)]
    columns += [f"other_{name}" for name in ("cost", "revenue") if name in facts.sums]
    everything = "".join(
        f", {'sumMap' if name.startswith('other_') else 'sum'}({name}) over () as all_{name}"
        for name in columns
    )
    parameters = facts.parameters | _currency(facts.sums, question)
    sql = (
        f"select *, count() over () as total{everything} from "  # noqa: S608
        f"(select {groups}{_comma(_figures(facts.sums))} from ({facts.text}) group by {groups}) "
        f"order by {_order(question, parameters)}{groups} limit {{limit:UInt32}} offset {{offset:UInt64}}"
    )
    return Query(sql, parameters | {"limit": question.limit, "offset": question.offset})


NOT_ADDITIVE = frozenset({"unique_clicks"})


def every_group(question: Question) -> Query:
    """All groups in their order, to be streamed: no totals, which would need them all at once."""
    facts = _Facts(question)
    groups = _groups(question)
    parameters = facts.parameters | _currency(facts.sums, question)
    sql = (
        f"select {groups}{_comma(_figures(facts.sums))} from ({facts.text}) group by {groups} "  # noqa: S608
        f"order by {_order(question, parameters)}{groups}"
    )
    return Query(sql, parameters)


def of_keys(question: Question, keys: Sequence[Sequence[int | str]]) -> Query:
    """The sums of the groups `keys` (and of groups mixed from them), in no order."""
    facts = _Facts(question, keys)
    groups = _groups(question)
    sql = f"select {groups}{_comma(_figures(facts.sums))} from ({facts.text}) group by {groups}"  # noqa: S608
    return Query(sql, facts.parameters | _currency(facts.sums, question))


def _groups(question: Question) -> str:
    return ", ".join(f"d{index}" for index in range(len(question.group_by)))


def _comma(text: str) -> str:
    return f", {text}" if text else ""


def _currency(sums: Sequence[str], question: Question) -> dict[str, object]:
    return {"currency": question.currency} if MONEY & set(sums) else {}


def _order(question: Question, parameters: dict[str, object]) -> str:
    """What the lines are sorted by, ending in a comma; numbers of formulas go to `parameters`."""
    if not question.sort:
        return ""
    direction = "desc" if question.descending else "asc"
    if question.sort in question.group_by:
        return f"d{question.group_by.index(question.sort)} {direction}, "

    def bind(number: float) -> str:
        name = f"number{len(parameters)}"
        parameters[name] = number
        return f"{{{name}:Float64}}"

    def column(name: str) -> str:
        return f"toFloat64({name}) / 1000000" if name in MONEY else f"toFloat64({name})"

    by = formula(question.sort, question.customs)
    if isinstance(by, formulas.Name):
        return f"{by.name} {direction}, "
    return f"{formulas.sql(by, column, bind)} {direction} nulls last, "
