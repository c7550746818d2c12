"""The operations of the API: a request in, an answer out, everything committed in between.

Paths and shapes are those of the Talkdesk reference and OpenAPI bundle. An operation runs only after its request was
admitted (token, rate, scope); an ApiError that it raises becomes the error envelope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from importer.sandbox import bodies
from importer.sandbox.account import by_key, default_fields, users_of
from importer.sandbox.answers import ApiError, json_response, number_in
from importer.sandbox.auth import TOKEN_PATH, Tokens
from importer.sandbox.bodies import CreateBody, UpdateBody
from importer.sandbox.case import Case, Place
from importer.sandbox.faults import FaultScript, OperationName, Rule
from importer.sandbox.search import case_ids, read_search
from importer.sandbox.storage import Storage

if TYPE_CHECKING:
    from importer.sandbox.options import SandboxOptions

#: What happens to a request: a list is not always truthful.
FAULT = web.RequestKey("fault", Rule)
_CASES = "/cm/core/va/cases"
_READ, _WRITE = "cases-public:read", "cases-public:write"
_OUT_OF_BOUNDS = ("0040021", "Pagination out of bounds")
_DEFAULT_USERS_PER_PAGE = 20
_MOST_USERS_PER_PAGE = 200
_LARGEST = 2**63 - 1


class Handlers:
    """The operations of one account; ``clock`` is seconds since the epoch."""

    def __init__(
        self, options: SandboxOptions, storage: Storage, tokens: Tokens, script: FaultScript, clock: Callable[[], float]
    ) -> None:
        self._options = options
        self._storage = storage
        self._tokens = tokens
        self._script = script
        self._clock = clock
        self._fields = storage.remembering(options.definitions) or default_fields()
        self._definitions = by_key(self._fields)
        self._users = users_of(options.seed, options.user_count)
        self.mails: Counter[str] = Counter()  #: that automations have sent, by address

    async def token(self, request: web.Request) -> web.Response:
        """POST /oauth/token."""
        return await self._tokens.answer(request)

    async def create(self, request: web.Request) -> web.Response:
        """POST /cm/core/va/cases: 201 after the commit."""
        body = bodies.checked(bodies.CREATE, await _json_of(request), self._definitions)
        self._check_links(body)
        case_id, now_ms, seed = self._storage.next_id(), self._now_ms(), self._options.seed
        case = bodies.new_case(body, self._definitions, case_id=case_id, now_ms=now_ms, seed=seed)
        self._storage.write(case)
        self._automate("create", case, before="")
        return json_response(201, bodies.created(case))

    async def list(self, request: web.Request) -> web.Response:
        """GET /cm/core/va/cases: one page of what the filters find."""
        fault = request[FAULT]
        lag_s = fault.seconds if fault.do == "index_lag" else self._options.index_lag_s
        search = read_search(
            request.query,
            encoding="ignore" if fault.do == "ignore_filter" else self._options.filters,
            definitions=self._definitions,
            newest_ms=self._now_ms() - int(lag_s * 1000) if lag_s else None,
            fuzzy=fault.do == "fuzzy_filter",
        )
        total, found = self._storage.search(search)
        shown = [bodies.listed(case, self._definitions, self._agent_name(case)) for case in found]
        return json_response(200, _page(request, {"data": shown}, search.page, search.per_page, total=total))

    async def get(self, request: web.Request) -> web.Response:
        """GET /cm/core/va/cases/{id}."""
        case = self._live_case(request.match_info["id"])
        shown = bodies.detailed(case, self._definitions, self._agent_name(case), self._options.reads)
        self._edit(case, request)  # right after it was read
        return json_response(200, shown)

    async def update(self, request: web.Request) -> web.Response:
        """PATCH /cm/core/va/cases/{id}; custom fields are merged, notes are appended."""
        case = self._edit(self._live_case(request.match_info["id"]), request)  # right before it is changed
        body = bodies.checked(bodies.UPDATE, await _json_of(request), self._definitions)
        self._check_links(body, child=case)
        is_strict = self._options.strict_life
        changed = bodies.after_update(case, body, self._definitions, now_ms=self._now_ms(), is_strict=is_strict)
        self._storage.write(changed)
        self._automate("update", changed, before=case.content["status"])
        return json_response(200, bodies.updated(changed))

    async def trash(self, request: web.Request) -> web.Response:
        """DELETE /cm/core/va/cases?ids=…: into the trash; answers the ids, as integers, that really went there."""
        return self._moved(request, origin=Place.LIVE, target=Place.TRASH)

    async def purge(self, request: web.Request) -> web.Response:
        """DELETE /cm/core/va/cases/deleted-cases?ids=…: out of the trash, permanently."""
        return self._moved(request, origin=Place.TRASH, target=Place.PURGED)

    async def fields(self, request: web.Request) -> web.Response:
        """GET /cm/meta/va/fields: a bare array, without paging."""
        return json_response(200, [field.as_json(number) for number, field in enumerate(self._fields)])

    async def users(self, request: web.Request) -> web.Response:
        """GET /users: filtered by e-mail and activity, in pages."""
        page = number_in(request.query, "page", default=1, most=_LARGEST)
        per_page = number_in(request.query, "per_page", default=_DEFAULT_USERS_PER_PAGE, most=_LARGEST)
        if per_page > _MOST_USERS_PER_PAGE:
            raise ApiError(400, code=_OUT_OF_BOUNDS)
        email, active = request.query.get("email", "").lower(), request.query.get("active")
        if active not in (None, "true", "false"):
            raise ApiError(400, {"active": "must be true or false"})
        found = [
            _shown_user(request, user)
            for user in self._users.values()
            if email in ("", user["email"]) and (active is None or user["active"] is (active == "true"))
        ]
        shown = found[(page - 1) * per_page : page * per_page]
        content = _page(request, {"users": shown}, page, per_page, total=len(found))
        content["total_pages"] = last = max(1, -(-len(found) // per_page))
        content["_links"] |= {"first": _link(request, page=1), "last": _link(request, page=last)}
        return json_response(200, content)

    async def user(self, request: web.Request) -> web.Response:
        """GET /users/{id}."""
        if (user := self._users.get(request.match_info["id"])) is None:
            raise ApiError(404)
        return json_response(200, _shown_user(request, user))

    def _moved(self, request: web.Request, *, origin: Place, target: Place) -> web.Response:
        """A root case takes its subcases along (help article on deleting cases; for the API not documented)."""
        given = request.query.getall("ids", [])
        texts = [text.strip().strip('"') for value in given for text in value.strip("[]").split(",")]
        asked = case_ids(texts)
        if not asked or len(asked) != len(set(texts)):
            raise ApiError(400, {"ids": "must be case ids, separated by commas"})
        return json_response(200, {"ids": self._storage.move(asked, origin=origin, target=target)})

    def _edit(self, case: Case, request: web.Request) -> Case:
        """The case after an agent has changed it, if the fault plan wants that."""
        fault = request[FAULT]
        return self._changed(case, fault.set) if fault.do == "edit" else case

    def _automate(self, event: str, case: Case, *, before: str) -> None:
        """Let the automations of the account run after a create or an update, each once."""
        for automation in self._script.plan.automations:
            became = case.content["status"] if case.content["status"] != before else ""
            if event in automation.on and automation.status in (None, became):
                self.mails[case.content["requester_email"]] += automation.mail
                case = self._changed(case, automation.set)

    def _changed(self, case: Case, change: UpdateBody) -> Case:
        changed = bodies.edited(case, change, self._definitions, now_ms=self._now_ms())
        self._storage.write(changed)
        return changed

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _agent_name(self, case: Case) -> str | None:
        owner = self._users.get(case.content.get("owner_id") or "")
        return owner["name"] if owner else None

    def _found(self, ident: str) -> Case | None:
        """The case with this id, unless it was deleted."""
        numbers = case_ids([ident])
        case = self._storage.get(numbers[0]) if [str(number) for number in numbers] == [ident] else None
        return case if case and case.place == Place.LIVE else None

    def _live_case(self, ident: str) -> Case:
        if (case := self._found(ident)) is None:
            raise ApiError(404)
        return case

    def _check_links(self, body: CreateBody | UpdateBody, child: Case | None = None) -> None:
        """Refuse an owner or a parent that this account does not have, and a parent that is closed.

        A parent is no subcase itself, and a subcase has none (help article on handling cases; for the API not
        documented).
        """
        problems = {}
        if body.get("owner_id") and not self._options.any_ids and body["owner_id"] not in self._users:
            problems["owner_id"] = "is not the id of a user"
        if body.get("parent_id"):
            parent, is_checked = self._found(body["parent_id"]), not self._options.any_ids
            fits = parent and not parent.content.get("parent_id") and (child is None or parent.id != child.id)
            if is_checked and not fits:
                problems["parent_id"] = "is not the id of a case that can have subcases"
            elif is_checked and child and self._storage.has_subcases(child.id):
                problems["parent_id"] = "cannot be set, because this case has subcases"
            elif self._options.strict_life and parent and parent.content["status"] == "CLOSED":
                problems["parent_id"] = "is the id of a closed case"
        if problems:
            raise ApiError(400, problems)


async def _json_of(request: web.Request) -> Any:
    """The JSON of the body; an ApiError if it has none."""
    if request.content_type != "application/json":
        raise ApiError(400, {"Content-Type": "must be application/json"})
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as problem:
        raise ApiError(400, {"body": f"is not JSON (at byte {problem.pos})"}) from problem


def _link(request: web.Request, *, page: int) -> dict[str, str]:
    return {"href": str(request.url.update_query(page=page))}


def _page(
    request: web.Request, embedded: dict[str, list[Any]], page: int, per_page: int, *, total: int
) -> dict[str, Any]:
    """One page of a list, with links to itself and to its neighbours, as far as they exist."""
    links = {"self": page, "prev": page - 1, "next": page + 1 if page * per_page < total else 0}
    return {
        "total": total,
        "count": sum(map(len, embedded.values())),
        "page": page,
        "per_page": per_page,
        "_links": {name: _link(request, page=number) for name, number in links.items() if number},
        "_embedded": embedded,
    }


def _shown_user(request: web.Request, user: dict[str, Any]) -> dict[str, Any]:
    return user | {"_links": {"self": {"href": str(request.url.origin() / "users" / user["id"])}}}


@dataclass(frozen=True)
class Operation:
    """One operation of the API, and the scope that its token must carry; None needs no token."""

    method: str
    path: str
    scope: str | None
    run: Callable[[Handlers, web.Request], Awaitable[web.Response]]


#: By the name that fault rules and counts use.
OPERATIONS: Mapping[OperationName, Operation] = {
    "create": Operation("POST", _CASES, _WRITE, Handlers.create),
    "list": Operation("GET", _CASES, _READ, Handlers.list),
    "get": Operation("GET", f"{_CASES}/{{id}}", _READ, Handlers.get),
    "update": Operation("PATCH", f"{_CASES}/{{id}}", _WRITE, Handlers.update),
    "trash": Operation("DELETE", _CASES, _WRITE, Handlers.trash),
    "purge": Operation("DELETE", f"{_CASES}/deleted-cases", _WRITE, Handlers.purge),
    "fields": Operation("GET", "/cm/meta/va/fields", "case-fields-public:read", Handlers.fields),
    "users": Operation("GET", "/users", "users:read", Handlers.users),
    "user": Operation("GET", "/users/{id}", "users:read", Handlers.user),
    "token": Operation("POST", TOKEN_PATH, None, Handlers.token),
}
