"""A tiny stand-in for edge and core, so that the parent of processes can be tested by itself.

`python -m tests.stand_in serve …` is `weir serve` with these children. The edge answers every request with
its index and pid, after the time the request asks for (`/0.3`). Files in the data directory change how the
children behave: `<name>.refuse` exits 3 before ready, `<name>.deaf` ignores the stop, `<name>.slow` holds
the text of seconds to wait before ready.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

from appliance import cli
from appliance.control import Control, open_control


def command(role: str, index: int) -> list[str]:
    return [sys.executable, "-m", "tests.stand_in", role, "--index", str(index)]


class Edge:
    """Accepts on its own socket and on adopted ones; connections are answered and closed."""

    def __init__(self, control: Control, index: int) -> None:
        self.control = control
        self.index = index
        self.accepting: dict[int, trio.CancelScope] = {}
        self.answers: trio.Nursery

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.obey)
            async with trio.open_nursery() as answers:  # left when what is in flight is answered
                self.answers = answers
                await answers.start(self.accept, self.index)
                self.control.say({"say": "ready"})
                await self.control.stop.wait()
                for scope in self.accepting.values():
                    scope.cancel()
            nursery.cancel_scope.cancel()
        self.control.say({"say": "stage", "name": "requests answered", "seconds": 0.0})

    async def obey(self) -> None:
        async for line in self.control.commands:
            if line["do"] == "adopt":
                await self.answers.start(self.accept, line["socket"])
            else:
                self.accepting[line["socket"]].cancel()

    async def accept(
        self, place: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self.control.sockets[place].dup()))
        with trio.CancelScope() as scope:
            self.accepting[place] = scope
            task_status.started()
            while True:
                self.answers.start_soon(self.answer, await listener.accept())

    async def answer(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                request = (await stream.receive_some(4096)).decode()
                if not request:
                    return
                await trio.sleep(float(request.split()[1].removeprefix("/") or 0))
                body = f"{self.index} {os.getpid()}"
                head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}"
                await stream.send_all(f"{head}\r\n\r\n{body}".encode())
        except trio.BrokenResourceError:
            pass


async def child(role: str, index: int) -> None:
    async with open_control() as control:
        name = f"edge-{index}" if role == "edge" else role
        data = Path(control.settings.data)
        print("a stray print must not reach the parent")
        if (data / f"{name}.refuse").exists():
            raise SystemExit(3)
        if (data / f"{name}.slow").exists():
            await trio.sleep(float((data / f"{name}.slow").read_text()))
        if role == "edge":
            await Edge(control, index).run()
        else:
            # A setting stands where the admin port would, to show which settings the core has.
            admin = f"127.0.0.1:{control.settings.retention.clicks_days}"
            control.say({"say": "ready", "admin": admin, "try": ["try this", "and that"]})
            await control.stop.wait()
        if (data / f"{name}.deaf").exists():
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()


def main() -> int:
    if sys.argv[1] in ("edge", "core"):
        trio.run(child, sys.argv[1], int(sys.argv[3]))
        return 0
    return cli.main(children=command)


if __name__ == "__main__":
    raise SystemExit(main())
