"""Settling unknown outcomes: finding out what became of rows that may or may not be cases.

The order is fixed. Wait out the settle delay, so that nothing is under way any more. Search by external id. One case:
created. Several: duplicate. None: that counts only if the list is proven to be up to date by the control case, the
newest case that is known to exist for some time, which is asked for last; and it must come out twice. Then: pending,
but only if the row carries an external id and the filter was seen to work. In all other cases the outcome stays
unknown.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

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
#: Newest pages that are read where no filter works; they can show that a case exists, never that it does not.
_NEWEST_PAGES = 5
#: Rows that are searched for together, and share the control case that is asked for behind them.
_TOGETHER = 4
#: Share of :attr:`SettleDelay.again` for which a list that shows the control case is believed to have been as good
#: before.
_MOMENT = 1 / 4
#: Seconds that the server's clock may differ from ours.
CLOCK_MARGIN = 900.0

_NOT_CREATED = Outcome(State.PENDING, code="not_created", message="searched for: not created")

#: Is given each record with the state it ended in: created, duplicate, pending (send it again), or unknown if it could
#: not be decided.
OnSettled = Callable[[UnknownRecord, State], None]


class CaseSearch:
    """Finds cases, as an exception or all of them. Only a filter that was seen to work may say "not found".

    Args:
        api: The API of this run.
    """

    def __init__(self, api: ApiAccess) -> None:
        self._api = api
        self._certified: dict[str, Encoding | None] = {}

    async def by_external_id(self, field: str, value: str, *, encoding: Encoding = Encoding.DOC) -> list[Case]:
        """All cases whose custom field ``field`` holds exactly ``value``.

        Raises:
            ReadError: the list could not be read to its end.
        """
        found = await self._all(search.by_external_id(field, value, encoding=encoding))
        return [case for case in found if case.has(field, value)]

    async def by_content(self, record: UnknownRecord) -> list[Case]:
        """All cases with the title, description and requester of a record, made since it was sent.

        Raises:
            ReadError: the list could not be read to its end.
        """
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
        """Those of the newest cases whose custom field ``field`` holds one of ``values``; for want of a filter.

        Raises:
            ReadError: the list could not be read.
        """
        cases: list[Case] = []
        for number in range(1, _NEWEST_PAGES + 1):
            page = await self._page([], number)
            cases += page.cases
            if page.completes(len(cases)):
                break
        return [case for case in cases if any(case.has(field, value) for value in values)]

    async def certified(self, field: str, control: CreatedCase) -> Encoding | None:
        """The encoding of filters by ``field`` that was seen to work, None if none does; found out once.

        Raises:
            ReadError: the probe could not be finished, or the control case is not in the list yet.
        """
        if field not in self._certified:
            self._certified[field] = await self._probe(field, control)
        return self._certified[field]

    async def _probe(self, field: str, control: CreatedCase) -> Encoding | None:
        """A filter works if it finds a case that exists, and nothing for a value that does not."""
        can_filter = False
        for encoding in Encoding:
            if await self.ignores(field, encoding=encoding):
                continue
            can_filter = True
            if await self.shows(field, control, encoding=encoding):
                return encoding
        if can_filter:
            raise ReadError("the list does not show a case that exists")
        return None

    async def ignores(self, field: str, *, encoding: Encoding) -> bool:
        """Whether a filter by ``field`` finds what does not exist; in an empty account none does.

        Raises:
            ReadError: the list cannot be read.
        """
        absent = f"absent-{secrets.token_hex(12)}"
        return bool((await self._page(search.by_external_id(field, absent, encoding=encoding), 1)).cases)

    async def shows(self, field: str, control: CreatedCase, *, encoding: Encoding) -> bool:
        """Whether a search by external id finds the control case."""
        found = await self.by_external_id(field, control.key, encoding=encoding)
        return control.case_id in [case.id for case in found]

    async def _all(self, parameters: search.Parameters) -> list[Case]:
        cases: list[Case] = []
        for number in range(1, MOST_PAGES + 1):
            page = await self._page(parameters, number)
            cases += page.cases
            if page.completes(len(cases)):
                return cases
        raise ReadError(f"the list is longer than {MOST_PAGES} pages: it does not filter")

    async def _page(self, parameters: search.Parameters, number: int) -> search.Page:
        query = search.query(parameters, page=number)
        return await self._api.read(
            lambda token: self._api.client.list_cases(query, token), search.read_page, what="the list of cases"
        )


@dataclass(slots=True, eq=False)
class _Unknown:
    """A record whose outcome is unknown, and when to search for it next."""

    record: UnknownRecord
    due: float
    failures: int = 0
    misses: int = 0
    searched_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Method:
    """How the rows with one external id are searched for.

    Attributes:
        find: Gives the cases of a row.
        prove: What it comes to that a row was not found twice; None if it proves nothing. Raises ReadError if that
            cannot be told at the moment.
    """

    find: Callable[[UnknownRecord], Awaitable[list[Case]]]
    prove: Callable[[], Awaitable[Outcome | None]]


class Reconciler:
    """Settles unknown outcomes as they come, beside the workers.

    The settle delay is counted from when this process knows of the unknown outcome, never from a time on disk: clocks
    move, and a dead process's request may still be running.

    Args:
        api: The API of this run.
        ledger: Remembers.
        delay: When a search can be believed.
    """

    def __init__(self, api: ApiAccess, ledger: LedgerWriter, *, delay: SettleDelay) -> None:
        self._api = api
        self._search = CaseSearch(api)
        self._ledger = ledger
        self._delay = delay
        self._open: dict[int, _Unknown] = {}
        self._changed = asyncio.Event()

    def add(self, record: UnknownRecord) -> None:
        """Take a record into care; the settle delay begins now."""
        self._open[record.id] = _Unknown(record, _now() + self._delay.first)
        self._changed.set()

    @property
    def open(self) -> int:
        """Records in care."""
        return len(self._open)

    async def run(self, on_settled: OnSettled) -> None:
        """Settle outcomes until cancelled."""
        while True:
            self._changed.clear()
            due = sorted((unknown for unknown in self._open.values() if unknown.due <= _now()), key=lambda it: it.due)
            if due:
                field = due[0].record.external_id_field
                together = [unknown for unknown in due if unknown.record.external_id_field == field][:_TOGETHER]
                await self._settle(field, together, on_settled)
            else:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout_at(min((unknown.due for unknown in self._open.values()), default=None)):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _settle(self, field: str | None, together: list[_Unknown], on_settled: OnSettled) -> None:
        """Search for some rows that are due, and write down what is decided."""
        try:
            method = await self._method(field)
        except ReadError:
            self._failed(together, on_settled)
            return
        outcomes = await asyncio.gather(*(self._find(unknown, method, on_settled) for unknown in together))
        found = {it: outcome for it, outcome in zip(together, outcomes, strict=True) if outcome is not None}
        missed = [it for it in together if it not in found and it.searched_at is not None]
        if missed:
            found |= await self._missed(missed, method, on_settled)
        for unknown, outcome in found.items():
            settled = await self._ledger.settle(unknown.record.id, outcome, before=State.UNKNOWN)
            self._let_go(unknown, outcome.state if settled is Settled.DONE else State.UNKNOWN, on_settled)

    async def _find(self, unknown: _Unknown, method: _Method, on_settled: OnSettled) -> Outcome | None:
        unknown.searched_at = None
        try:
            cases = await method.find(unknown.record)
        except ReadError:
            self._failed([unknown], on_settled)
            return None
        unknown.searched_at = _now()
        return _found(cases) if cases else None

    async def _missed(self, missed: list[_Unknown], method: _Method, on_settled: OnSettled) -> dict[_Unknown, Outcome]:
        """Rows were not found; gives those for which that is the end, by proof."""
        # What was found out earlier is searched for once more: the control case speaks only for the moment before it.
        oldest = max(it.searched_at or 0.0 for it in missed) - self._delay.again * _MOMENT
        fresh = [it for it in missed if (it.searched_at or 0.0) >= oldest]
        try:
            proof = await method.prove()
        except ReadError:
            self._failed(fresh, on_settled)
            return {}
        decided = {}
        for unknown in fresh:
            unknown.misses += 1
            if unknown.misses < 2:
                unknown.due = _now() + self._delay.again
            elif proof is not None:
                decided[unknown] = proof
            else:
                self._let_go(unknown, State.UNKNOWN, on_settled)
        return decided

    def _failed(self, unknowns: list[_Unknown], on_settled: OnSettled) -> None:
        """Something could not be searched for: it is tried again later, or left to a later run."""
        for unknown in unknowns:
            unknown.failures += not self._api.breaker.is_open  # an outage says nothing about this row; it ends the run
            if unknown.failures < PATIENCE:
                unknown.due = _now() + self._delay.again * 2**unknown.failures
            else:
                self._let_go(unknown, State.UNKNOWN, on_settled)

    def _let_go(self, unknown: _Unknown, state: State, on_settled: OnSettled) -> None:
        del self._open[unknown.record.id]
        on_settled(unknown.record, state)

    # -- what a search is worth -------------------------------------------------------------------

    async def _method(self, field: str | None) -> _Method:
        if field is None:
            return _Method(self._by_content, _proves_nothing)
        control = await self._control_case(field)
        if control is None:
            return _Method(lambda record: self._by_external_id(record, Encoding.DOC), _lacks_a_control_case)
        encoding = await self._search.certified(field, control)
        if encoding is None:
            return _Method(lambda record: self._search.newest(field, {external_id_in(record)}), _proves_nothing)
        return _Method(
            lambda record: self._by_external_id(record, encoding), lambda: self._ask_for_control_case(field, encoding)
        )

    async def _control_case(self, field: str) -> CreatedCase | None:
        age = self._delay.again
        return await self._ledger.call(lambda: self._ledger.ledger.newest_created(field, age=age))

    async def _by_external_id(self, record: UnknownRecord, encoding: Encoding) -> list[Case]:
        assert record.external_id_field is not None
        return await self._search.by_external_id(record.external_id_field, external_id_in(record), encoding=encoding)

    async def _ask_for_control_case(self, field: str, encoding: Encoding) -> Outcome:
        """Chosen when all rows were searched for, so that it is no older than each of them alone could ask for."""
        control = await self._control_case(field)
        if control is None or not await self._search.shows(field, control, encoding=encoding):
            raise ReadError("the list does not show the newest case yet")
        return _NOT_CREATED

    async def _by_content(self, record: UnknownRecord) -> list[Case]:
        """Without an external id only a hit proves something: a server may change texts, so a miss does not."""
        found = await self._search.by_content(record)
        free = [case for case in found if not await self._is_claimed(case)]
        return free if len(free) == 1 and not self._has_rival(record) else []

    async def _is_claimed(self, case: Case) -> bool:
        return await self._ledger.call(lambda: self._ledger.ledger.has_case(case.id))

    def _has_rival(self, record: UnknownRecord) -> bool:
        """Whether another row with an unknown outcome could claim the same case."""
        return any(it.record.body == record.body for it in self._open.values() if it.record.id != record.id)


async def _proves_nothing() -> None:
    return None


async def _lacks_a_control_case() -> None:
    raise ReadError("there is no case yet to prove the list with")


def external_id_in(record: UnknownRecord | Pending) -> str:
    """What the custom field of the external id holds in the body of a record that has one."""
    return str(orjson.loads(record.body)["custom_fields"][record.external_id_field])


def _found(cases: list[Case]) -> Outcome:
    ids = sorted({case.id for case in cases})
    if len(ids) == 1:
        return Outcome(State.CREATED, ids[0], None, "found", "searched for: it was created")
    message = f"searched for: there are {len(ids)} cases: {', '.join(ids[:20])}"
    return Outcome(State.DUPLICATE, None, None, "duplicate", message)


def _now() -> float:
    return asyncio.get_running_loop().time()
