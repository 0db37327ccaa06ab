"""The `weir` command: reads the arguments and the configuration, then hands over to one part of Weir."""

from __future__ import annotations

import argparse
import functools
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import trio

from appliance import config, full_version, logs
from appliance.child import Command, weir_command
from appliance.errors import ConfigError, WeirError

log = logging.getLogger("weir.cli")

USAGE = 2
"""Exit code for wrong arguments and wrong configuration, as argparse has it."""

EPILOG = """\
--data and --config may stand before or after the command. Without --config, WEIR_CONFIG names the file;
without that, weir.toml in the data directory is read if it is there. Without --data and WEIR_DATA either, it
is ./data/weir.toml, or else /etc/weir/weir.toml, if one of them can be read. Every setting is also an
environment variable: WEIR_JOURNAL__DURABILITY=power sets durability in the section [journal].
"""

SYSTEM_FILE = Path("/etc/weir/weir.toml")
"""The configuration of an installed Weir, so that `weir call` needs no flags there."""


@dataclass(frozen=True)
class Source:
    """Where the configuration comes from, so that SIGHUP can read it again."""

    file: Path | None
    environ: Mapping[str, str]
    overrides: Mapping[str, str]

    def load(self) -> config.Settings:
        """Raises ConfigError with every fault."""
        return config.load(self.file, self.environ, self.overrides)


def parser() -> argparse.ArgumentParser:
    # SUPPRESS on both levels: a value given before the command is not overwritten by the default after it.
    shared = argparse.ArgumentParser(add_help=False)
    where = shared.add_argument_group("where")
    where.add_argument("--data", metavar="DIR", default=argparse.SUPPRESS, help="data directory (./data)")
    where.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="TOML configuration file")

    top = argparse.ArgumentParser(
        prog="weir",
        description="Routes clicks, takes postbacks, counts the money live.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"weir {full_version()}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help: str | None) -> argparse.ArgumentParser:
        text: dict[str, Any] = {"help": help} if help else {}
        return commands.add_parser(name, parents=[shared], description=help, allow_abbrev=False, **text)

    def addresses(to: argparse.ArgumentParser) -> None:
        to.add_argument("--public", metavar="HOST:PORT", help="public address (0.0.0.0:8080)")
        to.add_argument("--admin", metavar="HOST:PORT", help="admin address (127.0.0.1:8081)")

    def settings(to: argparse.ArgumentParser) -> None:
        addresses(to)
        to.add_argument("--edges", metavar="N", help="how many edge processes (1)")

    settings(command("serve", "run Weir until a signal"))
    init = command("init", "write a first configuration, the data directory, a secret and a claim link")
    init.add_argument("--domain", metavar="NAME", help="host name of your tracked links")
    init.add_argument("--email", metavar="ADDRESS", help="the administrator's mail address")
    addresses(init)
    init.add_argument("--yes", action="store_true", help="take the defaults for what no flag says")
    settings(command("check", "validate the configuration and open nothing"))
    settings(command("config", "show every setting, its value and where it comes from"))
    call = command("call", "call an operation of a running Weir as the local administrator")
    call.add_argument("name", metavar="NAME", help="for example campaigns.list; `weir operations` lists them")
    call.add_argument("payload", metavar="JSON", nargs="?", default="{}", help='the input; "-" reads stdin')
    call.add_argument(
        "--entries", metavar="FILE", type=Path, help="for lists.replace, append and remove: one entry a line"
    )
    call.add_argument(
        "--url", metavar="URL", help="of another machine's Weir, such as https://weir.example.com"
    )
    token = call.add_mutually_exclusive_group()
    token.add_argument("--token-file", metavar="FILE", type=Path, help="an API token for --url")
    token.add_argument("--token", metavar="TOKEN", help="the token itself; others here can see it in `ps`")
    tail = command("tail", "watch clicks, conversions, postbacks and the system as they happen")
    tail.add_argument("--topic", action="append", choices=("clicks", "conversions", "postbacks", "system"),
                      help="may be repeated; without it, all")  # fmt: skip
    for name in ("campaign", "stream", "destination", "source", "network"):
        tail.add_argument(f"--{name}", metavar="ID", type=int, action="append", help="only of these")
    tail.add_argument("--json", action="store_true", help="one frame per line, for programs")
    tail.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    tail.add_argument("--url", metavar="URL", help="another appliance's admin port")
    tail.add_argument("--token-file", metavar="FILE", help="its API token; goes with --url")
    events = command("events", "interpreted events of search-feed networks")
    actions = events.add_subparsers(dest="action", metavar="ACTION", required=True)
    sending = actions.add_parser(
        "send", parents=[shared], help="send a file of events", allow_abbrev=False,
        description="Send a file of events, a JSON array or an event a line, to the Weir on --data.",
    )  # fmt: skip
    sending.add_argument("file", metavar="FILE", type=Path)
    way = sending.add_mutually_exclusive_group()
    way.add_argument("--url", metavar="URL", help="to a public port, with --token or --token-file")
    way.add_argument("--folder", metavar="DIR", type=Path, help="into a watched folder")
    way.add_argument("--bucket", metavar="NAME", help="into a bucket of S3's, by the section [aws]")
    sending.add_argument("--key", metavar="KEY", help="goes with --bucket: the object's name")
    sending.add_argument("--filtered", action="store_true", help="on --data: ask no subscription")
    intake_token = sending.add_mutually_exclusive_group()
    intake_token.add_argument("--token-file", metavar="FILE", type=Path, help="an ad account's intake token")
    intake_token.add_argument("--token", metavar="TOKEN", help="the token itself; `ps` shows it to others")
    operations = command("operations", "list the operations that `weir call` takes")
    operations.add_argument(
        "--markdown", action="store_true", help="as docs/reference/operations.md has them"
    )
    operations.add_argument("--typescript", action="store_true", help="as ui/src/api.ts has them")
    command("version", "print the version")
    for role in ("edge", "core"):  # hidden: the parent starts these
        command(role, None).add_argument("--index", type=int, default=0)
    return top


