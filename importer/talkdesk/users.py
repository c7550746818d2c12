"""Users of an account, as the pages of ``GET /users`` give them. Source: Talkdesk reference, "List users"."""

from __future__ import annotations

from typing import Any, NamedTuple

PER_PAGE = 200  # the most that the reference allows


class UnreadableUsersError(ValueError):
    """This is no page of users."""


class User(NamedTuple):
    """Someone who may own cases."""

    email: str
    id: str
    name: str
    active: bool


class UserPage(NamedTuple):
    """One page of the list.

    Attributes:
        users: Those on it.
        pages: How many pages there are, as far as this one knows.
    """

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
        raise UnreadableUsersError("there is no list of users in it")
    pages = content.get("total_pages")
    users = tuple(_user(entry) for entry in entries)
    return UserPage(users, pages if isinstance(pages, int) and pages > 0 else 1)


def _user(entry: dict[str, Any]) -> User:
    email, name = str(entry.get("email") or ""), str(entry.get("name") or "")
    return User(email, str(entry["id"]), name, entry.get("active") is not False)
