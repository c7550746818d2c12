"""An event loop whose time stands still while somebody works and jumps while everybody waits.

Whatever waits for seconds or hours is tested in milliseconds, to the millisecond, and never by luck.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: the time that it should have waited has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits, and nothing is ever going to happen")
        # Work takes time as well, if only a microsecond: who waits for the rest of a rounding error must get there.
        self.now += 1e-6 + (0.0 if ready else max(0.0, timeout or 0.0))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def pass_time(self, seconds: float) -> None:
        """Let it be later: a loop that was held up, or nobody who waits."""
        self._jumping.now += seconds


def now() -> float:
    """The clock of the running loop, to be given to whatever takes one."""
    return asyncio.get_running_loop().time()
