"""Settling doubt: finding out what became of rows that may or may not be cases.

The order is fixed. Wait out the horizon, so that nothing is under way any more. Look the row up. One hit: created.
Several: duplicate. None: prove with a canary, a case that is known to exist, that the list is up to date, and look
again later. None again: pending, but only if the row carries a stamp and the filter was seen to work. In all other
cases the row stays unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from importer.delivery.judge import case_id_of
from importer.delivery.lookup import Lookup, LookupFailedError
from importer.ledger import Doubtful, LedgerWriter, Outcome, Settled
from importer.records import State
from importer.talkdesk.auth import TokenTrouble
from importer.talkdesk.search import Encoding

#: Look-ups of one row that may fail before it is left to a later run.
PATIENCE = 5
#: Look-ups at once.
_AT_ONCE = 4


class Horizon(NamedTuple):
    """How long to wait before a look-up can be believed.

    Attributes:
        wait: Seconds from the beginning of the doubt to the first look-up: the longest that the server, and
            anything before it, may still work on a request whose answer was lost.
        recheck: Seconds to the second look-up, if the first found nothing: the longest that a new case may be
            missing from the list.
    """

    wait: float
    recheck: float


class Doubt:
    """One record in doubt, and when to look it up next."""

    __slots__ = ("due", "failures", "misses", "record")

    def __init__(self, record: Doubtful, due: float) -> None:
        self.record = record
        self.due = due
        self.failures = 0
        self.misses = 0


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
        self._on_settled = on_settled
        self._is_outage = is_outage
        self._clock = clock
        self._doubts: dict[int, Doubt] = {}
        self._changed = asyncio.Event()

    def doubt(self, record: Doubtful) -> None:
        """Take a record into care; the horizon begins now."""
        self._doubts[record.id] = Doubt(record, self._clock() + self._horizon.wait)
        self._changed.set()

    @property
    def open(self) -> int:
        """Records in care."""
        return len(self._doubts)

    async def run(self) -> None:
        """Settle doubts until cancelled."""
        while True:
            self._changed.clear()
            due = [doubt for doubt in self._doubts.values() if doubt.due <= self._clock()]
            for start in range(0, len(due), _AT_ONCE):
                await asyncio.gather(*(self._settle(doubt) for doubt in due[start : start + _AT_ONCE]))
            if not due:
                await self._wait()

    async def _wait(self) -> None:
        next_due = min((doubt.due for doubt in self._doubts.values()), default=None)
        try:
            async with asyncio.timeout(None if next_due is None else max(0.0, next_due - self._clock())):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _settle(self, doubt: Doubt) -> None:
        try:
            outcome = await self._decide(doubt)
        except (LookupFailedError, TokenTrouble):
            doubt.failures += not self._is_outage()  # an outage says nothing about this row; the breaker ends it
            if doubt.failures < PATIENCE:
                doubt.due = self._clock() + self._horizon.recheck * 2**doubt.failures
                return
            outcome = None
        if outcome is None:
            self._let_go(doubt, State.UNKNOWN)
        elif outcome.state is not State.UNKNOWN:
            await self._write(doubt, outcome)

    async def _write(self, doubt: Doubt, outcome: Outcome) -> None:
        settled = await self._ledger.settle(doubt.record.id, outcome, before=State.UNKNOWN)
        self._let_go(doubt, outcome.state if settled is Settled.DONE else State.UNKNOWN)

    def _let_go(self, doubt: Doubt, state: State) -> None:
        del self._doubts[doubt.record.id]
        self._on_settled(doubt.record, state)

    # -- deciding ---------------------------------------------------------------------------------

    async def _decide(self, doubt: Doubt) -> Outcome | None:
        """The outcome; state unknown for "ask again when it is due"; None if it cannot be decided."""
        record = doubt.record
        if record.stamp is None:
            return await self._decide_by_content(doubt)
        age = self._horizon.recheck
        canary = await self._ledger.call(lambda: self._ledger.ledger.newest_created(record.stamp, age=age))
        encoding = await self._lookup.certified(record.stamp, canary) if canary is not None else None
        if canary is None:  # nothing to prove a filter with
            found = await self._lookup.stamped(record.stamp, stamp_of(record.body, record.stamp), encoding=Encoding.DOC)
        elif encoding is None:
            found = await self._lookup.newest(record.stamp, stamp_of(record.body, record.stamp))
        else:
            found = await self._lookup.stamped(record.stamp, stamp_of(record.body, record.stamp), encoding=encoding)
        if found:
            return _found(found)
        if canary is None:
            raise LookupFailedError("there is no case yet to prove the list with")
        if encoding is None:
            return self._miss(doubt, final=None)
        if not await self._lookup.sees(record.stamp, canary, encoding=encoding):
            raise LookupFailedError("the list does not show the newest case yet")
        return self._miss(doubt, final=Outcome(State.PENDING, code="not_created", message="looked up: not created"))

    async def _decide_by_content(self, doubt: Doubt) -> Outcome | None:
        """Without a stamp only a hit proves something: a server may change texts, so a miss does not."""
        record = doubt.record
        found = await self._lookup.alike(record.body, since=record.since, until=time.time())
        free = [case for case in found if not await self._is_claimed(case)]
        if len(free) == 1 and not await self._has_rival(record):
            return _found(free)
        return self._miss(doubt, final=None)

    async def _is_claimed(self, case: dict[str, Any]) -> bool:
        return await self._ledger.call(lambda: self._ledger.ledger.has_case(str(case_id_of(case))))

    async def _has_rival(self, record: Doubtful) -> bool:
        """Whether another row in doubt could claim the same case."""
        return any(other.record.body == record.body for other in self._doubts.values() if other.record.id != record.id)

    def _miss(self, doubt: Doubt, *, final: Outcome | None) -> Outcome | None:
        doubt.misses += 1
        if doubt.misses >= 2:
            return final
        doubt.due = self._clock() + self._horizon.recheck
        return Outcome(State.UNKNOWN)


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
