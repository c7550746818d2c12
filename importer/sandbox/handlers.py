"""The operations of the API: a call in, an answer out, everything committed in between.

Paths and shapes are those of the Talkdesk reference and OpenAPI bundle. An operation runs only after its call was
admitted (token, rate, scope); an ApiError that it raises becomes the error envelope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from importer.sandbox.account import User, id_of
from importer.sandbox.answers import (
    CASE_CODES,
    USER_CODES,
    ApiError,
    Codes,
    Problem,
    created,
    detailed,
    json_response,
    listed,
    updated,
)
from importer.sandbox.auth import TOKEN_PATH, TokenEndpoint
from importer.sandbox.faults import OperationName
from importer.sandbox.options import SandboxOptions
from importer.sandbox.search import ListMode, case_ids, read_search
from importer.sandbox.storage import Case, Place, Storage
from importer.sandbox.validation import (
    CreateBody,
    Definition,
    UpdateBody,
    after_update,
    by_key,
    check_transition,
    create_body,
    stored_notes,
    update_body,
)

_CASES = "/cm/core/va/cases"
_READ, _WRITE = "cases-public:read", "cases-public:write"
_OUT_OF_BOUNDS = ("0040021", "Pagination out of bounds")
_DEFAULT_USERS_PER_PAGE = 20
_MOST_USERS_PER_PAGE = 200


@dataclass
class Call:
    """A request on its way to an operation, its body read.

    Attributes:
        operation: Its name, such as ``create``.
        mode: How truthfully a list answers this call.
    """

    request: web.Request
    operation: OperationName
    body: bytes
    mode: ListMode

    @property
    def ident(self) -> str:
        """The id at the end of the path."""
        return self.request.match_info["id"]

    @property
    def content_type(self) -> str:
        """Media type of the body, lower-case and without parameters; "" if none is given."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def origin(self) -> str:
        """Scheme and host as the client spelt them, for links in answers."""
        return f"http://{self.request.host}"

    def json(self) -> Any:
        """The JSON of the body; an ApiError if it has none."""
        if self.content_type != "application/json":
            raise ApiError(400, Problem("Content-Type", "must be application/json"))
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as problem:
            raise ApiError(400, Problem("body", f"is not JSON (at byte {problem.pos})")) from problem

    def number(self, name: str, *, default: int) -> int:
        """A whole number from 1 in the query."""
        text = self.request.query.get(name, "")
        if not text:
            return default
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
        if number < 1:
            raise ApiError(400, Problem(name, "must be a whole number from 1"))
        return number

    def link(self, **query: str | int) -> dict[str, str]:
        """A link to this request with some of its query replaced."""
        return {"href": self.origin + str(self.request.rel_url.update_query(query))}

    def page_links(self, *, page: int, last: int) -> dict[str, Any]:
        """Links to this page and to its neighbours, as far as they exist."""
        links = {"self": self.link(page=page)}
        if page > 1:
            links["prev"] = self.link(page=page - 1)
        if page < last:
            links["next"] = self.link(page=page + 1)
        return links

    def ids_to_delete(self) -> tuple[int, ...]:
        """The case ids in the query."""
        given = self.request.query.getall("ids", [])
        texts = [text.strip().strip('"') for value in given for text in value.strip("[]").split(",")]
        numbers = case_ids(texts)
        if not numbers or len(numbers) != len(set(texts)):
            raise ApiError(400, Problem("ids", "must be case ids, separated by commas"))
        return numbers


