"""Look-ups that are watched, by a clock that a test can stop."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from importer.delivery.lookup import Lookup
from importer.delivery.reconcile import Reconciler


class Watch:
    """The machine's clock, or one that moves only when nothing is due, or when the slow row is looked up.

    Args:
        step: Seconds that it moves then; None for the machine's clock.
        slow: The key of that row.
        after: The key of a row whose answer is always there before.

    Attributes:
        asked: What was looked up by stamp, in the order of the answers.
    """

    def __init__(self, *, step: float | None = None, slow: str = "", after: str = "") -> None:
        self.asked: list[str] = []
        self._step = step
        self._slow, self._after = slow, after
        self._now = 0.0

    def __call__(self) -> float:
        return time.monotonic() if self._step is None else self._now

    def moves(self) -> bool:
        """A step further; False if it is the machine's clock."""
        self._now += self._step or 0.0
        return self._step is not None

    async def asks(self, key: str) -> None:
        """A row was looked up."""
        if key == self._slow:
            while self._after not in self.asked:
                await asyncio.sleep(0)
            self.moves()
        self.asked.append(key)


class WatchedLookup(Lookup):
    """Tells what it is asked for."""

    watch: Watch

    async def stamped(self, field: str, value: str, **how: Any) -> list[dict[str, Any]]:
        found = await super().stamped(field, value, **how)
        await self.watch.asks(value)
        return found


class WatchedReconciler(Reconciler):
    """Does not wait for a clock that stands still."""

    watch: Watch

    async def _wait(self) -> None:
        if self.watch.moves():
            await asyncio.sleep(0)
        else:
            await super()._wait()
