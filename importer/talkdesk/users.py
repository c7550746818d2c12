"""Users of an account, as the pages of ``GET /users`` give them. Source: Talkdesk reference, "List users"."""

from __future__ import annotations

from typing import Any, NamedTuple

PER_PAGE = 200  # the most that the reference allows


class UnreadableUsersError(ValueError):
    """This is not a page of users."""


class User(NamedTuple):
    """Someone who may own cases."""

    email: str
    id: str
    name: str
    active: bool


class UserPage(NamedTuple):
    """One page of the list; ``pages`` is how many there are, as far as this one knows."""

    users: tuple[User, ...]
    pages: int


def read_users(content: Any) -> UserPage:
    """The users in the JSON of an answer.

    Raises:
        UnreadableUsersError: it is not of the documented form.
    """
    embedded = content.get("_embedded") if isinstance(content, dict) else None
    entries = embedded.get("users") if isinstance(embedded, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("id") for entry in entries):
        raise UnreadableUsersError("it has no list of users")
    pages = content.get("total_pages")
    users = tuple(
        User(
            email=str(entry.get("email") or ""),
            id=str(entry["id"]),
            name=str(entry.get("name") or ""),
            active=entry.get("active") is not False,
        )
        for entry in entries
    )
    return UserPage(users, pages if isinstance(pages, int) and pages > 0 else 1)
