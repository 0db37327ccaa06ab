"""What proves a postback: the vendors' vectors, and that nothing else passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from appliance.attribution.signatures import (
    LONGEST_NOTIFICATION,
    SHA_SIGN,
    clickbank,
    decrypt_cbc,
    digistore24,
    hmac_sha256_holds,
    impersonal,
)

# -- AES -------------------------------------------------------------------------------------------------


def test_cbc_as_the_standard_has_it() -> None:
    """SP 800-38A, F.2.6: CBC-AES256.Decrypt."""
    key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
    cipher = (
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
    )
    plain = (
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    assert decrypt_cbc(bytes.fromhex(key), bytes(range(16)), bytes.fromhex(cipher)).hex() == plain


# -- HMAC ------------------------------------------------------------------------------------------------

KEY = b"the-secret-of-the-network"


def sign(message: bytes, key: bytes = KEY) -> bytes:
    return hmac.digest(key, message, "sha256")


def test_the_rfcs_vector_in_every_writing() -> None:
    """RFC 4231, test case 2."""
    key, message = b"Jefe", b"what do ya want for nothing?"
    written = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    raw = bytes.fromhex(written)
    for given_ in (
        written, written.upper(), f"sha256={written}", f" SHA256={written} ",
        base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
    ):  # fmt: skip
        assert hmac_sha256_holds([b"other", key], message, given_), given_
        assert not hmac_sha256_holds([b"other"], message, given_)
        assert not hmac_sha256_holds([], message, given_)
    for wrong in (
        "",
        "sha256=",
        written[:-1],
        written + "0",
        written[:-2],
        "é" * 64,
        "=" * 44,
        "\ud800" * 43,
    ):
        assert not hmac_sha256_holds([key], message, wrong), wrong


@given(st.binary(max_size=200), st.data())
def test_no_hmac_holds_after_any_flipped_bit(message: bytes, data: st.DataObject) -> None:
    signature = sign(message)
    for written, same in ((signature.hex(), str.lower), (base64.b64encode(signature).decode(), str)):
        assert hmac_sha256_holds([KEY], message, written)
        at = data.draw(st.integers(0, len(written) - 1))
        other = data.draw(st.characters(max_codepoint=0x17F))
        forged = written[:at] + other + written[at + 1 :]
        plain = forged.strip().rstrip("=")  # blanks around it and its padding say nothing
        if same(plain) != same(written.rstrip("=")) and written[at] + other not in ("+-", "/_"):
            assert not hmac_sha256_holds([KEY], message, forged)
    if message:
        assert not hmac_sha256_holds([KEY], flipped(message, data), signature.hex())
    assert not hmac_sha256_holds([flipped(KEY, data)], message, signature.hex())


def flipped(text: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, 8 * len(text) - 1))
    changed = bytearray(text)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# -- Digistore24 -----------------------------------------------------------------------------------------

IPN = {"event": "on_payment", "order_id": "ABC123", "amount": "10.00"}
IPN_SIGN = (
    "B64453FFC162F96B852E4E38B4AEE658DABC367D3B06556AEC831A821086B16646887ED4C28279BE8B1062783BEF08A154EB65D4"
    "EAD760DF94ABA3CD1F9B95D6"
)


def sha_sign(fields: dict[str, str], passphrase: str) -> str:
    """As the vendor's script has it, written anew."""
    text = "".join(f"{name}={fields[name]}{passphrase}" for name in sorted(fields) if fields[name])
    return hashlib.sha512(text.encode()).hexdigest().upper()


