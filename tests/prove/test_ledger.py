"""The ledger against its model: a small part of what `make prove` does, in every run of the tests."""

from __future__ import annotations

import os

import pytest

from tests.prove.run import block

EXAMPLES = int(os.environ.get("WEIR_EXAMPLES", "60"))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_every_interleaving_ends_in_the_state_of_the_model(part: int) -> None:
    block(part, EXAMPLES // 2)
