"""The SSRF guard: what an operator's URL may make this machine connect to.

A name is resolved once, every address it has is checked, and the connection goes to a checked one: a name
that answers otherwise a moment later changes nothing. Private, loopback, link-local, multicast and reserved
addresses are refused, also inside the IPv6 forms that carry an IPv4 address.
"""

from __future__ import annotations

import ipaddress
import math
import ssl
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpcore
import trio

from appliance import __version__
from appliance.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_USER_AGENT = (b"user-agent", f"weir/{__version__} (health check)".encode())


class Forbidden(httpcore.ConnectError):
    """The name leads, or might lead, to an address that is not public."""


def embedded(address: Address) -> Address:
    """The IPv4 address inside one of IPv6 (mapped, 6to4, Teredo, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large."""
    found = embedded(ipaddress.ip_address(address.partition("%")[0]))
    return found.is_global and not found.is_multicast and not found.is_reserved and not found.is_unspecified


class Guard(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. `allowed` are networks that may be reached although not public."""

    def __init__(
        self,
        allowed: Iterable[str] = (),
        resolve: Callable[..., Any] = trio.socket.getaddrinfo,
        connect: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed: Sequence[Network] = [ipaddress.ip_network(each, strict=False) for each in allowed]
        self._resolve = resolve
        self._connect = connect or httpcore.TrioBackend()

    def check(self, host: str, addresses: Sequence[str]) -> str:
        """The address to connect to. Raises Forbidden when any of them is refused."""
        for address in addresses:
            if not is_public(address) and not self._is_allowed(address):
                raise Forbidden(f"{host} leads to {address}, which is not a public address")
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        return addresses[0]

    def _is_allowed(self, address: str) -> bool:
        found = embedded(ipaddress.ip_address(address.partition("%")[0]))
        return any(found in network for network in self._allowed)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        with trio.fail_after(timeout if timeout is not None else math.inf):
            try:
                found = await self._resolve(host, port, type=trio.socket.SOCK_STREAM)
            except OSError as fault:
                raise httpcore.ConnectError(f"{host}: {fault.strerror or fault}") from fault
        address = self.check(host, list(dict.fromkeys(str(each[4][0]) for each in found)))
        return await self._connect.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise Forbidden("no sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


class Answer(NamedTuple):
    """An answer's status, its Retry-After header ("" without one), the beginning of its body (unpacked where
    it came gzipped although nobody asked for that), and its headers, names in lower case."""

    status: int
    retry_after: str
    body: bytes
    headers: Mapping[str, str] = {}


class Fetched(NamedTuple):
    """An answer's status and the beginning of its body."""

    status: int
    body: bytes


class Fetch:
    """One request at a time and connection; redirects are answers, they are not followed."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._tls = ssl.create_default_context()

    async def __call__(self, method: str, url: str, seconds: float, most: int) -> Fetched:
        """Raises Refused, saying why, when no answer came within `seconds`."""
        answer = await self.send(method, url, (_USER_AGENT,), b"", seconds, most)
        return Fetched(answer.status, answer.body)

    async def send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        seconds: float,
        most: int,
        sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """One request, of whose answer at most `most` bytes are read. Raises Refused like a call.

        `sent` is called just before its first byte goes out.
        """

        async def trace(event: str, _: object) -> None:
            if event.endswith("send_request_headers.started"):
                sent()

        try:
            with trio.fail_after(seconds):
                async with (
                    httpcore.AsyncConnectionPool(
                        ssl_context=self._tls,
                        network_backend=_Sipping(self._guard, most),
                        max_keepalive_connections=0,
                    ) as pool,
                    pool.stream(
                        method,
                        url,
                        headers=[*headers, (b"accept", b"*/*")],
                        content=body or None,
                        extensions={"trace": trace},
                    ) as answer,
                ):
                    said = _headers(answer)
                    found = await _beginning(answer, most)
                    if said.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip"):
                        found = _unpacked(found, most)
                    return Answer(answer.status, said.get("retry-after", "")[:100], found, said)
        except trio.TooSlowError:
            raise Refused(f"no answer within {seconds:g} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as fault:
            raise Refused(str(fault) or type(fault).__name__) from fault
        except (httpcore.UnsupportedProtocol, ValueError, OverflowError) as fault:
            raise Refused(f"not a URL to ask: {fault}") from fault


def _headers(answer: httpcore.Response) -> dict[str, str]:
    """Of two of a name the first."""
    found: dict[str, str] = {}
    for name, value in answer.headers:
        found.setdefault(name.lower().decode("latin-1"), value.decode("latin-1"))
    return found


def _unpacked(body: bytes, most: int) -> bytes:
    """At most so many bytes of what was packed; what is no gzip stays as it is."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, most)
    except zlib.error:
        return body


async def _beginning(answer: httpcore.Response, most: int) -> bytes:
    """The first `most` bytes of a body, however long it is."""
    body = bytearray()
    try:
        async for chunk in answer.aiter_stream():
            body += chunk
    except _Enough:
        if len(body) < most:
            raise
    return bytes(body[:most])


class _Enough(httpcore.ReadError):
    """More was sent than is of interest."""


class _Sip(httpcore.AsyncNetworkStream):
    """A connection of which only so many bytes are read: an error ends httpcore's generators, a break would
    leave them to the garbage collector."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, left: int) -> None:
        self._stream = stream
        self._left = left

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise _Enough("the answer is too long")
        data = await self._stream.read(max_bytes, timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Sip(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Sipping(httpcore.AsyncNetworkBackend):
    """Connects as the guard does, to read at most `most` bytes of body and as much of headers again."""

    def __init__(self, guard: Guard, most: int) -> None:
        self._guard = guard
        self._most = most

    async def connect_tcp(self, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        return _Sip(await self._guard.connect_tcp(*args, **more), self._most + max(self._most, 64 * 1024))

    async def connect_unix_socket(self, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        return await self._guard.connect_unix_socket(*args, **more)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
