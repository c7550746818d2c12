"""How the sending stops: gently, at once, or because a part of it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

from importer.delivery.api_access import ApiAccess
from importer.errors import CaseImporterError


class Stop:
    """How a run is told to stop: gently, then at once. Safe to call from a signal handler of the loop."""

    def __init__(self) -> None:
        self.gently = asyncio.Event()
        self.at_once = asyncio.Event()

    def request(self) -> None:
        """First call: no new rows, finish what is under way. Second call: out now."""
        (self.at_once if self.gently.is_set() else self.gently).set()


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
