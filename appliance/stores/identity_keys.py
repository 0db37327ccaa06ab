"""Keys of visitors' identities: a random one per day, in a file each; without its key a day is gone for good.

Whoever needs a day's key first makes it, whole and once: edges and core share the folder. Nothing derives
from the installation's secret, so that a key that is destroyed cannot be made again. Sealed is: a byte of
layout, three of the day, twelve of the nonce, then AES-256-GCM over msgpack (Identity's fields in order).
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from appliance.partners.report import Identity

log = logging.getLogger("weir.identity_keys")
FOLDER = "identity-keys"
NOBODY = Identity()
_DAY_US = 86_400_000_000
_LAYOUT = b"\x01"
_HEADER = 4
_NONCE = 12
_NONCES = 512
_KEY_BYTES = 32
_LEFT_OVER_SECONDS = 3_600.0
_KEYS_HELD = 64


class _Kept(Struct, frozen=True, array_like=True, gc=False):
    """Identity's fields in its order, for ever: append to both. The last ones may be missing."""

    address: str = ""
    user_agent: str = ""
    seen: dict[str, str] = {}
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    first_name: str = ""
    last_name: str = ""
    gender: str = ""
    birth_date: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    external_id: str = ""
    parent: str = ""
    """The landing page's click, of a click that came out of it: what was seen there is his too."""


_FIELDS = Identity.__struct_fields__
_Key = tuple[AESGCM, bytes]
"""And the first bytes of what it seals."""
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Kept).decode


