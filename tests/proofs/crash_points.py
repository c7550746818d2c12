"""Points at which a run can be killed. They are put around the program from outside; it has no such hooks itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from scenes import LOST

import importer.ledger.ledger
import importer.look
import importer.report.failures_file
import importer.report.tables
import importer.results
from importer.delivery.lookup import Lookup
from importer.delivery.pool import Pool
from importer.ledger import Fence, Ledger, LedgerWriter, Settled, staging, store, writer
from importer.models import State
from importer.talkdesk.client import CaseApi

#: Notes that the point was reached; returns whether the process is to die there.
Tick = Callable[[], bool]

#: Rows that are read at once while the reading is watched: a small file is read in many steps.
_CHUNK = 4


def die() -> None:
    """What an out-of-memory killer does, or an impatient person."""
    os.kill(os.getpid(), signal.SIGKILL)


def _die_if(is_time: bool) -> None:
    if is_time:
        die()


def _in_transaction(tick: Tick, *, name: str, good: object) -> None:
    """Around the moves of a ledger: they were executed, the transaction is not committed."""
    move = getattr(writer, name)

    def watched(ledger: Ledger, what: Any) -> Any:
        results = move(ledger, what)
        for result in results:
            _die_if(result is good and tick())
        return results

    setattr(writer, name, watched)


def _behind_commit(tick: Tick, *, name: str, good: object) -> None:
    """The transaction is on disk, and nobody knows yet."""
    move, commit = getattr(writer, name), LedgerWriter._commit
    moved = []

    def watched(ledger: Ledger, what: Any) -> Any:
        results = move(ledger, what)
        moved.extend(result for result in results if result is good)
        return results

    def committed(self: LedgerWriter, group: Any) -> list[Any]:
        moved.clear()
        results = commit(self, group)
        for _ in moved:
            _die_if(tick())
        return results

    setattr(writer, name, watched)
    LedgerWriter._commit = committed  # type: ignore[method-assign]


def _before_request(tick: Tick) -> None:
    create = CaseApi.create

    async def watched(self: CaseApi, body: bytes, **how: Any) -> Any:
        _die_if(tick())
        return await create(self, body, **how)

    CaseApi.create = watched  # type: ignore[method-assign]


def _request_read(tick: Tick) -> None:
    """The server has made the case, and its answer is not taken."""
    create = CaseApi.create

    async def watched(self: CaseApi, body: bytes, **how: Any) -> Any:
        request = asyncio.ensure_future(create(self, body, **how))
        if tick():
            stamp = orjson.loads(body)["custom_fields"]["text1"]
            await asyncio.to_thread(_until_made, str(self._cases.origin()), stamp)
            die()
        return await request

    CaseApi.create = watched  # type: ignore[method-assign]


def _until_made(url: str, stamp: str) -> None:
    while True:
        with urllib.request.urlopen(f"{url}/_sandbox/cases.ndjson", timeout=30) as cases:
            if any(orjson.loads(case)["custom_fields"].get("text1") == stamp for case in cases):
                return
        time.sleep(0.005)


def _answer_arrived(tick: Tick) -> None:
    """The answer, or the news that there will be none, has arrived, and nothing was made of it."""
    create = CaseApi.create

    async def watched(self: CaseApi, body: bytes, **how: Any) -> Any:
        try:
            return await create(self, body, **how)
        finally:
            _die_if(tick())

    CaseApi.create = watched  # type: ignore[method-assign]


def _announced(tick: Tick) -> None:
    """Whoever watches the run was told that one more row is settled."""
    count = Pool._count

    def watched(self: Pool, state: State) -> None:
        count(self, state)
        _die_if(tick())

    Pool._count = watched  # type: ignore[method-assign]


def _in_lookup(tick: Tick) -> None:
    """The list was read for a row in doubt, and nothing was made of it. Canaries do not count."""
    stamped = Lookup.stamped
    seen = set()

    async def watched(self: Lookup, field: str, value: str, **options: Any) -> Any:
        found = await stamped(self, field, value, **options)
        if LOST in value and value not in seen:
            seen.add(value)
            _die_if(tick())
        return found

    Lookup.stamped = watched  # type: ignore[method-assign]


class _WatchedFile:
    def __init__(self, file: Any, tick: Tick) -> None:
        self._file = file
        self._tick = tick

    def write(self, text: str) -> int:
        written: int = self._file.write(text)
        self._file.flush()
        _die_if(self._tick())
        return written


def _in_report(tick: Tick) -> None:
    """A report is half written: counted in pieces of all reports of a run."""
    whole_file = importer.report.tables.whole_file

    @contextmanager
    def watched(path: Path, **options: Any) -> Iterator[Any]:
        with whole_file(path, **options) as file:
            yield _WatchedFile(file, tick)

    importer.report.tables.whole_file = watched  # type: ignore[assignment]
    importer.report.failures_file.whole_file = watched  # type: ignore[assignment]
    importer.results.whole_file = watched  # type: ignore[assignment]


def _making_ledger(tick: Tick) -> None:
    """The ledger is being made: nothing is there yet, then its file is there and open, then its tables are."""
    lock, install = importer.ledger.ledger.lock_ledger, store.install_schema

    def locked(path: Path) -> Any:
        _die_if(tick())
        return lock(path)

    def installed(*arguments: Any, **more: Any) -> None:
        _die_if(tick())
        install(*arguments, **more)
        _die_if(tick())

    importer.ledger.ledger.lock_ledger = locked
    store.install_schema = installed


def _in_staging(tick: Tick) -> None:
    """A part of the export is in the ledger."""
    add_rows = staging.add_rows
    importer.look.open_reader = partial(importer.look.open_reader, chunk_rows=_CHUNK)

    def watched(*arguments: Any) -> None:
        add_rows(*arguments)
        _die_if(tick())

    staging.add_rows = watched


def _staging_ends(tick: Tick) -> None:
    """All of the export is in the ledger; it is being decided which rows count."""
    statements = staging._WHO_ANSWERS

    class Watched(tuple[str, ...]):
        def __iter__(self) -> Iterator[str]:
            for statement in statements:
                yield statement
                _die_if(tick())

    staging._WHO_ANSWERS = Watched(statements)  # type: ignore[assignment]


def _in_recovery(tick: Tick, *, committed: bool) -> None:
    """A run begins and takes over what the last one left behind."""
    begin_run, transaction = Ledger._begin_run, store.transaction
    beginning = []

    @contextmanager
    def watched_transaction(connection: Any) -> Iterator[None]:
        with transaction(connection):
            yield
            _die_if(bool(beginning) and not committed and tick())

    def watched(self: Ledger, verb: str) -> int:
        beginning.append(True)
        run = begin_run(self, verb)
        beginning.clear()
        _die_if(committed and tick())
        return run

    store.transaction = watched_transaction
    Ledger._begin_run = watched  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Tick], None]] = {
    "the ledger is made": _making_ledger,
    "in staging": _in_staging,
    "staging ends": _staging_ends,
    "before the fence is committed": partial(_in_transaction, name="fence_all", good=Fence.UP),
    "behind the fence": partial(_behind_commit, name="fence_all", good=Fence.UP),
    "before the request": _before_request,
    "the server has read it": _request_read,
    "the answer has arrived": _answer_arrived,
    "before the settlement is committed": partial(_in_transaction, name="settle_all", good=Settled.DONE),
    "behind the settlement": partial(_behind_commit, name="settle_all", good=Settled.DONE),
    "a success is announced": _announced,
    "in a look-up": _in_lookup,
    "in a report": _in_report,
    "in recovery": partial(_in_recovery, committed=False),
    "behind recovery": partial(_in_recovery, committed=True),
}


class Crash(NamedTuple):
    """The build that dies when a point is reached for the ``hit``-th time."""

    point: str
    hit: int

    @contextmanager
    def __call__(self) -> Iterator[None]:
        hits = Counter[str]()

        def tick() -> bool:
            hits[self.point] += 1
            return hits[self.point] == self.hit

        POINTS[self.point](tick)
        yield


class Tally(NamedTuple):
    """The build that only counts how often each point is reached, and notes it in a file."""

    path: Path

    @contextmanager
    def __call__(self) -> Iterator[None]:
        hits = Counter[str]()

        def count(point: str) -> bool:
            hits[point] += 1
            return False

        for point, install in POINTS.items():
            install(partial(count, point))
        try:
            yield
        finally:
            self.path.write_text(json.dumps(hits), encoding="utf-8")
