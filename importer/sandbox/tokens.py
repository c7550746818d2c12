"""Access tokens: issued, checked, and gone when their life is over (on the monotonic clock, for real)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

ALL_SCOPES = (
    "cases-public:read",
    "cases-public:write",
    "case-notes-public:write",
    "case-fields-public:read",
    "users:read",
    "contacts:read",
)


class Tokens:
    """The tokens of the account.

    Args:
        life: Seconds from issue to expiry.
        static: A token that never expires and carries every granted scope, for people who have no client.
        scopes: The scopes granted to the client.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        life: float,
        static: str | None,
        scopes: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.life = life
        self._static = static
        self.granted = tuple(scopes)
        self._granted_set = frozenset(self.granted)
        self._clock = clock
        self._issued: dict[str, tuple[float, frozenset[str]]] = {}
        self.count = 0

    def issue(self, scopes: Iterable[str]) -> str:
        """A new token for ``scopes``. Earlier tokens stay valid until their own end."""
        now = self._clock()
        self._issued = {token: entry for token, entry in self._issued.items() if entry[0] > now}
        token = secrets.token_urlsafe(32)
        self._issued[token] = (now + self.life, frozenset(scopes))
        self.count += 1
        return token

    def scopes_of(self, authorization: str | None) -> frozenset[str] | None:
        """The scopes behind an Authorization header, or None if it carries no valid Bearer token."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if self._static is not None and token == self._static:
            return self._granted_set
        expires, scopes = self._issued.get(token, (float("-inf"), frozenset()))
        return scopes if self._clock() < expires else None

    def expire_all(self) -> None:
        """End every issued token now; the static one has no end."""
        self._issued.clear()
