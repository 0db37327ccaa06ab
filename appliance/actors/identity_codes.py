"""The codes of the identity actor: made, kept and checked for mail addresses, bounded per client.

access/codes.py has the rules. In memory a code changes first: a guess counts also when the disk is full.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from appliance.access import codes
from appliance.access.allowance import Allowance
from appliance.errors import TooMany, Unauthenticated
from appliance.model.identity import Code
from appliance.ports import IdentityStore, Runner

log = logging.getLogger("weir.identity")

CODES_PER_CLIENT = 10
TRIES_PER_CLIENT = 30
"""In an hour, from one address (an IPv6 /64)."""

WRONG_CODE = "this code is wrong or no longer good; ask for another one when ten minutes have passed"


class Codes:
    """One owner, the identity actor. `draw` makes six digits, `is_user` says whose addresses are known."""

    def __init__(
        self,
        store: IdentityStore,
        runner: Runner,
        key: bytes,
        draw: Callable[[], str],
        is_user: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._runner = runner
        self._key = key
        self._draw = draw
        self._is_user = is_user
        self._made: dict[str, list[Code]] = {}
        self._requests = Allowance(CODES_PER_CLIENT, codes.HOUR_US)
        self._tries = Allowance(TRIES_PER_CLIENT, codes.HOUR_US)

    async def load(self) -> None:
        """Forget all, and read what is stored."""
        self._made = {}
        for code in await self._runner(self._store.codes):
            self._made.setdefault(code.email, []).append(code)

    def of(self, email: str) -> list[Code]:
        """Those of the last day, the oldest first."""
        return list(self._made.get(email, ()))

    def refuse_too_many(self, email: str, client: str, now_us: int) -> None:
        """Raises TooMany when the client or the address has to wait for its next code."""
        _wait(self._requests.take(client, now_us), "too many codes were asked for from here")
        _wait(codes.wait_us(self.of(email), now_us), "a code is on its way, or was used up")

    def refuse_strangers(self, now_us: int) -> None:
        """Raises TooMany when people without a user had too many codes, all together."""
        strangers = [
            code.issued_us for email, made in self._made.items() if not self._is_user(email)
            for code in made if code.issued_us > now_us - codes.HOUR_US
        ]  # fmt: skip
        if len(strangers) >= codes.STRANGERS_PER_HOUR:
            _wait(min(strangers) + codes.HOUR_US - now_us, "too many new people at once")

    async def spend_all(self, email: str) -> None:
        """None of this address is good any more."""
        await self._keep(*map(codes.spent, self.of(email)))

    async def make(self, email: str, now_us: int, fits_nothing: str = "") -> tuple[Code, str]:
        """A new code, and its text; with `fits_nothing`, a text that nobody knows, no text fits it."""
        text = self._draw()
        digest = codes.digest(self._key, email, fits_nothing or text)
        code = Code(email=email, issued_us=now_us, expires_us=now_us + codes.LIFE_US, digest=digest)
        await self._keep(code)
        return code, text

    async def take_back(self, code: Code, maybe_sent: bool) -> None:
        """It could not be sent: as if it had never been, or spent where somebody may have it."""
        if not maybe_sent:
            self._made[code.email] = [each for each in self.of(code.email) if each != code]
            await self._runner(self._store.remove_code, code)
        elif code in self.of(code.email):
            await self._keep(codes.spent(code))

    def count_try(self, client: str, now_us: int) -> None:
        """A try of a code or a claim. Raises TooMany when the client had too many."""
        _wait(self._tries.take(client, now_us), "too many tries from here")

    async def check(self, email: str, text: str, client: str, now_us: int) -> Code:
        """The code that `text` is. Raises Unauthenticated, and a wrong guess counts."""
        code = codes.alive(self.of(email), now_us)
        if code is None:
            raise Unauthenticated(WRONG_CODE)
        if not codes.fits(code, codes.digest(self._key, email, text.strip())):
            await self._keep(codes.missed(code))
            log.info("wrong code", extra={"email": email, "client": client})
            raise Unauthenticated(WRONG_CODE)
        return code

    async def spend(self, code: Code) -> None:
        await self._keep(codes.spent(code))

    def forget(self, before_us: int) -> None:
        """In memory, those made before that time; the store forgets its own."""
        kept = {email: [code for code in made if code.issued_us >= before_us]
                for email, made in self._made.items()}  # fmt: skip
        self._made = {email: made for email, made in kept.items() if made}

    async def _keep(self, *changed: Code) -> None:
        for code in changed:
            others = [each for each in self.of(code.email) if each.issued_us != code.issued_us]
            self._made[code.email] = sorted([*others, code], key=lambda each: each.issued_us)
            await self._runner(self._store.put_code, code)


def _wait(wait_us: int, why: str) -> None:
    if wait_us > 0:
        seconds = -(-wait_us // 1_000_000)
        raise TooMany(f"{why}; try again in {seconds} seconds", seconds)
