"""The warehouse's report lanes, as operations see them: questions with limits that can be cancelled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from appliance.reporting.writing import Writer

Form = Literal["JSONEachRow", "CSV"]
"""How the warehouse writes the rows of a stream."""


class Inquiry(NamedTuple):
    """Who asks what: `tag` is the caller's own name for it, by which he may cancel it."""

    user_id: int = 0
    caller: str = ""
    operation: str = ""
    tag: str = ""


NOBODY = Inquiry()


class Running(NamedTuple):
    """An inquiry that is waiting or at work, with its number and its age."""

    number: int
    inquiry: Inquiry
    seconds: float
    waiting: bool


class Reports(Protocol):
    """Each question has time, memory and thread limits (configuration: warehouse). One whose caller is
    cancelled is ended in the warehouse too."""

    @property
    def currency(self) -> str:
        """The currency of a report that names none (routing.currency of the configuration)."""

    async def rows(
        self, sql: str, params: Mapping[str, object], inquiry: Inquiry = NOBODY
    ) -> list[dict[str, Any]]:
        """Run one query with bound parameters.

        Raises Unavailable when the warehouse is down, too slow or has too many waiting, or when the inquiry
        was cancelled; Refused when the answer is too large.
        """

    def stream(
        self,
        sql: str,
        params: Mapping[str, object],
        form: Form,
        writer: Writer,
        inquiry: Inquiry = NOBODY,
    ) -> AsyncGenerator[bytes, None]:
        """What the writer makes of an answer of any size, in blocks; must be closed (contextlib.aclosing)."""

    def running(self) -> Sequence[Running]: ...

    async def cancel(self, number: int) -> None:
        """End it: whoever asked gets Unavailable."""
