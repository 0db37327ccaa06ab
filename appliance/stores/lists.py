"""The entries of named lists as files: data/lists/<digest>, named by their content, so none ever changes.

The core writes them, every process of the machine maps them. What no list names any more stays for a week:
an edge may still decide with it, and an operator may want it back.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from hashlib import blake2b
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path

from appliance.errors import FieldProblem, Missing, Refused, Unavailable, WeirError
from appliance.model.catalog import ListKind
from appliance.model.lists import Arrived, Entries, EntriesPage
from appliance.operations.lines import Pieces
from appliance.ports import Runner
from appliance.routing.entries import build, merge, read_entries
from appliance.routing.lists import Contents, Damaged, ListFile

log = logging.getLogger("weir.lists")
FOLDER = "lists"
MOST_BYTES = 4 << 30
"""Some 80 states of lists of a million entries; uploads that no list takes count until they are swept."""
KEPT_SECONDS = 7 * 86_400.0
_UNFINISHED = ".new"
_PIECE = 1 << 20
_BUFFER = 1 << 18
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


class ListFiles:
    """One process writes (the core). Blocking: called in a thread, and made so that no step is long."""

    def __init__(
        self, data: Path, step: Callable[[], None] = lambda: time.sleep(0), most_bytes: int = MOST_BYTES
    ) -> None:
        """`step` is called between the steps of a build; all files together have `most_bytes`."""
        self._most_bytes = most_bytes
        self._folder = data / FOLDER
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._step = step
        self._runs = 0
        for left in self._folder.glob(f"*{_UNFINISHED}"):
            left.unlink()

    def write(
        self,
        of: ListKind,
        text: str,
        files: Sequence[str] = (),
        onto: str = "",
        remove: bool = False,
        runs: Sequence[str] = (),
    ) -> Entries:
        """A file of the entries of the file `onto` and of those given: lines of `text`, other files, runs.

        With `remove` those given are taken out of `onto`. Durable when it returns. Raises Refused, Missing
        for a file, Unavailable when it cannot be written.
        """
        given: list[Iterable[bytes]] = [read_entries(of, text), *(self._lines(of, file) for file in files)]
        given += map(_run_lines, runs)
        held = self._lines(of, onto) if onto else iter(())
        entries = merge([held], merge(given)) if remove else merge([held, *given])
        unfinished = self._folder / f"{os.getpid()}{_UNFINISHED}"
        summed = blake2b(digest_size=16)
        try:
            self._need_room()
            with unfinished.open("wb", buffering=_BUFFER) as out:

                def write(data: bytes) -> None:
                    summed.update(data)
                    out.write(data)

                steps = build(of, entries, write)
                while True:
                    try:
                        next(steps)
                    except StopIteration as done:
                        count = done.value.entries
                        break
                    self._step()
                out.flush()
                os.fsync(out.fileno())
            if count == 0:
                unfinished.unlink()
                return Entries(of=of, digest="", entries=0)
            unfinished.replace(self._folder / summed.hexdigest())
            _sync(self._folder)
        except OSError as fault:
            raise Unavailable(f"the list cannot be written: {fault}") from fault
        finally:
            with suppress(OSError):
                unfinished.unlink()
        return Entries(of=of, digest=summed.hexdigest(), entries=count)

    def write_run(self, of: ListKind, text: str, first: int) -> str:
        """A part of what arrives: its entries in order, for `write` to merge; whoever made it removes it.

        `first` is the number of the text's first line. Raises Refused, Unavailable.
        """
        entries = read_entries(of, text, first)
        self._runs += 1
        path = self._folder / f"{os.getpid()}.{self._runs}{_UNFINISHED}"
        try:
            self._need_room()
            path.write_bytes(b"".join(entry + b"\n" for entry in entries))
        except OSError as fault:
            raise Unavailable(f"the list cannot be written: {fault}") from fault
        return str(path)

    def _need_room(self) -> None:
        size = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # a part of another text, which was taken in meanwhile
                size += path.stat().st_size
        if size >= self._most_bytes:
            raise Unavailable("the lists' files take too much room; those of no list go after a week")

    def _lines(self, of: ListKind, digest: str) -> Iterator[bytes]:
        file = self._file(digest)
        if file.footer.of != of:
            problem = FieldProblem("uploads", f"these entries are of {file.footer.of}, not of {of}")
            raise Refused("these entries cannot be taken", [problem])
        return file.lines()

    def page(self, digest: str, limit: int, offset: int, search: str) -> EntriesPage:
        """Entries in order, those that contain `search`; and how many of these there are."""
        if not digest:
            return EntriesPage(items=(), total=0)
        file = self._file(digest)
        if not search:
            found = islice(file.lines(), offset, offset + limit)
            return EntriesPage(items=tuple(line.decode() for line in found), total=file.footer.entries)
        wanted, items, total = search.encode(), list[str](), 0
        for line in file.lines():
            if wanted in line:
                if offset <= total < offset + limit:
                    items.append(line.decode())
                total += 1
        return EntriesPage(items=tuple(items), total=total)

    def holds(self, digest: str, value: str) -> bool:
        """As a rule finds it. Raises Missing, Damaged."""
        return bool(digest) and self._file(digest).contents().holds(value)

    def has(self, digest: str) -> bool:
        return bool(_NAME.fullmatch(digest)) and (self._folder / digest).exists()

    def contents(self, wanted: Iterable[str]) -> dict[str, Contents | None]:
        """What rules ask, by digest; None for what cannot be read."""
        found: dict[str, Contents | None] = {}
        for digest in wanted:
            try:
                found[digest] = self._file(digest).contents()
            except WeirError:
                found[digest] = None
        return found

    def sweep(self, needed: Collection[str]) -> int:
        """Remove what nothing has needed for a week; how many files. Call it often: it keeps the time."""
        removed = 0
        for digest in needed:
            if not self.has(digest):
                log.error("the entries of a named list are gone: replace them", extra={"list": digest})
        for path in self._folder.iterdir():
            if path.suffix:
                continue
            with suppress(FileNotFoundError):
                if path.name in needed:
                    os.utime(path)
                elif time.time() - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink()
                    removed += 1
        return removed

    def _file(self, digest: str) -> ListFile:
        return ListFile(_mapped(self._folder / digest))


def open_list(data: Path, digest: str) -> Contents:
    """The entries of a file, once it is proved to be whole. Blocking. Raises Missing, Damaged."""
    mapped = _mapped(data / FOLDER / digest)
    summed = blake2b(digest_size=16)
    whole = memoryview(mapped)
    for at in range(0, len(whole), _PIECE):
        summed.update(whole[at : at + _PIECE])
    if summed.hexdigest() != digest:
        raise Damaged(f"the file of list {digest} is not what was written")
    return ListFile(mapped).contents()


class Lists:
    """operations.context.Lists: one writes at a time, reading goes on beside it."""

    def __init__(self, files: ListFiles, writer: Runner, reader: Runner) -> None:
        self._files, self._writer, self._reader = files, writer, reader

    async def write(
        self,
        of: ListKind,
        text: str,
        files: Sequence[str] = (),
        onto: str = "",
        remove: bool = False,
        arrived: Arrived | None = None,
    ) -> Entries:
        runs = arrived.runs if arrived is not None else ()
        return await self._writer(self._files.write, of, text, files, onto, remove, runs)

    @asynccontextmanager
    async def arriving(self, of: ListKind, text: Pieces) -> AsyncIterator[Arrived]:
        """Take in a text of any length; what came of it is there while the block lasts."""
        arrived = Arrived([])
        try:
            async with aclosing(text):
                async for piece in text:
                    run = await self._writer(self._files.write_run, of, piece.text, piece.first)
                    arrived.runs.append(run)
            yield arrived
        finally:
            _remove(arrived.runs)

    async def has(self, digest: str) -> bool:
        return await self._reader(self._files.has, digest)

    async def page(self, digest: str, limit: int, offset: int, search: str) -> EntriesPage:
        return await self._reader(self._files.page, digest, limit, offset, search)

    async def holds(self, digest: str, value: str) -> bool:
        return await self._reader(self._files.holds, digest, value)

    async def sweep(self, needed: Collection[str]) -> None:
        """Remove the files that nothing has needed for a week."""
        await self._writer(self._files.sweep, needed)


async def open_all(
    run: Runner, data: Path, wanted: Collection[str], held: Mapping[str, Contents | None]
) -> Mapping[str, Contents | None]:
    """Those `wanted`, by digest; None for one that cannot be read, which the log tells: it is tried again
    with the next table. Read in a thread: afterwards the pages are in memory."""
    found: dict[str, Contents | None] = {}
    for digest in wanted:
        contents = held.get(digest)
        if contents is None:
            try:
                contents = await run(open_list, data, digest)
            except WeirError as fault:
                log.error("a named list cannot be read", extra={"list": digest, "why": fault.message})
        found[digest] = contents
    return found


def _run_lines(path: str) -> Iterator[bytes]:
    with Path(path).open("rb") as file:
        for line in file:
            yield line[:-1]


def _remove(runs: Sequence[str]) -> None:
    for run in runs:
        Path(run).unlink(missing_ok=True)


def _mapped(path: Path) -> mmap:
    if not _NAME.fullmatch(path.name):
        raise Missing("that names no entries: 32 hexadecimal digits do")
    try:
        with path.open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except FileNotFoundError:
        raise Missing(f"there are no entries {path.name}; they may have been replaced long ago") from None
    except (OSError, ValueError) as fault:
        raise Damaged(f"the file of list {path.name} cannot be read: {fault}") from fault


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
