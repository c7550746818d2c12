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

import importer.files.whole
import importer.ledger.open_ledger
import importer.reader.limits
import importer.report.page
from importer.delivery.case_search import CaseSearch
from importer.delivery.workers import Workers
from importer.ledger import Ledger, LedgerWriter, database, sources, who_answers
from importer.ledger.records import Mark, Settled
from importer.ledger.writer import Group
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


def _in_transaction(tick: Tick, *, results: str, good: object) -> None:
    """The moves of a group were executed, the transaction is not committed."""
    carry_out = Group.carry_out

    def watched(self: Group, ledger: Ledger) -> None:
        carry_out(self, ledger)
        for result in getattr(self, results):
            _die_if(result is good and tick())

    Group.carry_out = watched  # type: ignore[method-assign]


def _behind_commit(tick: Tick, *, results: str, good: object) -> None:
    """The transaction is on disk, and nobody knows yet."""
    commit = LedgerWriter.commit

    def watched(self: LedgerWriter, group: Group) -> None:
        commit(self, group)
        for result in getattr(group, results):
            _die_if(result is good and tick())

    LedgerWriter.commit = watched  # type: ignore[method-assign]


def _before_request(tick: Tick) -> None:
    create = CaseApi.create_case

    async def watched(self: CaseApi, body: bytes, token: str) -> Any:
        _die_if(tick())
        return await create(self, body, token)

    CaseApi.create_case = watched  # type: ignore[method-assign]


def _request_read(tick: Tick) -> None:
    """The server has made the case, and its answer is not taken."""
    create = CaseApi.create_case

    async def watched(self: CaseApi, body: bytes, token: str) -> Any:
        request = asyncio.ensure_future(create(self, body, token))
        if tick():
            external_id = orjson.loads(body)["custom_fields"]["text1"]
            await asyncio.to_thread(_until_made, self._api_url, external_id)
            die()
        return await request

    CaseApi.create_case = watched  # type: ignore[method-assign]


def _until_made(url: str, external_id: str) -> None:
    while True:
        with urllib.request.urlopen(f"{url}/_sandbox/cases.ndjson", timeout=30) as cases:
            if any(orjson.loads(case)["custom_fields"].get("text1") == external_id for case in cases):
                return
        time.sleep(0.005)


def _answer_arrived(tick: Tick) -> None:
    """The answer, or the news that there will be none, has arrived, and nothing was made of it."""
    create = CaseApi.create_case

    async def watched(self: CaseApi, body: bytes, token: str) -> Any:
        try:
            return await create(self, body, token)
        finally:
            _die_if(tick())

    CaseApi.create_case = watched  # type: ignore[method-assign]


def _announced(tick: Tick) -> None:
    """Whoever watches the run was told that one more row is settled."""
    count = Workers._count

    def watched(self: Workers, state: State, **more: bool) -> None:
        count(self, state, **more)
        _die_if(tick())

    Workers._count = watched  # type: ignore[method-assign]


def _in_search(tick: Tick) -> None:
    """The list was read for a row whose outcome is unknown, and nothing was made of it. Control cases do not count."""
    by_external_id = CaseSearch.by_external_id
    seen = set()

    async def watched(self: CaseSearch, field: str, value: str, **options: Any) -> Any:
        found = await by_external_id(self, field, value, **options)
        if LOST in value and value not in seen:
            seen.add(value)
            _die_if(tick())
        return found

    CaseSearch.by_external_id = watched  # type: ignore[method-assign]


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
    """A report is half written: counted in pieces of the tables and of summary.json of a run."""
    as_text, write_page, in_page = importer.files.whole._as_text, importer.report.page.write_page, []

    @contextmanager
    def watched(*arguments: Any) -> Iterator[Any]:
        with as_text(*arguments) as file:
            yield file if in_page else _WatchedFile(file, tick)

    def unwatched(*arguments: Any, **options: Any) -> None:
        in_page.append(True)
        write_page(*arguments, **options)
        in_page.clear()

    importer.files.whole._as_text = watched  # type: ignore[assignment]
    importer.report.page.write_page = unwatched


def _making_ledger(tick: Tick) -> None:
    """The ledger is being made: nothing is there yet, then its file is there and open, then its tables are."""
    lock, bring_forward = importer.ledger.open_ledger.LedgerLock, database.bring_forward

    def locked(path: Path) -> Any:
        _die_if(tick())
        return lock(path)

    def forward(*arguments: Any) -> None:
        _die_if(tick())
        bring_forward(*arguments)
        _die_if(tick())

    importer.ledger.open_ledger.LedgerLock = locked  # type: ignore[misc,assignment]
    database.bring_forward = forward


def _in_staging(tick: Tick) -> None:
    """A part of the export is in the ledger."""
    add_rows = sources.add_rows
    importer.reader.limits.CHUNK_ROWS = _CHUNK

    def watched(*arguments: Any) -> None:
        add_rows(*arguments)
        _die_if(tick())

    sources.add_rows = watched


def _staging_ends(tick: Tick) -> None:
    """All of the export is in the ledger; it is being decided which rows count."""
    statements = who_answers._WHO_ANSWERS

    class Watched(tuple[str, ...]):
        def __iter__(self) -> Iterator[str]:
            for statement in statements:
                yield statement
                _die_if(tick())

    who_answers._WHO_ANSWERS = Watched(statements)  # type: ignore[assignment]


def _in_recovery(tick: Tick, *, committed: bool) -> None:
    """A run begins and takes over what the last one left behind."""
    begin_run, transaction = Ledger._begin_run, database.transaction
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

    database.transaction = watched_transaction
    Ledger._begin_run = watched  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Tick], None]] = {
    "the ledger is made": _making_ledger,
    "in staging": _in_staging,
    "staging ends": _staging_ends,
    "before the mark is committed": partial(_in_transaction, results="marks", good=Mark.DONE),
    "behind the mark": partial(_behind_commit, results="marks", good=Mark.DONE),
    "before the request": _before_request,
    "the server has read it": _request_read,
    "the answer has arrived": _answer_arrived,
    "before the settlement is committed": partial(_in_transaction, results="settled", good=Settled.DONE),
    "behind the settlement": partial(_behind_commit, results="settled", good=Settled.DONE),
    "a success is announced": _announced,
    "in a search": _in_search,
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
