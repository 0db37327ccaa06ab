"""Root certificates for machines that have none where our OpenSSL looks."""

from __future__ import annotations

import ssl
from collections.abc import MutableMapping
from pathlib import Path

import certifi


def provide(environ: MutableMapping[str, str], paths: ssl.DefaultVerifyPaths | None = None) -> bool:
    """Name certifi's bundle in SSL_CERT_FILE unless the system has roots; True when that was needed.

    The executable brings Debian's OpenSSL, which looks into /usr/lib/ssl: a bare Debian has nothing there,
    and Fedora has its certificates elsewhere. Children inherit the variable.
    """
    found = paths or ssl.get_default_verify_paths()
    if found.cafile or "SSL_CERT_FILE" in environ:
        return False
    if found.capath and any(Path(found.capath).glob("*.0")):
        return False
    environ["SSL_CERT_FILE"] = certifi.where()
    return True
