"""What proves that a postback is its network's: signatures over what was sent, encrypted notifications.

Each is checked with every key of the network, so that a secret can be changed without losing a postback,
and in constant time. The facts and test vectors are reference/conversion-apis.md 7.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

BLOCK = 16
"""Bytes of one of AES."""
LONGEST_NOTIFICATION = 32 * 1024
"""Bytes of ciphertext: ClickBank's are 2 to 5 KB."""

SHA_SIGN = ("sha_sign", "SHASIGN", "shasign")
"""The field that holds Digistore24's signature."""

_decode = msgspec.json.Decoder(float_hook=str).decode
_HEX = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_BLANKS = bytes(range(0x21))
# What a network that signs also tells of the buyer, and addresses under which his order can be managed. Whole
# names, without case, "_" and "-"; both formats hold some two hundred fields, most of them none of ours.
_PERSONAL = re.compile(
    r"(customer|buyer|address|e?mail|phone|street|licen[cs]e|password).*|billing|shipping|(last|full)name|.*url"
    r"|firstname|zip(code)?|postal(code)?|city|county|salutation|title|company|ip(address)?|taxid|vatid(no)?"
)


def hmac_sha256_holds(keys: Iterable[bytes], message: bytes, given: str) -> bool:
    """Whether `given` is the message's HMAC-SHA256: hex in any case, or base64, after `sha256=` or not."""
    given = given.strip()
    if given[:7].lower() == "sha256=":
        given = given[7:]
    digest = _digest(given)
    held = False
    for key in keys:
        held |= hmac.compare_digest(hmac.digest(key, message, "sha256"), digest)
    return held


def _digest(text: str) -> bytes:
    """The 32 bytes that a signature stands for; b"" for what is none."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = base64.b64decode(standard + "=", validate=True) if len(standard) == 43 else b""
    except (binascii.Error, ValueError):
        return b""
    # Four last bits of 43 digits mean nothing: only one of their sixteen writings is the signature.
    return found if base64.b64encode(found).rstrip(b"=") == standard.encode("ascii", "replace") else b""


def digistore24(keys: Iterable[bytes], params: Mapping[str, str]) -> dict[str, str] | None:
    """What the signature of an instant payment notification vouches for; None when it does not hold.

    Signed are the names and values, each pair followed by the passphrase, by name; without empty values
    and, as one of the implementations has it, without "0".
    """
    given = next((value for name in SHA_SIGN if (value := params.get(name))), "").strip().upper()
    if not given.isascii() or any("=" in name for name in params):  # a=b=c would be two things at once
        return None
    signed = {name: value for name, value in params.items() if value and name not in SHA_SIGN}
    without = {name: value for name, value in signed.items() if value != "0"}
    found = None
    for key in keys:
        for fields in (without, signed):
            if hmac.compare_digest(_sha_sign(key, fields), given):
                found = fields
    return found


def _sha_sign(key: bytes, fields: Mapping[str, str]) -> str:
    pairs = sorted((name.encode("utf-8", "surrogatepass"), value) for name, value in fields.items())
    summed = hashlib.sha512()
    for name, value in pairs:
        summed.update(name + b"=" + value.encode("utf-8", "surrogatepass") + key)
    return summed.hexdigest().upper()


def clickbank(keys: Iterable[bytes], notification: object, iv: object) -> dict[str, Any] | None:
    """The order in an instant notification of ClickBank (INS v6 to v8); None when no key opens it.

    Every failure looks the same, and what was decrypted is read before its padding is looked at: whoever
    could tell one from the other could write notifications of his own. AES-CBC signs nothing: somebody who
    holds a notification can change bits of it (docs/decisions/0035).
    """
    data, start = _bytes(notification), _bytes(iv)
    if not 0 < len(data) <= LONGEST_NOTIFICATION or len(data) % BLOCK or len(start) != BLOCK:
        return None
    found = None
    for key in keys:
        plain = decrypt_cbc(hashlib.sha1(key, usedforsecurity=False).hexdigest()[:32].encode(), start, data)
        order = _order(plain)
        padding = plain[-1]
        padded = 0 < padding <= BLOCK and plain.endswith(bytes((padding,)) * padding)
        if order is not None and padded:
            found = order
    return found


def decrypt_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES in CBC mode. `data` are whole blocks, at least one; what was padded stays padded."""
    # An edge that has no such network need not load it: 8 MB in each of them.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _bytes(text: object) -> bytes:
    """Base64, line breaks ignored; b"" for anything else."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _order(plain: bytes) -> dict[str, Any] | None:
    try:
        value = _decode(plain.rstrip(_BLANKS))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("transactionType"), str) else None


def impersonal(value: Any, depth: int = 8) -> Any:
    """Decoded JSON without what is about the buyer; below so many levels, nothing."""
    if isinstance(value, dict):
        return {
            name: impersonal(item, depth - 1)
            for name, item in value.items()
            if depth and not _PERSONAL.fullmatch(str(name).replace("_", "").replace("-", "").lower())
        }
    if isinstance(value, list):
        return [impersonal(item, depth - 1) for item in value] if depth else []
    return value