class IdentityKeys:
    """Seals and opens under the daily keys of `data/identity-keys`, each kept for `days` after its day.

    Files are read and made where a key is first asked for: `prepare` beforehand saves a click the wait.
    """

    def __init__(self, data: Path, days: int) -> None:
        self._folder = data / FOLDER
        self._days = days
        self._keys: dict[int, _Key] = {}
        self._lock = threading.Lock()
        self._nonces: list[bytes] = []
        self._random = b""
        self._random_at = 0
        self._failed = False
        self.unsealed = 0
        """Identities left out because their key could be neither read nor made."""

    # Sealing

    def seal(self, identity: Identity, at_us: int) -> bytes:
        """An identity under the key of that day; b"" for one with nothing in it, and when there is no key."""
        if identity == NOBODY:
            return b""
        fields = [getattr(identity, name) for name in _FIELDS]
        return self._sealed(fields, at_us, self._nonce())

    def _nonce(self) -> bytes:
        """For any thread. Each question to the system lets go of the interpreter, and waits to have it back
        where another thread computes: a millisecond, thousands of times a second."""
        with self._lock:
            if not self._nonces:
                drawn = os.urandom(_NONCE * _NONCES)
                self._nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
            return self._nonces.pop()

    def seal_visit(
        self,
        address: str,
        user_agent: str,
        seen: Mapping[str, str],
        at_us: int,
        parent: str = "",
        external_id: str = "",
    ) -> bytes:
        """The same of what a click brings, in one thread only: under 2 µs."""
        at = self._random_at  # as in _own_nonce: a call costs a click a tenth of this
        if at >= len(self._random):
            self._random, at = os.urandom(_NONCE * _NONCES), 0
        self._random_at = at + _NONCE
        nonce = self._random[at : at + _NONCE]
        if parent or external_id:
            kept = _Kept(address, user_agent, dict(seen), external_id=external_id, parent=parent)
            return self._sealed(kept, at_us, nonce)
        return self._sealed((address, user_agent, seen), at_us, nonce)

    def seal_placed(
        self, address: str, user_agent: str, city: str, region: str, country: str, at_us: int
    ) -> bytes:
        """The same of what comes with an interpreted event."""
        fields: tuple[object, ...] = (
            address,
            user_agent,
            {},
            (),
            (),
            "",
            "",
            "",
            "",
            city,
            region,
            "",
            country,
        )
        return self._sealed(fields, at_us, self._own_nonce())

    def _own_nonce(self) -> bytes:
        """For one thread only."""
        at = self._random_at
        if at >= len(self._random):
            self._random, at = os.urandom(_NONCE * _NONCES), 0
        self._random_at = at + _NONCE
        return self._random[at : at + _NONCE]

    def _sealed(self, fields: object, at_us: int, nonce: bytes) -> bytes:
        day = at_us // _DAY_US
        key = self._keys.get(day) or self._make(day)
        if key is None:
            self.unsealed += 1
            return b""
        encrypt, header = key[0].encrypt, key[1]
        return header + nonce + encrypt(nonce, _pack(fields), header)

    # Opening

    def open(self, sealed: bytes) -> Identity:
        """What was sealed; Identity() when its key is destroyed, or it is nothing of ours. Never raises."""
        return self.open_visit(sealed)[0]

    def open_visit(self, sealed: bytes) -> tuple[Identity, str]:
        """The same with the click of the landing page that it came out of, "" for none."""
        header, nonce = sealed[:_HEADER], sealed[_HEADER : _HEADER + _NONCE]
        if len(nonce) < _NONCE or header[:1] != _LAYOUT:
            return NOBODY, ""
        key = self._held(int.from_bytes(header[1:], "big"))
        if key is None:
            return NOBODY, ""
        try:
            kept = _unpack(key[0].decrypt(nonce, sealed[_HEADER + _NONCE :], header))
        except (InvalidTag, msgspec.DecodeError, UnicodeDecodeError):
            return NOBODY, ""
        who = Identity(  # by place, in the order of the fields: by name it takes four times as long
            kept.address, kept.user_agent, kept.seen, kept.emails, kept.phones, kept.first_name,
            kept.last_name, kept.gender, kept.birth_date, kept.city, kept.region, kept.postal_code,
            kept.country, kept.external_id,
        )  # fmt: skip
        return who, kept.parent

    # The keys' files; blocking

    def prepare(self, now_us: int) -> None:
        """Make the keys of today and tomorrow, and forget those before yesterday, which whoever seals needs
        no more. Raises OSError, and ValueError for one that is damaged."""
        self._failed = False
        today = now_us // _DAY_US
        self._forget(today - 1)
        for day in (today, today + 1):
            if day not in self._keys:
                self._keep(day, self._read(day) or self._create(day))

    def destroy(self, now_us: int) -> None:
        """Destroy the keys of days that ended more than `days` ago. Raises OSError."""
        gone = False
        kept_from = now_us // _DAY_US - self._days
        self._forget(kept_from)
        with suppress(FileNotFoundError):
            for path in sorted(self._folder.iterdir()):
                day = _day_of(path)
                old = day is not None and day < kept_from
                if old or (day is None and _is_left_over(path, now_us)):
                    _destroy(path)
                    gone = True
            if gone:
                _sync(self._folder)

    def _forget(self, before: int) -> None:
        with self._lock:
            for day in [day for day in self._keys if day < before]:
                del self._keys[day]

    def _path(self, day: int) -> Path:
        return self._folder / f"{date(1970, 1, 1) + timedelta(days=day)}.key"

    def _held(self, day: int) -> _Key | None:
        """The key of a day, read when it is asked for the first time; none is made for what cannot be."""
        key = self._keys.get(day)
        if key is None and (raw := self._readable(day)) is not None:
            key = self._keep(day, raw)
        return key

    def _make(self, day: int) -> _Key | None:
        """The key of a day that nobody prepared."""
        try:
            return self._keep(day, self._read(day) or self._create(day))
        except (OSError, ValueError, OverflowError) as fault:
            if not self._failed:  # said once until somebody prepares again
                self._failed = True
                log.error("identities are left out: no key can be made", extra={"error": str(fault)})
            return None

    def _keep(self, day: int, raw: bytes) -> _Key:
        key = AESGCM(raw), _LAYOUT + day.to_bytes(3, "big")
        with self._lock:
            while len(self._keys) >= _KEYS_HELD:
                del self._keys[min(self._keys)]
            self._keys[day] = key
        return key

    def _readable(self, day: int) -> bytes | None:
        try:
            return self._read(day)
        except (OSError, ValueError, OverflowError) as fault:
            log.warning("a day's identities cannot be read", extra={"error": str(fault)})
            return None

    def _read(self, day: int) -> bytes | None:
        """None without one; raises OSError or ValueError for one that cannot be used."""
        try:
            raw = bytes.fromhex(self._path(day).read_text("ascii"))
        except FileNotFoundError:
            return None
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"{self._path(day)} is no key of ours")
        return raw

    def _create(self, day: int) -> bytes:
        """A key whole or not at all; another process's, where that was faster."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(day)
        fresh = self._folder / f".{path.name}.{secrets.token_hex(4)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(_KEY_BYTES) + "\n")
                file.flush()
                os.fsync(descriptor)
            with suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync(self._folder)
        made = self._read(day)
        if made is None:
            raise FileNotFoundError(f"{path} was taken away")
        return made


def _day_of(path: Path) -> int | None:
    """Days since 1970 of a key's file; None for any other."""
    if path.suffix != ".key" or path.name.startswith("."):
        return None
    try:
        return (date.fromisoformat(path.stem) - date(1970, 1, 1)).days
    except ValueError:
        return None


def _is_left_over(path: Path, now_us: int) -> bool:
    """What a kill between making and naming a key has left behind."""
    if not path.name.startswith(".") or ".key." not in path.name:
        return False
    try:
        return now_us / 1_000_000 - path.stat().st_mtime > _LEFT_OVER_SECONDS
    except FileNotFoundError:
        return False


def _destroy(path: Path) -> None:
    """Written over before its name goes: what a disk keeps of it besides is beyond us (docs/reference)."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.write(descriptor, b"0" * (2 * _KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()
    log.info("identity key destroyed", extra={"day": path.stem})


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
