"""Looking at a ledger: one moment, no trace, no way to change it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ledgers import do, filtered, invalid, mark_one, settle_one, stage, valid

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerView
from importer.ledger.causes import Cause, causes
from importer.ledger.lines import ResultLine
from importer.ledger.records import Outcome
from importer.models import State
from importer.report import totals_of


@pytest.fixture
def mixed(ledger: Ledger) -> Ledger:
    """Two sources with rows in several states."""
    stage(ledger, [valid("A", row=2), valid("B", row=3), invalid("C", row=4), valid("D", row=5), valid("A", row=6)])
    stage(ledger, [valid("E", row=2), invalid("F", row=3)], sha256="2" * 64, name="second.csv")
    outcomes = {
        1: Outcome(State.CREATED, "77", 201, "created"),
        2: Outcome(State.REFUSED, None, 422, "0900001", "no such owner"),
        4: Outcome(State.UNKNOWN, None, 500, "http_500", "HTTP 500"),
    }
    for number, outcome in outcomes.items():
        do(ledger, lambda number=number: mark_one(ledger, number))
        do(ledger, lambda number=number, outcome=outcome: settle_one(ledger, number, State.SENDING, outcome))
    return ledger


def test_all_numbers_are_of_one_moment(mixed: Ledger, path: Path) -> None:
    """What happens while reports are written is in none of them."""
    with LedgerView(path) as view:
        before = view.counts()
        do(mixed, lambda: mark_one(mixed, 6))
        stage(mixed, [valid("G")], sha256="3" * 64)
        assert view.counts() == before
        assert len(list(view.results())) == before.total() == 7
        assert [source.name for source in view.sources()] == ["tickets.csv", "second.csv"]
        assert view.requests() == 3
    with LedgerView(path) as later:
        assert later.counts().total() == 8


def test_results_come_in_the_order_of_the_input(mixed: Ledger, path: Path) -> None:
    with LedgerView(path) as view:
        lines = list(view.results(titles=True))
        assert [line.title for line in view.results()] == [None] * 7, "contents are read only if they are asked for"
    assert [line.id for line in lines] == list(range(1, 8))
    assert lines[0] == ResultLine(1, 1, 2, "A", State.CREATED, "77", 201, 1, "created", None, "Ticket A")
    assert [line.row for line in lines] == [2, 3, 4, 5, 6, 2, 3]


def test_failures_are_all_that_needs_a_person(mixed: Ledger, path: Path) -> None:
    with LedgerView(path) as view:
        failures = list(view.failures())
    states = {failure.result.id: failure.result.state for failure in failures}
    assert states == {2: "refused", 3: "invalid", 4: "unknown", 7: "invalid"}
    by_id = {failure.result.id: failure for failure in failures}
    assert by_id[3].cells == ("C", "It burns …")
    assert [error.code for error in by_id[3].errors] == ["too_long"]
    assert by_id[2].errors == ()


@pytest.mark.parametrize(("source", "rows", "requests"), [(None, 7, 3), (1, 5, 3), (2, 2, 0)])
def test_a_view_of_one_source_sees_nothing_else(
    mixed: Ledger, path: Path, source: int | None, rows: int, requests: int
) -> None:
    with LedgerView(path, source=source) as view:
        assert view.counts().total() == rows
        assert len(list(view.results())) == rows
        assert view.requests() == requests
        assert sum(info.rows for info in view.sources()) == rows
        assert {failure.result.source for failure in view.failures()} <= ({source} if source else {1, 2})


def test_causes_are_counted_with_an_example_and_the_first_row(mixed: Ledger, path: Path) -> None:
    with LedgerView(path) as view:
        found = causes(view)
    assert (found[0].state, found[0].code, found[0].rows, found[0].first_rows) == ("invalid", "too_long", 2, (4, 3))
    assert Cause(State.REFUSED, "0900001", None, None, 1, (3,), "", "no such owner", "", first_keys=("B",)) in found
    assert State.CREATED not in {cause.state for cause in found}


@pytest.mark.parametrize(
    "change", ["UPDATE record SET state = 'pending'", "DELETE FROM record", "INSERT INTO event DEFAULT VALUES"]
)
def test_a_view_cannot_write(mixed: Ledger, path: Path, change: str) -> None:
    """Not by mistake, and not by checkpointing either."""
    with LedgerView(path) as view, pytest.raises(sqlite3.OperationalError, match="readonly"):
        view._connection.execute(change)


def test_a_reader_does_not_hold_up_the_writer(mixed: Ledger, path: Path) -> None:
    with LedgerView(path) as view:
        view.counts()
        for _ in range(50):
            do(mixed, lambda: mark_one(mixed, 6))
            do(mixed, lambda: mixed.unmark(6))


def test_a_view_of_a_ledger_with_no_rows(ledger: Ledger, path: Path) -> None:
    with LedgerView(path) as view:
        assert (view.counts(), list(view.results()), causes(view), view.sources(), view.requests()) == (
            {},
            [],
            (),
            [],
            0,
        )
        assert view.identity() == (ledger.id, None)


def test_a_half_read_view_can_be_closed(mixed: Ledger, path: Path) -> None:
    """What is left of a report that failed in the middle must not complain when it is cleared away."""
    with LedgerView(path) as view:
        lines = view.results()
        next(lines)
    del lines


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(LedgerError):
        LedgerView(tmp_path / "notes.txt")


def test_a_source_that_was_not_read_to_its_end_is_not_in_view(mixed: Ledger, path: Path) -> None:
    """Its records are dropped and read again, so none of them is pending."""
    with LedgerView(path) as view:
        before = [view.counts(), causes(view), list(view.results()), list(view.failures()), view.sources()]
        assert view.half_read() == ()
    stage(mixed, [valid("H"), invalid("I"), filtered("J")], name="third.csv", sha256="4" * 64, finish=False)
    with LedgerView(path) as view:
        assert [view.counts(), causes(view), list(view.results()), list(view.failures()), view.sources()] == before
        assert view.half_read() == ("third.csv",)
        assert totals_of(view).match


def test_rows_like_refused_ones_need_a_person_and_other_pending_ones_do_not(ledger: Ledger, path: Path) -> None:
    stage(ledger, [valid("A"), valid("B", row=3), valid("C", row=4)])
    do(ledger, lambda: ledger.note(2, code="suppressed", message="rows like it were refused"))
    do(ledger, lambda: ledger.note(3, code="held", message="held back"))
    with LedgerView(path) as view:
        assert [failure.result.key for failure in view.failures()] == ["B"]
