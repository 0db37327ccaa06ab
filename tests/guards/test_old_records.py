"""Records that some journal still holds decode for ever, each value in the field it was written for."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from appliance.model import events
from tests.guards.record_old import FOLDER, event_types

RECORDS = sorted(FOLDER.glob("*.msgpack"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_an_old_record_decodes_with_every_value_in_its_field(path: Path) -> None:
    record = events.decode(path.read_bytes())
    assert type(record).__struct_config__.tag == path.stem.split(".")[0]
    for field, value in json.loads(path.with_suffix(".json").read_text()).items():
        shown = json.loads(json.dumps(msgspec.to_builtins(getattr(record, field))))
        # An old record's own struct may have gained fields at its end since.
        assert shown[: len(value)] == value if isinstance(value, list) else shown == value, field


def test_every_event_type_is_recorded() -> None:
    recorded = {path.stem.split(".")[0] for path in RECORDS}
    assert recorded == {event.__struct_config__.tag for event in event_types()}


@pytest.mark.parametrize("event", event_types(), ids=lambda event: event.__name__)
def test_the_newest_fields_are_recorded_too(event: type[msgspec.Struct]) -> None:
    """A new field needs a new recording: `python -m tests.guards.record_old <next number>`."""
    newest: set[str] = set()
    for path in FOLDER.glob(f"{event.__struct_config__.tag}.*.json"):
        newest |= json.loads(path.read_text()).keys()
    assert newest == set(event.__struct_fields__)
