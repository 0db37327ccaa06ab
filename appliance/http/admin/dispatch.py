"""What every door of the admin port does the same: find out who asks, call the operation, shape the error."""

from __future__ import annotations

import dataclasses
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.errors import FieldProblem, Refused, Unauthenticated, WeirError
from appliance.http.admin.credentials import Authenticate, caller_of
from appliance.operations.context import Caller, Context, Socket
from appliance.operations.lines import Blocks
from appliance.operations.registry import (
    Door,
    ErrorShape,
    Operation,
    call,
    error_shape,
    internal_error,
)

log = logging.getLogger("weir.admin")

MakeContext = Callable[[Caller, str], Context]

STATUS = {
    "refused": 400, "unauthenticated": 401, "forbidden": 403, "missing": 404, "conflict": 409,
    "too_many": 429, "unavailable": 503,
}  # fmt: skip
"""HTTP status per error code; whatever else is 500."""


_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"')


@dataclass(frozen=True)
class Dispatch:
    """The registry behind the doors."""

    operations: Mapping[str, Operation]
    make_context: MakeContext
    authenticate: Authenticate

    async def caller(self, scope: Mapping[str, Any], door: Door, anyone: bool = False) -> Caller:
        """Who sent this ASGI scope. Raises Unauthenticated.

        `anyone`: what he asks for is for everybody, so a credential that has ended is none: a browser whose
        cookie is too old has to be able to sign in.
        """
        client = scope.get("client")
        address = str(client[0]) if client else ""
        try:
            return await caller_of(scope["headers"], address, door, self.authenticate)
        except Unauthenticated:
            if not anyone:
                raise
            return Caller("nobody", door, address=address)

    async def call(
        self,
        name: object,
        payload: object,
        caller: Caller,
        socket: Socket | None = None,
        entries: Blocks | None = None,
    ) -> object:
        """The operation's answer. Raises WeirError, and Failed for a fault of ours."""
        request_id = secrets.token_hex(8)
        context = self.make_context(caller, request_id)
        if socket is not None:
            context = dataclasses.replace(context, socket=socket)
        if entries is not None:
            context = dataclasses.replace(context, entries=entries)
        try:
            return await call(self.operations, name, payload, context)
        except WeirError:
            raise
        except Exception as fault:  # any bug in an operation costs this request its answer, no other one
            log.error("an operation failed", extra={"request_id": request_id}, exc_info=fault)
            raise Failed(request_id) from fault

    def offered(self, door: Door) -> list[Operation]:
        return [each for each in self.operations.values() if door not in each.closed_at]


@dataclass(eq=False)
class Failed(WeirError):
    """A fault of ours; `message` is the request id under which the log has the rest."""

    code = "internal"


def shape(fault: WeirError) -> ErrorShape:
    return internal_error(fault.message) if isinstance(fault, Failed) else error_shape(fault)


def revision_in(text: str) -> int:
    """What If-Match names. Raises Refused."""
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        problem = FieldProblem("If-Match", 'the ETag of an entity, such as "17"')
        raise Refused("the request is wrong", [problem])
    return int(found.group(1))
