"""All records of one run: the queue, the workers, and the way they stop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from importer.delivery.api_access import ApiAccess
from importer.delivery.reconcile import Reconciler
from importer.delivery.sender import Sender
from importer.errors import CaseImporterError
from importer.ledger import Ledger
from importer.ledger.records import Pending, UnknownRecord
from importer.models import State

PAGE = 500
#: Unknown outcomes of earlier runs that are settled at the same time; most of that time is waiting between two looks.
_SETTLED_AT_ONCE = 500


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
    """What a delivery came to."""

    moved: Counter[State] = field(default_factory=Counter)  #: how many records more are in each state than before
    error: CaseImporterError | None = None  #: why the run was stopped, if it was
    left_over: int = 0  #: records that stayed pending although their turn came: suppressed, or out of attempts
    updates_suppressed: bool = False  #: case updates were not sent, because many in a row were refused
    suppressed: int = 0  #: how many of them because rows like them were refused over and over


@dataclass
class RecordQueue:
    """Hands out records until none is left and none can come back.

    A record that was taken is *in hand* until :meth:`done`, :meth:`again` or :meth:`put_off`, one of which is called
    once for it; one whose search may still bring it back is *awaited* (:meth:`expect`), and ends in the same way.
    """

    #: loads the next page: pending records behind the one with the given id, at most so many; released children first
    load: Callable[[int, int], Awaitable[list[Pending]]]
    released: Callable[[], bool] = lambda: False  #: whether there are such children that no page had yet
    limit: int | None = None  #: hand out at most so many different records; None for all
    #: loads those that come last, once all others are done
    load_last: Callable[[int, int], Awaitable[list[Pending]]] | None = None

    def __post_init__(self) -> None:
        self._left = self.limit
        self._page: deque[Pending] = deque()
        self._last = 0
        self._exhausted = False
        self._loading = asyncio.Lock()
        self._out = 0
        self._changed = asyncio.Event()

    async def take(self) -> Pending | None:
        """The next record, as soon as there is one; None when all is done."""
        while not self._page:
            if self._may_load_more():
                await self._load_page()
            elif self._out == 0:
                if self.load_last is None or self._left == 0:
                    return None
                self.load, self.load_last, self._last, self._exhausted = self.load_last, None, 0, False
            else:
                self._changed.clear()
                await self._changed.wait()
        self._out += 1
        return self._page.popleft()

    def _may_load_more(self) -> bool:
        """A record that was settled a moment ago may have let its children go."""
        return self._left != 0 and (not self._exhausted or self.released())

    async def _load_page(self) -> None:
        async with self._loading:
            if self._page or not self._may_load_more():
                return
            wanted = PAGE if self._left is None else min(PAGE, self._left)
            page = await self.load(self._last, wanted)
            self._exhausted = self._exhausted or len(page) < wanted
            if self._left is not None:  # some that were awaited may have taken places meanwhile
                page = page[: self._left]
                self._left -= len(page)
            if page:
                self._last = next((record.id for record in reversed(page) if not record.released), self._last)
                self._page.extend(page)
                self._changed.set()  # whoever waits for something to come back may take from this page

    def again(self, record: Pending) -> None:
        """Give a record back that is in hand or awaited: it is handed out once more, after those of this page."""
        self._page.append(record)
        self._out -= 1
        self._changed.set()

    def done(self) -> None:
        """A record in hand, or awaited, needs nothing more from this queue."""
        self._out -= 1
        if self._out == 0 or self._may_load_more():
            self._changed.set()

    def put_off(self) -> None:
        """A record in hand must wait for its parent: it was not sent, so another may be, or it, once it is released."""
        self._left = None if self._left is None else self._left + 1
        self.done()

    def expect(self) -> None:
        """A record may come back although nobody has it in hand."""
        self._out += 1

    def has_room(self) -> bool:
        """Whether a record that was awaited may be handed out for the first time; if so, it counts for the limit."""
        if self._left:
            self._left -= 1
            return True
        return self._left is None


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How the workers of a run work."""

    concurrency: int  #: how many there are
    grace: float  #: seconds that requests under way get after a gentle stop
    resend: bool = True  #: send records again that turn out not to have been created


