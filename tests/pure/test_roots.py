"""Where TLS finds its root certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from appliance.outbound.roots import provide


def paths(cafile: str | None, capath: str | None) -> ssl.DefaultVerifyPaths:
    return ssl.DefaultVerifyPaths(cafile, capath, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


def test_a_machine_without_roots_gets_ours_and_they_load(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    assert provide(environ, paths(None, None)) and provide({}, paths(None, str(tmp_path)))
    trusted = ssl.create_default_context(cafile=environ["SSL_CERT_FILE"]).cert_store_stats()
    assert trusted["x509_ca"] > 50


@pytest.mark.parametrize("named", [{"SSL_CERT_FILE": "/mine.pem"}, {}])
def test_roots_that_are_there_are_used(named: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "0a1b2c3d.0").touch()
    environ = dict(named)
    assert not provide(environ, paths(None, str(tmp_path)))
    assert not provide(environ, paths("/etc/ssl/cert.pem", None))
    assert environ == named
