"""What the parent says of its children reaches the status."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.datadir import processes, run_file, write_run_file

CHILD = {"name": "edge-0", "pid": 8, "state": "running", "restarts": 2, "last_error": "died of SIGKILL"}


def test_the_parent_comes_first_and_its_children_as_it_told_them(tmp_path: Path) -> None:
    write_run_file(tmp_path, {"pid": 7, "children": [CHILD]})
    parent, child = processes(tmp_path)
    assert (parent.name, parent.pid, parent.state) == ("parent", 7, "running")
    assert (child.name, child.pid, child.restarts, child.last_error) == ("edge-0", 8, 2, "died of SIGKILL")


def test_without_a_readable_run_file_nothing_is_known(tmp_path: Path) -> None:
    assert processes(tmp_path) == ()
    for text in ("", "[]", json.dumps({"pid": 7}), json.dumps({"pid": 7, "children": [{"name": 1}]})):
        run_file(tmp_path).parent.mkdir(exist_ok=True)
        run_file(tmp_path).write_text(text)
        assert processes(tmp_path) == ()
