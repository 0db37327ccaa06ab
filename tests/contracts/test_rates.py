"""Rates are stored all or none, listed, removed, and used from then on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import Refused
from appliance.lanes import RateLane
from appliance.operations import registry
from appliance.operations.context import Caller, Context
from appliance.stores.sqlite.rates import SqliteRates


async def call(held: SqliteRates, name: str, **payload: Any) -> Any:
    nothing: Any = None
    context = Context(Caller("admin", "rest", None), nothing, nothing, nothing, nothing, rates=RateLane(held))
    return await registry.call(registry.load_all(), name, payload, context)


async def test_a_file_of_rates_is_imported_wholly_or_not_at_all(tmp_path: Path) -> None:
    with closing(SqliteRates(tmp_path / "ledger.db")) as rates:
        text = "\ufeffDate;From;To;Rate\n2026-11-21;EUR;USD;1.08\n\n2026-11-22;eur;usd;1.0832\n"
        assert (await call(rates, "rates.import", text=text)).stored == 2
        assert rates.now().find("2026-11-22", "EUR", "USD") == "1.0832"
        bad = "2026-11-23,EUR,USD,1.1\n2026-11-31,EUR,USD,1.1\n2026-11-23,EUR,EUR,1\n2026-11-23,EUR,USD,-1\nx"
        with pytest.raises(Refused) as refused:
            await call(rates, "rates.import", text=bad)
        assert [problem.path for problem in refused.value.fields] == [
            "text:2 date", "text:3 to", "text:4 rate", "text:5"
        ]  # fmt: skip
        assert rates.now().find("2026-11-23", "EUR", "USD") == "1.0832"
    with closing(SqliteRates(tmp_path / "ledger.db")) as again:
        assert again.now().find("2026-11-22", "USD", "EUR") == "625/677"


async def test_rates_are_set_replaced_listed_and_removed(tmp_path: Path) -> None:
    with closing(SqliteRates(tmp_path / "ledger.db")) as rates:
        for value in ("1.08", 1.09):
            one = {"date": "2026-11-21", "from": "EUR", "to": "USD", "rate": value}
            other = {"date": "2026-11-22", "from": "GBP", "to": "USD", "rate": "1.3"}
            await call(rates, "rates.set", rates=[one, other])
        found = await call(rates, "rates.list", **{"from": "eur"})
        assert [(it.date, it.from_, it.to, it.rate) for it in found.items] == [
            ("2026-11-21", "EUR", "USD", "1.09")
        ]  # fmt: skip
        assert (await call(rates, "rates.list")).total == 2
        assert (await call(rates, "rates.remove", before="2026-11-22")).removed == 1
        assert rates.now().find("2026-11-21", "EUR", "USD") == ""
