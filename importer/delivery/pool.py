"""All records of one run: workers, the way they stop, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Container
from dataclasses import dataclass, field
from typing import Any, Protocol

from importer.delivery.audit import Audit
from importer.delivery.breaker import PATIENCE, Breaker, outage
from importer.delivery.deliver import Courier, Handed
from importer.delivery.queue import RecordQueue
from importer.errors import CaseImporterError
from importer.ledger import Doubtful, LedgerWriter, Pending
from importer.models import Notice, State
from importer.talkdesk.auth import TokenTrouble

#: Seconds between attempts to get a token while the token endpoint is in trouble.
_TOKEN_WAIT = 5.0


class Observer(Protocol):
    """Is told what happens, as it happens; draws a progress bar, say. Must be quick and must not fail."""

    def settled(self, state: State) -> None:
        """One record reached ``state``, and it is on disk."""
        ...

    def notice(self, notice: Notice) -> None:
        """Something about the run that a person should know now."""
        ...


@dataclass(slots=True)
class Delivered:
    """What a delivery came to.

    Attributes:
        moved: Records that reached each state in this run.
        error: Why the run was stopped, if it was.
        left_over: Records that stayed pending although their turn came.
        parked: How many of them because rows like them were refused over and over; others had used up their attempts.
    """

    moved: Counter[State] = field(default_factory=Counter)
    error: CaseImporterError | None = None
    left_over: int = 0
    parked: int = 0


async def get_ready(courier: Courier, notice: Callable[[Notice], None]) -> str:
    """Wait for a token and a turn; a token endpoint in trouble says nothing about any row."""
    waited = 0.0
    while True:
        try:
            return await courier.get_ready()
        except TokenTrouble as trouble:
            if waited >= PATIENCE:
                raise outage(f"no token: {trouble}", where="token endpoint", seconds=waited) from None
            text = f"no access token ({trouble}); retrying in {_TOKEN_WAIT:.0f} s"
            notice(Notice("token_retry", text, {"seconds": _TOKEN_WAIT}))
            await asyncio.sleep(_TOKEN_WAIT)
            waited += _TOKEN_WAIT


class Doubts(Protocol):
    """Takes care of records that may have been created."""

    def doubt(self, record: Doubtful) -> None:
        """Take one record into care; :meth:`Pool.on_settled` is called when it is decided."""
        ...

    @property
    def open(self) -> int:
        """Records in care."""
        ...

    async def run(self) -> None:
        """Settle doubts until cancelled."""
        ...


class Stop:
    """How a run is told to stop: gently, then at once. Safe to call from a signal handler of the loop."""

    def __init__(self) -> None:
        self.gently = asyncio.Event()
        self.at_once = asyncio.Event()

    def request(self) -> None:
        """First call: no new rows, finish what is under way. Second call: out now."""
        (self.at_once if self.gently.is_set() else self.gently).set()


class Pool:
    """Workers that take records from a queue until it is empty or somebody stops them.

    Args:
        courier: Delivers one record.
        audit: Says which records must not be sent again.
        queue: Hands them out.
        ledger: For the last word on rows that are given up.
        breaker: Says when the run must stop.
        stop: How others make it stop.
        concurrency: Workers.
        grace: Seconds that requests under way get after a gentle stop.
        observer: Is told.
        doubts: Settles records that may have been created; must be told to report to :meth:`on_settled`.
        resend: Send records again that turn out not to have been created.
    """

    def __init__(
        self,
        *,
        courier: Courier,
        audit: Audit,
        queue: RecordQueue,
        ledger: LedgerWriter,
        breaker: Breaker,
        stop: Stop,
        concurrency: int,
        grace: float,
        observer: Observer,
        doubts: Doubts,
        resend: bool = True,
    ) -> None:
        self._courier = courier
        self._audit = audit
        self._queue = queue
        self._ledger = ledger
        self._breaker = breaker
        self._stop = stop
        self._concurrency = concurrency
        self._grace = grace
        self._observer = observer
        self._doubts = doubts
        self._resend = resend
        self._slots = asyncio.Semaphore(concurrency)
        self._in_slot: set[int] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.result = Delivered()

    def take_over(self, records: list[Doubtful]) -> None:
        """Settle doubts that an earlier run left behind; those not created are sent again by this one."""
        for record in records:
            self._queue.expect()
            self._doubts.doubt(record)

    async def run(self) -> Delivered:
        """Deliver until nothing is left or the run is stopped. Never leaves a row in ``sending``."""
        workers = [asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(self._concurrency)]
        settling = asyncio.create_task(self._doubts.run(), name="doubts")
        watch = asyncio.create_task(self._stop.gently.wait(), name="watch")
        try:
            await self._until_done(workers, {settling, watch}, watch)
        finally:
            watch.cancel()
            self.result.error = await end_workers(
                workers, settling, sending=self._sending, stop=self._stop, grace=self._grace
            )
            abandoned = await self._ledger.call(self._ledger.ledger.abandon)
            self.result.moved[State.UNKNOWN] += abandoned + self._doubts.open
        self.result.error = self.result.error or self._breaker.stop
        self.result.moved = +self.result.moved  # no zeros
        return self.result

    async def _until_done(
        self, workers: list[asyncio.Task[None]], others: set[asyncio.Task[Any]], watch: asyncio.Task[Any]
    ) -> None:
        waiting: set[asyncio.Task[Any]] = {*workers, *others}
        while waiting - others:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if watch in done:
                return
            for task in done:  # none of them ends before the queue does, unless something broke: then all end
                task.result()

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not self._stop.gently.is_set():
            await self._slots.acquire()  # held until the record is beyond doubt: no more doubts than workers
            record = await self._queue.take()
            if record is None:
                return
            if (cause := self._courier.cause_to_park(record)) is not None:
                await self._courier.park(record, cause)
                self.result.parked += 1
                self._note(record, Handed(State.PENDING))
                continue
            if self._audit.concerns(record) and await self._audit.contradicts(record):
                self._note(record, Handed(State.UNKNOWN))
                continue
            authorization = await get_ready(self._courier, self._observer.notice)
            self._sending.add(task)
            try:
                handed = await self._courier.deliver(record, authorization, then=self._on_created)
            finally:
                self._sending.discard(task)
            if handed.state is State.CREATED:
                self._slots.release()
            else:
                self._note(record, handed)

    def _on_created(self, record: Pending, handed: Handed) -> None:
        """Only what is on disk is a success; the worker went on long ago."""
        if handed.state is State.CREATED:
            self._count(State.CREATED)
        else:  # its case is another row's as well: the run is over
            self._doubts.doubt(_in_doubt(record))

    def _note(self, record: Pending, handed: Handed) -> None:
        if handed.state is State.UNKNOWN:
            self._in_slot.add(record.id)
            self._doubts.doubt(_in_doubt(record))
        else:
            self._slots.release()
            if handed.retry_in is not None:
                self._queue.again(record, after=handed.retry_in)
            else:
                self._count(handed.state)

    def _count(self, state: State) -> None:
        self._queue.done()
        self.result.moved[state] += 1
        self.result.left_over += state is State.PENDING
        self._observer.settled(state)

    def on_settled(self, record: Doubtful, state: State) -> None:
        """A doubt is decided, or has been given up (``state`` is unknown then)."""
        if record.id in self._in_slot:
            self._in_slot.discard(record.id)
            self._slots.release()
        if state is State.PENDING and self._resend and self._courier.take_again(record.id):
            self._queue.again(Pending(record.id, record.row, record.key, record.body, record.stamp))
        else:
            self._count(state)


def _in_doubt(record: Pending) -> Doubtful:
    return Doubtful(record.id, record.row, record.key, record.body, record.stamp, time.time())


async def end_workers(
    workers: Collection[asyncio.Task[None]],
    *others: asyncio.Task[None],
    sending: Container[asyncio.Task[None] | None],
    stop: Stop,
    grace: float,
) -> CaseImporterError | None:
    """Send away who has nothing under way; give the others the grace time; then cut them off.

    Args:
        workers: If not all of them are done, nobody begins anything new.
        others: Who works beside them.
        sending: Who has something under way.
        stop: Says when the grace is over before its time.
        grace: Seconds.

    Returns:
        What ended the first of them that failed, if a user is to be told of it; any other error is raised.
    """
    if not all(worker.done() for worker in workers):
        stop.gently.set()
    everybody = (*others, *workers)
    for task in everybody:
        if task not in sending:
            task.cancel()
    cut_off = asyncio.create_task(stop.at_once.wait())
    all_ended = asyncio.gather(*everybody, return_exceptions=True)
    endings: set[asyncio.Future[Any]] = {all_ended, cut_off}
    await asyncio.wait(endings, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
    cut_off.cancel()
    for worker in workers:
        worker.cancel()
    first = None
    for error in await asyncio.gather(*everybody, return_exceptions=True):
        if isinstance(error, CaseImporterError):
            first = first or error
        elif isinstance(error, Exception):
            raise error
    return first
