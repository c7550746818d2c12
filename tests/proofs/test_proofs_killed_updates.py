"""Promise P16: killed at any mark of any update that sets fields, each case still gets each of them once.

Each run dies at a point of one update that no run before it has died at, until a run has nothing left to die at. So
each update meets each point, and a solved child, its closed parent and a case that only gets a type are among them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import note_builds
import orjson
import pytest
from crash_points import die
from launching import run
from program import Ended, SandboxProcess, sandbox_process

import importer.delivery.update_sender as update_sender
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.records import CaseUpdate
from importer.ledger.writer import Group
from importer.talkdesk.client import CaseApi

pytestmark = pytest.mark.slow

EXPORT = """\
Id,Subject,Parent,Status,Resolution,Type
P,The parent,,CLOSED,Rebooted,TASK
C,The child,P,RESOLVED,Replaced,INCIDENT
T,Only a type,,OPEN,,PROBLEM
"""
MAPPING = """\
version: 1
source: {key: Id}
external_id_field: text1
case:
  title: Subject
  description: Subject
  parent_id: {record: Parent}
after_create:
  status: Status
  resolution: Resolution
  type: Type
"""
#: What the cases end with, and which updates bring that: a closed case is solved first.
WANTED = {
    "The parent": ("CLOSED", "Rebooted", "TASK"),
    "The child": ("RESOLVED", "Replaced", "INCIDENT"),
    "Only a type": ("OPEN", None, "PROBLEM"),
}
UPDATES = [("C", 1, "solve"), ("P", 1, "solve"), ("P", 2, "close"), ("T", 1, "fields")]
_SIGKILL = -9


@dataclass(frozen=True)
class Killed:
    """The build that dies at a point of the first update that is not noted in a file yet, and notes it there.

    Attributes:
        forgets: It takes what a killed run was sending for not sent.
    """

    point: str
    noted: Path
    forgets: bool = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self.forgets:
            note_builds.forgets_notes_in_flight()
        POINTS[self.point](self.die_once_at)
        yield

    def die_once_at(self, name: str) -> None:
        known = self.noted.read_text().splitlines() if self.noted.exists() else []
        if name not in known:
            self.noted.write_text("\n".join([*known, name]))
            die()


Die = Callable[[str], None]


def _moved(name: str, die_once_at: Die) -> None:
    """A move of the update was executed, and its transaction is not committed."""
    move = getattr(update_sender, name)

    def watched(ledger: Ledger, update: CaseUpdate, *rest: Any) -> Any:
        result = move(ledger, update, *rest)
        die_once_at(f"{update.record}/{update.position}")
        return result

    setattr(update_sender, name, watched)


def before_the_mark(die_once_at: Die) -> None:
    _moved("mark_update_sending", die_once_at)


def before_the_request(die_once_at: Die) -> None:
    update = CaseApi.update_case

    async def watched(self: CaseApi, case_id: str, body: bytes, token: str) -> Any:
        die_once_at(f"{case_id}/{body.decode()}")
        return await update(self, case_id, body, token)

    CaseApi.update_case = watched  # type: ignore[method-assign]


def the_server_has_it(die_once_at: Die) -> None:
    update = CaseApi.update_case

    async def watched(self: CaseApi, case_id: str, body: bytes, token: str) -> Any:
        request = asyncio.ensure_future(update(self, case_id, body, token))
        server = SandboxProcess(self._api_url)
        await asyncio.to_thread(_until_set, server, case_id, orjson.loads(body))
        die_once_at(f"{case_id}/{body.decode()}")
        return await request

    CaseApi.update_case = watched  # type: ignore[method-assign]


def _until_set(server: SandboxProcess, case_id: str, fields: dict[str, Any]) -> None:
    while not any(case["id"] == case_id and fields.items() <= case.items() for case in server.cases()):
        time.sleep(0.005)


def the_answer_has_arrived(die_once_at: Die) -> None:
    update = CaseApi.update_case

    async def watched(self: CaseApi, case_id: str, body: bytes, token: str) -> Any:
        answer = await update(self, case_id, body, token)
        die_once_at(f"{case_id}/{body.decode()}")
        return answer

    CaseApi.update_case = watched  # type: ignore[method-assign]


def before_it_is_settled(die_once_at: Die) -> None:
    _moved("settle_update", die_once_at)


def behind_it_is_settled(die_once_at: Die) -> None:
    """It is on disk, and nobody knows yet."""
    settled: list[str] = []
    _moved("settle_update", settled.append)
    commit = LedgerWriter.commit

    def watched(self: LedgerWriter, group: Group) -> None:
        commit(self, group)
        for name in settled:
            die_once_at(name)

    LedgerWriter.commit = watched  # type: ignore[method-assign]


POINTS = {
    point.__name__: point
    for point in (
        before_the_mark,
        before_the_request,
        the_server_has_it,
        the_answer_has_arrived,
        before_it_is_settled,
        behind_it_is_settled,
    )
}


@pytest.fixture
def truth(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A server of its own for each import: its requests are counted."""
    with sandbox_process(tmp_path) as server:
        yield server


