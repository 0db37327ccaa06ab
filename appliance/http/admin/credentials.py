"""Who asks: `Authorization: Bearer <session | weir_…>`, or the cookie of a browser's session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie

from appliance.errors import Unauthenticated
from appliance.operations.context import Caller

COOKIE = "weir_session"
LONGEST = 4_096
"""Characters of a credential: a session has about 250, an API token 48."""

Authenticate = Callable[[str, str, str], Awaitable[Caller]]
"""(session or API token, door, client's address) → who that is now. Raises Unauthenticated."""
Headers = Iterable[tuple[bytes, bytes]]


async def caller_of(headers: Headers, client: str, door: str, authenticate: Authenticate) -> Caller:
    """The caller behind an ASGI scope's headers: without any credential nobody, who may do `anyone`.

    Raises Unauthenticated for a credential that is not, or no longer, valid.
    """
    credential = credential_of(headers)
    if not credential:
        return Caller("nobody", door, address=client)
    if len(credential) > LONGEST:
        raise Unauthenticated("this is neither a session nor an API token")
    return await authenticate(credential, door, client)


def credential_of(headers: Headers) -> str:
    """What was sent; Authorization goes before the cookie. "" for nothing. Raises Unauthenticated."""
    cookie = ""
    for name, value in headers:
        match name.lower():
            case b"authorization":
                scheme, _, credential = value.decode("latin-1").strip().partition(" ")
                if scheme.lower() != "bearer" or not credential.strip():
                    raise Unauthenticated("send Authorization: Bearer and a session or an API token")
                return credential.strip()
            case b"cookie":
                cookie = cookie or _cookie(value.decode("latin-1"))
    return cookie


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
