"""AES decryption in CBC mode (FIPS 197, SP 800-38A), for networks that send their notifications encrypted.

CBC's blocks are deciphered independently of each other, so all of a message are done at once: row r of the
state is one text that holds row r of the first column of every block, then of the second column of every
block, and so on, and each step of the cipher is a `bytes.translate` or an exclusive or of whole rows. So
3 KB take a millisecond. Why not a library: docs/decisions/0035.
"""

from __future__ import annotations

from functools import lru_cache

BLOCK = 16
_ROUNDS = {16: 10, 24: 12, 32: 14}


def _doubled(value: int) -> int:
    """Twice `value` in GF(2^8), modulo x^8 + x^4 + x^3 + x + 1."""
    value <<= 1
    return value ^ 0x11B if value & 0x100 else value


def _times(factor: int) -> bytes:
    """The table of `factor` times each byte."""
    table = bytearray(256)
    for value in range(256):
        power, product = value, 0
        for bit in range(4):
            if factor >> bit & 1:
                product ^= power
            power = _doubled(power)
        table[value] = product
    return bytes(table)


def _boxes() -> tuple[bytes, bytes]:
    """The S-box, and the one that undoes it. 3 generates the field: each step is 3 times the one before."""
    box = bytearray(256)
    value = inverse = 1
    while True:
        value ^= _doubled(value)
        for shift in (1, 2, 4):  # divided by 3
            inverse ^= inverse << shift & 0xFF
        if inverse & 0x80:
            inverse ^= 0x09
        mixed = inverse
        for turn in range(1, 5):
            mixed ^= (inverse << turn | inverse >> 8 - turn) & 0xFF
        box[value] = mixed ^ 0x63
        if value == 1:
            break
    box[0] = 0x63
    back = bytearray(256)
    for value, into in enumerate(box):
        back[into] = value
    return bytes(box), bytes(back)


_BOX, _BACK = _boxes()
_9, _11, _13, _14 = (_times(factor) for factor in (9, 11, 13, 14))


def decrypt_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The plaintext with its padding. Raises ValueError for a key, iv or data of an impossible length."""
    if len(key) not in _ROUNDS or len(iv) != BLOCK or not data or len(data) % BLOCK:
        raise ValueError("a key of 16, 24 or 32 bytes, an iv of 16, and whole blocks")
    blocks = len(data) // BLOCK
    keys = [_spread(each, blocks) for each in _round_keys(key)]
    rows = [b"".join(data[byte::BLOCK] for byte in range(row, BLOCK, 4)) for row in range(4)]
    rows = list(map(_xor, rows, keys[-1]))
    for number in range(len(keys) - 2, -1, -1):
        for row, held in enumerate(rows):
            cut = (4 - row) * blocks  # row r moves r columns to the right
            rows[row] = _xor((held[cut:] + held[:cut]).translate(_BACK), keys[number][row])
        if number:
            rows = _unmixed(rows)
    plain = bytearray(len(data))
    for byte in range(BLOCK):
        column = byte // 4 * blocks
        plain[byte::BLOCK] = rows[byte % 4][column : column + blocks]
    return _xor(plain, iv + data[:-BLOCK])


def _spread(key: bytes, blocks: int) -> list[bytes]:
    """A round's key as rows of so many blocks."""
    return [b"".join(key[byte : byte + 1] * blocks for byte in range(row, BLOCK, 4)) for row in range(4)]


def _unmixed(rows: list[bytes]) -> list[bytes]:
    """MixColumns undone: each row is 14 times itself, 11, 13 and 9 times the next three."""
    a, b, c, d = rows
    return [
        _xor(one.translate(_14), two.translate(_11), three.translate(_13), four.translate(_9))
        for one, two, three, four in ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
    ]


def _xor(first: bytes | bytearray, *others: bytes) -> bytes:
    value = int.from_bytes(first)
    for other in others:
        value ^= int.from_bytes(other)
    return value.to_bytes(len(first))


@lru_cache(maxsize=64)
def _round_keys(key: bytes) -> tuple[bytes, ...]:
    words = [key[index : index + 4] for index in range(0, len(key), 4)]
    length, constant = len(words), 1
    for index in range(length, 4 * (_ROUNDS[len(key)] + 1)):
        word = words[-1]
        if index % length == 0:
            word = (word[1:] + word[:1]).translate(_BOX)
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _doubled(constant)
        elif length > 6 and index % length == 4:
            word = word.translate(_BOX)
        words.append(_xor(word, words[index - length]))
    return tuple(b"".join(words[index : index + 4]) for index in range(0, len(words), 4))
