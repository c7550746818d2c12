"""The account that a sandbox is if nobody says otherwise: its users, the ids of people, and custom fields."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from importer.sandbox.validation import Definition, Kind, Option

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


_COUNTS = {
    Kind.CHECKBOX: ("Check box", 3),
    Kind.TEXT: ("Text", 10),
    Kind.MULTI_LINE_TEXT: ("Long text", 3),
    Kind.DATE: ("Date", 3),
    Kind.NUMERIC: ("Number", 3),
    Kind.DECIMAL: ("Decimal", 3),
}
#: The ids of the path in the samples of the reference, and a sibling on each level.
_CITIES = (
    Option("e9e3c93a-1b28-489a-96fe-6b3e9ca60976", "Cupertino"),
    Option("5d0e2c1b-7c55-4a39-9d0b-6f2f3f1f6a10", "San Jose"),
)
_COUNTIES = (Option("bbb2a5e7-6190-4eb1-b889-ec37e0badd0b", "Santa Clara", _CITIES),)
_PLACES = (
    Option("3a20c48f-3e33-49b0-af22-63eba6fa4cc3", "California", _COUNTIES),
    Option("9f1f0a44-0f4c-4d5e-8a3a-0c3a5bb6d2f1", "Oregon"),
)


def _options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(f"{number:03}", text) for number, text in enumerate(texts, start=1))


#: A plausible account: each kind of field, one inactive field, one key that breaks the prefix rule.
DEFAULT_FIELDS = (
    *(
        Definition(f"{kind}{number}", kind, f"{name} {number}")
        for kind, (name, count) in _COUNTS.items()
        for number in range(1, count + 1)
    ),
    Definition("drop_down1", Kind.DROP_DOWN, "Colour", _options("Red", "Green", "Blue")),
    Definition("drop_down2", Kind.DROP_DOWN, "Channel", _options("Email", "Phone", "Chat", "Web")),
    Definition("multi_select1", Kind.MULTI_SELECT, "Products", _options("Desk", "Phone", "Flow", "Copilot")),
    Definition("dependent_field1", Kind.DEPENDENT_FIELD, "Place", _PLACES),
    Definition("assign_reason", Kind.DROP_DOWN, "Assign reason", _options("high", "low")),
    Definition("text11", Kind.TEXT, "Old reference", active=False),
)
