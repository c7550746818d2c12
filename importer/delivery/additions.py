"""The life of the notes that follow a case: turn, fence, update, judgement; looked up if nobody knows; then the next.

An update that adds notes is not repeatable, just like a create, and the same rules hold: what may be waited for is
waited for before the fence, and only what is proven not to have been taken is sent again. As notes stand in the order
in which they came, all of one case go strictly one after another, and what cannot be settled holds up those behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import orjson

from importer.delivery.breaker import Breaker
from importer.delivery.budget import RetryBudget
from importer.delivery.deliver import MOST_ATTEMPTS, Courier
from importer.delivery.evidence import Shown, what_is_shown
from importer.delivery.judge import Signal, Verdict, judge_added
from importer.delivery.lookup import Lookup, LookupFailedError, UnreadableError
from importer.delivery.pace import Pace
from importer.delivery.pool import Stop, get_ready
from importer.delivery.reconcile import PATIENCE
from importer.ledger import LedgerWriter
from importer.ledger.additions import (
    Addition,
    Taken,
    fence_addition,
    next_addition,
    notes_before,
    settle_addition,
    unfence_addition,
)
from importer.models import AdditionState, Horizon, Notice, State
from importer.talkdesk.answers import Answer, Leave, clean, note_texts
from importer.talkdesk.auth import TokenTrouble

_AFTER = {
    State.CREATED: AdditionState.DONE,
    State.REFUSED: AdditionState.REFUSED,
    State.PENDING: AdditionState.PENDING,
    State.UNKNOWN: AdditionState.UNKNOWN,
}


class UpdateCase(Protocol):
    """Sends one update, once."""

    async def update(self, case_id: str, body: bytes, *, authorization: str, leave: Leave | None = None) -> Answer:
        """See :meth:`importer.talkdesk.client.CaseApi.update`."""
        ...


class Observer(Protocol):
    """Is told what happens, as it happens."""

    def followed(self, state: AdditionState) -> None:
        """One update reached ``state``, and it is on disk."""
        ...

    def notice(self, notice: Notice) -> None:
        """Something about the run that a person should know now."""
        ...


class NoteCourier:
    """Brings the notes that follow to their cases, one case at a time for each worker that calls it.

    Args:
        courier: Knows when a request may leave, and tells everybody what its answer says.
        api: Sends.
        ledger: Remembers, durably.
        lookup: Looks at cases.
        pace: Gives the last permission to leave.
        budget: Pays for repetitions.
        breaker: Knows whether the service is away.
        horizon: When a look can be believed.
        sends: Whether to send; otherwise only doubts are settled.
        stop: Says when nothing new is to be begun.
        observer: Is told.
        clock: Monotonic seconds.
        sleep: Waits.

    Attributes:
        sending: The tasks that have something under way; they must not be cancelled except to end the process.
    """

    def __init__(
        self,
        *,
        courier: Courier,
        api: UpdateCase,
        ledger: LedgerWriter,
        lookup: Lookup,
        pace: Pace,
        budget: RetryBudget,
        breaker: Breaker,
        horizon: Horizon,
        sends: bool,
        stop: Stop,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._courier = courier
        self._api = api
        self._ledger = ledger
        self._lookup = lookup
        self._pace = pace
        self._budget = budget
        self._breaker = breaker
        self._horizon = horizon
        self._sends = sends
        self._stop = stop
        self._observer = observer
        self._clock = clock
        self._sleep = sleep
        self._begun = clock()
        self.sending: set[asyncio.Task[None] | None] = set()

    async def follow(self, record: int) -> None:
        """Send what the case of ``record`` waits for, in order, until it has everything or something is in the way."""
        attempts: Counter[int] = Counter()
        while not self._stop.gently.is_set() and (addition := await self._next(record)) is not None:
            if addition.state is AdditionState.UNKNOWN:
                # Whatever an earlier process left behind was under way before this one began.
                doubt_began = self._clock() if attempts[addition.part] else self._begun
                state = await self._settle_doubt(addition, due=doubt_began + self._horizon.wait)
                goes_on = state is AdditionState.DONE or (
                    state is AdditionState.PENDING and self._courier.take_attempt(attempts[addition.part])
                )
            else:
                goes_on = self._sends and await self._send(addition, attempts)
            if not goes_on:
                return

    async def _next(self, record: int) -> Addition | None:
        return await self._ledger.call(lambda: next_addition(self._ledger.ledger, record))

    # -- sending ----------------------------------------------------------------------------------

    async def _send(self, addition: Addition, attempts: Counter[int]) -> bool:
        """One attempt; says whether to go on with this case."""
        if attempts[addition.part] >= MOST_ATTEMPTS:
            return False
        authorization = await get_ready(self._courier, self._observer.notice)
        task = asyncio.current_task()
        self.sending.add(task)
        try:
            if not await self._ledger.call(lambda: fence_addition(self._ledger.ledger, addition)):
                return False
            verdict = await self._deliver(addition, authorization)
            if verdict is None:
                return True
            if not attempts[addition.part]:
                self._budget.first_attempt()
        finally:
            self.sending.discard(task)
        attempts[addition.part] += verdict.signal is not Signal.UNAUTHORIZED
        return await self._may_go_on(verdict, attempts[addition.part])

    async def _deliver(self, addition: Addition, authorization: str) -> Verdict | None:
        """None if it was held back."""
        verdict = await self._courier.attempt(
            lambda leave: self._api.update(addition.case_id, addition.body, authorization=authorization, leave=leave),
            lambda answer: judge_added(answer, addition.case_id),
            authorization,
            about=addition.record,
        )
        if verdict is None:
            await self._ledger.call(lambda: unfence_addition(self._ledger.ledger, addition))
            return None
        _, _, http_status, code, message = verdict.outcome
        taken = Taken(_AFTER[verdict.outcome.state], http_status, code, message)
        await self._settle(addition, AdditionState.SENDING, taken)
        return verdict

    async def _may_go_on(self, verdict: Verdict, attempt: int) -> bool:
        state = verdict.outcome.state
        if state is not State.PENDING:
            return state is not State.REFUSED
        wait = self._courier.retry_wait(verdict, attempt)
        if wait is not None:
            await self._sleep(wait)
        return wait is not None

    async def _settle(self, addition: Addition, before: AdditionState, taken: Taken) -> None:
        await self._ledger.call(lambda: settle_addition(self._ledger.ledger, addition, before, taken))
        if taken.state in (AdditionState.DONE, AdditionState.REFUSED):
            self._observer.followed(taken.state)

    # -- looking up -------------------------------------------------------------------------------

    async def _settle_doubt(self, addition: Addition, *, due: float) -> AdditionState:
        """Find out whether the case has these notes; gives where they stand now."""
        await self._sleep(max(0.0, due - self._clock()))
        taken = await self._look_up(addition)
        await self._settle(addition, AdditionState.UNKNOWN, taken)
        return taken.state

    async def _look_up(self, addition: Addition) -> Taken:
        """Two looks that find nothing are proof; one that finds the notes is enough."""
        looks: list[Shown] = []
        failures = 0
        while len(looks) < 2:
            if looks:
                await self._sleep(self._horizon.recheck)
            try:
                looks.append(await self._look(addition))
            except UnreadableError as trouble:
                return _unreadable(trouble)
            except (LookupFailedError, TokenTrouble) as trouble:
                failures += not self._breaker.is_open  # an outage says nothing about this case; the breaker ends it
                if failures >= PATIENCE:
                    return _unreadable(trouble)
                await self._sleep(self._horizon.recheck * 2**failures)
            if Shown.THERE in looks:
                return Taken(AdditionState.DONE, None, "found", "looked up: the case has these notes")
        if Shown.UNCLEAR in looks:
            message = "looked up: the case shows other notes than it got, so nobody can say; see it in Talkdesk"
            return Taken(AdditionState.UNKNOWN, None, "unclear", message)
        return Taken(AdditionState.PENDING, None, "not_added", "looked up: the case does not have these notes")

    async def _look(self, addition: Addition) -> Shown:
        before = await self._ledger.call(lambda: notes_before(self._ledger.ledger, addition))
        case = await self._lookup.case(addition.case_id)
        return what_is_shown(
            note_texts(case),
            surely=_texts(before.surely),
            perhaps=_texts(before.perhaps),
            sent=_texts([addition.body]),
        )


def _texts(bodies: Iterable[bytes]) -> list[str]:
    return [text for body in bodies for text in note_texts(orjson.loads(body)) or ()]


def _unreadable(trouble: Exception) -> Taken:
    return Taken(AdditionState.UNKNOWN, None, "unreadable", clean(str(trouble)))
