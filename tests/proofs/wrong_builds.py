"""Builds that are wrong in one respect each, made from outside. The proofs are worth what they say about these."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from crash_points import Crash
from yarl import URL

import importer.delivery.api_access as api_access
import importer.delivery.sender as sender
import importer.delivery.verdicts as policy
import importer.talkdesk.transport as transport
from importer.delivery.case_search import CaseSearch
from importer.delivery.stopping import Stop
from importer.delivery.verdicts import Verdict
from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerWriter, database
from importer.ledger.commit_mark import CommitMark
from importer.ledger.lock import LedgerLock
from importer.ledger.records import CreatedCase, Mark
from importer.ledger.writer import Group
from importer.models import State
from importer.talkdesk.client import CaseApi
from importer.talkdesk.search import Encoding
from importer.talkdesk.transport import Answer, Transport


def impatient() -> None:
    """Not wrong, but quick to give up: what makes a slow server a test of seconds."""
    transport.TIMEOUT = aiohttp.ClientTimeout(total=1.2)


def retries_blindly() -> None:
    """Whatever is not a success is sent again, as most scripts do."""

    def again(verdict: Verdict) -> Verdict:
        if verdict.state is not State.UNKNOWN:
            return verdict
        return verdict._replace(outcome=verdict.outcome._replace(state=State.PENDING))

    right, without_answer = sender.classify, api_access.classify_error
    sender.classify = lambda answer, record: again(right(answer, record))
    api_access.classify_error = lambda error: again(without_answer(error))


def takes_silence_for_not_sent() -> None:
    """Every error of the HTTP library is taken for "it did not leave"."""
    lost = transport._no_answer
    transport._no_answer = lambda error: transport.NotSent("unreachable", lost(error).message)  # type: ignore[assignment,return-value]


def marks_in_passing() -> None:
    """The mark is asked for, and the request does not wait until it is on disk; the disk is a slow one."""
    commit, mark = LedgerWriter.commit, LedgerWriter.mark_sending
    asked: set[asyncio.Task[Mark]] = set()

    def slowly(self: LedgerWriter, group: Group) -> None:
        time.sleep(1.5)  # longer than an answer takes on a busy machine
        commit(self, group)

    async def in_passing(self: LedgerWriter, record: int) -> Mark:
        asked.add(asyncio.create_task(mark(self, record)))
        return Mark.DONE

    LedgerWriter.commit, LedgerWriter.mark_sending = slowly, in_passing  # type: ignore[method-assign]


def sending_becomes_pending() -> None:
    """What a dead process was sending is simply sent again."""
    begin_run = Ledger._begin_run

    def forgetful(self: Ledger, verb: str) -> int:
        self.connection.execute("UPDATE record SET state = 'pending' WHERE state = 'sending'")
        return begin_run(self, verb)

    Ledger._begin_run = forgetful  # type: ignore[method-assign]


def needs_no_control_case() -> None:
    """A list that does not show a case is taken at its word."""

    async def certified(self: CaseSearch, *_: Any) -> Encoding:
        return Encoding.DOC

    async def shows(self: CaseSearch, *_: Any, **__: Any) -> bool:
        return True

    CaseSearch.certified, CaseSearch.shows = certified, shows  # type: ignore[method-assign]


def takes_an_old_control_case() -> None:
    """What proves that the list is up to date is the oldest case, not the newest."""

    def oldest(self: Ledger, external_id_field: str | None, *, age: float) -> CreatedCase | None:
        row = self.connection.execute(
            "SELECT case_id, key, ?, 0.0 FROM record WHERE state = 'created' ORDER BY id LIMIT 1", (external_id_field,)
        ).fetchone()
        return None if row is None else CreatedCase(*row)

    Ledger.newest_created = oldest  # type: ignore[method-assign]


def asks_for_the_control_case_once() -> None:
    """A list that was good once is believed for the rest of the run."""
    shows, seen = CaseSearch.shows, []

    async def shows_once(self: CaseSearch, *what: Any, **how: Any) -> bool:
        if not seen and await shows(self, *what, **how):
            seen.append(True)
        return bool(seen)

    CaseSearch.shows = shows_once  # type: ignore[method-assign]


def trusts_exceptions() -> None:
    """The status in an exception is taken for an answer; aiohttp invents one (400) for what is no HTTP."""
    translated, without_answer = transport._no_answer, policy.classify_error

    def with_status(error: Exception) -> Any:
        trouble = translated(error)
        trouble.status = getattr(error, "status", None)  # type: ignore[attr-defined]
        return trouble

    def believe(trouble: Any) -> Verdict:
        if getattr(trouble, "status", None):
            return policy._classify_failure(Answer(trouble.status, {}, b"{}"))
        return without_answer(trouble)

    transport._no_answer, api_access.classify_error = with_status, believe


def follows_redirects() -> None:
    """As HTTP libraries do unless they are told not to."""
    request = Transport.request

    async def following(self: Any, method: str, url: str, **what: Any) -> Answer:
        answer = await request(self, method, url, **what)
        if 300 <= answer.status < 400:
            return await following(self, method, str(URL(url).join(URL(answer.headers["Location"]))), **what)
        return answer

    Transport.request = following  # type: ignore[method-assign]


def answers_before_commit() -> None:
    """The writer says "it is on disk" a moment too early; the disk is a slow one."""

    async def write(self: LedgerWriter, group: Group) -> None:
        loop = asyncio.get_running_loop()

        def commit() -> None:
            with database.transaction(self.ledger.connection):
                group.carry_out(self.ledger)
                loop.call_soon_threadsafe(group.written.set)
                time.sleep(0.3)

        await loop.run_in_executor(self._thread, commit)

    LedgerWriter._write = write  # type: ignore[method-assign]


def syncs_lazily() -> None:
    """A ledger that somebody made faster."""
    open_for_writing = database.open_for_writing

    def fast(path: Path) -> Any:
        connection = open_for_writing(path)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    database.open_for_writing = fast


class Signal(NamedTuple):
    """The build that sends itself a signal right before its ``hit``-th request: no clock decides when it comes."""

    number: signal.Signals
    hit: int

    @contextmanager
    def __call__(self) -> Iterator[None]:
        create, hits = CaseApi.create_case, []

        async def watched(api: CaseApi, body: bytes, token: str) -> Answer:
            hits.append(None)
            if len(hits) == self.hit:
                os.kill(os.getpid(), self.number)
            return await create(api, body, token)

        CaseApi.create_case = watched  # type: ignore[method-assign]
        yield


class Built(NamedTuple):
    """A build with all of these changes, by their names in this module, that may also die somewhere."""

    changes: tuple[str, ...]
    crash: Crash | Signal | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        for change in self.changes:
            globals()[change]()
        with self.crash() if self.crash else nullcontext():
            yield


def built(*changes: Callable[[], None], crash: Crash | Signal | None = None) -> Built:
    """A build with these changes, functions of this module."""
    return Built(tuple(change.__name__ for change in changes), crash)


def rows_begun(ledger: str = "out/ledger.db") -> int:
    """How many rows were marked as sending so far, as anybody can read in the ledger."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM event WHERE state = 'sending'").fetchone()[0])


