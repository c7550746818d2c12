"""Promises P1 to P3 below all code: what the tables themselves refuse, whoever writes the SQL."""

from __future__ import annotations

import itertools
import sqlite3

import pytest
from ledgers import AT_THE_SERVER, LEGAL, LEGAL_IF_LEFT_OUT, do, mark_one, row_of, settle_one, stage, valid

from importer.errors import LedgerError
from importer.ledger import Ledger
from importer.ledger.records import Outcome
from importer.models import State

NEVER_THERE = tuple(state for state in State if state not in AT_THE_SERVER)


def enter(ledger: Ledger, key: str, state: State, *, case_id: str | None = None) -> int:
    """Put a record into a state by plain SQL."""
    case_id = case_id or (f"case-{key}" if state is State.CREATED else None)
    number = ledger.connection.execute(
        "INSERT INTO record (source, row, key, state, case_id) VALUES (1, 2, ?, ?, ?)", (key, state, case_id)
    ).lastrowid
    assert number is not None
    return number


@pytest.fixture
def staged(ledger: Ledger) -> Ledger:
    """A ledger with a source, for rows that are entered by hand."""
    stage(ledger, [])
    return ledger


def moves(ledger: Ledger, number: int, after: State, *, case_id: str | None) -> bool:
    """Whether a record may move like that, by plain SQL; if not, it stays as it was."""

    def record() -> tuple[object, ...]:
        return tuple(ledger.connection.execute("SELECT * FROM record WHERE id = ?", (number,)).fetchone())

    before = record()
    values = (after, case_id if after is State.CREATED else None, number)
    try:
        ledger.connection.execute("UPDATE record SET state = ?, case_id = ?, code = NULL WHERE id = ?", values)
    except sqlite3.IntegrityError as error:
        if "may not move like that" not in str(error):
            raise
        assert record() == before
        return False
    (state,) = ledger.connection.execute("SELECT state FROM record WHERE id = ?", (number,)).fetchone()
    assert state == after
    return True


def test_a_record_moves_only_as_the_design_allows(staged: Ledger) -> None:
    allowed = set()
    for before, after in itertools.permutations(State, 2):
        key = f"{before}-{after}"
        if moves(staged, enter(staged, key, before), after, case_id=f"case-{key}"):
            allowed.add((before, after))
    assert allowed == {(before, after) for before in State for after in LEGAL[before] if after is not before}


@pytest.mark.parametrize(
    "code", ["filtered", "duplicate_key", "already_created", "key_unsettled", "superseded", "resolved", None]
)
def test_of_skipped_rows_only_those_that_were_filtered_or_unsettled_come_back(staged: Ledger, code: str | None) -> None:
    """P1: all others are answered for by another row, or by a person."""
    allowed = set()
    for after in set(State) - {State.SKIPPED}:
        number = enter(staged, after, State.SKIPPED)
        staged.connection.execute("UPDATE record SET code = ? WHERE id = ?", (code, number))
        if moves(staged, number, after, case_id="case-A"):
            allowed.add(after)
    assert allowed == (set(LEGAL_IF_LEFT_OUT) if code in ("filtered", "key_unsettled") else set())


@pytest.mark.parametrize("before", State)
def test_an_illegal_move_through_the_ledger_is_refused(staged: Ledger, before: State) -> None:
    for after in set(State) - {before} - set(LEGAL[before]):
        number = enter(staged, f"to-{after}", before)
        outcome = Outcome(after, case_id="case-A" if after is State.CREATED else None)
        with pytest.raises(LedgerError, match="may not move like that"):
            do(staged, lambda: settle_one(staged, number, before, outcome))  # noqa: B023  # it is called at once
        assert row_of(staged, f"to-{after}")["state"] == before


