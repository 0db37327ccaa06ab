"""What makes a data directory an installation: its secret, and the claim of the first administrator.

`weir init` writes both; what it did not write is made here, readable by their owner only.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from appliance.errors import ConfigError, FieldProblem

SECRET_BYTES = 32


def secret(path: Path, may_make: bool) -> bytes:
    """The installation's secret. Raises ConfigError when it is missing and may not be made, or is none."""
    if may_make and not os.path.lexists(path):
        _write(path, secrets.token_hex(SECRET_BYTES))
    try:
        found = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        why = f"there is no {path}; `weir init` makes it. The admin port needs one beyond loopback"
        raise ConfigError("there is no secret", [FieldProblem("secret_file", why)]) from None
    except (OSError, ValueError) as fault:
        raise ConfigError(
            "the secret cannot be read", [FieldProblem("secret_file", f"{path}: {fault}")]
        ) from fault
    if len(found) < SECRET_BYTES:
        why = f"{path} has fewer than {2 * SECRET_BYTES} hex digits"
        raise ConfigError("the secret is too short", [FieldProblem("secret_file", why)])
    return found


def older_secrets(path: Path) -> tuple[bytes, ...]:
    """Secrets that were replaced: lines of the file beside it that is called the same and ends in .old. They
    open what they sealed and serve for nothing else. Raises ConfigError."""
    beside = path.with_name(path.name + ".old")
    try:
        lines = beside.read_text("ascii").split()
        found = tuple(map(bytes.fromhex, lines))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as fault:
        raise ConfigError(
            "the older secrets cannot be read", [FieldProblem("secret_file", f"{beside}: {fault}")]
        ) from fault
    if any(len(each) < SECRET_BYTES for each in found):
        why = f"{beside} has a line with fewer than {2 * SECRET_BYTES} hex digits"
        raise ConfigError("an older secret is too short", [FieldProblem("secret_file", why)])
    return found


class ClaimInDirectory:
    """ClaimFile of ports.py: `claim`, which is called `claimed` once it was used."""

    def __init__(self, data: Path) -> None:
        self._claim, self._claimed = data / "claim", data / "claimed"

    def token(self) -> str:
        try:
            return self._claim.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""

    def offer(self, token: str) -> None:
        if not os.path.lexists(self._claim) and not os.path.lexists(self._claimed):
            _write(self._claim, token)

    def use(self) -> None:
        with suppress(FileNotFoundError):
            self._claim.replace(self._claimed)
        _sync(self._claim.parent)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and not over anything that is there."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
