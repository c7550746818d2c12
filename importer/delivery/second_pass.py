"""The second pass of a run: all cases that wait for notes, the workers that bring them, and the way these stop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from importer.delivery.additions import NoteCourier
from importer.delivery.pool import Stop, end_workers
from importer.errors import CaseImporterError
from importer.ledger import LedgerWriter
from importer.ledger.case_updates import abandon_updates, waiting_cases

PAGE = 500


class SecondPass:
    """Workers that take one case after another until none waits, or somebody stops them.

    Args:
        courier: Brings one case what it waits for.
        ledger: Knows which cases wait.
        source: Only cases of this source.
        only_doubts: Only cases that may have got notes of which nobody knows.
        stop: How others make it stop.
        concurrency: Workers.
        grace: Seconds that requests under way get after a gentle stop.
    """

    def __init__(
        self,
        *,
        courier: NoteCourier,
        ledger: LedgerWriter,
        source: int | None,
        only_doubts: bool,
        stop: Stop,
        concurrency: int,
        grace: float,
    ) -> None:
        self._courier = courier
        self._ledger = ledger
        self._source = source
        self._only_doubts = only_doubts
        self._stop = stop
        self._concurrency = concurrency
        self._grace = grace
        self._page: deque[int] = deque()
        self._last = 0
        self._loading = asyncio.Lock()

    async def run(self) -> CaseImporterError | None:
        """Bring notes until none waits or the run is stopped; says what ended it early, if it was an error.

        Never leaves an addition in ``sending``.
        """
        workers = [asyncio.create_task(self._work(), name=f"notes-{number}") for number in range(self._concurrency)]
        asked = asyncio.create_task(self._stop.gently.wait(), name="watch")
        try:
            await _until_first_trouble(workers, asked)
        finally:
            asked.cancel()
            error = await end_workers(workers, sending=self._courier.sending, stop=self._stop, grace=self._grace)
            await self._ledger.call(lambda: abandon_updates(self._ledger.ledger))
        return error

    async def _work(self) -> None:
        while not self._stop.gently.is_set() and (record := await self._take()) is not None:
            await self._courier.follow(record)

    async def _take(self) -> int | None:
        async with self._loading:
            if not self._page:
                self._page.extend(await self._ledger.call(self._load))
            if not self._page:
                return None
            self._last = self._page.popleft()
            return self._last

    def _load(self) -> list[int]:
        return waiting_cases(
            self._ledger.ledger, self._source, after=self._last, limit=PAGE, only_unknown=self._only_doubts
        )


async def _until_first_trouble(workers: list[asyncio.Task[None]], asked: asyncio.Task[Any]) -> None:
    """Until all are done, one has failed, or the run is asked to stop."""
    waiting: set[asyncio.Task[Any]] = {*workers}
    while waiting and not asked.done():
        done, others = await asyncio.wait({*waiting, asked}, return_when=asyncio.FIRST_COMPLETED)
        waiting = others - {asked}
        if any(task.exception() for task in done - {asked} if not task.cancelled()):
            return
