"""The forty ways are forty, and each is what it says."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from appliance.partners import interpreted
from tests.platforms.meta import INVISIBLE
from tests.platforms.ways import FORTY, SEEN, lines, number_of

NOW = 1_790_000_000_000_000


def test_a_hundredth_is_bad_in_forty_ways() -> None:
    made = list(lines(8_000, NOW, 0.01, random.Random(1)))
    bad = [line for line in made if line.label]
    assert (len(made), len(bad), FORTY) == (8_000, 80, 40)
    assert sum(line.seen for line in bad) == 20
    guilty = Counter(line.document["ts_click_id"].split("x")[0] for line in bad if not line.seen)
    assert guilty == {f"guilty{subcode}": 2 for subcode in INVISIBLE}
    assert all(number_of(line.document["ts_click_id"]) == line.number for line in bad if not line.seen)
    assert len({(line.document["session_id"], line.document["keyword_clicked"]) for line in made}) == 8_000


@pytest.mark.parametrize("way", range(len(SEEN)))
def test_what_can_be_seen_is_labelled_in_the_founding_documents_words(way: int) -> None:
    made = [line for line in lines(4_000, NOW, 0.01, random.Random(2)) if line.seen]
    read = interpreted.read(made[way].document)
    assert isinstance(read, interpreted.Interpreted)
    assert interpreted.fault(read, {"px"}, NOW) == made[way].label == SEEN[way][0]


def test_the_others_look_good() -> None:
    for line in lines(400, NOW, 0.1, random.Random(3)):
        if not line.seen:
            read = interpreted.read(line.document)
            assert isinstance(read, interpreted.Interpreted)
            assert interpreted.fault(read, {"px"}, NOW) == ""
            assert read.revenue == 1_250_000