@dataclass
class Workers:
    """Take records from a queue until it is empty or somebody stops them.

    Whoever sent a record with an external id stays with it until its outcome is known, so that never more of them are
    unknown than there are workers.
    """

    sender: Sender
    queue: RecordQueue
    reconciler: Reconciler
    options: WorkerOptions = field(kw_only=True)
    stop: Stop = field(kw_only=True)
    result: Delivered = field(default_factory=Delivered, init=False)

    async def run(self, unknown: Sequence[UnknownRecord] = ()) -> Delivered:
        """Deliver until nothing is left or the run is stopped. Never leaves a row in ``sending``.

        Outcomes of earlier runs (``unknown``) are settled while the workers send; what was not created is sent.
        """
        for _ in unknown:
            self.queue.expect()
        earlier, begun = deque(unknown), asyncio.get_running_loop().time()
        work = [self._work() for _ in range(self.options.concurrency)]
        work += [self._settle_earlier(earlier, begun) for _ in range(min(len(earlier), _SETTLED_AT_ONCE))]
        try:
            self.result.error = await run_until_done(
                work, api=self.sender.api, stop=self.stop, grace=self.options.grace
            )
        finally:
            await self.sender.ledger.call(Ledger.abandon)
        return self.result

    async def _work(self) -> None:
        while not self.stop.gently.is_set() and (record := await self.queue.take()) is not None:
            sent = await self.sender.send(record)
            self.result.suppressed += sent.is_suppressed
            if sent.state is State.UNKNOWN:
                if self.stop.gently.is_set():
                    return  # no search could leave any more
                unknown = UnknownRecord(**(asdict(record) | {"since": time.time()}))
                await self._settle(unknown, known_at=asyncio.get_running_loop().time())
            elif sent.state is State.WAITING:
                self.queue.put_off()
            elif sent.retry_in is not None and not self.stop.gently.is_set():
                await asyncio.sleep(sent.retry_in)
                self.queue.again(record)
            else:
                self._count(sent.state)

    async def _settle_earlier(self, records: deque[UnknownRecord], begun: float) -> None:
        while records:
            await self._settle(records.popleft(), known_at=begun, is_earlier=True)

    async def _settle(self, record: UnknownRecord, *, known_at: float, is_earlier: bool = False) -> None:
        state = await self.reconciler.settle(record, known_at=known_at)
        budget = self.sender.budget
        is_absent = state is State.PENDING and self.options.resend
        may_be_sent = is_absent and budget.allows(budget.attempts[record.id])
        if may_be_sent and (not is_earlier or self.queue.has_room()):
            self.queue.again(record)
        else:
            self._count(state, beyond_limit=may_be_sent)

    def _count(self, state: State, *, beyond_limit: bool = False) -> None:
        self.queue.done()
        self.result.left_over += state is State.PENDING and not beyond_limit
        self.sender.api.measured.created += state is State.CREATED
        if state is not State.PENDING or not self.stop.gently.is_set():  # a stop puts rows back
            self.sender.api.progress.settled(state)


async def run_until_done(
    work: Collection[Coroutine[Any, Any, None]], *, api: ApiAccess, stop: Stop, grace: float
) -> CaseImporterError | None:
    """Do work until all is done, a part of it fails, or the run is to stop; then end the rest in good order.

    Who has nothing under way is sent away; the others get the grace time, and are cut off then, or when somebody says
    so. Nothing new leaves meanwhile. ``grace`` is in seconds.

    Returns:
        What ended the first part that failed, or why the breaker stopped the run; any other error is raised.
    """
    tasks = {asyncio.create_task(coroutine) for coroutine in work}
    try:
        await first_of(asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION), stop.gently.wait())
    finally:
        if not all(task.done() for task in tasks):
            stop.gently.set()
            api.rate_limit.stop()
            for task in tasks - api.in_flight:
                task.cancel()
            await first_of(asyncio.wait(tasks), stop.at_once.wait(), at_most=grace)
        for task in tasks:
            task.cancel()
        endings = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [ending for ending in endings if isinstance(ending, Exception)]
    for error in errors:
        if not isinstance(error, CaseImporterError):
            raise error
    return next((error for error in errors if isinstance(error, CaseImporterError)), api.breaker.error)


async def first_of(*waits: Coroutine[Any, Any, object], at_most: float | None = None) -> None:
    """Until one of these waits is over, or so many seconds are; the others are cancelled.

    What the one that is over has raised is raised.
    """
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        over, _ = await asyncio.wait(tasks, timeout=at_most, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in over:
        task.result()
