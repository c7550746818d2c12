"""Settling unknown outcomes: finding out what became of rows that may or may not be cases.

The order is fixed. Wait out the settle delay, so that nothing is under way any more. Search by external id. One case:
created. Several: duplicate. None: that counts only if the list is proven to be up to date by the control case, the
newest case that is known to exist for some time, which is asked for last; and it must come out twice. Then: pending,
but only if the row carries an external id, and the filter was seen to work or the list was read, newest first, back
past the start of the run that sent the row. In all other cases the outcome stays unknown.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import orjson

from importer.delivery.api_access import ApiAccess
from importer.delivery.retry import ReadError
from importer.ledger import CreatedCase, LedgerWriter, Outcome, Pending, Settled, UnknownRecord
from importer.models import SettleDelay, State
from importer.talkdesk import search
from importer.talkdesk.payloads import Case
from importer.talkdesk.search import Encoding

#: Searches for one row that may fail before it is left to a later run.
PATIENCE = 5
#: Pages that one search reads at most; what lies behind them cannot be called "not found".
MOST_PAGES = 40
#: Newest pages that are read to see whether tickets are cases already, where no filter works.
_NEWEST_PAGES = 5
#: Pages, newest first, that are read at most to prove that a case does not exist, where no filter works.
MOST_LISTED_PAGES = 200
#: Rows that are searched for at the same time; more would hold up the sending behind them.
_AT_ONCE = 4
#: Seconds that the server's clock may differ from ours.
CLOCK_MARGIN = 900.0

_NOT_CREATED = Outcome(State.PENDING, code="not_created", message="searched for: not created")
_UNDECIDED = Outcome(State.UNKNOWN)

T = TypeVar("T")


class CaseSearch:
    """Finds cases by the list of the API. Only a filter that was seen to work may say "not found".

    All methods raise :class:`ReadError` if the list cannot be read to its end.
    """

    def __init__(self, api: ApiAccess) -> None:
        self._api = api
        self._certified: dict[str, Encoding | None] = {}

    async def by_external_id(self, field: str, value: str, *, encoding: Encoding = Encoding.DOC) -> list[Case]:
        """All cases whose custom field ``field`` holds exactly ``value``."""
        listed = await self._all(search.by_external_id(field, value, encoding=encoding))
        found = [case for case in listed if case.has(field, value)]
        if not found and any(case.hides_custom_fields for case in listed):
            raise ReadError("the list shows custom fields in a form that cannot be read")
        return found

    async def by_content(self, record: UnknownRecord) -> list[Case]:
        """All cases with the title, description and requester of a record, made since it was sent."""
        sent = orjson.loads(record.body)
        email, title = sent.get("requester_email"), sent["title"]
        since, until = record.since - CLOCK_MARGIN, time.time() + CLOCK_MARGIN
        found: dict[str, Case] = {}
        for encoding in Encoding:
            filters = search.by_content(email=email, title=title, since=since, until=until, encoding=encoding)
            for case in await self._all(filters):
                same_requester = (case.requester_email or "").casefold() == (email or "").casefold()
                if same_requester and case.title == title and case.description == sent["description"]:
                    found[case.id] = case
        return list(found.values())

    async def newest(self, field: str, values: Collection[str]) -> list[Case]:
        """Those of the newest cases whose custom field ``field`` holds one of ``values``; for want of a filter."""
        cases = await self._all([], most=_NEWEST_PAGES, must_end=False)
        return [case for case in cases if any(case.has(field, value) for value in values)]

    async def look_through(
        self, field: str, value: str, *, control: CreatedCase, since: float
    ) -> tuple[list[Case], bool]:
        """Read the list, newest first, back past the time ``since``, for want of a filter.

        Returns:
            The cases whose custom field ``field`` holds exactly ``value``; and whether these are all: the list is in
            the order that was asked for, shows the control case, and was read far enough.
        """
        found: dict[str, Case] = {}
        seen: set[str] = set()
        oldest = datetime.max.replace(tzinfo=UTC)
        end = datetime.fromtimestamp(max(0.0, since - CLOCK_MARGIN), UTC)
        for number in range(1, MOST_LISTED_PAGES + 1):
            page = await self._page(search.NEWEST_FIRST, number, per_page=search.MOST_PER_PAGE)
            # Cases that are made meanwhile move others to later pages.
            new = [case for case in page.cases if case.id not in seen]
            seen.update(case.id for case in new)
            found |= {case.id: case for case in new if case.has(field, value)}
            for case in new:
                if case.create_at is None or case.create_at > oldest or case.hides_custom_fields:
                    return list(found.values()), False
                oldest = case.create_at
            if oldest < end or page.completes(len(seen)):
                is_whole = oldest < end or not isinstance(page.total, int) or len(seen) >= page.total
                return list(found.values()), is_whole and control.case_id in seen
        return list(found.values()), False

    async def certified(self, field: str, control: CreatedCase) -> Encoding | None:
        """The encoding of filters by ``field`` that was seen to work, None if none does; found out once."""
        if field in self._certified:
            return self._certified[field]
        can_filter = False
        for encoding in Encoding:  # it works if it finds a case that exists, and nothing for a value that does not
            if not await self.ignores(field, encoding=encoding):
                can_filter = True
                if await self.shows(field, control, encoding=encoding):
                    self._certified[field] = encoding
                    return encoding
        if can_filter:
            raise ReadError("the search does not find the control case, so it proves nothing")
        self._certified[field] = None
        return None

    async def ignores(self, field: str, *, encoding: Encoding) -> bool:
        """Whether a filter by ``field`` finds what does not exist; in an empty account none does."""
        absent = f"absent-{secrets.token_hex(12)}"
        return bool((await self._page(search.by_external_id(field, absent, encoding=encoding), 1)).cases)

    async def shows(self, field: str, control: CreatedCase, *, encoding: Encoding) -> bool:
        """Whether a search by external id finds the control case."""
        found = await self.by_external_id(field, control.key, encoding=encoding)
        return control.case_id in [case.id for case in found]

    async def _all(self, parameters: search.Parameters, *, most: int = MOST_PAGES, must_end: bool = True) -> list[Case]:
        cases: list[Case] = []
        for number in range(1, most + 1):
            page = await self._page(parameters, number)
            cases += page.cases
            if page.completes(len(cases)):
                return cases
        if not must_end:
            return cases
        raise ReadError(f"the case list has more than {MOST_PAGES} pages, so its filter does not work")

    async def _page(
        self, parameters: search.Parameters, number: int, *, per_page: int = search.PER_PAGE
    ) -> search.Page:
        query = search.query(parameters, page=number, per_page=per_page)
        return await self._api.read(
            lambda token: self._api.client.list_cases(query, token), search.read_page, what="the list of cases"
        )


class Reconciler:
    """Settles unknown outcomes, each in the task that asks for it.

    The settle delay is counted from when this process knows of the unknown outcome, never from a time on disk: clocks
    move, and a dead process's request may still be running.
    """

    def __init__(self, api: ApiAccess, ledger: LedgerWriter, *, delay: SettleDelay) -> None:
        self._api = api
        self._search = CaseSearch(api)
        self._ledger = ledger
        self._delay = delay
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._open: dict[int, UnknownRecord] = {}

    @property
    def open(self) -> int:
        """Records that are not settled, or whose settling was cut off."""
        return len(self._open)

    def add(self, record: UnknownRecord) -> None:
        """Know of a record that will be settled: it may have a claim to the case of another one."""
        self._open[record.id] = record

    async def settle(self, record: UnknownRecord, *, known_at: float) -> State:
        """Wait out the settle delay, search, and write down what that proves.

        One search that finds a case decides. That there is none must come out twice. ``known_at`` is a time of the
        running loop.

        Returns:
            created, duplicate, pending (it may be sent again), or unknown if it could not be decided.
        """
        self.add(record)
        await asyncio.sleep(max(0.0, known_at + self._delay.first - asyncio.get_running_loop().time()))
        outcome = _UNDECIDED
        try:
            again = await self._between_looks(record)
            looks = await look_twice(lambda: self._look(record), is_enough=_finds_something, api=self._api, again=again)
            if looks[0] == looks[-1] or _finds_something(looks[-1]):
                outcome = looks[-1]
        except ReadError:
            pass
        if outcome.state is not State.UNKNOWN:
            settled = await self._ledger.settle(record.id, outcome, before=State.UNKNOWN)
            if settled is not Settled.DONE:
                outcome = _UNDECIDED
        del self._open[record.id]
        return outcome.state

    async def _between_looks(self, record: UnknownRecord) -> float:
        """Seconds between two searches. If the control case may be older than the row by some time, a list that shows
        the one may take as long to show the other. How long a request was on its way is not known, so it may be as old
        as its mark."""
        field = record.external_id_field
        control = None if field is None else await self._control_case(field)
        older = 0.0 if control is None else record.since - control.sent_at
        return max(self._delay.again, min(older, 4 * self._delay.again))

    async def _look(self, record: UnknownRecord) -> Outcome:
        """What one search says: created, duplicate, pending for "not created", or unknown if it proves nothing."""
        field = record.external_id_field
        async with self._turns:
            if field is None:
                cases = await self._by_content(record)
                return _found(cases) if cases else _UNDECIDED
            control = await self._control_case(field)
            encoding = Encoding.DOC if control is None else await self._search.certified(field, control)
            value = external_id_in(record)
            if encoding is None:
                assert control is not None  # without it every encoding is tried
                cases, are_all = await self._search.look_through(field, value, control=control, since=record.since)
                return _found(cases) if cases else _NOT_CREATED if are_all else _UNDECIDED
            cases = await self._search.by_external_id(field, value, encoding=encoding)
            if cases:
                return _found(cases)
            if control is None:
                raise ReadError("no case exists yet to use as the control case")
            return await self._ask_for_control_case(field, encoding)

    async def _control_case(self, field: str) -> CreatedCase | None:
        age = self._delay.again
        return await self._ledger.call(lambda: self._ledger.ledger.newest_created(field, age=age))

    async def _ask_for_control_case(self, field: str, encoding: Encoding) -> Outcome:
        """Chosen after the search, which must be as good as a list that shows the newest case."""
        control = await self._control_case(field)
        if control is None or not await self._search.shows(field, control, encoding=encoding):
            raise ReadError("the search does not find the newest case yet")
        return _NOT_CREATED

    async def _by_content(self, record: UnknownRecord) -> list[Case]:
        """Without an external id only a hit proves something: a server may change texts, so a miss does not."""
        ledger, free = self._ledger, []
        for case in await self._search.by_content(record):
            if not await ledger.call(partial(ledger.ledger.has_case, case.id)):
                free.append(case)
        has_rival = any(other.body == record.body for other in self._open.values() if other.id != record.id)
        return free if len(free) == 1 and not has_rival else []


async def look_twice(
    look: Callable[[], Awaitable[T]], *, is_enough: Callable[[T], bool], api: ApiAccess, again: float
) -> list[T]:
    """Look until something is enough, or twice, with ``again`` seconds between; longer where a look fails.

    Raises:
        ReadError: it failed too often, or for good.
    """
    looks: list[T] = []
    failures = 0
    while True:
        try:
            looks.append(await look())
        except ReadError as error:
            failures += not api.breaker.is_open  # an outage says nothing about this case; it ends the run
            if error.is_final or failures >= PATIENCE:
                raise
        else:
            if is_enough(looks[-1]) or len(looks) == 2:
                return looks
        await asyncio.sleep(again * 2**failures)


def external_id_in(record: UnknownRecord | Pending) -> str:
    """What the custom field of the external id holds in the body of a record that has one."""
    return str(orjson.loads(record.body)["custom_fields"][record.external_id_field])


def _finds_something(outcome: Outcome) -> bool:
    return outcome.state in (State.CREATED, State.DUPLICATE)


def _found(cases: list[Case]) -> Outcome:
    ids = sorted({case.id for case in cases})
    if len(ids) == 1:
        return Outcome(State.CREATED, ids[0], None, "found", "searched for: created")
    message = f"searched for: {len(ids)} cases found: {', '.join(ids[:20])}"
    return Outcome(State.DUPLICATE, None, None, "duplicate", message)
