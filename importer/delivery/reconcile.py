"""Settling unknown outcomes: finding out what became of rows that may or may not be cases.

The order is fixed. Wait out the settle delay, so that nothing is under way any more. Search by external id. One case:
created. Several: duplicate. None: that counts only if the list is proven to be up to date by the control case, the
newest case that is known to exist for some time, which is asked for last; and it must come out twice. Then: pending,
but only if the filter was seen to work, or the list was read, newest first, to its end or back past a case that was
there before the row was sent. In all other cases the outcome stays unknown; so does that of a row without an external
id, for nothing tells its case from others like it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.case_search import CaseSearch, external_id_in
from importer.ledger import LedgerWriter
from importer.ledger.decisions import cases_before, note_search
from importer.ledger.records import CreatedCase, Outcome, Settled, UnknownRecord
from importer.models import SettleDelay, State
from importer.talkdesk.search import Encoding
from importer.talkdesk.shown import Case
from importer.text.safe import clean

#: Searches for one row that may fail before it is left to a later run.
MOST_FAILURES = 5
#: Rows that are searched for at the same time; more would hold up the sending behind them.
_AT_ONCE = 4

_NOT_CREATED = Outcome(State.PENDING, code="not_created", message="searched for: not created")
_UNDECIDED = Outcome(State.UNKNOWN)

T = TypeVar("T")


class Reconciler:
    """Settles unknown outcomes, each in the task that asks for it: the worker that sent a row is held until it is known
    what became of it, which takes minutes where searches fail.

    The settle delay is counted from when this process knows of the unknown outcome, never from a time on disk: clocks
    move, and a dead process's request may still be running.
    """

    def __init__(self, api: ApiAccess, ledger: LedgerWriter, *, delay: SettleDelay) -> None:
        self._api = api
        self._search = CaseSearch(api)
        self._ledger = ledger
        self._delay = delay
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def settle(self, record: UnknownRecord, *, known_at: float) -> State:
        """Wait out the settle delay, search, and write down what that proves: created, duplicate, pending (it may be
        sent again), or unknown if it could not be decided.

        One search that finds a case decides. That there is none must come out twice. ``known_at`` is a time of the
        running loop.
        """
        field = record.external_id_field
        if field is None:
            return State.UNKNOWN
        await asyncio.sleep(max(0.0, known_at + self._delay.first - asyncio.get_running_loop().time()))
        outcome, why = _UNDECIDED, "the list of cases proves nothing"
        try:
            control = await self._control_case(field)
            # If the control case may be older than the row by some time, a list that shows the one may take as long to
            # show the other. How long a request was on its way is not known, so it may be as old as its mark.
            older = 0.0 if control is None else record.since - control.sent_at
            again = max(self._delay.again, min(older, 4 * self._delay.again))
            found = (State.CREATED, State.DUPLICATE)
            looks = await look_twice(
                lambda: self._look(record, field),
                is_enough=lambda outcome: outcome.state in found,
                api=self._api,
                again=again,
            )
            if looks[0] == looks[-1] or looks[-1].state in found:
                outcome = looks[-1]
        except ReadError as error:
            why = str(error)
        noted = (outcome.code or "undecided", clean(outcome.message or why))
        await self._ledger.call(note_search, record.id, *noted)
        if outcome.state is not State.UNKNOWN:
            settled = await self._ledger.settle(record.id, outcome, before=State.UNKNOWN)
            if settled is not Settled.DONE:
                outcome = _UNDECIDED
        return outcome.state

    async def _look(self, record: UnknownRecord, field: str) -> Outcome:
        """What one search says: created, duplicate, pending for "not created", or unknown if it proves nothing."""
        async with self._turns:
            control = await self._control_case(field)
            encoding = Encoding.DOC if control is None else await self._search.certified(field, control)
            value = external_id_in(record)
            if encoding is None:
                assert control is not None  # without it the documented encoding is taken
                earlier = await self._ledger.call(cases_before, record.id)
                cases, are_all = await self._search.look_through(field, value, control=control, earlier=earlier)
                return _found(cases) if cases else _NOT_CREATED if are_all else _UNDECIDED
            cases = await self._search.by_external_id(field, value, encoding=encoding)
            if cases:
                return _found(cases)
            if control is None:
                raise ReadError("no case exists yet to use as the control case")
            # chosen after the search, which must be as good as a list that shows the newest case
            newest = await self._control_case(field)
            if newest is None or not await self._search.shows(field, newest, encoding=encoding):
                raise ReadError("the search does not find the newest case yet")
            return _NOT_CREATED

    async def _control_case(self, field: str) -> CreatedCase | None:
        return await self._ledger.call(lambda ledger: ledger.newest_created(field, age=self._delay.again))


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
            if error.is_final or failures >= MOST_FAILURES:
                raise
        else:
            if is_enough(looks[-1]) or len(looks) == 2:
                return looks
        await asyncio.sleep(again * 2**failures)


def _found(cases: list[Case]) -> Outcome:
    ids = sorted({case.id for case in cases})
    if len(ids) == 1:
        return Outcome(State.CREATED, ids[0], None, "found", "searched for: created")
    message = f"searched for: {len(ids)} cases found: {', '.join(ids[:20])}"
    return Outcome(State.DUPLICATE, None, None, "duplicate", message)
