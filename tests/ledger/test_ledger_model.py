"""Histories nobody thought of: staging, sending, losing answers, crashing and looking up in any order.

Beside the ledger stands a small world that knows which cases really exist. Whatever happens, no key may ever have
two cases there (P1), every row must stand somewhere (P2, P3), and the history must tell how it got there.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledgers import (
    AT_THE_SERVER,
    LEGAL,
    LEGAL_IF_LEFT_OUT,
    as_killed,
    do,
    filtered,
    invalid,
    mark_one,
    memory,
    pending,
    settle_one,
    stage,
    valid,
)

from importer.ledger import Ledger, decisions, sources
from importer.ledger.records import Mark, Outcome
from importer.models import State

ROWS = st.sampled_from([valid, invalid, filtered])
KEYS = st.sampled_from(["A", "B", "C", "D"])
#: What becomes of a request: was the case made, and did the answer say so?
FATES = st.sampled_from(["created", "refused", "again", "made, answer lost", "not made, answer lost"])


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=memory())
        self.places = 0
        self.ledger = Ledger(Path(self.folder.name, "0.db"), verb="run")
        self.cases: dict[str, list[str]] = defaultdict(list)
        self.read = self.half_read = 0

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    close = teardown

    # -- what can happen ----------------------------------------------------------------------------

    @rule(keys=st.lists(st.tuples(KEYS, ROWS), max_size=5), replaces=st.none() | st.integers(1, 12))
    def read_a_file(self, keys: list[tuple[str, Any]], replaces: int | None) -> None:
        rows = [make(key, row=row, replaces=replaces) for row, (key, make) in enumerate(keys)]
        stage(self.ledger, rows)
        self.read += len(rows)
        self.half_read = 0  # what a dead process left behind is dropped

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5))
    def be_killed_while_reading(self, keys: list[str]) -> None:
        stage(self.ledger, [valid(key) for key in keys], finish=False)
        self.half_read = len(keys)
        self.be_killed()

    @rule(choice=st.integers(0, 20), fate=FATES)
    def send(self, choice: int, fate: str) -> None:
        if (record := self.choose(choice)) and self.mark(record) is Mark.DONE:
            self.request(record, fate)

    @rule(choice=st.integers(0, 20), reached_the_server=st.booleans())
    def be_killed_while_sending(self, choice: int, reached_the_server: bool) -> None:
        if (record := self.choose(choice)) and self.mark(record) is Mark.DONE:
            if reached_the_server:
                self.make_case(record)
            self.be_killed()

    @rule()
    def be_killed(self) -> None:
        self.places += 1
        copy = as_killed(self.ledger, Path(self.folder.name, str(self.places)))
        self.ledger.close()
        self.ledger = Ledger(copy, verb="run")

    @rule()
    def end_and_begin_again(self) -> None:
        path = self.ledger.path
        self.ledger.close()
        self.ledger = Ledger(path, verb="run")

    @rule(choice=st.integers(0, 20))
    def hold_back(self, choice: int) -> None:
        if (record := self.choose(choice)) and self.mark(record) is Mark.DONE:
            do(self.ledger, lambda: self.ledger.unmark(record))

    @rule()
    def look_up(self) -> None:
        for unknown in self.ledger.unknown_records():
            found = self.cases[unknown.key]
            outcome = Outcome(State.CREATED, found[0]) if found else Outcome(State.PENDING)
            do(
                self.ledger,
                lambda unknown=unknown, outcome=outcome: settle_one(self.ledger, unknown.id, State.UNKNOWN, outcome),
            )

    @rule()
    def retry(self) -> None:
        decisions.reopen_refused(self.ledger)

    @precondition(lambda self: any(source.staged for source in sources.sources(self.ledger)))
    @rule(choice=st.integers(0, 20), key=KEYS, make=ROWS)
    def map_anew(self, choice: int, key: str, make: Any) -> None:
        source = [source.id for source in sources.sources(self.ledger) if source.staged][-1]
        states = (State.PENDING, State.INVALID, State.REFUSED, State.SKIPPED)
        if unsent := sources.unsent_rows(self.ledger, source, states=states, after=0, limit=10):
            old, mapped = unsent[choice % len(unsent)], make(key).mapped
            sources.remap(self.ledger, source, [(old, mapped)])
            if old.state is State.SKIPPED and mapped.filtered_by is None:
                sources.let_others_answer(self.ledger, [old.id])

    # -- how it happens -----------------------------------------------------------------------------

    def choose(self, choice: int) -> int | None:
        rows = pending(self.ledger)
        return rows[choice % len(rows)].id if rows else None

    def mark(self, record: int) -> Mark:
        (result,) = do(self.ledger, lambda: mark_one(self.ledger, record))
        return result

    def key_of(self, record: int) -> str:
        return self.ledger.connection.execute("SELECT key FROM record WHERE id = ?", (record,)).fetchone()[0]

    def make_case(self, record: int) -> str:
        key = self.key_of(record)
        self.cases[key].append(f"case-{sum(map(len, self.cases.values()))}")
        return self.cases[key][-1]

    def request(self, record: int, fate: str) -> None:
        case_id = self.make_case(record) if fate in ("created", "made, answer lost") else None
        outcome = {
            "created": Outcome(State.CREATED, case_id, 201, "created"),
            "refused": Outcome(State.REFUSED, None, 422, "http_422"),
            "again": Outcome(State.PENDING, None, 429, "http_429"),
        }.get(fate, Outcome(State.UNKNOWN, None, None, "no_answer"))
        do(self.ledger, lambda: settle_one(self.ledger, record, State.SENDING, outcome))

    # -- what must always be true -------------------------------------------------------------------

    @invariant()
    def no_key_has_two_cases(self) -> None:
        assert all(len(cases) <= 1 for cases in self.cases.values()), dict(self.cases)

    @invariant()
    def created_rows_are_cases_of_their_key(self) -> None:
        rows = self.ledger.connection.execute("SELECT key, case_id FROM record WHERE state = 'created'").fetchall()
        assert all(self.cases[key] == [case_id] for key, case_id in rows)

    @invariant()
    def at_most_one_row_of_a_key_is_at_the_server(self) -> None:
        rows = self.ledger.connection.execute("SELECT key, state FROM record").fetchall()
        assert max(Counter(key for key, state in rows if state in AT_THE_SERVER).values(), default=0) <= 1

    @invariant()
    def the_totals_add_up(self) -> None:
        rows = sum(info.rows for info in sources.sources(self.ledger))
        assert self.ledger.counts().total() == rows == self.read + self.half_read

    @invariant()
    def the_history_leads_to_where_everything_stands(self) -> None:
        query = "SELECT state, code FROM event WHERE record = ? ORDER BY id"
        for record, state in self.ledger.connection.execute("SELECT id, state FROM record").fetchall():
            steps = [(State(step), code) for step, code in self.ledger.connection.execute(query, (record,))]
            assert (steps[-1][0] if steps else state) == state
            for (before, code), (after, _) in pairwise(steps):
                assert after in LEGAL[before] | (LEGAL_IF_LEFT_OUT if code == "filtered" else set())


class WithTwoCasesOfOneKey(LedgerMachine):
    """A wrong build: nothing stands in the way of a second row with the same key."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.ledger.connection.execute("DROP TRIGGER one_case_per_key")