def test_a_record_has_one_of_the_known_states(staged: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        staged.connection.execute("INSERT INTO record (source, row, key, state) VALUES (1, 2, 'A', 'sent')")


@pytest.mark.parametrize("first", AT_THE_SERVER)
@pytest.mark.parametrize("second", AT_THE_SERVER)
def test_one_case_per_key(staged: Ledger, first: State, second: State) -> None:
    """P1: of all rows with one key, one may be at the server."""
    enter(staged, "A", first)
    with pytest.raises(sqlite3.IntegrityError, match="another record with this key"):
        enter(staged, "A", second, case_id="another" if second is State.CREATED else None)


def test_one_case_per_key_also_when_a_row_moves_or_gets_another_key(staged: Ledger) -> None:
    """The trigger looks at all three ways to break it: a row that is written, that moves, and whose key changes."""
    enter(staged, "A", State.CREATED)
    moves, changes = enter(staged, "A", State.PENDING), enter(staged, "B", State.UNKNOWN)
    for statement in (
        f"UPDATE record SET state = 'sending' WHERE id = {moves}",
        f"UPDATE record SET key = 'A' WHERE id = {changes}",
        f"UPDATE record SET key = 'A', state = 'created', case_id = '2' WHERE id = {changes}",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="another record with this key"):
            staged.connection.execute(statement)
    staged.connection.execute(f"UPDATE record SET key = 'C' WHERE id = {changes}")


@pytest.mark.parametrize("other", NEVER_THERE)
@pytest.mark.parametrize("at_the_server", AT_THE_SERVER)
def test_rows_that_never_reached_the_server_may_share_a_key(staged: Ledger, at_the_server: State, other: State) -> None:
    enter(staged, "A", at_the_server)
    enter(staged, "A", other)
    enter(staged, "A", other)


@pytest.mark.parametrize("state", [State.CREATED, State.UNKNOWN, State.REFUSED, State.SKIPPED, State.DUPLICATE])
def test_one_row_per_case(staged: Ledger, state: State) -> None:
    """P2: a case id answers for one row."""
    enter(staged, "A", State.CREATED, case_id="1")
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*case_id"):
        enter(staged, "B", state, case_id="1")


def test_created_needs_a_case_id(staged: Ledger) -> None:
    number = enter(staged, "A", State.SENDING)
    with pytest.raises(LedgerError, match="CHECK"):
        do(staged, lambda: settle_one(staged, number, State.SENDING, Outcome(State.CREATED)))


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.INVALID])
def test_what_is_still_to_be_sent_has_no_case_id(staged: Ledger, state: State) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        enter(staged, "A", state, case_id="1")


def test_every_move_is_in_the_history_with_its_evidence(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    do(ledger, lambda: mark_one(ledger, 1))
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.PENDING, None, 429, "http_429", "slow down")))
    do(ledger, lambda: mark_one(ledger, 1))
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.CREATED, "77", 201, "created")))
    columns = "record, run, state, attempt, case_id, http_status, code, message"
    history = ledger.connection.execute(f"SELECT {columns} FROM event ORDER BY id").fetchall()
    assert history == [
        (1, ledger.run, "sending", 1, None, None, None, None),
        (1, ledger.run, "pending", 1, None, 429, "http_429", "slow down"),
        (1, ledger.run, "sending", 2, None, None, None, None),
        (1, ledger.run, "created", 2, "77", 201, "created", None),
    ]
    times = [at for (at,) in ledger.connection.execute("SELECT at FROM event ORDER BY id")]
    assert times == sorted(times)


@pytest.mark.parametrize("change", ["UPDATE event SET state = 'refused'", "DELETE FROM event"])
def test_history_is_only_appended(ledger: Ledger, change: str) -> None:
    stage(ledger, [valid("A")])
    do(ledger, lambda: mark_one(ledger, 1))
    with pytest.raises(sqlite3.IntegrityError, match="only appended"):
        ledger.connection.execute(change)


def test_a_row_that_was_sent_cannot_be_deleted(ledger: Ledger) -> None:
    """No loss: no statement removes a row that may be at the server."""
    stage(ledger, [valid("A")])
    do(ledger, lambda: mark_one(ledger, 1))
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        ledger.connection.execute("DELETE FROM record WHERE id = 1")
