"""P1–P3 in histories that nobody thought of: run, be killed, edit the file, retry, resolve, reconcile, in any order.

Beside the ledger stands a world that knows which cases really exist. The packages are the real ones; only sockets,
threads and time are make-believe.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import make_believe
import pytest
from history import read_history
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from ledgers import row_of, stage, valid
from make_believe import FATES, LISTS, AgelessLedger, Fuse, Killed, World, corpse_of, deliver
from tickets import MAPPING, Ticket, write_tickets
from virtual_time import now

import importer.delivery.api_access as api_access
from importer.errors import CaseImporterError
from importer.intake.staging import stage_source
from importer.ledger import Ledger, LedgerView, decisions, sources
from importer.ledger.records import Selection
from importer.mapping import load_mapping
from importer.models import State
from importer.reader import open_reader
from importer.report import totals_of
from importer.verbs.ledger_run import RunOptions
from importer.verbs.resolve import resolve

pytestmark = pytest.mark.slow

KEYS = st.sampled_from(["A", "B", "C", "D", "E"])
#: Where files cost nothing: what a disk does is not what is tested here.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
#: Steps until the process is killed; none, in a third of all runs.
FUSES = st.none() | st.integers(0, 12) | st.integers(0, 120)


class Machine(RuleBasedStateMachine):
    """One import and all that can happen to it."""

    @initialize(keys=st.lists(KEYS, min_size=1, max_size=5))
    def begin(self, keys: list[str]) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=_MEMORY)
        self.place = Path(self.folder.name)
        (self.place / "m.yml").write_text(MAPPING, encoding="utf-8")
        self.mapping = load_mapping(self.place / "m.yml")
        self.path = self.place / "0" / "ledger.db"
        self.world = World()
        self.rows = [Ticket(key, f"Ticket {key}") for key in keys]
        self.nights = self.deaths = 0
        self.read: set[str] = set()
        self.dropped: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            try:
                self.end_well()
            finally:
                self.folder.cleanup()

    # -- what can happen ----------------------------------------------------------------------------

    @rule(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=6), list_is=st.sampled_from(LISTS))
    def the_server_changes(self, fates: list[str], list_is: str) -> None:
        self.world.fates, self.world.list_is = fates, list_is

    @rule(key=KEYS)
    def append_a_row(self, key: str) -> None:
        self.rows = [*self.rows, Ticket(key, f"Ticket {key}, again")]

    @rule(place=st.integers(0, 9), text=st.sampled_from(["another subject", ""]))
    def change_a_cell(self, place: int, text: str) -> None:
        place %= len(self.rows)
        self.rows = [row._replace(subject=text) if at == place else row for at, row in enumerate(self.rows)]

    @rule()
    def reorder(self) -> None:
        self.rows = self.rows[::-1]

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4))
    def a_new_file_comes_at_night(self, keys: list[str]) -> None:
        self.nights += 1
        self.rows = [Ticket(key, f"Ticket {key} of night {self.nights}") for key in keys]

    @rule(fuse=FUSES, limit=st.none() | st.integers(1, 3))
    def run(self, fuse: int | None, limit: int | None) -> None:
        with Process(self, "run", fuse) as ledger:
            if ledger.unknown_records():
                deliver(ledger, self.world, self.fuse, RunOptions(limit=0, resend=False))
            sources.decide_again(ledger)
            source = self.stage(ledger)
            deliver(ledger, self.world, self.fuse, RunOptions(chosen=Selection(source=source), limit=limit))
            sources.decide_again(ledger)

    @rule(fuse=FUSES)
    def retry_what_was_refused(self, fuse: int | None) -> None:
        if self.path.exists():
            with Process(self, "retry", fuse) as ledger:
                sources.decide_again(ledger)
                decisions.reopen_refused(ledger)
                deliver(ledger, self.world, self.fuse, RunOptions(chosen=Selection()))

    @rule(fuse=FUSES)
    def reconcile(self, fuse: int | None) -> None:
        if self.path.exists():
            with Process(self, "reconcile", fuse) as ledger:
                deliver(ledger, self.world, self.fuse, RunOptions(chosen=Selection(), limit=0, resend=False))

    @rule(key=KEYS, drops=st.booleans())
    def a_person_decides(self, key: str, drops: bool) -> None:
        """Somebody who has looked at the server, long after everything has come to rest, and tells the truth."""
        if not self.path.exists():
            return
        self.world.time += 1000
        cases = [case.id for case in self.world.cases if case.external_id == key]
        decision: Any = "created" if cases else "drop" if drops else "resend"
        try:
            resolve(self.path, key, decision, reason="looked", case_id=cases[0] if cases else None)
        except CaseImporterError:
            return  # that row is not in doubt
        if decision == "drop":
            self.dropped.add(key)

    # -- how it happens -----------------------------------------------------------------------------

    def stage(self, ledger: Ledger) -> int:
        path = write_tickets(self.place / f"t{self.nights}.csv", self.rows)
        source = open_reader(path)
        number = stage_source(ledger, source, self.mapping, progress=lambda *_: None).source.id
        self.read |= {row.id for row in self.rows}
        return number

    def end_well(self) -> None:
        """A good day: the server is honest again, and the same command ends what was begun."""
        self.world.fates, self.world.list_is = ("created",), "honest"
        for _ in range(4):
            self.world.time += 100
            self.run(None, None)
            self.retry_what_was_refused(None)
        history = read_history(self.path, keys=sorted(self.read), cases=self.world.truth())
        offences = {name for name in history.offences if name != "unknown"}
        assert offences == set(), history.story(world=self.world.cases)
        if history.unknown:
            self.only_what_nobody_can_decide(history.unknown)

    def only_what_nobody_can_decide(self, keys: list[str]) -> None:
        """A row may stay unknown if no other ever became a case: nothing shows that the list works."""
        with LedgerView(self.path) as view:
            created = view.counts()[State.CREATED]
        assert created == 0, f"still unknown: {keys}"

    # -- what must always be true -------------------------------------------------------------------

    @invariant()
    def p1_no_key_has_two_cases(self) -> None:
        if hasattr(self, "world"):
            assert max(Counter(self.world.keys()).values(), default=0) <= 1, self.world.cases

    @invariant()
    def p2_what_is_called_created_is_a_case_of_this_key(self) -> None:
        if hasattr(self, "world") and self.path.exists():
            history = read_history(self.path, keys=sorted(self.read), cases=self.world.truth())
            assert history.phantom == history.unexpected == [], history.story(world=self.world.cases)

    @invariant()
    def p3_the_books_balance(self) -> None:
        if hasattr(self, "world") and self.path.exists():
            with LedgerView(self.path) as view:
                assert totals_of(view).match


class Process:
    """A process that holds the ledger, and may be killed in the middle of it.

    Args:
        machine: Whose ledger.
        verb: What for.
        steps: Until it is killed; None if it is not.
    """

    def __init__(self, machine: Machine, verb: str, steps: int | None) -> None:
        self._machine = machine
        self._verb = verb
        machine.fuse = Fuse(steps)

    def __enter__(self) -> Ledger:
        self._ledger = AgelessLedger(self._machine.path, verb=self._verb)
        return self._ledger

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        machine = self._machine
        if machine.fuse.is_burnt:
            machine.deaths += 1
            machine.path = corpse_of(self._ledger, machine.place / str(machine.deaths))
            return kind is Killed
        self._ledger.close()
        return False


_COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=15, **_COMMON)
TestHistories = Machine.TestCase


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thousands_of_histories() -> None:
    long = settings(max_examples=5000, stateful_step_count=30, derandomize=False, **_COMMON)
    run_state_machine_as_test(Machine, settings=long)


def test_a_row_that_waited_for_its_turn_is_younger_than_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rows are marked at once. The second is "too fast", so the third leaves 40 s later, and its answer is lost.

    The list shows the first 80 s after it was made, so before the first search, and the third only after it. That the
    first is shown says nothing about the third until another 40 s have passed.
    """
    world = World()
    world.fates = ("created", "too fast", "created, no answer", "refused", "created")
    world.lag, world.quiet = 80.0, 40.0
    monkeypatch.setattr(make_believe, "SETTINGS", make_believe.SETTINGS.model_copy(update={"rate": 5.0}))
    monkeypatch.setattr(time, "time", _virtual_clock)
    with Ledger(tmp_path / "ledger.db", verb="run") as ledger:
        ledger.connection.execute("PRAGMA trusted_schema = ON")  # its triggers read the clock
        ledger.connection.create_function("julianday", 1, lambda _: 2440587.5 + _virtual_clock() / 86400.0)
        stage(ledger, [valid(key, row=row) for row, key in enumerate("ABC", 2)])
        deliver(ledger, world, Fuse(None), RunOptions())
        assert [row_of(ledger, key)["state"] for key in "ABC"] == ["created", "refused", "created"]
    assert world.keys() == ["A", "C"]


