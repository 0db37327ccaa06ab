"""The geo actor of a process, over the files that the configuration names."""

from __future__ import annotations

import functools
from pathlib import Path

from appliance.actors.geo import GeoWatch
from appliance.actors.kernel import thread_runner
from appliance.config import Geo
from appliance.routing.detection import Detection
from appliance.stores import geo


def watch(section: Geo, scratch: Path, detection: Detection) -> GeoWatch:
    """What keeps `detection.places` current; copies of the files lie, without a name, in `scratch`."""
    return GeoWatch(
        geo.files(section.databases, section.embedded),
        functools.partial(geo.open_file, scratch=scratch),
        geo.stamp,
        thread_runner(1),
        detection,
    )
