"""Many rows, one fsync: the writer collects what all workers want and commits it together.

A fence must be on disk before its request leaves, and an fsync costs far more than a statement. So the workers
hand their wishes to one thread, which takes everything that waits into one transaction. Order is kept: when a
fence is up, every outcome handed in before it is on disk as well.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from importer.errors import LedgerError
from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.ledger.values import Fence, Outcome, Settled
from importer.records import State

T = TypeVar("T")
_MOST_AT_ONCE = 500


class _Wish(NamedTuple):
    work: Callable[[], Any]
    future: asyncio.Future[Any]


class LedgerWriter:
    """The asynchronous face of an open ledger, for one event loop. Use as an async context manager.

    After the first failure nothing is written any more: every later call raises the same LedgerError,
    because a disk that failed once may have lost what it confirmed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._wishes: SimpleQueue[_Wish | None] = SimpleQueue()
        self._broken: LedgerError | None = None
        self._is_closed = False
        self._thread = Thread(target=self._work, name="ledger-writer", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what still waits, then stop the thread."""
        self._is_closed = True
        self._wishes.put(None)
        await asyncio.to_thread(self._thread.join)

    def fence(self, record: int) -> asyncio.Future[Fence]:
        """Note durably that a request for ``record`` is about to leave; done only when it is on disk.

        Raises (through the future):
            LedgerError: it could not be written; nothing may be sent.
        """
        return self.call(lambda: self.ledger.fence(record))

    def settle(self, record: int, outcome: Outcome, *, before: State = State.SENDING) -> asyncio.Future[Settled]:
        """Note durably what became of ``record``."""
        return self.call(lambda: self.ledger.settle(record, before, outcome))

    def call(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` in the writer's next transaction. It must not begin or end transactions itself."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._is_closed:
            future.set_exception(LedgerError("the ledger is closed", where=str(self.ledger.path)))
            return future
        self._wishes.put(_Wish(work, future))
        return future

    # -- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        while (wish := self._wishes.get()) is not None:
            group = [wish]
            last = False
            while len(group) < _MOST_AT_ONCE and not self._wishes.empty():
                following = self._wishes.get()
                if following is None:
                    last = True
                    break
                group.append(following)
            self._serve(group)
            if last:
                return

    def _serve(self, group: list[_Wish]) -> None:
        results: list[Any] = []
        error: BaseException | None = self._broken
        if error is None:
            try:
                results = self._commit(group)
            except LedgerError as caught:
                self._broken = error = caught
            except Exception as caught:  # a mistake of ours: report it to those who wait, do not die in silence
                error = caught
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(_answer, group, results, error)

    def _commit(self, group: list[_Wish]) -> list[Any]:
        if not self.ledger.is_in_place():
            raise LedgerError(
                "the ledger was moved or deleted during the run",
                where=str(self.ledger.path),
                cure="put it back, then run the same command again",
            )
        with store.translated(self.ledger.path), store.transaction(self.ledger.connection):
            return [wish.work() for wish in group]


def _answer(group: list[_Wish], results: list[Any], error: BaseException | None) -> None:
    for position, (_, future) in enumerate(group):
        if future.done():  # its worker was cancelled; the ledger has it all the same
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(results[position])
