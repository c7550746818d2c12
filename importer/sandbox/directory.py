"""The operations that read what is not a case: users and custom field definitions."""

from __future__ import annotations

from typing import Any

from importer.sandbox.answers import Answer, Problem, Refusal, json_answer
from importer.sandbox.calls import Call
from importer.sandbox.fields import Definition
from importer.sandbox.people import User

_DEFAULT_PER_PAGE = 20
_MOST_PER_PAGE = 200
_MOST_DIGITS = 19
_OUT_OF_BOUNDS = ("0040021", "Pagination out of bounds")


class Directory:
    """Users and fields of the account. Both are fixed while the sandbox runs."""

    def __init__(self, *, users: tuple[User, ...], definitions: tuple[Definition, ...]) -> None:
        self._users = users
        self._fields = json_answer(200, [definition.as_json(n) for n, definition in enumerate(definitions)])

    async def fields(self, call: Call) -> Answer:
        """GET /cm/meta/va/fields: a bare array, without paging."""
        return self._fields

    async def users(self, call: Call) -> Answer:
        """GET /users: filtered by e-mail and activity, in pages."""
        page, per_page = _number(call, "page", default=1), _number(call, "per_page", default=_DEFAULT_PER_PAGE)
        if per_page > _MOST_PER_PAGE:
            raise Refusal(400, code=_OUT_OF_BOUNDS)
        found = self._found(email=call.query.get("email", ""), active=_active(call))
        shown = found[(page - 1) * per_page : page * per_page]
        last = max(1, -(-len(found) // per_page))
        content = {
            "count": len(shown),
            "total": len(found),
            "page": page,
            "per_page": per_page,
            "total_pages": last,
            "_embedded": {"users": [user.as_json(call.origin) for user in shown]},
            "_links": _links(call, page=page, last=last),
        }
        return json_answer(200, content)

    async def user(self, call: Call) -> Answer:
        """GET /users/{id}."""
        user = next((user for user in self._users if user.id == call.ident), None)
        if user is None:
            raise Refusal(404)
        return json_answer(200, user.as_json(call.origin))

    def _found(self, *, email: str, active: bool | None) -> list[User]:
        return [
            user
            for user in self._users
            if (not email or user.email.lower() == email.lower()) and (active is None or user.active is active)
        ]


def _number(call: Call, name: str, *, default: int) -> int:
    text = call.query.get(name, "")
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    if number < 1:
        raise Refusal(400, Problem(name, "must be a whole number from 1"))
    return number


def _active(call: Call) -> bool | None:
    text = call.query.get("active")
    if text not in (None, "true", "false"):
        raise Refusal(400, Problem("active", "must be true or false"))
    return None if text is None else text == "true"


def _links(call: Call, *, page: int, last: int) -> dict[str, Any]:
    links: dict[str, Any] = {
        "self": call.link(page=page),
        "first": call.link(page=1),
        "last": call.link(page=last),
        "show": {"templated": True, "href": f"{call.origin}/users/{{id}}"},
        "index": {"templated": True, "href": f"{call.origin}/users{{?active,email,page,per_page}}"},
    }
    if page > 1:
        links["prev"] = call.link(page=page - 1)
    if page < last:
        links["next"] = call.link(page=page + 1)
    return links
