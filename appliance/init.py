"""`weir init`: writes the first configuration, data directory, secret and claim, and never overwrites one.

Everything is checked before anything is written; run again it changes nothing and prints the same link.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance import config, sample
from appliance.addresses import host_name, host_port, is_loopback, mailbox
from appliance.config import Settings
from appliance.errors import ConfigError, FieldProblem, WeirError

Ask = Callable[[str], str]
"""A question → the line that a person typed."""

FLAGS = {
    "public.domain": "--domain",
    "admin.emails": "--email",
    "public.bind": "--public",
    "admin.bind": "--admin",
}
QUESTIONS = {
    "public.domain": ("Domain of your tracked links (Enter: none yet): ", host_name),
    "admin.emails": ("The administrator's mail address (Enter: none yet): ", mailbox),
}
SECRET_BYTES = 32


@dataclass(frozen=True)
class Owner:
    """Who shall own what is made; None: whoever runs this."""

    uid: int
    gid: int


@dataclass
class Plan:
    """What `weir init` is to do: `chosen` are settings by path; `yes` takes defaults instead of asking."""

    file: Path
    chosen: dict[str, str]
    environ: Mapping[str, str]
    ask: Ask | None
    yes: bool
    said: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """Do it; the lines to print. Raises ConfigError naming the wrong field, with nothing written."""
        there = os.path.lexists(self.file)
        if not there:
            self._ask()
        settings = config.load(self.file if there else None, self.environ, self._overrides(there))
        text = "" if there else sample.compose(self._to_set(settings))
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ConfigError("cannot be written down", [FieldProblem("data", "the path is no UTF-8")])
        try:
            self._write(settings, Path(settings.data), text)
        except OSError as fault:
            raise WeirError(f"cannot write {fault.filename}: {fault.strerror}") from fault
        return self.said

    def _overrides(self, there: bool) -> dict[str, str]:
        """A configuration that is there says everything but where the data is; that is for this call only."""
        if not there:
            return self.chosen
        return {path: text for path, text in self.chosen.items() if path == "data"}

    def _ask(self) -> None:
        missing = [path for path in QUESTIONS if path not in self.chosen]
        if self.yes or not missing:
            return
        if self.ask is None:
            raise ConfigError(
                "weir init has no terminal to ask on; give the flags, or --yes for their defaults",
                [FieldProblem(FLAGS[path], "missing") for path in missing],
            )
        for path in missing:
            question, read = QUESTIONS[path]
            while answer := self.ask(question).strip():
                try:
                    self.chosen[path] = read(answer)
                    break
                except ValueError as fault:
                    question = f"{fault}: "

    def _write(self, settings: Settings, data: Path, text: str) -> None:
        owner = _owner(data)
        if not text:
            self.said.append(f"The configuration {self.file} is there already and stays as it is.")
            if ignored := [flag for path, flag in FLAGS.items() if path in self.chosen]:
                self.said.append(f"Not taken: {', '.join(ignored)}. Change that file instead.")
        self._directory(data, owner)
        if text:
            # The service reads its configuration and has no business to write it.
            readers = owner and (owner if self.file.parent == data else Owner(0, owner.gid))
            self._directory(self.file.parent, readers)
            _write(self.file, text, 0o640, readers)
            self.said.append(f"Wrote the configuration {self.file}.")
        secret = Path(settings.secret_file) if settings.secret_file else data / "secret"
        if not os.path.lexists(secret):
            _write(secret, secrets.token_hex(SECRET_BYTES) + "\n", 0o600, owner)
            self.said.append(f"Made the secret {secret}. Keep a copy with your backups.")
        self._claim(settings, data, owner)

    def _to_set(self, settings: Settings) -> dict[str, sample.Value]:
        """What was chosen, as it was understood."""
        values: dict[str, sample.Value] = {
            "data": str(Path(settings.data).absolute()),  # the service starts in another directory
            "public.domain": settings.public.domain,
            "admin.emails": settings.admin.emails,
            "public.bind": settings.public.bind,
            "admin.bind": settings.admin.bind,
        }
        return {path: value for path, value in values.items() if self.chosen.get(path)}

    def _directory(self, path: Path, owner: Owner | None) -> None:
        if path.is_dir():
            return
        for missing in reversed([path, *(parent for parent in path.parents if not parent.exists())]):
            missing.mkdir(mode=0o750)
            if owner is not None:
                os.chown(missing, owner.uid, owner.gid)
        self.said.append(f"Made the directory {path}.")

    def _claim(self, settings: Settings, data: Path, owner: Owner | None) -> None:
        claim = data / "claim"
        if (data / "claimed").exists():
            self.said.append("The first sign-in has been made already: there is no claim link any more.")
            return
        if not os.path.lexists(claim):
            _write(claim, secrets.token_urlsafe(SECRET_BYTES) + "\n", 0o600, owner)
            self.said.append(f"Made the claim {claim}.")
        self.said += _claim_lines(settings, claim.read_text("ascii").strip())


def _claim_lines(settings: Settings, token: str) -> Iterator[str]:
    host, port = host_port(settings.admin.bind)
    shown = "SERVER" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    yield ""
    yield "Keep this link for the first sign-in; it makes whoever opens it the administrator:"
    yield f"  {settings.admin.url or f'http://{shown}:{port}'}/claim/{token}"
    if settings.admin.url or not is_loopback(host):
        return
    yield (
        "The admin port answers on that machine only: from yours, run"
        f" `ssh -L {port}:{shown}:{port} USER@{settings.public.domain or 'SERVER'}` first."
    )


def _owner(data: Path) -> Owner | None:
    """As root: the user whose data directory it is, or whose directory it will be made in."""
    if os.geteuid() != 0:
        return None
    for path in (data, data.absolute().parent):
        if path.is_dir():
            seen = path.stat()
            return Owner(seen.st_uid, seen.st_gid) if seen.st_uid else None
    return None


def _write(path: Path, text: str, mode: int, owner: Owner | None) -> None:
    """The whole file or none of it, also when the power fails. Raises OSError."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # O_EXCL follows no link that somebody laid into a directory that is not root's.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(descriptor, owner.uid, owner.gid)
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
