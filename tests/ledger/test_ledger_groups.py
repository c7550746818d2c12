"""Many records in one statement: faster, and never anything else than one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from ledgers import do, row_of, stage, valid
from test_ledger_tree import child

from importer.ledger import Ledger, Mark, Outcome, Settled
from importer.ledger.groups import Settlement, mark_all, settle_all
from importer.models import Links, State

T = TypeVar("T")


def once(ledger: Ledger, work: Callable[[], T]) -> T:
    """In a transaction of its own."""
    (result,) = do(ledger, work)
    return result


def created(case_id: str) -> Outcome:
    return Outcome(State.CREATED, case_id, 201, "created")


@pytest.fixture
def statements(ledger: Ledger) -> list[str]:
    """Which statements move records."""
    stage(ledger, [valid(f"K{number}", row=number + 2) for number in range(10)])
    moves: list[str] = []
    ledger.connection.set_trace_callback(lambda query: moves.append(query) if query.startswith("UPDATE") else None)
    return moves


def test_all_go_together(ledger: Ledger, statements: list[str]) -> None:
    records = list(range(1, 11))
    assert once(ledger, lambda: mark_all(ledger, records)) == [Mark.DONE] * 10
    settlements = [Settlement(record, State.SENDING, created(f"c{record}")) for record in records]
    assert once(ledger, lambda: settle_all(ledger, settlements)) == [Settled.DONE] * 10
    assert len(set(statements)) == 2  # the log has them once more for each trigger
    for record in records:
        row = row_of(ledger, f"K{record - 1}")
        assert (row["state"], row["case_id"], row["attempts"], row["http_status"]) == ("created", f"c{record}", 1, 201)
        assert (row["code"], row["message"]) == ("created", None)
    moves = ledger.connection.execute("SELECT record, state, case_id FROM event ORDER BY record, id").fetchall()
    expected = [(record, *move) for record in records for move in (("sending", None), ("created", f"c{record}"))]
    assert moves == expected


def test_nobody_who_waits_for_nothing_costs_anything(ledger: Ledger, statements: list[str]) -> None:
    assert (mark_all(ledger, []), settle_all(ledger, [])) == ([], [])
    assert statements == []


def test_one_that_is_no_longer_pending_holds_up_nobody(ledger: Ledger, statements: list[str]) -> None:
    once(ledger, lambda: ledger.mark_sending(2))
    assert once(ledger, lambda: mark_all(ledger, [1, 2, 3])) == [Mark.DONE, Mark.NOT_PENDING, Mark.DONE]
    assert once(ledger, lambda: mark_all(ledger, [4, 5, 4])) == [Mark.DONE, Mark.DONE, Mark.NOT_PENDING]
    assert row_of(ledger, "K0")["attempts"] == 1, "what did not work together left nothing behind"


def test_one_whose_key_is_taken_is_skipped_alone(ledger: Ledger) -> None:
    """P1"""
    stage(ledger, [valid(key, row=row) for row, key in enumerate("ABCA", 2)], finish=False)
    ledger.connection.execute("UPDATE source SET staged = 1")
    assert once(ledger, lambda: mark_all(ledger, [1, 2, 3, 4])) == [Mark.DONE, Mark.DONE, Mark.DONE, Mark.DUPLICATE_KEY]
    assert ledger.counts() == {State.SENDING: 3, State.SKIPPED: 1}


@pytest.mark.parametrize("ids", [("1", "1", "2"), ("2", "1", "1"), ("old", "1", "2")])
def test_one_case_for_two_rows_is_found_in_a_group(ledger: Ledger, statements: list[str], ids: Sequence[str]) -> None:
    """P2: all but the two that were crossed are settled."""
    once(ledger, lambda: mark_all(ledger, [1, 2, 3, 4]))
    once(ledger, lambda: ledger.settle(4, State.SENDING, created("old")))
    settlements = [Settlement(record, State.SENDING, created(case)) for record, case in enumerate(ids, 1)]
    settled = once(ledger, lambda: settle_all(ledger, settlements))
    assert sorted(settled, key=str) == [Settled.CROSSED, Settled.DONE, Settled.DONE]
    assert ledger.counts() == {State.UNKNOWN: 2, State.CREATED: 2, State.PENDING: 6}


def test_the_same_as_one_by_one(tmp_path: Path) -> None:
    """Whatever is asked for, in whatever state: two ledgers that are asked in two ways end up alike."""
    for seed in range(60):
        ends = [_moved(tmp_path / f"{seed}-{together}.db", Random(seed), together=together) for together in (0, 1)]
        assert ends[0] == ends[1], f"seed {seed}"


def _moved(path: Path, random: Random, *, together: int) -> object:
    told: list[object] = []
    with closing(Ledger(path, verb="run")) as ledger:
        stage(ledger, [valid(f"K{number % 11}", row=number + 2) for number in range(12)], finish=False)
        ledger.connection.execute("UPDATE source SET staged = 1")
        for _ in range(4):
            records = [random.randint(1, 12) for _ in range(random.randint(0, 6))]
            wishes = [
                Settlement(random.randint(1, 12), State.SENDING, _outcome(random)) for _ in range(random.randint(0, 6))
            ]
            wishes.sort(key=lambda wish: str(wish.outcome[2:]))  # a group settles what is alike together
            told.append(once(ledger, lambda records=records: _fences(ledger, records, together)))
            told.append(once(ledger, lambda wishes=wishes: _settlements(ledger, wishes, together)))
        query = "SELECT id, state, attempts, case_id, http_status, code, message FROM record ORDER BY id"
        return told, ledger.connection.execute(query).fetchall()


def _fences(ledger: Ledger, records: list[int], together: int) -> list[Mark]:
    return mark_all(ledger, records) if together else [ledger.mark_sending(record) for record in records]


def _settlements(ledger: Ledger, wishes: list[Settlement], together: int) -> list[Settled]:
    return settle_all(ledger, wishes) if together else [ledger.settle(*wish) for wish in wishes]


def _outcome(random: Random) -> Outcome:
    return random.choice(
        [
            created(str(random.randint(1, 9))),
            Outcome(State.REFUSED, None, 422, "no", "too long"),
            Outcome(State.PENDING, None, 429, "http_429", "too fast"),
            Outcome(State.UNKNOWN, None, None, "timeout", "no answer in time"),
        ]
    )


def test_many_parents_let_their_children_go(ledger: Ledger) -> None:
    families = [child("A"), child("B"), child("C", "A"), child("D", "B"), child("E", "B")]
    stage(ledger, families, links=Links("P"))
    once(ledger, lambda: mark_all(ledger, [1, 2]))
    moves: list[str] = []
    ledger.connection.set_trace_callback(lambda query: moves.append(query) if "json_each" in query else None)
    settlements = [Settlement(record, State.SENDING, created(f"c{record}")) for record in (1, 2)]
    assert once(ledger, lambda: settle_all(ledger, settlements)) == [Settled.DONE] * 2
    ledger.connection.set_trace_callback(None)
    assert moves[0].startswith("UPDATE record SET state = 'created'"), "the fast way was not taken"
    assert list(ledger.released) == [3, 4, 5]
    assert once(ledger, lambda: mark_all(ledger, [3, 4, 5])) == [Mark.DONE] * 3, "each names the case of its parent"


def test_a_child_that_may_not_go_holds_up_nobody(ledger: Ledger) -> None:
    stage(ledger, [child("A"), child("B"), child("C", "A")], links=Links("P"))
    do(ledger, lambda: ledger.connection.execute("UPDATE record SET state = 'pending' WHERE key = 'C'"))
    assert once(ledger, lambda: mark_all(ledger, [1, 2, 3])) == [Mark.DONE, Mark.DONE, Mark.NOT_PENDING]
    assert row_of(ledger, "C")["state"] == "waiting"
