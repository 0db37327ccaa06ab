"""Secrets at rest: what opens accounts elsewhere, sealed with AES-256-GCM under a key of this installation.

A sealed text is `weir-sealed:v1:{key id}:{base64url of nonce, ciphertext and tag}`. The key comes from the
installation's secret by HKDF-SHA256, so a copy of the database alone opens nothing. `place` says what a text
is for (`ad_account.token`) and is part of what is proven: put in another place, it does not open.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.errors import WeirError
from appliance.model.history import SEALED

_V1 = f"{SEALED}v1:"
_NONCE = 12
_KEY_ID = 8
_LEAST = _NONCE + 16


class Unopened(WeirError):
    """A sealed text cannot be opened: put the secret that sealed it back, or enter the text again."""

    code = "unopened"


class _Key(NamedTuple):
    id: str
    cipher: AESGCM


class Vault:
    """Seals with the key of `secret`; opens what one of the `older` secrets sealed too. `draw` gives so many
    random bytes. Any thread may call."""

    def __init__(self, secret: bytes, older: Sequence[bytes], draw: Callable[[int], bytes]) -> None:
        self._draw = draw
        self._key = _key(secret)
        self._keys = {each.id: each for each in (*map(_key, older), self._key)}

    @property
    def key_id(self) -> str:
        """Eight hex digits that name the key in use; they tell nothing of it."""
        return self._key.id

    def seal(self, text: str, place: str) -> str:
        """ "" stays empty: there is nothing to hide."""
        if not text:
            return ""
        nonce = self._draw(_NONCE)
        sealed = self._key.cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), _bound(place))
        return f"{_V1}{self._key.id}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """Raises Unopened; its message never holds anything of the text."""
        if not sealed:
            return ""
        key_id, _, body = sealed.removeprefix(_V1).partition(":")
        if not sealed.startswith(_V1) or len(key_id) != _KEY_ID:
            raise Unopened(f"{place} is not sealed by this Weir; enter it again")
        key = self._keys.get(key_id)
        if key is None:
            raise Unopened(
                f"{place} was sealed with the key {key_id} and this installation's secret makes the key "
                f"{self._key.id}: put the secret that was used then back (secret_file), add it as a line of "
                "the file of that name with .old at its end, or enter the value again"
            )
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            if len(raw) < _LEAST:
                raise ValueError
            return key.cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _bound(place)).decode(
                "utf-8", "surrogatepass"
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise Unopened(f"{place} is damaged, or was sealed for another place; enter it again") from None

    def is_current(self, sealed: str) -> bool:
        """Whether the key in use sealed it; what is empty needs none."""
        return not sealed or sealed.startswith(f"{_V1}{self._key.id}:")

    def renewed(self, sealed: str, place: str) -> str:
        """The same under the key in use. Raises Unopened."""
        return sealed if self.is_current(sealed) else self.seal(self.open(sealed, place), place)


def _key(secret: bytes) -> _Key:
    made = HKDF(SHA256(), 32 + _KEY_ID // 2, None, b"weir vault v1").derive(secret)
    return _Key(made[32:].hex(), AESGCM(made[:32]))


def _bound(place: str) -> bytes:
    return f"weir vault v1 {place}".encode()
