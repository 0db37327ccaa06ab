"""Users: who may sign in, as what, and for which campaigns."""

from __future__ import annotations

from appliance.errors import Conflict
from appliance.model.catalog import Role, User, UserStatus
from appliance.operations.context import Context
from appliance.operations.nouns import UNSET, Change, Id, Listing, Request, Seen, UnsetType, offer
from appliance.operations.registry import Door, operation

_NOT_BY_TOKEN: dict[Door, str] = {"mcp": "a token makes, changes and lets in no users"}


class List(Listing, frozen=True, kw_only=True):
    email: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    status: UserStatus | UnsetType = UNSET


class Create(Request, frozen=True, kw_only=True):
    """He signs in with a code that is mailed to `email`; campaigns are granted beside those he makes."""

    email: str
    name: str = ""
    role: Role = "viewer"
    status: UserStatus = "active"
    campaigns: tuple[Id, ...] = ()
    sees_money: bool = True
    every_campaign: bool = False


class ChangeUser(Change, frozen=True, kw_only=True):
    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    status: UserStatus | UnsetType = UNSET
    campaigns: tuple[Id, ...] | UnsetType = UNSET
    sees_money: bool | UnsetType = UNSET
    every_campaign: bool | UnsetType = UNSET


offer(
    "user",
    "users",
    listing=List,
    create=Create,
    change=ChangeUser,
    example={"email": "bob@example.com", "role": "buyer", "campaigns": [1]},
    change_example={"status": "blocked"},
    copies=False,
    writes_closed_at=_NOT_BY_TOKEN,
)


class ApproveRequest(Request, frozen=True, kw_only=True):
    id: Id
    role: Role = "viewer"
    campaigns: tuple[Id, ...] = ()
    sees_money: bool = True
    every_campaign: bool = False
    revision: Seen | None = None


@operation(
    "users.approve",
    permission="users.write",
    changes=True,
    example={"id": 2, "role": "buyer", "campaigns": [1], "sees_money": False},
    closed_at=_NOT_BY_TOKEN,
)
async def approve(request: ApproveRequest, context: Context) -> User:
    """Let somebody in who waits in pending_approval, as buyer, viewer or administrator."""
    found = await context.catalog.get("user", request.id)
    if isinstance(found, User) and found.status != "pending_approval":
        raise Conflict(f"user {request.id} does not wait for approval: he is {found.status}")
    values = {
        "status": "active",
        "role": request.role,
        "campaigns": request.campaigns,
        "sees_money": request.sees_money,
        "every_campaign": request.every_campaign,
    }
    revision = found.revision if request.revision is None else request.revision
    approved = await context.catalog.change("user", request.id, values, context.caller, revision)
    assert isinstance(approved, User)
    return approved
