"""Many records in one statement: faster, and never anything else than one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from ledgers import do, mark_one, row_of, settle_one, stage, valid
from test_ledger_parents import child

from importer.ledger import Ledger
from importer.ledger.records import Mark, Outcome, Settled, Settlement
from importer.models import Links, State

T = TypeVar("T")


def once(ledger: Ledger, work: Callable[[], T]) -> T:
    """In a transaction of its own."""
    (result,) = do(ledger, work)
    return result


def created(case_id: str) -> Outcome:
    return Outcome(State.CREATED, case_id, 201, "created")


def created_as(*cases: str) -> list[Settlement]:
    """The first records, created as these cases."""
    return [Settlement(record, State.SENDING, created(case_id)) for record, case_id in enumerate(cases, 1)]


@pytest.fixture
def ten(ledger: Ledger) -> Ledger:
    """Ten rows that may be sent."""
    stage(ledger, [valid(f"K{number}", row=number + 2) for number in range(10)])
    return ledger


@pytest.fixture
def moves(ten: Ledger) -> Iterator[list[str]]:
    """The statements that move records, as they are executed; those of triggers are none."""
    said: list[str] = []

    def note(statement: str) -> None:
        if "UPDATE record" in statement and not statement.startswith("--"):
            said.append(statement)

    ten.connection.set_trace_callback(note)
    yield said
    ten.connection.set_trace_callback(None)


def test_all_go_together(ten: Ledger, moves: list[str]) -> None:
    records = list(range(1, 11))
    assert once(ten, lambda: ten.mark_sending(records)) == [Mark.DONE] * 10
    assert once(ten, lambda: ten.settle(created_as(*(f"c{record}" for record in records)))) == [Settled.DONE] * 10
    assert len(set(moves)) == 2
    for record in records:
        row = row_of(ten, f"K{record - 1}")
        assert (row["state"], row["case_id"], row["attempts"], row["http_status"]) == ("created", f"c{record}", 1, 201)
        assert (row["code"], row["message"], row["run"]) == ("created", None, ten.run)
    history = ten.connection.execute("SELECT record, state, case_id FROM event ORDER BY record, id").fetchall()
    expected = [(record, *move) for record in records for move in (("sending", None), ("created", f"c{record}"))]
    assert history == expected


def test_outcomes_of_all_kinds_go_together(ten: Ledger, moves: list[str]) -> None:
    once(ten, lambda: ten.mark_sending([1, 2, 3, 4]))
    outcomes = [
        created("1"),
        Outcome(State.REFUSED, None, 422, "no", "a 'quoted' text"),
        Outcome(State.PENDING, None, 429, "http_429"),
        Outcome(State.UNKNOWN, None, None, "timeout", "no answer in time"),
    ]
    told = [Settlement(record, State.SENDING, outcome) for record, outcome in enumerate(outcomes, 1)]
    assert once(ten, lambda: ten.settle(told)) == [Settled.DONE] * 4
    assert len(set(moves)) == 2
    rows = ten.connection.execute("SELECT state, case_id, http_status, code, message FROM record LIMIT 4").fetchall()
    assert [Outcome(State(state), *rest) for state, *rest in rows] == outcomes


def test_one_that_is_no_longer_pending_holds_up_nobody(ten: Ledger) -> None:
    once(ten, lambda: mark_one(ten, 2))
    assert once(ten, lambda: ten.mark_sending([1, 2, 3])) == [Mark.DONE, Mark.NOT_PENDING, Mark.DONE]
    assert once(ten, lambda: ten.mark_sending([4, 5, 4])) == [Mark.DONE, Mark.DONE, Mark.NOT_PENDING]
    assert row_of(ten, "K3")["attempts"] == 1


def test_one_whose_key_is_taken_is_skipped_alone(ledger: Ledger) -> None:
    """P1"""
    stage(ledger, [valid(key, row=row) for row, key in enumerate("ABCA", 2)], finish=False)
    ledger.connection.execute("UPDATE source SET staged = 1")
    marks = once(ledger, lambda: ledger.mark_sending([1, 2, 3, 4]))
    assert marks == [Mark.DONE, Mark.DONE, Mark.DONE, Mark.DUPLICATE_KEY]
    assert ledger.counts() == {State.SENDING: 3, State.SKIPPED: 1}


@pytest.mark.parametrize("cases", [("1", "1", "2"), ("2", "1", "1"), ("old", "1", "2")])
def test_one_case_for_two_rows_is_found_in_a_group(ten: Ledger, cases: Sequence[str]) -> None:
    """P2: all but the two that claim one case are settled."""
    once(ten, lambda: ten.mark_sending([1, 2, 3, 4]))
    once(ten, lambda: settle_one(ten, 4, State.SENDING, created("old")))
    settled = once(ten, lambda: ten.settle(created_as(*cases)))
    assert sorted(settled, key=str) == [Settled.CROSSED, Settled.DONE, Settled.DONE]
    assert ten.counts() == {State.UNKNOWN: 2, State.CREATED: 2, State.PENDING: 6}


@pytest.mark.parametrize("together", [True, False])
def test_the_third_row_with_one_case_id_is_no_case_either(ten: Ledger, together: bool) -> None:
    """P2: what was reported for several rows proves nothing, for good; only a search can still say whose case it is."""
    once(ten, lambda: ten.mark_sending([1, 2, 3]))
    claims = created_as("1", "1", "1")
    for group in [claims] if together else [[claim] for claim in claims]:
        once(ten, lambda group=group: ten.settle(group))
    assert ten.counts() == {State.UNKNOWN: 3, State.PENDING: 7}
    assert once(ten, lambda: settle_one(ten, 2, State.UNKNOWN, created("1"))) is Settled.DONE
    once(ten, lambda: mark_one(ten, 4))
    assert once(ten, lambda: settle_one(ten, 4, State.SENDING, created("1"))) is Settled.CROSSED
    assert ten.counts() == {State.UNKNOWN: 4, State.PENDING: 6}


def test_a_ledger_that_forgets_contested_ids_is_caught(ten: Ledger) -> None:
    ten.connection.execute(
        "CREATE TEMP TRIGGER forgetful BEFORE INSERT ON contested_case_id BEGIN SELECT RAISE(IGNORE); END"
    )
    once(ten, lambda: ten.mark_sending([1, 2, 3]))
    for claim in created_as("1", "1", "1"):
        once(ten, lambda claim=claim: ten.settle([claim]))
    assert ten.counts()[State.CREATED] == 1


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
            records = sorted(random.randint(1, 12) for _ in range(random.randint(0, 6)))
            wishes = [
                Settlement(record, State.SENDING, _outcome(random, record))
                for record in random.sample(range(1, 13), random.randint(0, 6))
            ]
            told.append(once(ledger, lambda records=records: _marks(ledger, records, together)))
            told.append(once(ledger, lambda wishes=wishes: _settled(ledger, wishes, together)))
        query = "SELECT id, state, attempts, case_id, http_status, code, message FROM record ORDER BY id"
        return told, ledger.connection.execute(query).fetchall()


def _marks(ledger: Ledger, records: list[int], together: int) -> list[Mark]:
    return ledger.mark_sending(records) if together else [mark_one(ledger, record) for record in records]


def _settled(ledger: Ledger, wishes: list[Settlement], together: int) -> list[Settled]:
    if together:
        return ledger.settle(wishes)
    return [settle_one(ledger, wish.record, wish.before, wish.outcome) for wish in wishes]


def _outcome(random: Random, record: int) -> Outcome:
    return random.choice(
        [
            created(f"{record}" if random.random() < 0.7 else str(random.randint(1, 9))),
            Outcome(State.REFUSED, None, 422, "no", "too long"),
            Outcome(State.PENDING, None, 429, "http_429", "too fast"),
            Outcome(State.UNKNOWN, None, None, "timeout", "no answer in time"),
        ]
    )


def test_many_parents_let_their_children_go(ledger: Ledger) -> None:
    families = [child("A"), child("B"), child("C", "A"), child("D", "B"), child("E", "B")]
    stage(ledger, families, links=Links("P"))
    once(ledger, lambda: ledger.mark_sending([1, 2]))
    assert once(ledger, lambda: ledger.settle(created_as("c1", "c2"))) == [Settled.DONE] * 2
    assert list(ledger.released) == [3, 4, 5]
    assert once(ledger, lambda: ledger.mark_sending([3, 4, 5])) == [Mark.DONE] * 3, "each names the case of its parent"


def test_a_child_that_may_not_go_holds_up_nobody(ledger: Ledger) -> None:
    stage(ledger, [child("A"), child("B"), child("C", "A")], links=Links("P"))
    do(ledger, lambda: ledger.connection.execute("UPDATE record SET state = 'pending' WHERE key = 'C'"))
    marks = once(ledger, lambda: ledger.mark_sending([1, 2, 3]))
    assert marks == [Mark.DONE, Mark.DONE, Mark.NOT_PENDING]
    assert row_of(ledger, "C")["state"] == "waiting"
