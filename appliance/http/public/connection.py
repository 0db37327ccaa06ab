"""One HTTP/1.1 connection of the public port: a state machine that the server turns.

Nothing here waits. Each turn reads one packet at most and answers one slice of requests, so that an endless
pipeliner starves nobody; what the whole turn brought is journaled together and sent the moment it is durable.
"""

from __future__ import annotations

import socket
from collections.abc import Generator
from typing import Protocol

from appliance.http.public import incoming, replies
from appliance.http.public.incoming import MAX_HEADER_BYTES, MAX_REQUEST_LINE, Incoming, Limits
from appliance.http.public.request import Request

_RECV = 16 * 1024
_SLICE = 16
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 256 * 1024


class Answerer(Protocol):
    """What answers requests: synchronous, and durable once `recorded` has returned."""

    def answer(self, request: Request, peer: str) -> replies.Reply | Unsure | Pieces: ...

    def largest(self, request: Request) -> int:
        """Bytes of the largest body that this request may have; asked only of one beyond the usual."""

    def counted(self, status: int) -> None:
        """Told of every reply that is sent."""


class Host(incoming.Host, Protocol):
    """The server, as a connection asks things of it."""

    draining: bool
    """The edge is stopping: every next reply says `Connection: close`."""

    def answering(self, connection: Connection) -> None:
        """Call its `deliver` when everything appended up to now is durable."""

    def more(self, connection: Connection) -> None:
        """Call its `answer` in the next turn: it holds more requests than one slice."""

    def watch(self, connection: Connection, writing: bool) -> None:
        """Call its `writable` when it can send (and not `readable` meanwhile), or `readable` again."""

    def gone(self, connection: Connection) -> None:
        """It is about to close."""


class Unsure:
    """A reply that depends on whether its record became durable."""

    __slots__ = ("if_not", "if_recorded")

    def __init__(self, if_recorded: replies.Reply, if_not: replies.Reply) -> None:
        self.if_recorded = if_recorded
        self.if_not = if_not


class Pieces:
    """A reply that takes several turns, each of which may append to the journal.

    `steps` yields after each and is sent whether what it had appended is durable; it returns the reply.
    """

    __slots__ = ("_durable", "_steps")

    def __init__(self, steps: Generator[None, bool, replies.Reply]) -> None:
        self._steps = steps
        self._durable: bool | None = None

    def step(self) -> replies.Reply | None:
        """One turn; None while there is more to do."""
        try:
            if self._durable is None:
                next(self._steps)
            else:
                self._steps.send(self._durable)
        except StopIteration as end:
            reply: replies.Reply = end.value
            return reply
        return None

    def recorded(self, durable: bool) -> None:
        """What came of the last turn's records."""
        self._durable = durable


