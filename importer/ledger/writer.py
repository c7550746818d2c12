"""Group commit: what all workers wait for at one moment is written together, with one fsync.

A mark must be on disk before its request leaves, and an fsync costs far more than a statement. So what is asked for is
collected while a thread writes what was asked for before, and goes to it as one group: one transaction, with one
statement for all outcomes and one for all marks, and one event that everybody in it awaits. Outcomes come first: when a
record is marked, every outcome handed in before it is on disk as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from importer.errors import LedgerError
from importer.ledger import database
from importer.ledger.ledger import Ledger
from importer.ledger.records import Mark, Outcome, Settled, Settlement
from importer.models import State

P = ParamSpec("P")
T = TypeVar("T")


class Group:
    """What is asked for at one moment, and what came of it."""

    def __init__(self) -> None:
        self.settlements: list[Settlement] = []
        self.records: list[int] = []
        self.calls: list[Callable[[], Any]] = []
        self.settled: list[Settled] = []
        self.marks: list[Mark] = []
        self.returned: list[Any] = []
        self.written = asyncio.Event()
        self.failure: Exception | None = None

    async def place(self, asked: list[T], what: T) -> int:
        """Ask for one thing more; where its answer is, once all of the group is on disk.

        Who is cancelled meanwhile cancels nobody else.
        """
        asked.append(what)
        position = len(asked) - 1
        await self.written.wait()
        if self.failure is not None:
            raise self.failure
        return position

    def carry_out(self, ledger: Ledger) -> None:
        """Do everything, inside a transaction."""
        if self.settlements:
            self.settled = ledger.settle(self.settlements)
        if self.records:
            self.marks = ledger.mark_sending(self.records)
        self.returned = [work() for work in self.calls]


class LedgerWriter:
    """The asynchronous face of an open ledger, for one event loop. Use as an async context manager.

    All methods return when it is on disk, and raise a LedgerError if it could not be written. After the first failure
    nothing is written any more, because a disk that failed once may have lost what it confirmed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-writer")
        self._next: Group | None = None
        self._writing: asyncio.Task[None] | None = None
        self._broken: LedgerError | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what still waits, then stop the thread."""
        self._is_closed = True
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()

    async def mark_sending(self, record: int) -> Mark:
        """Note that a request for ``record`` is about to leave; if that fails, nothing may be sent."""
        group = self._group()
        position = await group.place(group.records, record)
        return group.marks[position]

    async def settle(self, record: int, outcome: Outcome, *, before: State = State.SENDING) -> Settled:
        """Note what became of ``record``."""
        group = self._group()
        position = await group.place(group.settlements, Settlement(record, before, outcome))
        return group.settled[position]

    async def call(self, work: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work(ledger, …)`` in the writer's thread and next transaction; it must not begin or end one itself."""
        group = self._group()
        bound: Callable[[], Any] = partial(work, self.ledger, *args, **kwargs)
        position = await group.place(group.calls, bound)
        result: T = group.returned[position]
        return result

    def _group(self) -> Group:
        """The group that is collected now. If the thread is idle, it gets it a round of the loop later."""
        if self._is_closed:
            raise LedgerError("the ledger is closed", where=str(self.ledger.path))
        if self._next is None:
            self._next = Group()
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write_groups(), name="ledger-writer")
        return self._next

    async def _write_groups(self) -> None:
        while self._next is not None:
            await asyncio.sleep(0)  # so that all who are answered at this moment go together
            group, self._next = self._next, None
            try:
                if self._broken is not None:
                    raise self._broken
                await self._write(group)
            except Exception as error:  # also a mistake of ours: for those who wait, not for this task to die of
                group.failure = error
                if isinstance(error, LedgerError):
                    self._broken = error
            group.written.set()

    async def _write(self, group: Group) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self.commit, group)

    def commit(self, group: Group) -> None:
        """Write a group, in the thread."""
        if not self.ledger.is_in_place():
            raise LedgerError(
                "the ledger was moved or deleted during the run, or its lock was",
                where=str(self.ledger.path),
                hint="put it back, then run the same command again",
            )
        with self.ledger.transaction():
            group.carry_out(self.ledger)
        with database.translated(self.ledger.path):
            self.ledger.note_commit()
