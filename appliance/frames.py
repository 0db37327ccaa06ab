"""Messages on a byte stream: 4 bytes of length, big-endian, then that many bytes."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from appliance.errors import WeirError
from appliance.model.messages import MAX_MESSAGE

_CHUNK = 256 * 1024


@dataclass(eq=False)
class BadFrame(WeirError):
    """The peer does not speak this protocol. Close the connection."""

    code = "bad_frame"


class Frames:
    """One end of a framed stream. Any task may send; one task receives."""

    def __init__(self, stream: trio.abc.Stream, largest: int = MAX_MESSAGE) -> None:
        self.stream = stream
        self._largest = largest
        self._buffer = bytearray()
        self._sending = trio.Lock()

    async def send(self, message: bytes) -> None:
        """Write one frame whole. Raises BadFrame for one the other end would refuse."""
        if len(message) > self._largest:
            raise BadFrame(f"a message of {len(message)} bytes is larger than {self._largest}")
        async with self._sending:
            await self.stream.send_all(len(message).to_bytes(4, "big") + message)

    async def receive(self) -> bytes | None:
        """The next frame; None when the peer closed between frames.

        Raises BadFrame for an announced length over the limit or an end inside a frame.
        """
        if not await self._fill(4):
            return None
        size = int.from_bytes(self._buffer[:4], "big")
        if size > self._largest:
            raise BadFrame(f"a frame of {size} bytes is announced, the limit is {self._largest}")
        if not await self._fill(4 + size):
            raise BadFrame("the stream ended inside a frame")
        message = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return message

    async def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            data = await self.stream.receive_some(_CHUNK)
            if not data:
                if self._buffer:
                    raise BadFrame("the stream ended inside a frame")
                return False
            self._buffer += data
        return True
