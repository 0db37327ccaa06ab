"""The error family. Each docstring says what the caller should do about it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FieldProblem:
    """One wrong field: where it is (`rules[2].value`) and what would be right."""

    path: str
    message: str


@dataclass(eq=False)
class WeirError(Exception):
    """Something an operator or a program can act on; `message` says how."""

    message: str
    code = "error"

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class Refused(WeirError):
    """The caller's input is wrong. Correct the named fields and send it again."""

    fields: list[FieldProblem] = field(default_factory=list)
    code = "refused"

    def __str__(self) -> str:
        if not self.fields:
            return self.message
        return self.message + ": " + "; ".join(f"{p.path}: {p.message}" for p in self.fields)


@dataclass(eq=False)
class Missing(WeirError):
    """The thing named does not exist (or is archived). Look it up with the matching `.list`."""

    code = "missing"


@dataclass(eq=False)
class Conflict(WeirError):
    """Somebody else changed it, or uses it. Read it again, then decide.

    `details`: a model.history.Clash that shows the other change, or what uses it, where there is one.
    """

    details: object = None
    code = "conflict"


@dataclass(eq=False)
class Unauthenticated(WeirError):
    """Nobody is signed in, or no longer. Sign in again, or send a valid API token."""

    code = "unauthenticated"


@dataclass(eq=False)
class TooMany(WeirError):
    """A limit against guessing or flooding. Wait `retry_after` seconds, then send it again."""

    retry_after: int = 60
    code = "too_many"


@dataclass(eq=False)
class Unavailable(WeirError):
    """A part Weir needs is down or full right now. The same call may work later."""

    code = "unavailable"


@dataclass(eq=False)
class RowRefused(WeirError):
    """The warehouse says that a row of this insert is wrong. Halve the batch; set the guilty row aside."""

    code = "row_refused"


@dataclass(eq=False)
class JournalMalformed(WeirError):
    """A journal segment cannot be read. The edge must rotate; the segment is then salvaged."""

    code = "journal_malformed"


@dataclass(eq=False)
class ConfigError(WeirError):
    """The configuration is wrong; `problems` lists every fault at once, each with its path."""

    problems: list[FieldProblem] = field(default_factory=list)
    code = "config"

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {p.path}: {p.message}" for p in self.problems)])
