"""The users of the sandbox account, and the contacts behind its requesters. All of them follow from the seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

_NAMES = ("Ana Almeida", "Bruno Becker", "Chloé Costa", "David Dubois", "Elif Evans", "Farid Ferreira", "Grace García")
_INACTIVE_EVERY = 10
#: The owner of the case in the samples of the reference, so that these can be sent unchanged.
_SAMPLE_ID = "61036b508ff57b5578f25a10"


@dataclass(frozen=True)
class User:
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


def users_of(seed: int, count: int) -> tuple[User, ...]:
    """``count`` users with distinct e-mail addresses and ids; every tenth is inactive."""
    return tuple(
        User(
            id=_SAMPLE_ID if number == 1 else id_of(seed, f"user {number}"),
            email=f"agent.{number}@agents.example",
            name=_NAMES[number % len(_NAMES)],
            active=number % _INACTIVE_EVERY != 0,
        )
        for number in range(1, count + 1)
    )


def id_of(seed: int, person: str) -> str:
    """An id in the form of Talkdesk's: 24 hexadecimal digits."""
    return hashlib.md5(f"{seed} {person}".encode(), usedforsecurity=False).hexdigest()[:24]
