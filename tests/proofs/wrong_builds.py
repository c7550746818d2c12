"""Builds that are wrong in one respect each, made from outside. The proofs are worth what they say about these."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

from crash_points import Crash
from yarl import URL

import importer.delivery.deliver as deliver
import importer.delivery.judge as judging
import importer.talkdesk.client as client
from importer.delivery.judge import Verdict
from importer.delivery.lookup import Lookup
from importer.delivery.pool import Stop
from importer.delivery.trust import Trust
from importer.ledger import Known, Ledger, LedgerWriter, store
from importer.models import State
from importer.talkdesk.answers import Answer
from importer.talkdesk.search import Encoding


def impatient() -> None:
    """Not wrong, but quick to give up: what makes a slow server a test of seconds."""
    client._TO_ANSWER = 0.4


def retries_blindly() -> None:
    """Whatever is not a success is sent again, as most scripts do."""

    def again(verdict: Verdict) -> Verdict:
        if verdict.outcome.state is not State.UNKNOWN:
            return verdict
        return verdict._replace(outcome=verdict.outcome._replace(state=State.PENDING))

    right, silence = deliver.judge, deliver.judge_silence
    deliver.judge = lambda *what, **more: again(right(*what, **more))
    deliver.judge_silence = lambda trouble: again(silence(trouble))


def believes_every_denial() -> None:
    """What an answer denies is never looked up."""
    Trust.wait = lambda self, record, verdict, planned: planned  # type: ignore[method-assign]


def sending_becomes_pending() -> None:
    """What a dead process was sending is simply sent again."""
    begin_run = Ledger._begin_run

    def forgetful(self: Ledger, verb: str) -> int:
        self.connection.execute("UPDATE record SET state = 'pending' WHERE state = 'sending'")
        return begin_run(self, verb)

    Ledger._begin_run = forgetful  # type: ignore[method-assign]


def needs_no_canary() -> None:
    """A list that does not show a case is taken at its word."""

    async def certified(self: Lookup, *_: Any) -> Encoding:
        return Encoding.DOC

    async def sees(self: Lookup, *_: Any, **__: Any) -> bool:
        return True

    Lookup.certified, Lookup.sees = certified, sees  # type: ignore[method-assign]


def takes_an_old_canary() -> None:
    """What proves that the list is up to date is the oldest case, not the newest."""

    def oldest(self: Ledger, stamp: str | None, *, age: float) -> Known | None:
        row = self.connection.execute(
            "SELECT case_id, key, ?, 0.0 FROM record WHERE state = 'created' ORDER BY id LIMIT 1", (stamp,)
        ).fetchone()
        return None if row is None else Known(*row)

    Ledger.newest_created = oldest  # type: ignore[method-assign]


def asks_for_the_canary_once() -> None:
    """A list that was good once is believed for the rest of the run."""
    sees, seen = Lookup.sees, []

    async def sees_once(self: Lookup, *what: Any, **how: Any) -> bool:
        if not seen and await sees(self, *what, **how):
            seen.append(True)
        return bool(seen)

    Lookup.sees = sees_once  # type: ignore[method-assign]


def trusts_exceptions() -> None:
    """The status in an exception is taken for an answer; aiohttp invents one (400) for what is no HTTP."""
    translated = client._no_answer

    def with_status(error: Exception) -> Any:
        trouble = translated(error)
        trouble.status = getattr(error, "code", None)  # type: ignore[attr-defined]
        return trouble

    def believe(trouble: Any) -> Verdict:
        if trouble.status:
            return judging.judge(Answer(trouble.status, {}, b"{}"), b"{}", stamp=None)
        return judging.judge_silence(trouble)

    client._no_answer, deliver.judge_silence = with_status, believe


def follows_redirects() -> None:
    """As HTTP libraries do unless they are told not to."""
    exchange = client.HttpClient.exchange

    async def following(self: Any, method: str, url: URL, **what: Any) -> Answer:
        answer = await exchange(self, method, url, **what)
        if 300 <= answer.status < 400:
            return await following(self, method, url.join(URL(answer.headers["Location"])), **what)
        return answer

    client.HttpClient.exchange = following  # type: ignore[method-assign,assignment]


def answers_before_commit() -> None:
    """The writer says "it is on disk" a moment too early; the disk is a slow one."""

    def commit(self: LedgerWriter, group: Any) -> list[Any]:
        early = copy(group)
        group.__init__()  # nobody is told twice
        with store.transaction(self.ledger.connection):
            results = early.carry_out(self.ledger)
            self._loop.call_soon_threadsafe(self._answer, early, results, None)
            time.sleep(0.3)
        return []

    LedgerWriter._commit = commit  # type: ignore[method-assign]


def syncs_lazily() -> None:
    """A ledger that somebody made faster."""
    connect = store.connect

    def fast(path: Path) -> Any:
        connection = connect(path)
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    store.connect = fast


class Signal(NamedTuple):
    """The build that sends itself a signal right before its ``hit``-th request: no clock decides when it comes."""

    number: signal.Signals
    hit: int

    @contextmanager
    def __call__(self) -> Iterator[None]:
        create, hits = client.CaseApi.create, []

        async def watched(api: client.CaseApi, body: bytes, **how: Any) -> Answer:
            hits.append(None)
            if len(hits) == self.hit:
                os.kill(os.getpid(), self.number)
            return await create(api, body, **how)

        client.CaseApi.create = watched  # type: ignore[method-assign]
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
    create, clock = client.CaseApi.create, time.time
    leaps = []

    async def leaping(self: client.CaseApi, body: bytes, **how: Any) -> Answer:
        leaps.append(seconds)
        return await create(self, body, **how)

    client.CaseApi.create = leaping  # type: ignore[method-assign]
    time.time = lambda: clock() + sum(leaps)
