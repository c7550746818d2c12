"""All records of one run: the queue, the workers, and the way they stop."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from importer.delivery.api_access import ApiAccess
from importer.delivery.reconcile import Reconciler
from importer.delivery.sender import Sender, Sent
from importer.errors import CaseImporterError
from importer.ledger import Pending, UnknownRecord
from importer.models import State

PAGE = 500


class Stop:
    """How a run is told to stop: gently, then at once. Safe to call from a signal handler of the loop."""

    def __init__(self) -> None:
        self.gently = asyncio.Event()
        self.at_once = asyncio.Event()

    def request(self) -> None:
        """First call: no new rows, finish what is under way. Second call: out now."""
        (self.at_once if self.gently.is_set() else self.gently).set()


@dataclass(slots=True)
class Delivered:
    """What a delivery came to.

    Attributes:
        moved: Records that reached each state in this run.
        error: Why the run was stopped, if it was.
        left_over: Records that stayed pending although their turn came.
        suppressed: How many of them because rows like them were refused over and over; others had used up their
            attempts.
    """

    moved: Counter[State] = field(default_factory=Counter)
    error: CaseImporterError | None = None
    left_over: int = 0
    suppressed: int = 0


class RecordQueue:
    """Hands out records until none is left and none can come back.

    A record that was taken is *in hand* until :meth:`done` or :meth:`again`; one whose search may still bring it back
    is *awaited* (:meth:`expect`).

    Args:
        load: Loads the next page: pending records behind the one with the given id, at most so many. Children that
            were released come first, wherever they stand.
        released: Whether there are children that were released, and that no page had yet.
        limit: Hand out at most so many different records; None for all.
    """

    def __init__(
        self,
        load: Callable[[int, int], Awaitable[list[Pending]]],
        *,
        released: Callable[[], bool] = lambda: False,
        limit: int | None = None,
    ) -> None:
        self._load = load
        self._released = released
        self._left = limit
        self._page: deque[Pending] = deque()
        self._last = 0
        self._exhausted = False
        self._loading = asyncio.Lock()
        self._later: list[tuple[float, int, Pending]] = []
        self._out = 0
        self._changed = asyncio.Event()

    async def take(self) -> Pending | None:
        """The next record, as soon as there is one; None when all is done."""
        while True:
            record = self._next()
            if record is not None:
                self._out += 1
                return record
            if self._may_have_more():
                await self._load_page()
            elif not self._later and self._out == 0:
                self._changed.set()
                return None
            else:
                self._changed.clear()
                await _set_or_due(self._changed, self._later[0][0] if self._later else None)

    def _next(self) -> Pending | None:
        if self._later and self._later[0][0] <= _now():
            return heapq.heappop(self._later)[2]
        return self._page.popleft() if self._page else None

    def _may_have_more(self) -> bool:
        """A record that was settled a moment ago may have let its children go."""
        return not self._exhausted or (self._left != 0 and self._released())

    async def _load_page(self) -> None:
        async with self._loading:
            if self._page or not self._may_have_more():
                return
            wanted = PAGE if self._left is None else min(PAGE, self._left)
            page = await self._load(self._last, wanted) if wanted else []
            if len(page) < wanted or wanted == 0:
                self._exhausted = True
            if page:
                self._last = next((record.id for record in reversed(page) if not record.released), self._last)
                self._page.extend(page)
                self._left = None if self._left is None else self._left - len(page)
                self._changed.set()  # whoever waits for something to come back may take from this page

    def again(self, record: Pending, *, after: float = 0.0) -> None:
        """Give a record in hand back, to be handed out again in ``after`` seconds."""
        heapq.heappush(self._later, (_now() + after, record.id, record))
        self.done()

    def done(self) -> None:
        """A record in hand, or awaited, needs nothing more from this queue."""
        self._out -= 1
        if self._exhausted:
            self._changed.set()

    def expect(self) -> None:
        """A record may come back although nobody has it in hand."""
        self._out += 1


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How the workers of a run work.

    Attributes:
        concurrency: How many there are.
        grace: Seconds that requests under way get after a gentle stop.
        resend: Send records again that turn out not to have been created.
    """

    concurrency: int
    grace: float
    resend: bool = True


