"""Which request is which operation, what scope it needs, and with which codes it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from importer.sandbox.answers import CASE_CODES, USER_CODES, Answer, Codes, Refusal
from importer.sandbox.calls import Call
from importer.sandbox.desk import Desk
from importer.sandbox.directory import Directory
from importer.sandbox.grants import TOKEN_PATH, TokenEndpoint

CASES = "/cm/core/va/cases"
READ, WRITE = "cases-public:read", "cases-public:write"


class Operation(NamedTuple):
    """One operation of the API.

    Attributes:
        name: What fault rules and counts call it.
        method: HTTP method.
        path: Path; one that ends in ``/`` is followed by an id.
        scope: The scope a token must carry; None needs no token.
        codes: Error codes of its family.
        run: What it does.
    """

    name: str
    method: str
    path: str
    scope: str | None
    codes: Codes
    run: Callable[[Call], Awaitable[Answer]]


def operations_of(*, desk: Desk, directory: Directory, endpoint: TokenEndpoint) -> tuple[Operation, ...]:
    """Every operation of the sandbox."""
    return (
        Operation("create", "POST", CASES, WRITE, CASE_CODES, desk.create),
        Operation("list", "GET", CASES, READ, CASE_CODES, desk.search),
        Operation("trash", "DELETE", CASES, WRITE, CASE_CODES, desk.trash),
        Operation("purge", "DELETE", f"{CASES}/deleted-cases", WRITE, CASE_CODES, desk.purge),
        Operation("info", "GET", f"{CASES}/info", READ, CASE_CODES, desk.newest),
        Operation("get", "GET", f"{CASES}/", READ, CASE_CODES, desk.get),
        Operation("update", "PATCH", f"{CASES}/", WRITE, CASE_CODES, desk.update),
        Operation("note", "PATCH", "/cm/core/va/notes/", "case-notes-public:write", CASE_CODES, desk.edit_note),
        Operation("fields", "GET", "/cm/meta/va/fields", "case-fields-public:read", CASE_CODES, directory.fields),
        Operation("users", "GET", "/users", "users:read", USER_CODES, directory.users),
        Operation("user", "GET", "/users/", "users:read", USER_CODES, directory.user),
        Operation("token", "POST", TOKEN_PATH, None, CASE_CODES, endpoint.token),
    )


class Routes:
    """Finds the operation of a request."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations = {(operation.method, operation.path): operation for operation in operations}
        self._methods: dict[str, list[str]] = {}
        for operation in self._operations.values():
            self._methods.setdefault(operation.path, []).append(operation.method)

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation, and the id at the end of the path if it takes one.

        Raises:
            Refusal: 404 or 405.
        """
        exact = self._operations.get((method, path))
        if exact is not None:
            return exact, ""
        parent, _, ident = path.rpartition("/")
        numbered = self._operations.get((method, f"{parent}/"))
        if numbered is not None and ident:
            return numbered, ident
        allowed = self._methods.get(path) or self._methods.get(f"{parent}/" if ident else "")
        if allowed is None:
            raise Refusal(404)
        raise Refusal(405, headers={"Allow": ", ".join(allowed)})