def killed_at_each(server: SandboxProcess, folder: Path, point: str, *, forgets: bool = False) -> Ended:
    """Run the import until a run ends by itself."""
    (folder / "t.csv").write_text(EXPORT, encoding="utf-8")
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    where = ("--out", "out", "--api-url", server.url, "--concurrency", 1)
    command = ("run", "t.csv", "--mapping", "m.yml", "--quiet", "--yes", *where)
    change = Killed(point, folder / "noted", forgets)
    for _ in range(len(UPDATES) + 1):
        ended = run(folder, *command, variables={**server.login, "CASE_IMPORTER_SETTLE_DELAY": "0"}, change=change)
        if ended.code != _SIGKILL:
            break
    return ended


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 'out/ledger.db'}?mode=ro", uri=True)) as ledger:
        return ledger.execute(query).fetchall()


@pytest.mark.parametrize("point", POINTS)
def test_each_update_is_made_once_wherever_it_is_killed(truth: SandboxProcess, tmp_path: Path, point: str) -> None:
    assert killed_at_each(truth, tmp_path, point) == Ended(0, "", "")
    assert len((tmp_path / "noted").read_text().splitlines()) == len(UPDATES), "each update met a kill"
    found = {case["title"]: (case["status"], case["resolution"], case["type"]) for case in truth.cases()}
    assert found == WANTED
    assert len(truth.cases()) == len(WANTED)
    assert truth.state()["requests"]["update"] == len(UPDATES), "the server was asked for each update once"
    of_key = "FROM case_update AS it JOIN record ON record.id = it.record"
    assert rows(tmp_path, f"SELECT key, position, kind {of_key} WHERE it.state = 'done' ORDER BY key, 2") == UPDATES
    assert rows(tmp_path, "SELECT count(*) FROM case_update") == [(len(UPDATES),)], "and nothing is left open"
    times = "SELECT count(*) FROM case_update_event WHERE state = 'done' GROUP BY record, position"
    assert rows(tmp_path, times) == [(1,)] * len(UPDATES)
    order = "SELECT key FROM case_update_event AS it JOIN record ON record.id = it.record WHERE it.state = 'done'"
    keys = [key for (key,) in rows(tmp_path, f"{order} AND key <> 'T' ORDER BY it.id")]
    assert keys == ["C", "P", "P"], "a parent is solved when its child is"


def test_a_build_that_forgets_updates_in_flight_sends_them_twice(truth: SandboxProcess, tmp_path: Path) -> None:
    """The negative control."""
    killed_at_each(truth, tmp_path, "the_answer_has_arrived", forgets=True)
    assert truth.state()["requests"]["update"] > len(UPDATES)
