"""Promise P15: whatever kills a run, each case gets all notes of its row, each of them once, in their order."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kills import moments
from launching import Child
from many_notes import NOTHING, notes_of, what_is_wrong, write_export
from program import Ended, Program, SandboxProcess, sandbox_process, until

from importer.errors import ExitCode

pytestmark = pytest.mark.slow

WRITES = ["create", "update"]
#: One write in eight goes wrong, and most of these have been done all the same.
FAULTS: dict[str, Any] = {
    "name": "lies",
    "rules": [
        {"do": "drop", "save": True, "chance": 0.05, "on": WRITES},
        {"do": "status", "status": 503, "save": True, "chance": 0.02, "on": WRITES},
        {"do": "status", "status": 503, "chance": 0.03, "on": WRITES},
        {"do": "drop", "save": False, "chance": 0.02, "on": WRITES},
        {"do": "status", "status": 503, "chance": 0.05, "on": ["get", "list"]},
    ],
}
_FINISHING_RUNS = 8


class Story:
    """One export with many notes, one ledger, one server, many deaths."""

    def __init__(self, program: Program, server: SandboxProcess, *, rows: int, notes: int, rate: int) -> None:
        self._program = program
        self._server = server
        self.rows = [(f"N{number:04}", notes_of(f"N{number:04}", notes)) for number in range(rows)]
        write_export(program.folder, self.rows)
        how = ("--api-url", server.url, "--rate", rate, "--concurrency", 32)
        self.command = ("run", "t.csv", "--mapping", "m.yml", "--out", "out", "--quiet", *how)
        self.killed: list[str] = []

    def updates(self) -> int:
        return int(self._server.state()["requests"].get("update", 0))

    def kill(self, times: int, *, seed: int) -> None:
        """Start the command so many times, and kill it each time, mostly while notes are on their way."""
        for moment, _ in zip(moments(random.Random(seed)), range(times), strict=False):
            child = self._program.fork(*self.command)
            if moment.sending:
                self._wait_for_an_update(child)
            if child.ends_within(moment.seconds):
                raise AssertionError(f"it ended by itself: {child.end()}, killed {self.killed}")
            child.kill()
            self.killed.append(str(moment))

    def _wait_for_an_update(self, child: Child) -> None:
        before = self.updates()
        until(lambda: self.updates() > before or child.ends_within(0), what="an update")

    def found(self) -> int:
        """Updates of which nobody knew, that turned out to have been taken."""
        with closing(sqlite3.connect(self._program.folder / "out/ledger.db")) as ledger:
            query = "SELECT count(*) FROM case_update WHERE state = 'done' AND code = 'found'"
            return int(ledger.execute(query).fetchone()[0])

    def finish(self) -> Ended:
        """The same command, left alone; again while it asks for that."""
        for _ in range(_FINISHING_RUNS):
            ended = self._program.fork(*self.command).end(60 + len(self.rows))
            if ended.code != ExitCode.TEMPORARY:
                break
        return ended


def fought(folder: Path, *, kills: int, seed: int, **size: Any) -> None:
    with sandbox_process(folder, "--token-life", 5, faults={**FAULTS, "seed": seed}) as server:
        story = Story(Program(folder, **server.login, CASE_IMPORTER_SETTLE_DELAY="1"), server, **size)
        story.kill(kills, seed=seed)
        ended = story.finish()
        wrong = what_is_wrong(story.rows, server.cases())
        assert wrong == NOTHING, f"{wrong}; seed {seed}; killed {story.killed}"
        assert story.found(), "no update was ever unknown, so nothing was proven"
        assert len(server.cases()) == len(story.rows)
        assert ended == Ended(0, "", ""), f"seed {seed}; killed {story.killed}"


@pytest.mark.timeout(600)
def test_a_hundred_cases_with_seventy_five_notes_killed_again_and_again(tmp_path: Path) -> None:
    fought(tmp_path, kills=6, seed=20_251_201, rows=100, notes=75, rate=100)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_cases_with_notes_killed_a_hundred_times(tmp_path: Path, seed: int) -> None:
    fought(tmp_path, kills=100, seed=seed, rows=1000, notes=75, rate=200)