def _virtual_clock() -> float:
    """The time of day, as far as it passes: while a loop runs."""
    try:
        return 1e9 + now()
    except RuntimeError:
        return 1e9


class BlindRetries(Machine):
    """A wrong build: what is unknown is simply sent again."""

    @rule(fuse=FUSES, limit=st.none() | st.integers(1, 3))
    def run(self, fuse: int | None, limit: int | None) -> None:
        without_answer = api_access.classify_error
        try:
            api_access.classify_error = lambda error: _pending(without_answer(error))
            super().run(fuse, limit)
        finally:
            api_access.classify_error = without_answer


class ForgetfulStart(Machine):
    """A wrong build: what a dead process was sending is pending again."""

    @rule(fuse=FUSES, limit=st.none() | st.integers(1, 3))
    def run(self, fuse: int | None, limit: int | None) -> None:
        begin_run = Ledger._begin_run

        def forgetful(ledger: Ledger, verb: str) -> int:
            ledger.connection.execute("UPDATE record SET state = 'pending' WHERE state = 'sending'")
            return begin_run(ledger, verb)

        try:
            Ledger._begin_run = forgetful  # type: ignore[method-assign]
            super().run(fuse, limit)
        finally:
            Ledger._begin_run = begin_run  # type: ignore[method-assign]


def _pending(verdict: Any) -> Any:
    return verdict._replace(outcome=verdict.outcome._replace(state=State.PENDING))


def killed_at_each_step(build: type[Machine]) -> None:
    """One row, an answer that is lost and an honest list; killed after each number of steps that a run can have."""
    for fuse in range(40):
        machine = build()
        try:
            machine.begin(["A"])
            machine.the_server_changes(["created, no answer"], "honest")
            machine.run(fuse, None)
        finally:
            machine.teardown()


def test_the_right_build_passes_where_the_wrong_ones_are_caught() -> None:
    killed_at_each_step(Machine)


@pytest.mark.parametrize("wrong", [BlindRetries, ForgetfulStart])
def test_wrong_builds_are_caught(wrong: type[Machine]) -> None:
    """Negative controls: a model that lets these pass would prove nothing."""
    with pytest.raises(AssertionError, match="duplicated"):
        killed_at_each_step(wrong)
