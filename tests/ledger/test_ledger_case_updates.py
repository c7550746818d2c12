"""Promise P15 below all code: what the tables themselves refuse about notes that follow, and how they are kept."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from ledgers import as_killed, case_body, do, invalid, mark_one, notes, pending, settle_one, stage, valid, with_updates

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerView, decisions, sources
from importer.ledger import case_updates as later
from importer.ledger.contents import forget
from importer.ledger.records import CaseUpdate, Outcome, UpdateOutcome
from importer.models import CaseUpdateState, State

LEGAL = {
    CaseUpdateState.PENDING: {CaseUpdateState.SENDING, CaseUpdateState.UNKNOWN, CaseUpdateState.DROPPED},
    CaseUpdateState.SENDING: {
        CaseUpdateState.DONE,
        CaseUpdateState.REFUSED,
        CaseUpdateState.PENDING,
        CaseUpdateState.UNKNOWN,
    },
    CaseUpdateState.UNKNOWN: {CaseUpdateState.DONE, CaseUpdateState.PENDING, CaseUpdateState.DROPPED},
    CaseUpdateState.REFUSED: {CaseUpdateState.PENDING, CaseUpdateState.DONE, CaseUpdateState.DROPPED},
    CaseUpdateState.DONE: set(),
    CaseUpdateState.DROPPED: set(),
}


def become_a_case(ledger: Ledger, record: int, case_id: str) -> None:
    do(ledger, lambda: mark_one(ledger, record))
    do(ledger, lambda: settle_one(ledger, record, State.SENDING, Outcome(State.CREATED, case_id, 201, "created")))


def states(ledger: Ledger) -> list[str]:
    rows = ledger.connection.execute("SELECT state FROM case_update ORDER BY record, position")
    return [state for (state,) in rows]


def waiting(ledger: Ledger, *, only_unknown: bool = False) -> list[int]:
    return later.waiting_cases(ledger, None, after=0, limit=10, only_unknown=only_unknown)


def settle(ledger: Ledger, update: CaseUpdate, state: CaseUpdateState) -> None:
    """Mark, then the end of an attempt."""
    assert do(ledger, lambda: later.mark_update_sending(ledger, update)) == [True]
    assert do(ledger, lambda: later.settle_update(ledger, update, CaseUpdateState.SENDING, UpdateOutcome(state))) == [
        True
    ]


@pytest.fixture
def two(ledger: Ledger) -> Ledger:
    """One row that is a case, with two more updates to come."""
    stage(ledger, [with_updates("A", notes("b", "c"), notes("d"))])
    become_a_case(ledger, 1, "77")
    return ledger


def next_of(ledger: Ledger, record: int = 1) -> CaseUpdate:
    update = later.next_case_update(ledger, record)
    assert update is not None
    return update


@pytest.mark.parametrize(
    ("before", "after"), [*itertools.permutations(CaseUpdateState, 2)], ids=lambda state: state.value
)
def test_a_case_update_moves_only_as_the_design_allows(
    two: Ledger, before: CaseUpdateState, after: CaseUpdateState
) -> None:
    two.connection.execute("DELETE FROM case_update WHERE position = 1")
    insert = "INSERT INTO case_update (record, position, kind, items, state) VALUES (1, 1, 'notes', 1, ?)"
    two.connection.execute(insert, (before,))
    move = "UPDATE case_update SET state = ? WHERE position = 1"
    if after in LEGAL[before]:
        two.connection.execute(move, (after,))
    else:
        with pytest.raises(sqlite3.IntegrityError, match="may not move like that"):
            two.connection.execute(move, (after,))


def test_parts_go_in_order_whoever_writes_the_sql(two: Ledger) -> None:
    for state in ("pending", "sending", "refused", "unknown"):
        with pytest.raises(sqlite3.IntegrityError, match="not the turn"):
            two.connection.execute("UPDATE case_update SET state = 'sending' WHERE position = 2")
        if state == "pending":
            settle(two, next_of(two), CaseUpdateState.UNKNOWN)
    do(
        two,
        lambda: later.settle_update(two, next_of(two), CaseUpdateState.UNKNOWN, UpdateOutcome(CaseUpdateState.DONE)),
    )
    assert next_of(two).position == 2
    assert do(two, lambda: later.mark_update_sending(two, next_of(two))) == [True]


@pytest.mark.parametrize("state", [State.PENDING, State.REFUSED, State.UNKNOWN, State.SKIPPED])
def test_notes_go_only_to_the_case_that_their_row_became(ledger: Ledger, state: State) -> None:
    stage(ledger, [with_updates("A", notes("b"))])
    assert waiting(ledger) == []
    do(ledger, lambda: mark_one(ledger, 1))
    with pytest.raises(sqlite3.IntegrityError, match="not the turn"):
        ledger.connection.execute("UPDATE case_update SET state = 'sending'")
    do(
        ledger,
        lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.UNKNOWN if state is State.SKIPPED else state)),
    )
    assert waiting(ledger) == []
    assert later.next_case_update(ledger, 1) is None
    with pytest.raises(sqlite3.IntegrityError, match="not the turn"):
        ledger.connection.execute("UPDATE case_update SET state = 'sending'")


def test_a_row_whose_answer_was_crossed_gets_no_notes(two: Ledger) -> None:
    """Two rows were given one case id: nobody knows whose case it is, so no note goes there."""
    update = next_of(two)
    stage(two, [valid("B")], sha256="2" * 64)
    do(two, lambda: mark_one(two, 2))
    do(two, lambda: settle_one(two, 2, State.SENDING, Outcome(State.CREATED, "77", 201, "created")))
    assert waiting(two) == []
    assert do(two, lambda: later.mark_update_sending(two, update)) == [False]
    assert states(two) == ["pending", "pending"]


def test_what_a_killed_process_was_sending_is_unknown(two: Ledger, tmp_path: Path) -> None:
    do(two, lambda: later.mark_update_sending(two, next_of(two)))
    with Ledger(as_killed(two, tmp_path / "killed"), verb="run") as ledger:
        assert states(ledger) == ["unknown", "pending"]
        assert waiting(ledger, only_unknown=True) == [1]
        code = ledger.connection.execute("SELECT code FROM case_update WHERE position = 1").fetchone()
        assert code == ("interrupted",)


def test_what_nobody_waits_for_any_more_is_unknown(two: Ledger) -> None:
    do(two, lambda: later.mark_update_sending(two, next_of(two)))
    assert do(two, two.abandon) == [1]
    assert states(two) == ["unknown", "pending"]


def test_a_mark_that_is_taken_back_was_no_attempt(two: Ledger) -> None:
    do(
        two,
        lambda: later.mark_update_sending(two, next_of(two)),
        lambda: later.unmark_update(two, next_of_sending(two)),
    )
    assert two.connection.execute("SELECT state, attempts FROM case_update WHERE position = 1").fetchone() == (
        "pending",
        0,
    )


def next_of_sending(ledger: Ledger) -> CaseUpdate:
    return CaseUpdate(1, 1, "notes", "77", CaseUpdateState.SENDING, b"")


def test_a_refused_part_holds_up_those_behind_it(two: Ledger) -> None:
    settle(two, next_of(two), CaseUpdateState.REFUSED)
    assert waiting(two) == []
    with LedgerView(two.path) as view:
        assert view.update_items() == {"refused": 2, "held": 1}
    assert decisions.reopen_refused(two) == 1
    assert waiting(two) == [1]
    assert states(two) == ["pending", "pending"]


def test_what_came_before_is_known_exactly(two: Ledger) -> None:
    """Notes that a person dropped may be there or not."""
    settle(two, next_of(two), CaseUpdateState.REFUSED)
    assert decisions.resolve_update(two, "A", UpdateOutcome(CaseUpdateState.DROPPED))
    before = later.sent_before(two, next_of(two))
    assert before.surely == (case_body("A", notes=[{"note_body": "first", "public": False}]),)
    assert before.perhaps == (notes("b", "c"),)


def test_a_case_update_that_was_sent_is_never_dropped(two: Ledger) -> None:
    settle(two, next_of(two), CaseUpdateState.DONE)
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        two.connection.execute("DELETE FROM case_update WHERE position = 1")


def test_history_is_only_appended(two: Ledger) -> None:
    settle(two, next_of(two), CaseUpdateState.DONE)
    events = two.connection.execute("SELECT position, state, attempt FROM case_update_event ORDER BY id").fetchall()
    assert events == [(1, "sending", 1), (1, "done", 1)]
    for change in ("UPDATE case_update_event SET state = 'x'", "DELETE FROM case_update_event"):
        with pytest.raises(sqlite3.IntegrityError, match="only appended"):
            two.connection.execute(change)


def test_what_is_forgotten_takes_its_notes_along(two: Ledger) -> None:
    """A case that waits for notes is not finished: without its row an unknown outcome could not be settled."""
    forget(two, [State.CREATED])
    assert later.sent_before(two, next_of(two)).surely, "it waits for notes"
    settle(two, next_of(two), CaseUpdateState.DONE)
    settle(two, next_of(two), CaseUpdateState.DONE)
    forget(two, [State.CREATED])
    assert two.connection.execute("SELECT count(*) FROM content").fetchone() == (0,)
    assert two.connection.execute("SELECT DISTINCT body FROM case_update").fetchall() == [(None,)]
    stage(two, [with_updates("A", notes("b", "c"), notes("d"))], sha256="2" * 64)
    assert two.connection.execute("SELECT code FROM record WHERE id = 2").fetchone() == ("already_created_unverified",)


def test_a_reading_that_was_cut_short_leaves_no_notes(ledger: Ledger) -> None:
    stage(ledger, [with_updates("A", notes("b"))], finish=False)
    stage(ledger, [with_updates("A", notes("c"))])
    assert ledger.connection.execute("SELECT body FROM case_update").fetchall() == [(notes("c").decode(),)]


@pytest.mark.parametrize(
    ("again", "code"),
    [((notes("b"),), "already_created"), ((notes("B"),), "already_created_changed"), ((), "already_created_changed")],
)
def test_a_note_that_changed_is_a_change_of_the_ticket(ledger: Ledger, again: Sequence[bytes], code: str) -> None:
    stage(ledger, [with_updates("A", notes("b"))])
    become_a_case(ledger, 1, "77")
    stage(ledger, [with_updates("A", *again)], sha256="2" * 64)
    assert ledger.connection.execute("SELECT state, code FROM record WHERE id = 2").fetchone() == ("skipped", code)
    assert waiting(ledger) == [1], "notes of a skipped row never go"


def test_a_new_mapping_replaces_what_was_not_sent(ledger: Ledger) -> None:
    source = stage(ledger, [with_updates("A", notes("b"), notes("c")), invalid("B", row=3)])
    old = sources.unsent_rows(ledger, source, states=[State.PENDING, State.INVALID], after=0, limit=10)
    mapped = [with_updates("A", notes("b", "c")).mapped, with_updates("B", notes("x")).mapped]
    sources.remap(ledger, source, list(zip(old, mapped, strict=True)))
    rows = ledger.connection.execute("SELECT record, position, items, body FROM case_update ORDER BY record").fetchall()
    assert rows == [(1, 1, 2, notes("b", "c").decode()), (2, 1, 1, notes("x").decode())]
    assert [row.key for row in pending(ledger)] == ["A", "B"]


def test_an_illegal_move_ends_in_words(two: Ledger) -> None:
    with pytest.raises(LedgerError, match="may not move like that"):
        do(
            two,
            lambda: later.settle_update(
                two, next_of(two), CaseUpdateState.PENDING, UpdateOutcome(CaseUpdateState.DONE)
            ),
        )
