"""Files that are fetched by a token, whose digest is their name: the core writes, the edges read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from appliance.access.tokens import is_secret
from appliance.errors import Unavailable

LARGEST = 16 * 1024 * 1024


class FeedShelf:
    """`data/feeds`. Blocking; small files, whole or not at all."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "feeds"

    def put(self, name: str, body: bytes) -> None:
        """Raises Unavailable."""
        fresh = self._folder / f".{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            fresh.replace(self._path(name))
        except OSError as fault:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise Unavailable(f"a feed cannot be written: {fault}") from fault

    def keep(self, names: Collection[str]) -> None:
        """Remove every other one. Raises Unavailable."""
        wanted = {self._path(name).name for name in names}
        try:
            for path in self._folder.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)
        except FileNotFoundError:
            return
        except OSError as fault:
            raise Unavailable(f"a feed cannot be removed: {fault}") from fault

    def read(self, token: str) -> bytes | None:
        """By the secret itself; None for one that opens nothing."""
        if not is_secret(token):
            return None
        try:
            with self._path(sha256(token.encode()).hexdigest()).open("rb") as file:
                return file.read(LARGEST)
        except OSError:
            return None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.csv"
