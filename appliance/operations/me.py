"""Oneself: who is signed in here."""

from __future__ import annotations

from appliance.operations.context import Context
from appliance.operations.nouns import Request
from appliance.operations.registry import operation
from appliance.operations.session import Me, identity_of, me


class Nothing(Request, frozen=True, kw_only=True):
    """No fields."""


@operation("me.get", permission="self")
async def get(request: Nothing, context: Context) -> Me:
    """Who one is here: role, status, permissions, campaigns; asked at every request anew."""
    caller = context.caller
    return me(identity_of(context).user(caller) if caller.user_id else None, caller)
