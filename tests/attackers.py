"""`python -m tests.attackers HOST PORT ATTACK SECONDS SEED [SOURCE]`: a hostile client in its own process.

Everything here is aimed at a loopback port of a Weir that the calling test has started. What the server
answers is not looked at: the test watches the server and its honest clients.
"""

from __future__ import annotations

import random
import resource
import select
import socket
import struct
import sys
import time
from collections.abc import Callable

GET = b"GET /c/demo?cost=0.01 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /pb/demo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
SHAPES = (
    b"GET /\r\n\r\n",
    b"GET / HTTP/0.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    b"GET /c/demo\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /c/demo HTTP/1.1\r\nHost: x\r\nA: \x00\x01\x7f\r\n\r\n",
    b"GET /c/%00%ff%c0%80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /c/demo?" + b"&" * 6000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /c/demo?" + b"a=%&" * 1500 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\nHost: [\r\n\r\n",
    b"GET //evil.example/%2e%2e HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + b"1.1.1.1," * 900 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nForwarded: " + b'for="' * 900 + b"\r\n\r\n",
    b"POST /pb/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + GET,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    b"POST /pb/demo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + GET,
    b"POST /pb/demo HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
    b"POST /pb/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 100_000 + b"\r\nabcde\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 20_000 + b"\r\n",
    POST + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
    POST + b"Content-Length: 90007\r\n\r\n" + b'{"a":' * 18_001 + b"1}",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" * 50,
    b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n" + GET,
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3,
    b"POST /internal/cache/reload HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n",
    b"\r\n" * 5000 + GET,
)