class Connection(Incoming):
    """Answers what came in, and sends the answers as far as the socket takes them."""

    __slots__ = (
        "_answerer",
        "_answers",
        "_broken",
        "_last",
        "_left",
        "_pieces",
        "_sock",
        "_unsent",
        "peer",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        answerer: Answerer,
        limits: Limits,
        host: Host,
    ) -> None:
        super().__init__(limits, host)
        self._host: Host = host
        self._sock = sock
        self.peer = peer
        self._answerer = answerer
        self._answers: list[tuple[Request, replies.Reply | Unsure]] = []
        self._unsent = b""
        self._broken: tuple[int, str] | None = None
        """What is to be refused after the replies that are under way."""
        self._last = ""
        """What follows the replies that are under way: "", close or linger."""
        self._left = 0
        self._pieces: tuple[Request, Pieces] | None = None
        """What is answered in several turns."""

    def fileno(self) -> int:
        return self._sock.fileno()

    def readable(self) -> None:
        """Take one packet. Called by the server; raises OSError when the peer is gone."""
        if self.phase == "linger":
            self._discard()
            return
        if self._unsent or self._answers or self._queue or self._pieces is not None:
            return  # no reading while a reply waits: the peer's window fills, not our memory
        try:
            data = self._sock.recv(_RECV)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        if not self._parse(data):
            self._broken = (400, "this is not HTTP/1.1 as RFC 9112 has it")
        if self._request is not None:
            self._in_line = self._in_line and b"\n" not in data
            # httptools keeps an unfinished field to itself, before and behind a body: bounded from here.
            self._fed += len(data)
            if self._fed > MAX_REQUEST_LINE + MAX_HEADER_BYTES + _RECV:
                self._refuse(431, "at most 100 header fields and 32 KiB of them")
        if self._queue:
            self.answer()
        else:
            self._wait_on(answered=False)

    def answer(self) -> None:
        """Decide up to 16 of the requests at hand; `deliver` follows when their records are durable."""
        queue, answerer = self._queue, self._answerer
        answers = self._answers
        if self._pieces is not None:
            self._go_through()
            return
        while queue and len(answers) < _SLICE:
            request = queue.popleft()
            if request.refusal is not None:
                request.keep_alive = False
                reply: replies.Reply | Unsure | Pieces = replies.text(*request.refusal)
            else:
                reply = answerer.answer(request, self.peer)
            if isinstance(reply, Pieces):
                self._pieces = request, reply
                if answers:  # these go first
                    break
                self._go_through()
                return
            answers.append((request, reply))
            if not request.keep_alive:
                # A peer that asked to close sends nothing more; one that we refuse may be sending still.
                self._last = "linger" if request.refusal is not None else "close"
                queue.clear()
        self._wait_for("send", self._limits.send_timeout)
        self._host.answering(self)

    def _go_through(self) -> None:
        """One turn of what takes several."""
        assert self._pieces is not None
        request, pieces = self._pieces
        reply = pieces.step()
        if reply is not None:
            self._pieces = None
            self._answers.append((request, reply))
            if not request.keep_alive:
                self._last = "close"
                self._queue.clear()
        self._wait_for("send", self._limits.send_timeout)
        self._host.answering(self)

    def deliver(self, recorded: bool) -> None:
        """Send the slice's replies as far as the socket takes them."""
        if self.phase == "closed":
            return
        if not self._answers and self._pieces is not None:
            self._pieces[1].recorded(recorded)
            self._host.more(self)
            return
        if self._host.draining and not self._last and not self._queue and self._pieces is None:
            self._answers[-1][0].keep_alive = False
            self._last = "linger"  # the peer did not expect it: its next request may be on the way
        out = []
        for request, reply in self._answers:
            if isinstance(reply, Unsure):
                reply = reply.if_recorded if recorded else reply.if_not
            head = request.method == b"HEAD"
            out.append(replies.to_bytes(reply, head, not request.keep_alive, request.old))
            self._answerer.counted(reply.status)
        self._answers.clear()
        self._send(out[0] if len(out) == 1 else b"".join(out))

    def writable(self) -> None:
        """Send on. Called by the server; raises OSError when the peer is gone."""
        data, self._unsent = self._unsent, b""
        self._host.watch(self, writing=False)
        self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._unsent = data[sent:]
            self._host.watch(self, writing=True)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Everything so far is sent."""
        if self._last == "close":
            self.close()
        elif self._last == "linger":
            self._linger()
        elif self._queue or self._pieces is not None:
            self.phase = "answer"
            self._host.more(self)
        else:
            self.phase = "idle"
            self._wait_on(answered=True)

    def _wait_on(self, answered: bool) -> None:
        """No complete request is at hand: refuse what is broken, ask for a body, or wait for more."""
        pending = self._request
        if pending is not None and pending.refusal is not None:
            self._broken = pending.refusal
        if self._broken is not None:
            status, message = self._broken
            self._last, self._broken = "linger", None
            self._answerer.counted(status)
            self._wait_for("send", self._limits.send_timeout)
            self._send(replies.to_bytes(replies.text(status, message + "\n"), False, True, False))
            return
        if answered and pending is None:
            self._wait_for("idle", self._limits.idle_timeout)
        elif (
            self.phase == "idle" and pending is not None
        ):  # replies went out, and their deadlines replaced its own
            if self._in_headers:
                self._wait_for("header", self._limits.header_timeout)
            else:
                self._wait_for("body", self._limits.body_timeout)
        if self._expect and pending is not None and not self._in_headers:
            self._expect = False
            # 25 bytes always fit: every earlier reply has left.
            self._sock.send(replies.CONTINUE)

    def _linger(self) -> None:
        """Read on for a moment: closing over unread data makes the kernel reset our answer away."""
        self._sock.shutdown(socket.SHUT_WR)
        self._wait_for("linger", _LINGER_SECONDS)
        self._left = _LINGER_BYTES

    def _discard(self) -> None:
        try:
            data = self._sock.recv(_RECV)
        except BlockingIOError:
            return
        self._left -= len(data)
        if not data or self._left <= 0:
            self.close()

    def expire(self) -> None:
        """The deadline has passed (called by the sweeper): say why if anything was asked, and close."""
        if self.phase in ("header", "body"):
            reply = replies.text(408, "the request took too long to arrive\n")
            try:
                self._sock.send(replies.to_bytes(reply, False, True, False))
                self._answerer.counted(408)
            except OSError:
                pass
        self.close()

    def close(self) -> None:
        """Close now, whatever is under way."""
        if self.phase != "closed":
            self.phase = "closed"
            self._host.gone(self)
            self._drop_body()
            self._answers.clear()
            self._pieces = None
            self._sock.close()
            del self._parser  # it holds us and we hold it: without this every visitor waits for the collector
