"""Promise P16 and its negative controls: each build that sets fields wrongly is caught, and the right one passes.

What left is noted as it leaves, next to what the ledger said at that moment: no clock decides.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from delivering import TOKEN
from ledgers import EXTERNAL_ID_FIELD, case_body, stage, valid

import importer.delivery.update_sender as update_sender
from importer.delivery.stopping import Stop
from importer.delivery.update_lookup import Shown
from importer.ledger import Ledger
from importer.ledger.records import CaseUpdate, Selection
from importer.models import CaseUpdateState, Link, Links, State, UpdateBody, UpdateKind
from importer.progress.progress import Progress
from importer.sandbox import FaultPlan, Rule, Sandbox, SandboxOptions
from importer.settings.model import Settings
from importer.talkdesk.client import CaseApi
from importer.talkdesk.credentials import SecretCredentials
from importer.verbs.ledger_run import RunOptions, send_pending
from importer.verbs.session import OpenTarget

pytestmark = pytest.mark.slow

#: A parent, then the children that it waits for; each has a type that no other has.
TYPES = {"P": "TASK", "C1": "INCIDENT", "C2": "PROBLEM"}
LOST = FaultPlan(rules=(Rule(do="drop", save=True, on=("update",), nth=2),))
Build = Callable[[pytest.MonkeyPatch, Path], None]


class Witness:
    """Notes what leaves for which case, and what is wrong with that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left: Counter[tuple[str, str]] = Counter()
        self.wrong: set[str] = set()

    def states(self) -> dict[tuple[str, int], str]:
        query = "SELECT key, position, a.state FROM case_update a JOIN record r ON r.id = a.record"
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as ledger:
            return {(key, position): state for key, position, state in ledger.execute(query)}

    def key_of(self, case_id: str) -> str:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as ledger:
            return str(ledger.execute("SELECT key FROM record WHERE case_id = ?", (case_id,)).fetchone()[0])

    def see(self, case_id: str, body: bytes) -> None:
        key, states = self.key_of(case_id), self.states()
        position = 2 if orjson.loads(body) == {"status": "CLOSED"} else 1
        if states[key, position] != "sending":
            self.wrong.add("left without a mark")
        if position == 2 and states[key, 1] != "done":
            self.wrong.add("left before the update in front of it")
        if key == "P" and {states[child, last] for child in ("C1", "C2") for last in (1, 2)} != {"done"}:
            self.wrong.add("left before the cases below it")
        self.left[key, body.decode()] += 1

    def judge(self, cases: list[dict[str, Any]]) -> None:
        """What the account shows in the end."""
        if any(count > 1 for count in self.left.values()):
            self.wrong.add("sent again although the case had it")
        for case in cases:
            if case["type"] not in (TYPES[case["custom_fields"][EXTERNAL_ID_FIELD]], None):
                self.wrong.add("set in another case")


async def told(path: Path, patch: pytest.MonkeyPatch, build: Build) -> set[str]:
    """Stage, send with a build, and say what was wrong."""
    rows = []
    for row, (key, kind) in enumerate(TYPES.items(), 2):
        solve = orjson.dumps({"type": kind, "resolution": key, "status": "RESOLVED"})
        updates = (
            UpdateBody(UpdateKind.SOLVE, solve, 3),
            UpdateBody(UpdateKind.CLOSE, orjson.dumps({"status": "CLOSED"}), 1),
        )
        one, link = valid(key, row=row, body=case_body(key)), Link(None, None if key == "P" else "P")
        rows.append(one.__class__(one.row, one.mapped._replace(case_updates=updates, link=link)))
    with Ledger(path, verb="run") as ledger:
        stage(ledger, rows, links=Links("Parent"))
    witness, update = Witness(path), CaseApi.update_case

    async def seen(self: CaseApi, case_id: str, body: bytes, token: str) -> Any:
        await asyncio.to_thread(witness.see, case_id, body)
        return await update(self, case_id, body, token)

    patch.setattr(CaseApi, "update_case", seen)
    build(patch, path)
    async with Sandbox(SandboxOptions(faults=LOST)) as sandbox:
        known = SecretCredentials(sandbox.client_id, sandbox.client_secret)
        target = OpenTarget("sandbox", sandbox.base_url, sandbox.token_url, lambda: known)
        how = {"api_url": sandbox.base_url, "settle_delay": 0.0, "concurrency": 1, "grace": 5.0, "token": TOKEN}
        with Ledger(path, verb="run") as ledger:
            options = RunOptions(chosen=Selection())
            await send_pending(ledger, target, Settings(**how), options, stop=Stop(), progress=Progress())
        witness.judge(list(sandbox.cases()))
    return witness.wrong


def as_it_is(patch: pytest.MonkeyPatch, path: Path) -> None:
    """The right build."""


def without_guard(patch: pytest.MonkeyPatch, path: Path) -> None:
    """The ledger does not mind whose turn it is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as ledger:
        ledger.execute("DROP TRIGGER case_update_waits")


def last_update_first(patch: pytest.MonkeyPatch, path: Path) -> None:
    """The updates of a case are taken from their end."""
    right = update_sender.next_case_update

    def backwards(ledger: Ledger, record: int) -> CaseUpdate | None:
        query = "SELECT position, body FROM case_update WHERE record = ? AND state = 'pending' ORDER BY position DESC"
        update, rows = right(ledger, record), ledger.rows(query, (record,))
        if update is None or update.state is not CaseUpdateState.PENDING:
            return update
        return CaseUpdate(record, rows[0][0], UpdateKind.CLOSE, update.case_id, update.state, rows[0][1].encode())

    patch.setattr(update_sender, "next_case_update", backwards)


def last_update_first_without_guard(patch: pytest.MonkeyPatch, path: Path) -> None:
    last_update_first(patch, path)
    without_guard(patch, path)


def marks_nothing(patch: pytest.MonkeyPatch, path: Path) -> None:
    """An update leaves, and the ledger does not know."""
    patch.setattr(update_sender, "mark_update_sending", lambda *_: True)


def repeats_blindly(patch: pytest.MonkeyPatch, path: Path) -> None:
    """An update whose answer was lost is simply sent again."""
    patch.setitem(update_sender._STATES, State.UNKNOWN, CaseUpdateState.PENDING)


def sees_nothing(patch: pytest.MonkeyPatch, path: Path) -> None:
    """A look at a case proves that it has nothing, whatever it shows."""
    patch.setattr(update_sender, "fields_in_case", lambda *_, **__: Shown.ABSENT)


def takes_the_case_before(patch: pytest.MonkeyPatch, path: Path) -> None:
    """Each update goes to the case of the update before it."""
    update, cases = CaseApi.update_case, list[str]()

    async def shifted(self: CaseApi, case_id: str, body: bytes, token: str) -> Any:
        cases.append(case_id)
        return await update(self, cases[max(0, len(cases) - 2)], body, token)

    patch.setattr(CaseApi, "update_case", shifted)


@pytest.mark.parametrize(
    ("build", "caught"),
    [
        (as_it_is, ""),
        (last_update_first, ""),  # the ledger refuses to mark it
        (last_update_first_without_guard, "left before the update in front of it"),
        (without_guard, "left before the cases below it"),
        (marks_nothing, "left without a mark"),
        (repeats_blindly, "sent again although the case had it"),
        (sees_nothing, "sent again although the case had it"),
        (takes_the_case_before, "set in another case"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Build, caught: str) -> None:
    wrong = await told(tmp_path / "l.db", monkeypatch, build)
    assert (caught in wrong) if caught else not wrong, wrong