class BackToPending(LedgerMachine):
    """A wrong build: what a dead process was sending is simply sent again."""

    @rule()
    def be_killed(self) -> None:
        with closing(sqlite3.connect(self.ledger.path, isolation_level=None)) as connection:
            connection.execute("UPDATE record SET state = 'pending' WHERE state = 'sending'")
        super().be_killed()


class SendsHalfReadSources(LedgerMachine):
    """A wrong build: rows are sent before all of their source was read."""

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5))
    def be_killed_while_reading(self, keys: list[str]) -> None:
        super().be_killed_while_reading(keys)
        self.ledger.connection.execute("DROP TRIGGER IF EXISTS record_stays")
        self.ledger.connection.execute("UPDATE source SET staged = 1 WHERE staged = 0 AND rows > 0")
        self.send(0, "created")
        self.ledger.connection.execute("UPDATE source SET staged = 0 WHERE id = (SELECT max(id) FROM source)")


_COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}
LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, **_COMMON)
TestLedgerHistories = LedgerMachine.TestCase


def send_two_pending_rows_of_one_key(machine: LedgerMachine) -> list[State]:
    """A history that random ones rarely find: mapped anew, a row gets the key of one that is pending already."""
    machine.begin()
    machine.read_a_file(keys=[("A", valid), ("A", invalid)], replaces=None)
    machine.map_anew(choice=1, key="A", make=valid)
    machine.send(choice=0, fate="created")
    machine.send(choice=0, fate="created")
    return decisions.states_of(machine.ledger, "A")


def test_of_two_pending_rows_of_one_key_one_is_sent() -> None:
    with closing(LedgerMachine()) as machine:
        assert send_two_pending_rows_of_one_key(machine) == [State.CREATED, State.SKIPPED]
        machine.no_key_has_two_cases()


def test_without_the_trigger_both_are_sent_and_that_is_caught() -> None:
    with closing(WithTwoCasesOfOneKey()) as machine:
        assert send_two_pending_rows_of_one_key(machine) == [State.CREATED, State.CREATED]
        with pytest.raises(AssertionError):
            machine.no_key_has_two_cases()


@pytest.mark.parametrize("wrong", [BackToPending, SendsHalfReadSources])
def test_wrong_builds_are_caught(wrong: type[LedgerMachine]) -> None:
    """Negative controls: a model that lets these pass would prove nothing."""
    once = settings(max_examples=2000, stateful_step_count=25, derandomize=True, phases=[Phase.generate], **_COMMON)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(wrong, settings=once)
