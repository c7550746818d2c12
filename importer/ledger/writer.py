"""Many rows, one fsync: the writer collects what all workers want and commits it together.

A mark must be on disk before its request leaves, and an fsync costs far more than a statement. So wishes are collected
while a thread writes those that came before, and go to it together, as one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from importer.errors import LedgerError
from importer.ledger import store
from importer.ledger.groups import Settlement, mark_all, settle_all
from importer.ledger.ledger import Ledger
from importer.ledger.values import Mark, Outcome, Settled
from importer.models import State

T = TypeVar("T")


class _Wishes:
    """Wishes of one kind, and who is told of each."""

    __slots__ = ("what", "who")

    def __init__(self) -> None:
        self.what: list[Any] = []
        self.who: list[asyncio.Future[Any]] = []

    def add(self, what: Any, who: asyncio.Future[Any]) -> None:
        self.what.append(what)
        self.who.append(who)


class _Group:
    """What is wished for at one moment: one transaction."""

    __slots__ = ("calls", "marks", "settlements")

    def __init__(self) -> None:
        self.settlements = _Wishes()
        self.marks = _Wishes()
        self.calls = _Wishes()

    def carry_out(self, ledger: Ledger) -> list[Any]:
        """The results, in the order of :attr:`who`."""
        return [
            *settle_all(ledger, self.settlements.what),
            *mark_all(ledger, self.marks.what),
            *(work() for work in self.calls.what),
        ]

    @property
    def who(self) -> list[asyncio.Future[Any]]:
        """Who is told, in this order."""
        return [*self.settlements.who, *self.marks.who, *self.calls.who]


class LedgerWriter:
    """The asynchronous face of an open ledger, for one event loop. Use as an async context manager.

    After the first failure nothing is written any more: every later call raises the same LedgerError,
    because a disk that failed once may have lost what it confirmed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._next = _Group()
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._broken: Exception | None = None
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
        await self._is_idle.wait()
        self._groups.put(None)
        await asyncio.to_thread(self._thread.join)

    def mark_sending(self, record: int) -> asyncio.Future[Mark]:
        """Note durably that a request for ``record`` is about to leave; done only when it is on disk.

        Raises (through the future):
            LedgerError: it could not be written; nothing may be sent.
        """
        return self._wish(self._next.marks, record)

    def settle(self, record: int, outcome: Outcome, *, before: State = State.SENDING) -> asyncio.Future[Settled]:
        """Note durably what became of ``record``."""
        return self._wish(self._next.settlements, Settlement(record, before, outcome))

    def unmark(self, record: int) -> asyncio.Future[None]:
        """Take the mark of ``record`` away again: nothing was sent, and it does not count as an attempt."""
        return self.call(lambda: self.ledger.unmark(record))

    def call(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` in the writer's next transaction. It must not begin or end transactions itself."""
        return self._wish(self._next.calls, work)

    def _wish(self, wishes: _Wishes, what: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._is_closed:
            future.set_exception(self._closed())
        else:
            wishes.add(what, future)
            self._hand_over_soon()
        return future

    def _closed(self) -> LedgerError:
        return LedgerError("the ledger is closed", where=str(self.ledger.path))

    def _hand_over_soon(self) -> None:
        """Unless the thread is at work: then it gets all that is wished for until it is done."""
        if self._is_idle.is_set():
            self._is_idle.clear()
            # A round of the loop later, so that all who are answered at this moment go together.
            self._loop.call_soon(self._loop.call_soon, self._hand_over)

    def _hand_over(self) -> None:
        group, self._next = self._next, _Group()
        self._groups.put(group)

    def _answer(self, group: _Group, results: list[Any], error: Exception | None) -> None:
        for position, who in enumerate(group.who):
            if not who.done():  # else its worker was cancelled; the ledger has it all the same
                who.set_result(results[position]) if error is None else who.set_exception(error)
        if self._next.who:
            self._hand_over()
        else:
            self._is_idle.set()

    # -- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        while (group := self._groups.get()) is not None:
            self._serve(group)

    def _serve(self, group: _Group) -> None:
        results: list[Any] = []
        error = self._broken
        if error is None:
            try:
                results = self._commit(group)
            except LedgerError as caught:
                self._broken = error = caught
            except Exception as caught:  # a mistake of ours: report it to those who wait, do not die in silence
                error = caught
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(self._answer, group, results, error)

    def _commit(self, group: _Group) -> list[Any]:
        if not self.ledger.is_in_place():
            raise LedgerError(
                "the ledger was moved or deleted during the run",
                where=str(self.ledger.path),
                hint="put it back, then run the same command again",
            )
        with store.translated(self.ledger.path), store.transaction(self.ledger.connection):
            return group.carry_out(self.ledger)
