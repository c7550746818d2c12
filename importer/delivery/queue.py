"""The records of a run that may be sent, page by page."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from importer.ledger.records import Pending

PAGE = 500


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