def main(
    argv: Sequence[str] | None = None, children: Command | None = None, system_file: Path = SYSTEM_FILE
) -> int:
    """Run one command; the exit code. Tests give `serve` other children and another place than /etc."""
    arguments = parser().parse_args(argv)
    try:
        code = _run(arguments, children, system_file)
        sys.stdout.flush()
        return code
    except WeirError as fault:
        print(f"weir: {fault}", file=sys.stderr)
        return USAGE if isinstance(fault, ConfigError) else 1
    except BrokenPipeError:  # `weir config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _run(arguments: argparse.Namespace, children: Command | None, system_file: Path) -> int:
    match arguments.command:
        case "version":
            print(f"weir {full_version()}")
            return 0
        case "edge" | "core":
            _child(arguments.command, arguments.index)
        case "operations":
            return _operations(arguments)
    source = _source(arguments, system_file)
    if arguments.command == "call" and arguments.url:
        return _call_elsewhere(arguments)
    match arguments.command:
        case "serve":
            return _serve(source, children)
        case "init":
            return _init(source, arguments)
        case "check":
            return _check(source)
        case "config":
            return _config(source)
        case "tail":
            return _tail(source, arguments)
        case "events":
            return _send_events(source, arguments)
    return _call(source, arguments)


GIVEN = {"data": "data", "public": "public.bind", "admin": "admin.bind", "edges": "edges",
         "domain": "public.domain", "email": "admin.emails"}  # fmt: skip
"""Flag → the setting that it overrides."""


def _source(arguments: argparse.Namespace, system_file: Path) -> Source:
    given = {path: getattr(arguments, flag, None) for flag, path in GIVEN.items()}
    overrides = {path: value for path, value in given.items() if value is not None}
    named = getattr(arguments, "config", None) or os.environ.get("WEIR_CONFIG")
    if named:
        return Source(Path(named), os.environ, overrides)
    data = overrides.get("data") or os.environ.get("WEIR_DATA")
    file = Path(data or config.Settings().data) / "weir.toml"
    if file.is_file():
        return Source(file, os.environ, overrides)
    readable = not data and os.access(system_file, os.R_OK)
    return Source(system_file if readable else None, os.environ, overrides)


def _serve(source: Source, children: Command | None) -> int:
    from appliance import supervisor
    from appliance.outbound import roots

    # Journals hold full addresses and the catalog holds secrets, and so do SQLite's -wal files, which a
    # chmod of the database comes too late for. Children inherit it.
    os.umask(0o077)
    roots.provide(os.environ)
    settings = source.load()
    logs.configure(settings.log, "parent")
    return supervisor.serve(settings, source.load, children or weir_command)


def _init(source: Source, arguments: argparse.Namespace) -> int:
    from appliance import init

    data = Path(source.overrides.get("data") or os.environ.get("WEIR_DATA") or config.Settings().data)
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() else None
    chosen = dict(source.overrides)
    plan = init.Plan(source.file or data / "weir.toml", chosen, os.environ, ask, arguments.yes)
    for line in plan.run():
        print(line)
    return 0


def _ask(question: str) -> str:
    try:
        return input(question)
    except (EOFError, KeyboardInterrupt):
        raise WeirError("given up: nothing was written") from None


def _check(source: Source) -> int:
    settings = source.load()
    print(f"The configuration is right ({source.file or 'no file: defaults and environment'}).")
    print(f"  data      {Path(settings.data).absolute()}")
    print(f"  public    {settings.public.bind}, {settings.edges} edge{'s' if settings.edges != 1 else ''}")
    print(f"  admin     {settings.admin.bind}")
    print(
        f"  journal   durability {settings.journal.durability}, at most {settings.journal.size_limit_mb} MB"
    )
    print(f"  warehouse {config.masked(settings)['warehouse.url']}")
    return 0


