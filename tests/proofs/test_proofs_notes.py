"""Promise P15, and its negative controls: each build that treats notes wrongly is caught, the right one passes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import note_builds as builds
import pytest
from launching import run
from many_notes import NOTHING, Wrong, notes_of, what_is_wrong, write_export
from note_builds import Built, built
from program import Ended, SandboxProcess, sandbox_process

pytestmark = pytest.mark.slow

#: One update in four is lied about: counted, not by chance, so that each kind of lie is met by every build.
LIES: dict[str, Any] = {
    "name": "lies about updates",
    "rules": [
        {"do": "drop", "save": True, "every": 7, "on": ["update"]},
        {"do": "status", "status": 503, "every": 11, "on": ["update"]},
        {"do": "status", "status": 502, "save": True, "every": 13, "on": ["update"]},
    ],
}
_SIGKILL = -9


class Scene:
    """One export with notes, one server, and the command that imports it."""

    def __init__(self, folder: Path, server: SandboxProcess, *, workers: int = 8) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._server = server
        self._variables = {**server.login, "CASE_IMPORTER_SETTLE_DELAY": "1"}
        self._rows = [(f"{folder.name}-{number}", notes_of(f"{number}", 65)) for number in range(20)]
        write_export(folder, self._rows)
        where = ("--api-url", server.url, "--concurrency", workers)
        self._command = ("run", "t.csv", "--mapping", "m.yml", "--quiet", "--out", "out", *where)

    def run(self, build: Built) -> Ended:
        return run(self._folder, *self._command, variables=self._variables, change=build)

    def in_flight(self) -> int:
        """Updates that a dead run has left behind."""
        with closing(sqlite3.connect(f"file:{self._folder / 'out/ledger.db'}?mode=ro", uri=True)) as ledger:
            return int(ledger.execute("SELECT count(*) FROM case_update WHERE state = 'sending'").fetchone()[0])

    def wrong(self) -> Wrong:
        """What the server has against what the export says."""
        keys = {key for key, _ in self._rows}
        cases = [case for case in self._server.cases() if case["custom_fields"].get("text1") in keys]
        assert len(cases) == len(self._rows)
        return what_is_wrong(self._rows, cases)


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with sandbox_process(tmp_path_factory.mktemp("lying"), faults=LIES) as server:
        yield server


def to_the_end(scene: Scene, change: Callable[[], None] | None = None) -> Ended:
    """As often as the program asks for it; whatever it says about unknown outcomes of the wrong builds."""
    for _ in range(4):
        if (ended := scene.run(built(change))).code != 5:
            break
    return ended


def test_the_right_build_brings_each_note_once(lying: SandboxProcess, tmp_path: Path) -> None:
    scene = Scene(tmp_path / "right", lying)
    assert to_the_end(scene) == Ended(0, "", "")
    assert scene.wrong() == NOTHING


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        (builds.sends_notes_again_blindly, "doubled"),
        (builds.takes_unknown_for_success, "lost"),
        (builds.drops_the_last_part, "lost"),
        (builds.turns_notes_around, "disordered"),
    ],
)
def test_the_wrong_build_is_caught(
    lying: SandboxProcess, tmp_path: Path, change: Callable[[], None], shows: str
) -> None:
    scene = Scene(tmp_path / change.__name__, lying)
    to_the_end(scene, change)
    assert getattr(scene.wrong(), shows), "nothing was found, so the proofs prove nothing"


@pytest.mark.parametrize("before", [True, False], ids=["before the request", "the answer has arrived"])
@pytest.mark.parametrize("hit", [1, 2, 17, 60])
def test_killed_at_an_update(server: SandboxProcess, tmp_path: Path, hit: int, before: bool) -> None:
    scene = Scene(tmp_path / f"k{hit}{before}", server)
    assert scene.run(built(hit=hit, before=before)).code == _SIGKILL
    assert 1 <= scene.in_flight() <= 8, "P5: at most as many are unknown as there are workers"
    assert scene.run(built()) == Ended(0, "", "")
    assert scene.wrong() == NOTHING


def test_notes_in_flight_that_are_forgotten_are_doubled(server: SandboxProcess, tmp_path: Path) -> None:
    """The negative control of the kills."""
    scene = Scene(tmp_path / "forgets", server)
    assert scene.run(built(hit=17)).code == _SIGKILL
    scene.run(built(builds.forgets_notes_in_flight))
    assert scene.wrong().doubled
