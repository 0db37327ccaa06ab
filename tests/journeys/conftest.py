"""Fixtures of the journeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.stand_ins import STAND_IN, Start
from tests.rig import Weir, start_weir


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts stand-in appliances over one data directory; ends whatever is left of them."""
    data = tmp_path / "data"
    data.mkdir()
    started: list[Weir] = []

    def go(*args: str, **options: object) -> Weir:
        options.setdefault("argv", STAND_IN)
        weir = start_weir(data, *args, **options)  # type: ignore[arg-type]
        started.append(weir)
        return weir

    yield go
    for weir in started:
        weir.end()
