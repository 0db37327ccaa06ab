"""Amazon on loopback: one moto server for all of these tests, buckets and queues of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.aws.site import Site
    from tests.journeys.efflux_cloud import Cloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    from tests.journeys.efflux_cloud import Cloud

    with Cloud() as made:
        yield made


@pytest.fixture
def site(cloud: Cloud) -> Site:
    from tests.aws.site import Site

    return Site(cloud)
