"""The sample configuration says what the settings tree says, and packaging/weir.toml is made of it."""

from __future__ import annotations

import json
import tomllib

import msgspec
import pytest

from appliance import config, sample
from appliance.config import Settings, leaves
from tests.rig import ROOT

INSTALLED = {"data": "/var/lib/weir", "public.bind": "0.0.0.0:80", "admin.bind": "127.0.0.1:8081"}
"""What an installed Weir has that others do not."""


def test_the_sample_has_every_key_with_its_default_in_the_trees_order() -> None:
    bare = "\n".join(line.removeprefix("#") for line in sample.TEXT.splitlines() if not line.startswith("# "))
    shown = [(path, json.dumps(value)) for path, value in leaves(tomllib.loads(bare))]
    assert shown == [(path, json.dumps(value)) for path, value in leaves(msgspec.to_builtins(Settings()))]


def test_as_it_is_it_sets_nothing() -> None:
    assert list(leaves(tomllib.loads(sample.TEXT))) == []


def test_the_packaged_configuration_is_the_sample_with_the_installed_defaults() -> None:
    file = ROOT / "packaging" / "weir.toml"
    assert file.read_text() == sample.compose(INSTALLED)
    settings = config.load(file, {})
    assert (settings.data, settings.public.bind, settings.admin.bind) == tuple(INSTALLED.values())


def test_a_chosen_text_reads_back_as_it_was() -> None:
    odd = 'a "b" \\ \x7f\t ü = #'
    read = tomllib.loads(sample.compose({"data": odd, "admin.emails": ("a@b.cc", "d@e.ff")}))
    assert (read["data"], read["admin"]["emails"]) == (odd, ["a@b.cc", "d@e.ff"])


def test_a_key_that_is_not_in_the_sample_is_refused() -> None:
    with pytest.raises(KeyError, match=r"public\.nonsense"):
        sample.compose({"public.nonsense": "x"})
