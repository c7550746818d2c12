"""All records of one run: the queue, the workers, and the way they stop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from importer.delivery.queue import RecordQueue
from importer.delivery.reconcile import Reconciler
from importer.delivery.sender import Sender
from importer.delivery.stopping import Stop, run_until_done
from importer.errors import CaseImporterError
from importer.ledger import Ledger
from importer.ledger.records import UnknownRecord
from importer.models import State

#: Unknown outcomes of earlier runs that are settled at the same time; most of that time is waiting between two looks.
_SETTLED_AT_ONCE = 500


@dataclass(slots=True)
class Delivered:
    """What a delivery came to."""

    moved: Counter[State] = field(default_factory=Counter)  #: how many records more are in each state than before
    error: CaseImporterError | None = None  #: why the run was stopped, if it was
    left_over: int = 0  #: records that stayed pending although their turn came: suppressed, or out of attempts
    updates_suppressed: bool = False  #: case updates were not sent, because many in a row were refused
    suppressed: int = 0  #: how many of them because rows like them were refused over and over


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

    async def run(self, unknown: Sequence[int] = ()) -> Delivered:
        """Deliver until nothing is left or the run is stopped. Never leaves a row in ``sending``.

        Records whose outcome earlier runs left ``unknown`` are settled while the workers send; what was not created is
        sent.
        """
        for _ in unknown:
            self.queue.expect()
        earlier, begun = iter(unknown), asyncio.get_running_loop().time()
        work = [self._work() for _ in range(self.options.concurrency)]
        work += [self._settle_earlier(earlier, begun) for _ in range(min(len(unknown), _SETTLED_AT_ONCE))]
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

    async def _settle_earlier(self, records: Iterator[int], begun: float) -> None:
        for record in records:  # one at a time: each has a body
            for unknown in await self.sender.ledger.call(Ledger.unknown_records, [record]):
                await self._settle(unknown, known_at=begun, is_earlier=True)

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
