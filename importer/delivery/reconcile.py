"""Settling doubt: finding out what became of rows that may or may not be cases.

The order is fixed. Wait out the horizon, so that nothing is under way any more. Look the row up. One hit: created.
Several: duplicate. None: prove with a canary, a case that is known to exist, that the list is up to date, and look
again later. None again: pending, but only if the row carries a stamp and the filter was seen to work. In all other
cases the row stays unknown.

Rows that are due at much the same time are looked up together, and share the canary, which is asked for last. It speaks
only for rows that were looked up a moment before; what took longer is looked up once more.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from importer.delivery.judge import case_id_of
from importer.delivery.lookup import Lookup, LookupFailedError
from importer.ledger import Doubtful, Known, LedgerWriter, Outcome, Settled
from importer.models import Horizon, State
from importer.talkdesk.auth import TokenTrouble
from importer.talkdesk.search import Encoding

#: Look-ups of one row that may fail before it is left to a later run.
PATIENCE = 5
#: Look-ups at once.
_AT_ONCE = 4
#: Share of :attr:`Horizon.recheck` that counts as the same moment: rows that are due in it are looked up together, and
#: a list that shows the canary at its end is believed to have been as good at its beginning.
_MOMENT = 1 / 4
_TROUBLE = (LookupFailedError, TokenTrouble)
_NOT_CREATED = Outcome(State.PENDING, code="not_created", message="looked up: not created")


class Doubt:
    """One record in doubt, and when to look it up next."""

    __slots__ = ("due", "failures", "misses", "record")

    def __init__(self, record: Doubtful, due: float) -> None:
        self.record = record
        self.due = due
        self.failures = 0
        self.misses = 0


class _Way(NamedTuple):
    """How rows with one stamp are looked up.

    Attributes:
        find: Gives the cases of a row.
        prove: What it comes to that a row was not found, twice; None if it proves nothing. Raises LookupFailedError if
            it cannot be told at the moment.
    """

    find: Callable[[Doubtful], Awaitable[list[dict[str, Any]]]]
    prove: Callable[[], Awaitable[Outcome | None]]


class _Look(NamedTuple):
    """What one look-up of a row came to.

    Attributes:
        doubt: The row.
        at: When the answer was there.
        outcome: What it proves; None if it proves nothing by itself.
        is_miss: Whether it showed no case.
    """

    doubt: Doubt
    at: float
    outcome: Outcome | None = None
    is_miss: bool = False


class Reconciler:
    """Settles doubts as they come, beside the workers.

    Args:
        ledger: Remembers.
        lookup: Finds cases.
        horizon: When look-ups can be believed. Counted on the monotonic clock from when this process knows of the
            doubt, never from a time on disk: clocks move, and a dead process's request may still be running.
        on_settled: Is given each record with the state it ended in: created, duplicate, pending (send it again),
            or unknown if it could not be decided.
        is_outage: Whether the service is known to be away.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        ledger: LedgerWriter,
        lookup: Lookup,
        horizon: Horizon,
        on_settled: Callable[[Doubtful, State], None],
        is_outage: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._lookup = lookup
        self._horizon = horizon
        self._moment = horizon.recheck * _MOMENT
        self._on_settled = on_settled
        self._is_outage = is_outage
        self._clock = clock
        self._doubts: dict[int, Doubt] = {}
        self._changed = asyncio.Event()

    def doubt(self, record: Doubtful) -> None:
        """Take a record into care; the horizon begins now."""
        due = self._clock() + self._horizon.wait
        if self._moment:  # the end of a moment, at which all that fall due in it are looked up together
            due = max(due, math.ceil(due / self._moment) * self._moment)
        self._doubts[record.id] = Doubt(record, due)
        self._changed.set()

    @property
    def open(self) -> int:
        """Records in care."""
        return len(self._doubts)

    async def run(self) -> None:
        """Settle doubts until cancelled."""
        while True:
            self._changed.clear()
            now = self._clock()
            due = defaultdict[str | None, list[Doubt]](list)
            for doubt in self._doubts.values():
                if doubt.due <= now:
                    due[doubt.record.stamp].append(doubt)
            for stamp, doubts in due.items():
                left = doubts
                while left:
                    left = await self._settle(stamp, left)
            if not due:
                await self._wait()

    async def _wait(self) -> None:
        next_due = min((doubt.due for doubt in self._doubts.values()), default=None)
        try:
            async with asyncio.timeout(None if next_due is None else max(0.0, next_due - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            pass

    # -- looking ----------------------------------------------------------------------------------

    async def _settle(self, stamp: str | None, due: list[Doubt]) -> list[Doubt]:
        """Look up the first of the rows that are due, as many as one canary can speak for; gives the others."""
        try:
            way = await self._way(stamp)
        except _TROUBLE:
            self._failed(due[:_AT_ONCE])
            return due[_AT_ONCE:]
        looks = await self._look(due, way)
        decided = {look.doubt: look.outcome for look in looks if look.outcome is not None}
        if missed := _fresh([look for look in looks if look.is_miss], self._moment):
            try:
                final = await way.prove()
            except _TROUBLE:
                self._failed(missed)
            else:
                decided |= self._miss(missed, final)
        await asyncio.gather(*(self._write(doubt, outcome) for doubt, outcome in decided.items()))
        return due[len(looks) :]

    async def _look(self, due: list[Doubt], way: _Way) -> list[_Look]:
        """Look up some rows, but no more when half of the moment is over: the rest is for the last and the canary."""
        looks: list[_Look] = []
        until = self._clock() + self._moment / 2
        while len(looks) < len(due) and (not looks or self._clock() < until):
            together = due[len(looks) : len(looks) + _AT_ONCE]
            looks += await asyncio.gather(*(self._find(doubt, way) for doubt in together))
        return looks

    async def _find(self, doubt: Doubt, way: _Way) -> _Look:
        try:
            cases = await way.find(doubt.record)
            return _Look(doubt, self._clock(), _found(cases) if cases else None, is_miss=not cases)
        except _TROUBLE:
            self._failed([doubt])
            return _Look(doubt, self._clock())

    def _failed(self, doubts: list[Doubt]) -> None:
        """Something could not be looked up: it is tried again later, or left to a later run."""
        for doubt in doubts:
            doubt.failures += not self._is_outage()  # an outage says nothing about this row; the breaker ends it
            if doubt.failures < PATIENCE:
                doubt.due = self._clock() + self._horizon.recheck * 2**doubt.failures
            else:
                self._let_go(doubt, State.UNKNOWN)

    def _miss(self, doubts: list[Doubt], final: Outcome | None) -> dict[Doubt, Outcome]:
        """Rows were not found; gives those for which that is the end, except for what cannot be decided at all."""
        decided = {}
        due = self._clock() + self._horizon.recheck
        for doubt in doubts:
            doubt.misses += 1
            if doubt.misses < 2:
                doubt.due = due
            elif final is not None:
                decided[doubt] = final
            else:
                self._let_go(doubt, State.UNKNOWN)
        return decided

    async def _write(self, doubt: Doubt, outcome: Outcome) -> None:
        settled = await self._ledger.settle(doubt.record.id, outcome, before=State.UNKNOWN)
        self._let_go(doubt, outcome.state if settled is Settled.DONE else State.UNKNOWN)

    def _let_go(self, doubt: Doubt, state: State) -> None:
        del self._doubts[doubt.record.id]
        self._on_settled(doubt.record, state)

    # -- what a look-up is worth ------------------------------------------------------------------

    async def _way(self, stamp: str | None) -> _Way:
        if stamp is None:
            return _Way(self._by_content, _nothing_proven)
        canary = await self._canary(stamp)
        if canary is None:  # nothing to prove a filter with
            return _Way(self._by_stamp(stamp, Encoding.DOC), _nothing_to_prove_with)
        encoding = await self._lookup.certified(stamp, canary)
        if encoding is None:
            return _Way(lambda record: self._lookup.newest(stamp, {stamp_of(record.body, stamp)}), _nothing_proven)
        return _Way(self._by_stamp(stamp, encoding), lambda: self._ask_for_canary(stamp, encoding))

    def _canary(self, stamp: str) -> asyncio.Future[Known | None]:
        age = self._horizon.recheck
        return self._ledger.call(lambda: self._ledger.ledger.newest_created(stamp, age=age))

    def _by_stamp(self, stamp: str, encoding: Encoding) -> Callable[[Doubtful], Awaitable[list[dict[str, Any]]]]:
        return lambda record: self._lookup.stamped(stamp, stamp_of(record.body, stamp), encoding=encoding)

    async def _ask_for_canary(self, stamp: str, encoding: Encoding) -> Outcome:
        """Chosen when all rows were looked up, so that it is no older than each of them alone could ask for."""
        canary = await self._canary(stamp)
        if canary is None or not await self._lookup.sees(stamp, canary, encoding=encoding):
            raise LookupFailedError("the list does not show the newest case yet")
        return _NOT_CREATED

    async def _by_content(self, record: Doubtful) -> list[dict[str, Any]]:
        """Without a stamp only a hit proves something: a server may change texts, so a miss does not."""
        found = await self._lookup.alike(record.body, since=record.since, until=time.time())
        free = [case for case in found if not await self._is_claimed(case)]
        return free if len(free) == 1 and not self._has_rival(record) else []

    async def _is_claimed(self, case: dict[str, Any]) -> bool:
        return await self._ledger.call(lambda: self._ledger.ledger.has_case(str(case_id_of(case))))

    def _has_rival(self, record: Doubtful) -> bool:
        """Whether another row in doubt could claim the same case."""
        return any(other.record.body == record.body for other in self._doubts.values() if other.record.id != record.id)


async def _nothing_proven() -> None:
    return None


async def _nothing_to_prove_with() -> None:
    raise LookupFailedError("there is no case yet to prove the list with")


def _fresh(misses: list[_Look], moment: float) -> list[Doubt]:
    """Those that were looked up in the moment before the last of them."""
    last = max((look.at for look in misses), default=0.0)
    return [look.doubt for look in misses if look.at >= last - moment]


def stamp_of(body: bytes, stamp: str) -> str:
    """What the custom field ``stamp`` of a body holds."""
    return str(orjson.loads(body)["custom_fields"][stamp])


def _found(cases: list[dict[str, Any]]) -> Outcome:
    found = {case_id_of(case) for case in cases}
    if None in found:
        raise LookupFailedError("the list shows a case without a usable id")
    ids = sorted(str(case_id) for case_id in found)
    if len(ids) == 1:
        return Outcome(State.CREATED, ids[0], None, "found", "looked up: it was created")
    return Outcome(
        State.DUPLICATE, None, None, "duplicate", f"looked up: there are {len(ids)} cases: {', '.join(ids[:20])}"
    )
