"""The case operations: a call in, an answer out, everything committed in between.

Paths and shapes are those of the Talkdesk reference and OpenAPI bundle. An operation runs only after its call was
admitted (token, rate, scope); a Refusal it raises becomes the error envelope.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from importer.sandbox.answers import Answer, Problem, Refusal, json_answer
from importer.sandbox.bodies import STATUSES, Bodies, Rules
from importer.sandbox.calls import Call
from importer.sandbox.cases import DEFAULT_GROUP, Case, Place, Reader, as_created, as_updated, place_of_note
from importer.sandbox.fields import Definition, by_key
from importer.sandbox.filters import Account, case_ids, read_search
from importer.sandbox.options import SandboxOptions
from importer.sandbox.people import User, requester_of
from importer.sandbox.store import Store
from importer.sandbox.updates import SOLVED, check_transition, dumped, stored_notes, updated

# Query name → column, shortest and longest text. Nobody here has a phone number or an integration.
_CONTACT_FILTERS: Mapping[str, tuple[str | None, int, int]] = {
    "id": ("requester_id", 3, 255),
    "name": ("requester_name", 3, 125),
    "email": ("requester_email", 3, 255),
    "phone": (None, 5, 20),
    "integration": (None, 1, 255),
}
_STATUS_GROUPS = {
    "ALL": STATUSES,
    "RESOLVED": SOLVED,
    "UNRESOLVED": tuple(status for status in STATUSES if status not in SOLVED),
}


class Desk:
    """The cases of one account, with the people and fields they may name.

    Args:
        options: How strict and how truthful the account is.
        store: Where its cases are.
        definitions: Its custom fields.
        users: Who may own a case.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        options: SandboxOptions,
        *,
        store: Store,
        definitions: tuple[Definition, ...],
        users: tuple[User, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        fields = by_key(definitions)
        self._options = options
        self._store = store
        self._clock = clock
        self._owners = frozenset(user.id for user in users)
        self._required = [definition for definition in definitions if definition.required and definition.active]
        self._account = Account(fields, users)
        self._bodies = Bodies(
            Rules(fields, options.title_limit, options.description_limit, options.unknown_keys == "refuse")
        )
        self._reader = Reader(
            fields, agent_names={user.id: user.name for user in users}, escaped=options.escaped_custom_fields
        )

    async def create(self, call: Call) -> Answer:
        """POST /cm/core/va/cases: 201 after the commit."""
        body = self._bodies.create(call.json)
        self._check_links(body)
        case = self._drafted(body)
        await self._store.add(case)
        return json_answer(201, as_created(case))

    async def search(self, call: Call) -> Answer:
        """GET /cm/core/va/cases: one page of what the filters find."""
        search = read_search(call.query, encoding=self._options.filters, account=self._account)
        total, cases = self._store.search(search, mode=call.mode, now_ms=self._now_ms())
        content = {
            "total": total,
            "count": len(cases),
            "page": search.page,
            "per_page": search.per_page,
            "_links": _page_links(call, page=search.page, last=-(-total // search.per_page)),
            "_embedded": {"data": [self._reader.listed(case) for case in cases]},
        }
        return json_answer(200, content)

    async def get(self, call: Call) -> Answer:
        """GET /cm/core/va/cases/{id}."""
        return json_answer(200, self._reader.detailed(self._living(call.ident)))

    async def update(self, call: Call) -> Answer:
        """PATCH /cm/core/va/cases/{id}; custom fields are merged, notes are appended."""
        case = self._living(call.ident)
        body = self._bodies.update(call.json)
        self._check_links(body, child=case)
        fields = self._bodies.updated_fields(body.get("custom_fields", {}))
        changed = updated(case, body, fields=fields, now_ms=self._now_ms())
        check_transition(case, body, after=changed, required=self._required)
        self._store.replace(changed)
        return json_answer(200, as_updated(changed))

    async def edit_note(self, call: Call) -> Answer:
        """PATCH /cm/core/va/notes/{note_id}; whether a note is public cannot be changed."""
        body = self._bodies.note(call.json)
        case_id, position = place_of_note(call.ident) or (0, 0)
        case = self._living(str(case_id))
        notes = orjson.loads(case.notes)
        if position >= len(notes):
            raise Refusal(404)
        notes[position] |= {name: body[name] for name in ("note_title", "note_body") if name in body}
        self._store.replace(case._replace(notes=dumped(notes), updated_ms=self._now_ms()))
        return json_answer(200, notes[position])

    async def newest(self, call: Call) -> Answer:
        """GET /cm/core/va/cases/info: the newest case of one contact."""
        texts, possible = _contact(call)
        group = call.query.get("status") or "ALL"
        if group not in _STATUS_GROUPS:
            raise Refusal(400, Problem("status", f"must be one of {', '.join(_STATUS_GROUPS)}"))
        case = self._store.newest(texts, statuses=_STATUS_GROUPS[group]) if possible else None
        if case is None:
            raise Refusal(404)
        return json_answer(200, self._reader.listed(case))

    async def trash(self, call: Call) -> Answer:
        """DELETE /cm/core/va/cases?ids=…: into the Trash; answers the ids, as integers, that really went there."""
        moved = self._store.move(_ids_to_delete(call), origin=Place.LIVE, target=Place.TRASH)
        return json_answer(200, {"ids": moved})

    async def purge(self, call: Call) -> Answer:
        """DELETE /cm/core/va/cases/deleted-cases?ids=…: out of the Trash, for good."""
        moved = self._store.move(_ids_to_delete(call), origin=Place.TRASH, target=Place.PURGED)
        return json_answer(200, {"ids": moved})

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _living(self, text: str) -> Case:
        """The case with this id, or 404 if there is none or it was deleted."""
        numbers = case_ids([text])
        case = self._store.get(numbers[0]) if len(numbers) == 1 and str(numbers[0]) == text else None
        if case is None or case.place != Place.LIVE:
            raise Refusal(404)
        return case

    def _check_links(self, body: Mapping[str, Any], child: Case | None = None) -> None:
        """Refuse an owner or a parent that this account does not have."""
        if self._options.any_ids:
            return
        problems = []
        owner = body.get("owner_id")
        if owner and owner not in self._owners:
            problems.append(Problem("owner_id", "is not the id of a user"))
        parent = body.get("parent_id")
        if parent and not self._may_be_parent(parent, child):
            problems.append(Problem("parent_id", "is not the id of a case that can have subcases"))
        if problems:
            raise Refusal(400, *problems)

    def _may_be_parent(self, parent_id: str, child: Case | None) -> bool:
        """A living case that is no subcase itself (help article on handling cases), and not the child."""
        try:
            parent = self._living(parent_id)
        except Refusal:
            return False
        return parent.parent_id is None and (child is None or parent.id != child.id)

    def _drafted(self, body: Mapping[str, Any]) -> Case:
        """A new case from a checked body. An owner opens it, as in the user interface, unless told otherwise."""
        case_id, now_ms = self._store.next_id(), self._now_ms()
        owner = body.get("owner_id") or None
        requester = requester_of(
            self._options.seed, email=body.get("requester_email", ""), name=body.get("requester_name", "")
        )
        return Case(
            id=case_id,
            created_ms=now_ms,
            updated_ms=now_ms,
            place=int(Place.LIVE),
            title=body["title"],
            description=body["description"],
            parent_id=body.get("parent_id") or None,
            owner_id=owner,
            priority=body.get("priority"),
            type=None,
            status="OPEN" if owner and self._options.open_with_owner else "NEW",
            resolution=None,
            group_id=DEFAULT_GROUP,
            requester_id=requester.id,
            requester_name=requester.name,
            requester_email=requester.email,
            custom_fields=dumped(self._bodies.created_fields(body.get("custom_fields", {}))),
            notes=dumped(stored_notes(body, case_id=case_id)),
        )


def _page_links(call: Call, *, page: int, last: int) -> dict[str, dict[str, str]]:
    """Links to this page and its neighbours; a neighbour that does not exist is left out."""
    links = {"self": call.link(page=page)}
    if page > 1:
        links["prev"] = call.link(page=page - 1)
    if page < last:
        links["next"] = call.link(page=page + 1)
    return links


def _ids_to_delete(call: Call) -> tuple[int, ...]:
    texts = [text.strip() for value in call.query.getall("ids", []) for text in value.strip("[]").split(",")]
    numbers = case_ids(text.strip('"') for text in texts)
    if not numbers or len(numbers) != len(set(texts)):
        raise Refusal(400, Problem("ids", "must be case ids, separated by commas"))
    return numbers


def _contact(call: Call) -> tuple[dict[str, str], bool]:
    """Column → text for the contact asked for, and whether anybody here can be that contact."""
    given = {name: text for name in _CONTACT_FILTERS if (text := call.query.get(name))}
    if not given:
        raise Refusal(400, Problem("id", "one of id, name, email, phone and integration must be given"))
    for name, text in given.items():
        _, least, most = _CONTACT_FILTERS[name]
        if not least <= len(text) <= most:
            raise Refusal(400, Problem(name, f"must have {least} to {most} characters"))
    columns = {_CONTACT_FILTERS[name][0]: text for name, text in given.items()}
    return {column: text for column, text in columns.items() if column is not None}, None not in columns