class Attacker:
    """Connections to one port, for so many seconds."""

    def __init__(self, host: str, port: int, seconds: float, seed: int, source: str) -> None:
        self.address = (host, port)
        self.source = source
        self.dice = random.Random(seed)
        self.until = time.monotonic() + seconds
        self.open: list[socket.socket] = []

    @property
    def going(self) -> bool:
        return time.monotonic() < self.until

    def connect(self, timeout: float = 2.0) -> socket.socket:
        sock = socket.socket()
        sock.settimeout(timeout)
        if self.source:
            sock.bind((self.source, 0))
        sock.connect(self.address)
        return sock

    def once(self, data: bytes, read: bool = True) -> None:
        """One connection: send, perhaps read a little, go."""
        try:
            with self.connect(0.3) as sock:
                sock.sendall(data)
                if read:
                    sock.recv(4096)
        except OSError:
            pass

    def crowd(self, count: int) -> list[socket.socket]:
        """So many connections, as far as the server lets us."""
        made = []
        for _ in range(count):
            if not self.going:
                break
            try:
                made.append(self.connect(0.5))
            except OSError:
                break
        self.open += made
        return made

    def everywhere(self, socks: list[socket.socket], data: Callable[[], bytes]) -> list[socket.socket]:
        """Send on each, without waiting; those that are still open."""
        alive = []
        for sock in socks:
            sock.setblocking(False)
            try:
                sock.send(data())
            except BlockingIOError:
                pass
            except OSError:
                sock.close()
                continue
            alive.append(sock)
        return alive

    # -- the attacks ------------------------------------------------------------------------------------

    def noise(self) -> None:
        """Random bytes."""
        while self.going:
            self.once(self.dice.randbytes(self.dice.randrange(1, 3000)), read=self.dice.random() < 0.5)

    def mutations(self) -> None:
        """Good requests with some bytes changed, lost, doubled or cut off."""
        while self.going:
            data = bytearray(self.dice.choice((GET, *SHAPES)) * self.dice.randrange(1, 4))
            for _ in range(self.dice.randrange(1, 10)):
                at = self.dice.randrange(len(data))
                change = self.dice.randrange(4)
                if change == 0:
                    data[at] = self.dice.randrange(256)
                elif change == 1:
                    del data[at : at + self.dice.randrange(20)]
                elif change == 2:
                    data[at:at] = data[at : at + self.dice.randrange(200)]
                else:
                    del data[at + 1 :]
                if not data:
                    data += b"\0"
            self.once(bytes(data), read=self.dice.random() < 0.7)

    def shapes(self) -> None:
        """Every known ugly shape, whole and cut in two."""
        while self.going:
            for shape in SHAPES:
                self.once(shape)
                try:
                    with self.connect(0.3) as sock:
                        cut = self.dice.randrange(len(shape))
                        sock.sendall(shape[:cut])
                        time.sleep(0.002)
                        sock.sendall(shape[cut:])
                        sock.recv(100)
                except OSError:
                    pass
                if not self.going:
                    return

    def slow_headers(self) -> None:
        """Hundreds of requests that never end, a few bytes at a time."""
        socks = self.everywhere(self.crowd(300), lambda: b"GET /c/demo HTTP/1.1\r\nHost: x\r\n")
        while self.going and socks:
            socks = self.everywhere(socks, lambda: b"X: y\r\n")
            time.sleep(0.2)

    def slow_bodies(self) -> None:
        """Hundreds of bodies that never end, each filling as much memory as it may."""
        socks = self.everywhere(self.crowd(200), lambda: POST + b"Content-Length: 1048576\r\n\r\n")
        piece = b"x" * 30_000
        while self.going and socks:
            socks = self.everywhere(socks, lambda: piece)
            time.sleep(0.02)

    def pipelines(self) -> None:
        """Requests without end on a few connections, all answers read."""
        socks = self.crowd(4)
        block = GET * 100
        for sock in socks:
            sock.setblocking(False)
        while self.going and socks:
            readable, writable, _ = select.select(socks, socks, [], 0.1)
            for sock in readable:
                try:
                    if not sock.recv(1 << 20):
                        socks.remove(sock)
                except BlockingIOError:
                    pass
                except OSError:
                    socks.remove(sock)
            for sock in writable:
                try:
                    sock.send(block)
                except OSError:
                    pass

    def never_read(self) -> None:
        """Requests without end, and not one answer taken."""
        socks = self.crowd(50)
        block = GET * 200
        while self.going and socks:
            socks = self.everywhere(socks, lambda: block)
            time.sleep(0.01)

    def huge(self) -> None:
        """Everything too large: line, field, fields, body, chunks of one byte."""
        mb = b"x" * (1 << 20)
        while self.going:
            self.once(b"GET /" + mb + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.once(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + mb + b"\r\n\r\n")
            self.once(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50_000 + b"\r\n")
            self.once(POST + b"Content-Length: 10485760\r\n\r\n" + mb * 10)
            self.once(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n")
            self.once(
                POST + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n" + mb + b"\r\n1\r\nx\r\n0\r\n\r\n"
            )

    def half_closed(self) -> None:
        """Sockets closed in one direction, or reset, at any point of a request."""
        while self.going:
            try:
                with self.connect(0.3) as sock:
                    sock.sendall(GET[: self.dice.randrange(len(GET) + 1)])
                    if self.dice.random() < 0.5:
                        sock.shutdown(socket.SHUT_WR)
                        sock.recv(100)
                    else:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass

    def idle(self) -> None:
        """Thousands of connections that say nothing, or one byte."""
        socks = self.crowd(900)
        self.everywhere(socks[::2], lambda: b"G")
        while self.going:
            time.sleep(0.05)


ATTACKS = ("noise", "mutations", "shapes", "slow_headers", "slow_bodies", "pipelines", "never_read", "huge",
           "half_closed", "idle")  # fmt: skip


def main() -> None:
    host, port, attack, seconds, seed, *rest = sys.argv[1:]
    if attack not in ATTACKS:
        sys.exit(f"no such attack: {attack}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
    attacker = Attacker(host, int(port), float(seconds), int(seed), rest[0] if rest else "")
    getattr(attacker, attack)()


if __name__ == "__main__":
    main()
