"""Decoding what may be damaged: every fault is a msgspec.DecodeError, so that callers catch one family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Bytes of msgpack → a value of `kind`; raises msgspec.DecodeError (or its ValidationError) only.

    msgspec itself lets a text that is no UTF-8 out as UnicodeDecodeError, and deep nesting as RecursionError.
    """
    plain = msgspec.msgpack.Decoder(kind).decode

    def decode(data: bytes) -> Any:
        try:
            return plain(data)
        except (UnicodeDecodeError, RecursionError) as fault:
            raise msgspec.DecodeError(str(fault)) from fault

    return decode