class Workers:
    """Take records from a queue until it is empty or somebody stops them.

    Args:
        sender: Sends one record.
        queue: Hands them out.
        reconciler: Settles unknown outcomes, beside the workers.
        options: How many, how patient.
        stop: How others make them stop.
    """

    def __init__(
        self, sender: Sender, queue: RecordQueue, reconciler: Reconciler, *, options: WorkerOptions, stop: Stop
    ) -> None:
        self._sender = sender
        self._queue = queue
        self._reconciler = reconciler
        self._options = options
        self._stop = stop
        self._slots = asyncio.Semaphore(options.concurrency)
        self._in_slot: set[int] = set()
        self.result = Delivered()

    def take_over(self, records: list[UnknownRecord]) -> None:
        """Settle unknown outcomes of an earlier run; what was not created is sent again by this one."""
        for record in records:
            self._queue.expect()
            self._reconciler.add(record)

    async def run(self) -> Delivered:
        """Deliver until nothing is left or the run is stopped. Never leaves a row in ``sending``."""
        work = [self._work() for _ in range(self._options.concurrency)]
        settling = asyncio.create_task(self._reconciler.run(self._on_settled), name="reconciler")
        try:
            self.result.error = await run_until_done(
                work, api=self._sender.api, stop=self._stop, grace=self._options.grace, beside=settling
            )
        finally:
            ledger = self._sender.ledger
            abandoned = await ledger.call(ledger.ledger.abandon)
            self.result.moved[State.UNKNOWN] += abandoned + self._reconciler.open
        self.result.moved = +self.result.moved  # no zeros
        return self.result

    async def _work(self) -> None:
        while not self._stop.gently.is_set():
            await self._slots.acquire()  # held until the outcome is known: no more unknown ones than workers
            record = await self._queue.take()
            if record is None:
                return
            if (group := self._sender.suppressing(record)) is not None:
                self.result.suppressed += 1
                sent = await self._sender.suppress(record, group)
            else:
                sent = await self._sender.send(record)
            self._note(record, sent)

    def _note(self, record: Pending, sent: Sent) -> None:
        if sent.state is State.UNKNOWN:
            self._in_slot.add(record.id)
            self._reconciler.add(
                UnknownRecord(
                    record.id, record.row, record.key, record.body, record.external_id_field, since=time.time()
                )
            )
            return
        self._slots.release()
        if sent.retry_in is not None:
            self._queue.again(record, after=sent.retry_in)
        else:
            self._count(sent.state)

    def _count(self, state: State) -> None:
        self._queue.done()
        self.result.moved[state] += 1
        self.result.left_over += state is State.PENDING
        self._sender.api.progress.settled(state)

    def _on_settled(self, record: UnknownRecord, state: State) -> None:
        """An unknown outcome is decided, or has been given up (``state`` is unknown then)."""
        if record.id in self._in_slot:
            self._in_slot.discard(record.id)
            self._slots.release()
        if state is State.PENDING and self._options.resend and self._sender.may_send_again(record.id):
            self._queue.again(Pending(record.id, record.row, record.key, record.body, record.external_id_field))
        else:
            self._count(state)


async def run_until_done(
    work: Collection[Any],
    *,
    api: ApiAccess,
    stop: Stop,
    grace: float,
    beside: asyncio.Task[None] | None = None,
) -> CaseImporterError | None:
    """Run workers until all are done, one fails, or the run is to stop; then end them in good order.

    Who has nothing under way is sent away; the others get the grace time, and are cut off then, or when somebody says
    so. Nothing new leaves meanwhile.

    Args:
        work: One coroutine for each worker.
        api: Knows who has something under way.
        stop: How others make them stop.
        grace: Seconds.
        beside: Works beside them, and is ended with them.

    Returns:
        What ended the first of them that failed, or why the breaker stopped the run; any other error is raised.
    """
    workers = [asyncio.create_task(coroutine, name=f"worker-{number}") for number, coroutine in enumerate(work)]
    others = {beside} if beside is not None else set()
    watch = asyncio.create_task(stop.gently.wait(), name="watch")
    try:
        running: set[asyncio.Task[Any]] = {*workers}
        while running and not watch.done():
            done, running = await asyncio.wait({*running, *others, watch}, return_when=asyncio.FIRST_COMPLETED)
            running -= {*others, watch}
            if any(task.cancelled() or task.exception() for task in done):
                break
    finally:
        watch.cancel()
        error = await _end({*workers, *others}, api=api, stop=stop, grace=grace, is_done=all(w.done() for w in workers))
    return error or api.breaker.error


async def _end(
    tasks: set[asyncio.Task[None]], *, api: ApiAccess, stop: Stop, grace: float, is_done: bool
) -> CaseImporterError | None:
    if not is_done:
        stop.gently.set()
        api.rate_limit.stop()
    for task in tasks - api.in_flight:
        task.cancel()
    cut_off = asyncio.create_task(stop.at_once.wait())
    all_ended = asyncio.gather(*tasks, return_exceptions=True)
    endings: set[asyncio.Future[Any]] = {all_ended, cut_off}
    await asyncio.wait(endings, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
    cut_off.cancel()
    for task in tasks:
        task.cancel()
    errors = [error for error in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(error, Exception)]
    for error in errors:
        if not isinstance(error, CaseImporterError):
            raise error
    return next((error for error in errors if isinstance(error, CaseImporterError)), None)


async def _set_or_due(event: asyncio.Event, due: float | None) -> None:
    """Until the event is set, or the time has come."""
    try:
        async with asyncio.timeout_at(due):
            await event.wait()
    except TimeoutError:
        pass


def _now() -> float:
    return asyncio.get_running_loop().time()
