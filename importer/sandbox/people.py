"""The people of the sandbox account: generated users, and requesters made up from e-mail or name.

Everything is a function of the seed, so that two sandboxes with one seed know the same ids.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any, NamedTuple

_FIRST = ("Ana", "Bruno", "Chloé", "David", "Elif", "Farid", "Grace", "Hugo", "Inês", "Jun", "Kofi", "Lena", "Miguel")
_LAST = ("Almeida", "Becker", "Costa", "Dubois", "Evans", "Ferreira", "García", "Haddad", "Ito", "Jansen", "Kaya")
_ASCII = str.maketrans("éêí", "eei")
_INACTIVE_EVERY = 10
#: The owner of the case in the samples of the reference.
_SAMPLE_ID = "61036b508ff57b5578f25a10"


class User(NamedTuple):
    """A user of the account, who may own cases."""

    id: str
    email: str
    name: str
    active: bool

    def as_json(self, origin: str) -> dict[str, Any]:
        """The user as an item of GET /users."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "active": self.active,
            "created_at": "2021-01-04T09:00:00Z",
            "_links": {"self": {"href": f"{origin}/users/{self.id}"}},
        }


class Requester(NamedTuple):
    """Who asked for support, as the create answer names them."""

    id: str
    name: str
    email: str


def users_of(seed: int, count: int) -> tuple[User, ...]:
    """``count`` users with distinct e-mails and 24-digit hexadecimal ids; every tenth is inactive.

    The first is the one that the samples of the reference name, so that these can be sent as they stand.
    """
    rng = random.Random(f"users {seed}")
    users = [_user(rng, number) for number in range(1, count + 1)]
    return tuple(user._replace(id=_SAMPLE_ID) if user is users[0] else user for user in users)


def _user(rng: random.Random, number: int) -> User:
    name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
    local = name.lower().translate(_ASCII).replace(" ", ".")
    return User(
        id=f"{rng.getrandbits(96):024x}",
        email=f"{local}.{number}@agents.example",
        name=name,
        active=number % _INACTIVE_EVERY != 0,
    )


def requester_of(seed: int, *, email: str, name: str) -> Requester:
    """The contact behind an e-mail, or behind a name if there is no e-mail, or the API client if there is neither.

    What the real service does with an unknown e-mail or with none is documented nowhere; here each e-mail (ignoring
    case) is one contact, made on first sight.
    """
    if not email and not name:
        email, name = "api-client@sandbox.example", "API client"
    identity = f"{seed} {email.lower() or name}"
    return Requester(hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()[:24], name or email, email)