@pytest.mark.parametrize("name", ["sha_sign", "SHASIGN", "shasign"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_digistores_vector(name: str, case: Any) -> None:
    params = {**IPN, "note": "", name: case(IPN_SIGN)}
    assert digistore24([b"secret"], params) == IPN
    assert digistore24([b"old", b"secret", b"new"], params) == IPN
    assert digistore24([b"old", b"Secret"], params) is None
    assert digistore24([], params) is None


def test_what_digistore_left_out_of_the_signature_is_not_believed() -> None:
    with_zero = {**IPN, "upsell_no": "0"}
    assert digistore24([b"secret"], {**with_zero, "sha_sign": sha_sign(with_zero, "secret")}) == with_zero
    assert digistore24([b"secret"], {**with_zero, "sha_sign": IPN_SIGN}) == IPN
    assert digistore24([b"secret"], {**IPN, "amount": "0", "sha_sign": IPN_SIGN}) is None
    shifted = {"event": "on_payment", "order_id=ABC123": "x", "amount": "10.00"}
    assert digistore24([b"secret"], {**shifted, "sha_sign": sha_sign(shifted, "secret")}) is None


def test_digistore_sorts_by_bytes_and_keeps_unicode() -> None:
    fields = {"b": "1", "B": "2", "a_b": "3", "ab": "4", "é": "Ü ß", "\U0001f600": "6", "\uff5e": "5"}
    text = "".join(f"{name}={fields[name]}pass" for name in sorted(fields, key=str.encode))
    signed = hashlib.sha512(text.encode()).hexdigest()
    assert digistore24([b"pass"], {**fields, "sha_sign": signed}) == fields
    assert digistore24([b"pass"], {**fields, "sha_sign": "é" * 128}) is None
    assert digistore24([b"pass"], {**fields, "sha_sign": ""}) is None
    assert digistore24([b"pass"], fields) is None


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


_names = _texts.filter(lambda name: bool(name) and "=" not in name and name not in SHA_SIGN)


@given(st.dictionaries(_names, _texts, max_size=6), st.data())
def test_no_ipn_holds_after_any_change(fields: dict[str, str], data: st.DataObject) -> None:
    fields["event"] = "on_payment"
    signature = hashlib.sha512(
        b"".join(
            name.encode() + b"=" + fields[name].encode() + b"secret"
            for name in sorted(fields, key=str.encode)
            if fields[name]
        )
    ).hexdigest()
    told = {name: value for name, value in fields.items() if value}
    assert digistore24([b"secret"], {**fields, "sha_sign": signature}) == told
    name = data.draw(st.sampled_from(sorted(told)))
    changed = dict(fields)
    match data.draw(st.sampled_from(["value", "name", "gone", "added", "signature", "key"])):
        case "value":
            changed[name] = data.draw(_texts.filter(lambda text: text not in (fields[name], "")))
        case "name":
            moved = data.draw(_texts.filter(lambda text: text not in fields and text not in SHA_SIGN))
            changed[moved] = changed.pop(name)
        case "gone":
            del changed[name]
        case "added":
            more = data.draw(_names.filter(lambda text: text not in fields))
            changed[more] = data.draw(_texts.filter(lambda text: text not in ("", "0")))
        case "signature":
            bit = flipped(bytes.fromhex(signature), data)
            signature = bit.hex()
        case "key":
            assert digistore24([flipped(b"secret", data)], {**fields, "sha_sign": signature}) is None
            return
    assert digistore24([b"secret"], {**changed, "sha_sign": signature}) is None


# -- ClickBank -------------------------------------------------------------------------------------------

SECRET = b"MYSECRETKEY"
IV = "AAECAwQFBgcICQoLDA0ODw=="
NOTIFICATION = (
    "Bhjh2/SI0wLrCI6xITUd3yBhCdRIwSPRp3satgKSH20ntgSIYPMOq5H/QNQ3l0n34doFh3xARbVh1CMq/QpZHELprNTJ"
    "lXgAzaidGNrSjT4="
)
ORDER = {"receipt": "ABC12345", "transactionType": "TEST", "trackingCodes": ["clk_1"]}


def notify(plain: bytes, secret: bytes = SECRET, padding: bytes | None = None) -> tuple[str, str]:
    """What ClickBank sends: the notification and its iv."""
    iv, length = b"0123456789abcdef", 16 - len(plain) % 16
    key = hashlib.sha1(secret).hexdigest()[:32].encode()
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    data = (
        cipher.update(plain + (bytes((length,)) * length if padding is None else padding)) + cipher.finalize()
    )
    return base64.b64encode(data).decode(), base64.b64encode(iv).decode()


def test_clickbanks_vector() -> None:
    assert clickbank([SECRET], NOTIFICATION, IV) == ORDER
    assert clickbank([b"OLD", SECRET], NOTIFICATION, IV) == ORDER
    broken = "\r\n".join(NOTIFICATION[at : at + 76] for at in range(0, len(NOTIFICATION), 76))
    assert clickbank([SECRET], broken, IV) == ORDER
    assert clickbank([b"mysecretkey"], NOTIFICATION, IV) is None
    assert clickbank([], NOTIFICATION, IV) is None


@pytest.mark.parametrize(
    ("notification", "iv"),
    [
        (NOTIFICATION[:-24], IV), (NOTIFICATION[:-4], IV), (NOTIFICATION + "AAAA", IV), ("", IV),
        ("AAAA", IV),
        (NOTIFICATION, ""), (NOTIFICATION, IV[:-4]), (NOTIFICATION, NOTIFICATION), (None, IV), (7, 7),
        (["x"], {"y": 1}), ("é" * 64, IV), (NOTIFICATION.replace("B", "*"), IV), (IV, IV),
        (base64.b64encode(bytes(LONGEST_NOTIFICATION + 16)).decode(), IV),
    ],
)  # fmt: skip
def test_what_is_no_notification(notification: object, iv: object) -> None:
    assert clickbank([SECRET], notification, iv) is None


@pytest.mark.parametrize(
    ("plain", "read"),
    [
        (b'{"transactionType":"SALE"}', True),
        (b'{"transactionType":"SALE"}\r\n', True),
        (b"[]", False),
        (b'"text"', False),
        (b'{"receipt":"A"}', False),
        (b'{"transactionType":7}', False),
        (b'{"transactionType":"SALE"', False),
        (b'{"transactionType":"\xff"}', False),
        (b"", False),
        (b" " * 32, False),
        (b'{"transactionType":' + b"[" * 5000, False),
    ],
)
def test_what_is_in_it_has_to_be_an_order(plain: bytes, read: bool) -> None:
    assert (clickbank([SECRET], *notify(plain)) is not None) == read


def test_its_padding_has_to_be_right() -> None:
    plain = b'{"transactionType":"SALE"}'
    assert clickbank([SECRET], *notify(plain)) is not None
    for padding in (b"\x05" * 5 + b"\x06", bytes(6), b" " * 6, b"\x06" * 5 + b"\x05", b"\x16" * 6):
        assert clickbank([SECRET], *notify(plain, padding=padding)) is None, padding


@given(st.data())
def test_a_changed_notification_never_fails_otherwise_than_refused(data: st.DataObject) -> None:
    """CBC has no signature: a bit of the iv changes a bit of the first block and nobody can tell."""
    body = flipped(base64.b64decode(NOTIFICATION), data)
    found = clickbank([SECRET], base64.b64encode(body).decode(), IV)
    assert found is None or found.keys() <= ORDER.keys()
    start = flipped(base64.b64decode(IV), data)
    found = clickbank([SECRET], NOTIFICATION, base64.b64encode(start).decode())
    assert found is None or found["transactionType"] == "TEST"
    assert clickbank([flipped(SECRET, data)], NOTIFICATION, IV) is None


def test_what_is_about_the_buyer_is_left_out() -> None:
    order = json.loads(
        """{"transactionTime": "2026-11-22T10:00:00Z", "receipt": "R1", "transactionType": "SALE",
        "vendor": "v", "affiliate": "a", "totalAccountAmount": 12.5, "currency": "USD",
        "trackingCodes": ["click"], "customer": {"billing": {"email": "e@x.example"}},
        "lineItems": [{"itemNo": "1", "productTitle": "P", "downloadUrl": "https://x.example/secret"}],
        "totalShippingAmount": 0, "upsell": {"upsellOriginalReceipt": "R0"}}"""
    )
    kept = impersonal(order)
    assert kept.keys() == order.keys() - {"customer"}
    assert kept["lineItems"] == [{"itemNo": "1", "productTitle": "P"}]
    ipn = {
        "event": "x", "custom": "click", "cid": "c", "email": "e", "address_first_name": "f",
        "address_city": "c", "buyer_email": "b", "address_phone_no": "1", "receipt_url": "u", "order_id": "1",
        "billing_status": "paying", "country": "DE", "campaignkey": "k", "license_key": "L",
    }  # fmt: skip
    assert impersonal(ipn).keys() == {
        "event", "custom", "cid", "order_id", "billing_status", "country", "campaignkey",
    }  # fmt: skip
    deep: Any = "x"
    for _ in range(100):
        deep = [{"a": deep}]
    assert "x" not in json.dumps(impersonal(deep))
