"""Users of an account, as the pages of ``GET /users`` give them. Source: Talkdesk reference, "List users"."""

from __future__ import annotations

from typing import Any

from pydantic import AliasPath, BaseModel, Field, ValidationError

from importer.talkdesk.fields import ActiveFlag, Entry, place_of
from importer.talkdesk.payloads import OrAbsent
from importer.talkdesk.search import UnreadableListError

PER_PAGE = 200  # the most that the reference allows


class User(Entry):
    """Someone who may own cases."""

    email: str = ""
    id: str
    name: str = ""
    active: ActiveFlag = True


class _Page(BaseModel):
    users: list[User] = Field(validation_alias=AliasPath("_embedded", "users"))
    total_pages: OrAbsent[int] = None


def read_users(content: Any) -> tuple[list[User], int | None]:
    """The users in the JSON of an answer, and how many pages there are; None if it does not say.

    Raises:
        UnreadableListError: it is not of the documented form.
    """
    try:
        page = _Page.model_validate(content)
    except ValidationError as error:
        raise UnreadableListError(f"it has no list of users with their ids{place_of(error)}") from None
    return page.users, page.total_pages