def _config(source: Source) -> int:
    settings, origins = config.load_with_origins(source.file, source.environ, source.overrides)
    shown = config.masked(settings)
    width = max(map(len, shown))
    for path, value in shown.items():
        print(f"{path:<{width}}  {value!r}  ({origins.get(path, 'default')})")
    return 0


def _call(source: Source, arguments: argparse.Namespace) -> int:
    from appliance.call import call

    data, payload = Path(source.load().data), arguments.payload
    with _entries(arguments.entries) as entries:
        return call(data, arguments.name, sys.stdin.read() if payload == "-" else payload, entries=entries)


def _entries(path: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    if path is None:
        return nullcontext()
    try:
        return path.open("rb")
    except OSError as fault:
        raise WeirError(f"{path} cannot be read: {fault.strerror}") from None


def _tail(source: Source, arguments: argparse.Namespace) -> int:
    from appliance import tail

    if bool(arguments.url) != bool(arguments.token_file):
        raise ConfigError("--url and --token-file go together")
    if arguments.url:
        find = functools.partial(tail.remote, arguments.url, Path(arguments.token_file))
    else:
        find = functools.partial(tail.local, Path(source.load().data))
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    colour = arguments.color == "always" or (arguments.color == "auto" and sys.stdout.isatty() and not plain)
    conditions = ("campaign", "stream", "destination", "source", "network")
    params: dict[str, object] = {
        f"{name}_id": getattr(arguments, name) for name in conditions if getattr(arguments, name)
    }
    if arguments.topic:
        params["topics"] = arguments.topic
    return tail.tail(find, tail.Wanted(params, arguments.json, colour))


def _send_events(source: Source, arguments: argparse.Namespace) -> int:
    from appliance import remote, sending

    file = sending.readable(arguments.file)
    if arguments.folder:
        print(sending.into_folder(file, arguments.folder))
        return 0
    if arguments.key and not arguments.bucket:
        raise ConfigError("--key goes with --bucket")
    if arguments.bucket:
        from appliance import uploading

        print(uploading.into_bucket(file, arguments.bucket, source.load(), arguments.key or ""))
        return 0
    token = remote.token_in(arguments.token_file) if arguments.token_file else arguments.token
    if bool(arguments.url) != bool(token):
        raise ConfigError("--url goes with --token or --token-file")
    to = sending.at(arguments.url, token) if arguments.url else None
    if to is None:
        to = sending.here(Path(source.load().data), filtered=arguments.filtered)
    return sending.send(file, to, sys.stdout, sys.stderr)


def _call_elsewhere(arguments: argparse.Namespace) -> int:
    from appliance import remote

    token = remote.token_in(arguments.token_file) if arguments.token_file else arguments.token or ""
    payload = sys.stdin.read() if arguments.payload == "-" else arguments.payload
    with _entries(arguments.entries) as entries:
        return remote.call(arguments.url, token, arguments.name, payload, sys.stdout, sys.stderr, entries)


def _operations(arguments: argparse.Namespace) -> int:
    from appliance.operations import reference
    from appliance.operations.typescript import typescript

    if arguments.markdown or arguments.typescript:
        print(reference.reference() if arguments.markdown else typescript(), end="")
        return 0
    for line in reference.describe():
        print(line)
    return 0


def _child(role: str, index: int) -> NoReturn:
    """`weir edge` and `weir core`: started by the parent, never by hand."""
    component = f"{role}-{index}" if role == "edge" else role
    logs.configure(config.Log(), component)
    code = 0
    if os.isatty(0):
        print(f"weir {role} is started by `weir serve`, not by hand", file=sys.stderr)
        code = USAGE
    else:
        try:
            trio.run(_child_main, role, index, component)
        except Exception as fault:  # os._exit below would lose what any fault of ours says
            code = _child_failed(fault)
    # Stores are closed and nothing is buffered: taking the interpreter apart would only keep the data
    # directory locked (1.3 s for the core on a busy machine).
    os._exit(code)


async def _child_main(role: str, index: int, component: str) -> None:
    from appliance.control import open_control

    async with open_control() as control:
        logs.configure(control.settings.log, component)
        if role == "edge":
            from appliance import edge

            await edge.main(control, index)
        else:
            from appliance import core

            await core.main(control)


def _child_failed(fault: Exception) -> int:
    """Nurseries wrap what happens in them; the one cause says more than its wrapping."""
    while isinstance(fault, ExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    if isinstance(fault, WeirError):
        log.error("cannot run", extra={"error": str(fault)}, exc_info=fault if fault.__cause__ else None)
        return USAGE if isinstance(fault, ConfigError) else 1
    log.critical("died of an unexpected error", exc_info=fault)
    return 1
