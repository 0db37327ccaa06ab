"""docs/reference/events.md says what is read of an event, what keeps it back, and which bounds there are."""

from __future__ import annotations

import re
from typing import Any, get_args

from appliance.actors.interpreter import PIECE
from appliance.model.catalog import Layout
from appliance.partners import interpreted
from appliance.platforms import BATCHES_DAYS, KEYS_DAYS
from appliance.stores import event_folder
from appliance.stores.sqlite import deliveries
from appliance.stores.sqlite import interpreted as store
from tests.rig import ROOT

PAGE = (ROOT / "docs" / "reference" / "events.md").read_text()
WORDS = " ".join(PAGE.split())


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


class Asked(dict[str, Any]):
    """A document that knows what it was asked for."""

    def __init__(self) -> None:
        super().__init__(session_id="s")
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_it_lists_every_field_that_is_read() -> None:
    asked = Asked()
    interpreted.read(asked)
    rows = re.findall(r"^\| `(\w+)` \|", section("Fields"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == asked.names


def test_it_lists_every_label_in_order() -> None:
    rows = re.findall(r"^\| `([\w ]+)` \|", section("What keeps it from being reported"), re.MULTILINE)
    assert rows == [
        interpreted.INVALID_PIXEL, interpreted.TOO_OLD, interpreted.NO_CLICK, interpreted.NOT_REPORTABLE,
    ]  # fmt: skip


def test_it_lists_every_layout() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Postbacks that are events"), re.MULTILINE)
    assert tuple(rows) == get_args(Layout)[1:]


def test_it_lists_what_a_folder_leaves_alone() -> None:
    for ending in event_folder._PARTIAL:
        assert f"`{ending}`" in section("The watched folder")


def test_its_numbers_are_those_of_the_code() -> None:
    for said in (
        f"pieces of {PIECE},",
        f"remembered for {BATCHES_DAYS} days",
        f"for {KEYS_DAYS} days after it was last heard of",
        f"{store.MOST:,} keys are remembered",
        f"while {store.MOST_WAITING:,} reports wait for one pixel",
        f"pile up to {deliveries.MOST_PENDING:,}",
        f"an array may have {event_folder.MOST_ARRAY >> 20} MiB",
        f"up to {store.MOST_SHELVED >> 30} GiB",
        f"a line {event_folder.LONGEST_LINE >> 20} MiB",
    ):
        assert said in WORDS, said
    assert WORDS.count(f"so far, 0 to {interpreted.MOST_COUNT:,}") == 3