class Handlers:
    """The operations of one account.

    Args:
        options: What the account is like.
        storage: Its cases.
        definitions: Its custom fields.
        users: Who may own a case.
        tokens: Its token endpoint.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        options: SandboxOptions,
        *,
        storage: Storage,
        definitions: tuple[Definition, ...],
        users: tuple[User, ...],
        tokens: TokenEndpoint,
        clock: Callable[[], float],
    ) -> None:
        self._options = options
        self._storage = storage
        self._all_definitions = definitions
        self._definitions = by_key(definitions)
        self._users = {user.id: user for user in users}
        self._tokens = tokens
        self._clock = clock

    async def token(self, call: Call) -> web.Response:
        """POST /oauth/token."""
        return self._tokens.answer(
            call.body,
            content_type=call.content_type,
            authorization=call.request.headers.get("Authorization"),
            audience=call.origin + TOKEN_PATH,
        )

    async def create(self, call: Call) -> web.Response:
        """POST /cm/core/va/cases: 201 after the commit.

        An owner opens the case, as in the user interface. What the real service does with an unknown e-mail address or
        with none is documented nowhere; here each address (ignoring case) is one contact, made on first sight, and a
        case without any is that of the API client.
        """
        body = create_body(call.json(), self._definitions)
        self._check_links(body)
        case_id, now_ms = self._storage.next_id(), self._now_ms()
        email, name = body.get("requester_email", ""), body.get("requester_name", "")
        if not email and not name:
            email, name = "api-client@sandbox.example", "API client"
        entries = {key: self._definitions[key].entry(value) for key, value in body.get("custom_fields", {}).items()}
        case = Case(
            id=case_id,
            created_ms=now_ms,
            updated_ms=now_ms,
            title=body["title"],
            description=body["description"],
            parent_id=body.get("parent_id") or None,
            owner_id=body.get("owner_id") or None,
            priority=body.get("priority"),
            status="OPEN" if body.get("owner_id") else "NEW",
            requester_id=id_of(self._options.seed, email.lower() or name),
            requester_name=name or email,
            requester_email=email,
            custom_fields=orjson.dumps(entries).decode(),
            notes=orjson.dumps(stored_notes(body.get("notes", []), case_id=case_id)).decode(),
        )
        self._storage.write(case)
        return json_response(201, created(case))

    async def list(self, call: Call) -> web.Response:
        """GET /cm/core/va/cases: one page of what the filters find."""
        search = read_search(
            call.request.query,
            encoding=self._options.filters,
            mode=call.mode,
            definitions=self._definitions,
            now_ms=self._now_ms(),
        )
        total, cases = self._storage.search(search)
        shown = [listed(case, definitions=self._definitions, agent_name=self._agent_name(case)) for case in cases]
        content = {
            "total": total,
            "count": len(cases),
            "page": search.page,
            "per_page": search.per_page,
            "_links": call.page_links(page=search.page, last=-(-total // search.per_page)),
            "_embedded": {"data": shown},
        }
        return json_response(200, content)

    async def get(self, call: Call) -> web.Response:
        """GET /cm/core/va/cases/{id}."""
        case = self._live_case(call.ident)
        shown = detailed(case, definitions=self._definitions, agent_name=self._agent_name(case))
        return json_response(200, shown)

    async def update(self, call: Call) -> web.Response:
        """PATCH /cm/core/va/cases/{id}; custom fields are merged, notes are appended."""
        case = self._live_case(call.ident)
        body = update_body(call.json(), self._definitions)
        self._check_links(body, child=case)
        changed = after_update(case, body, self._definitions, now_ms=self._now_ms())
        required = [field for field in self._all_definitions if field.required and field.active]
        check_transition(case, body, changed, required=required)
        self._storage.write(changed)
        return json_response(200, updated(changed))

    async def trash(self, call: Call) -> web.Response:
        """DELETE /cm/core/va/cases?ids=…: into the trash; answers the ids, as integers, that really went there."""
        moved = self._storage.move(call.ids_to_delete(), origin=Place.LIVE, target=Place.TRASH)
        return json_response(200, {"ids": moved})

    async def purge(self, call: Call) -> web.Response:
        """DELETE /cm/core/va/cases/deleted-cases?ids=…: out of the trash, permanently."""
        moved = self._storage.move(call.ids_to_delete(), origin=Place.TRASH, target=Place.PURGED)
        return json_response(200, {"ids": moved})

    async def fields(self, call: Call) -> web.Response:
        """GET /cm/meta/va/fields: a bare array, without paging."""
        return json_response(200, [field.as_json(number) for number, field in enumerate(self._all_definitions)])

    async def users(self, call: Call) -> web.Response:
        """GET /users: filtered by e-mail and activity, in pages."""
        page = call.number("page", default=1)
        per_page = call.number("per_page", default=_DEFAULT_USERS_PER_PAGE)
        if per_page > _MOST_USERS_PER_PAGE:
            raise ApiError(400, code=_OUT_OF_BOUNDS)
        email, active = call.request.query.get("email", "").lower(), call.request.query.get("active")
        if active not in (None, "true", "false"):
            raise ApiError(400, Problem("active", "must be true or false"))
        found = [
            user
            for user in self._users.values()
            if (not email or user.email.lower() == email) and (active is None or user.active is (active == "true"))
        ]
        shown = found[(page - 1) * per_page : page * per_page]
        last = max(1, -(-len(found) // per_page))
        content = {
            "count": len(shown),
            "total": len(found),
            "page": page,
            "per_page": per_page,
            "total_pages": last,
            "_embedded": {"users": [user.as_json(call.origin) for user in shown]},
            "_links": {
                **call.page_links(page=page, last=last),
                "first": call.link(page=1),
                "last": call.link(page=last),
                "show": {"templated": True, "href": f"{call.origin}/users/{{id}}"},
                "index": {"templated": True, "href": f"{call.origin}/users{{?active,email,page,per_page}}"},
            },
        }
        return json_response(200, content)

    async def user(self, call: Call) -> web.Response:
        """GET /users/{id}."""
        user = self._users.get(call.ident)
        if user is None:
            raise ApiError(404)
        return json_response(200, user.as_json(call.origin))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _agent_name(self, case: Case) -> str | None:
        owner = self._users.get(case.owner_id or "")
        return owner.name if owner else None

    def _live_case(self, ident: str) -> Case:
        """The case with this id, or 404 if there is none or it was deleted."""
        numbers = case_ids([ident])
        case = self._storage.get(numbers[0]) if [str(number) for number in numbers] == [ident] else None
        if case is None or case.place != Place.LIVE:
            raise ApiError(404)
        return case

    def _check_links(self, body: CreateBody | UpdateBody, child: Case | None = None) -> None:
        """Refuse an owner or a parent that this account does not have."""
        if self._options.any_ids:
            return
        problems = []
        if body.get("owner_id") and body["owner_id"] not in self._users:
            problems.append(Problem("owner_id", "is not the id of a user"))
        if body.get("parent_id") and not self._can_be_parent(body["parent_id"], child):
            problems.append(Problem("parent_id", "is not the id of a case that can have subcases"))
        if problems:
            raise ApiError(400, *problems)

    def _can_be_parent(self, parent_id: str, child: Case | None) -> bool:
        """A case that is not a subcase itself (help article on handling cases), and not the child."""
        try:
            parent = self._live_case(parent_id)
        except ApiError:
            return False
        return parent.parent_id is None and (child is None or parent.id != child.id)


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Attributes:
        scope: The scope that a token must carry; None needs no token.
        codes: Error codes of its family.
        run: What it does.
    """

    method: str
    path: str
    scope: str | None
    codes: Codes
    run: Callable[[Handlers, Call], Awaitable[web.Response]]


#: By the name that fault rules and counts use.
OPERATIONS: Mapping[OperationName, Operation] = {
    "create": Operation("POST", _CASES, _WRITE, CASE_CODES, Handlers.create),
    "list": Operation("GET", _CASES, _READ, CASE_CODES, Handlers.list),
    "get": Operation("GET", f"{_CASES}/{{id}}", _READ, CASE_CODES, Handlers.get),
    "update": Operation("PATCH", f"{_CASES}/{{id}}", _WRITE, CASE_CODES, Handlers.update),
    "trash": Operation("DELETE", _CASES, _WRITE, CASE_CODES, Handlers.trash),
    "purge": Operation("DELETE", f"{_CASES}/deleted-cases", _WRITE, CASE_CODES, Handlers.purge),
    "fields": Operation("GET", "/cm/meta/va/fields", "case-fields-public:read", CASE_CODES, Handlers.fields),
    "users": Operation("GET", "/users", "users:read", USER_CODES, Handlers.users),
    "user": Operation("GET", "/users/{id}", "users:read", USER_CODES, Handlers.user),
    "token": Operation("POST", TOKEN_PATH, None, CASE_CODES, Handlers.token),
}