def notes_the_stop() -> None:
    """Not wrong: says how many rows were begun when it was told to stop."""
    request = Stop.request

    def noted(self: Stop) -> None:
        Path("heard").write_text(str(rows_begun()), encoding="utf-8")
        request(self)

    Stop.request = noted  # type: ignore[method-assign]


def ignores_the_stop() -> None:
    """Is told to stop and begins 24 more rows first."""

    async def later(stop: Stop, enough: int) -> None:
        while rows_begun() < enough:
            await asyncio.sleep(0.01)
        stop.gently.set()

    def request(self: Stop) -> None:
        begun = rows_begun()
        Path("heard").write_text(str(begun), encoding="utf-8")
        self.going_on = asyncio.ensure_future(later(self, begun + 24))  # type: ignore[attr-defined]

    Stop.request = request  # type: ignore[method-assign]


def clock_leaps_ahead() -> None:
    """Not wrong: the wall clock goes a day forward with every case that is made."""
    _leap(86_400.0)


def clock_leaps_back() -> None:
    """Not wrong: the wall clock goes a day back with every case that is made."""
    _leap(-86_400.0)


def _leap(seconds: float) -> None:
    create, clock = CaseApi.create_case, time.time
    leaps = []

    async def leaping(self: CaseApi, body: bytes, token: str) -> Answer:
        leaps.append(seconds)
        return await create(self, body, token)

    CaseApi.create_case = leaping  # type: ignore[method-assign]
    time.time = lambda: clock() + sum(leaps)


def believes_any_log() -> None:
    """What SQLite shows of a ledger is taken for all that there ever was."""
    CommitMark.check = lambda self: None  # type: ignore[method-assign]


def wants_its_log() -> None:
    """A ledger without its log is refused, whatever is in it: whoever looked at it may have put the log away."""
    check = CommitMark.check

    def wanting(self: CommitMark) -> None:
        if self._path.exists() and not self._path.with_name(f"{self._path.name}-wal").exists():
            raise LedgerError("put the -wal file back")
        check(self)

    CommitMark.check = wanting  # type: ignore[method-assign]


def believes_any_payload() -> None:
    """What the disk gives back is sent."""
    database.payload = lambda path, body, digest, whose: (body or "").encode()


def minds_no_lost_lock() -> None:
    """A run goes on when its lock is gone."""
    LedgerLock.is_in_place = lambda self: True  # type: ignore[method-assign]
