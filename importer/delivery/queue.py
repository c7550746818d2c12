"""What is to be sent next: pages of the ledger, and rows that come back for another attempt."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable

from importer.ledger import Pending

PAGE = 500


class RecordQueue:
    """Hands out records until none is left and none can come back.

    A record that was taken is *in hand* until :meth:`done` or :meth:`again`; one whose look-up may still
    bring it back is *awaited* (:meth:`expect`, :meth:`unexpect`).

    Args:
        load: Loads the next page: pending records behind the one with the given id, at most so many. Children that
            were released come first, wherever they stand.
        released: Whether there are children that were released, and that no page had yet.
        limit: Hand out at most so many different records; None for all.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        load: Callable[[int, int], Awaitable[list[Pending]]],
        *,
        released: Callable[[], bool] = lambda: False,
        limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._released = released
        self._left = limit
        self._clock = clock
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
                await self._wait()

    def _next(self) -> Pending | None:
        if self._later and self._later[0][0] <= self._clock():
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

    async def _wait(self) -> None:
        """Until something comes back or falls due."""
        self._changed.clear()
        until_due = max(0.0, self._later[0][0] - self._clock()) if self._later else None
        try:
            async with asyncio.timeout(until_due):
                await self._changed.wait()
        except TimeoutError:
            pass

    def again(self, record: Pending, *, after: float = 0.0) -> None:
        """Give a record in hand back, to be handed out again in ``after`` seconds."""
        heapq.heappush(self._later, (self._clock() + after, record.id, record))
        self.done()

    def done(self) -> None:
        """A record in hand, or awaited, needs nothing more from this queue."""
        self._out -= 1
        if self._exhausted:
            self._changed.set()

    def expect(self) -> None:
        """A record may come back although nobody has it in hand."""
        self._out += 1
