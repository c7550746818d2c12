"""Rows that the mapping leaves out: they take no key from anybody, and only another mapping brings them back."""

from __future__ import annotations

import pytest
from ledgers import do, invalid, left_out, pending, stage, valid

from importer.ledger import Fence, Ledger, LedgerView, Outcome, StagedRow, staging
from importer.ledger.causes import causes
from importer.ledger.returning import settle_returned
from importer.models import State

CREATED = Outcome(State.CREATED, "77", 201, "created")
REFUSED = Outcome(State.REFUSED, None, 422, "http_422")


def standing(ledger: Ledger) -> list[tuple[str, str, str | None]]:
    return ledger.connection.execute("SELECT key, state, code FROM record ORDER BY id").fetchall()


def send(ledger: Ledger, number: int, outcome: Outcome = CREATED) -> None:
    assert do(ledger, lambda: ledger.fence(number)) == [Fence.UP]
    do(ledger, lambda: ledger.settle(number, State.SENDING, outcome))


def map_anew(ledger: Ledger, source: int, rows: list[StagedRow]) -> None:
    """What `retry --mapping` does with the rows of one source, of which ``rows`` are those that may be mapped."""
    states = (State.PENDING, State.INVALID, State.REFUSED, State.SKIPPED)
    unsent = staging.unsent(ledger, source, states=states, after=0, limit=100)
    staging.remap(ledger, source, [(old, new.mapped) for old, new in zip(unsent, rows, strict=True)])
    back = [old.id for old, new in zip(unsent, rows, strict=True) if old.state is State.SKIPPED and new.mapped.body]
    settle_returned(ledger, back)


def test_a_row_that_is_left_out_is_skipped_with_its_reason(ledger: Ledger) -> None:
    stage(ledger, [left_out("A"), left_out(""), valid("B")])
    assert standing(ledger) == [("A", "skipped", "left_out"), ("", "skipped", "left_out"), ("B", "pending", None)]
    (message,) = ledger.connection.execute("SELECT message FROM record WHERE id = 1").fetchone()
    assert message == "source.skip is met: Subject == 'spam'"
    with LedgerView(ledger.path) as view:
        assert [(cause.code, cause.rows) for cause in causes(view) if cause.code] == [("left_out", 2)]
        assert view.counts() == {State.SKIPPED: 2, State.PENDING: 1}
        assert list(view.failures()) == []


def test_it_is_no_twin_and_has_none(ledger: Ledger) -> None:
    stage(ledger, [left_out("A"), valid("A"), left_out("A"), valid("A")])
    assert [code for _, _, code in standing(ledger)] == ["left_out", None, "left_out", "twin"]
    (message,) = ledger.connection.execute("SELECT message FROM record WHERE id = 4").fetchone()
    assert message == "duplicate key: row 2 is sent"


@pytest.mark.parametrize("older", [valid, invalid])
def test_it_supersedes_nothing(ledger: Ledger, older: type[StagedRow]) -> None:
    stage(ledger, [older("A")])
    before = standing(ledger)
    stage(ledger, [left_out("A"), left_out("B", replaces=1)])
    assert standing(ledger) == [*before, ("A", "skipped", "left_out"), ("B", "skipped", "left_out")]


def test_it_stays_left_out_if_its_key_is_a_case_already(ledger: Ledger) -> None:
    """What the mapping says goes first: a person sees it in every night's books."""
    stage(ledger, [valid("A")])
    send(ledger, 1)
    stage(ledger, [left_out("A")])
    assert standing(ledger)[1] == ("A", "skipped", "left_out")


def test_near_twins_are_looked_for_among_rows_that_are_meant(ledger: Ledger) -> None:
    stage(ledger, [valid("A"), left_out("a"), valid("B"), valid("b")])
    with LedgerView(ledger.path) as view:
        groups, count = view.alike(str.lower, 10)
    assert count == 1
    assert {key for _, key in (groups[0].first, groups[0].second)} == {"B", "b"}


# -- back again -----------------------------------------------------------------------------------------


def test_of_skipped_rows_only_those_left_out_can_be_mapped_anew(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), valid("A", row=3), left_out("B")])
    unsent = staging.unsent(ledger, source, states=[State.SKIPPED], after=0, limit=100)
    assert [old.id for old in unsent] == [3]


def test_another_mapping_brings_it_back(ledger: Ledger) -> None:
    source = stage(ledger, [left_out("A"), left_out("B"), left_out("C")])
    map_anew(ledger, source, [valid("A"), invalid("B"), left_out("C")])
    assert standing(ledger) == [("A", "pending", None), ("B", "invalid", "too_long"), ("C", "skipped", "left_out")]
    assert [row.key for row in pending(ledger)] == ["A"]
    moves = ledger.connection.execute("SELECT record, state FROM event ORDER BY id").fetchall()
    assert moves == [(1, "pending"), (2, "invalid")]


def test_another_mapping_leaves_out_what_was_not_sent(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), invalid("B"), valid("C")])
    send(ledger, 3, REFUSED)
    map_anew(ledger, source, [left_out("A"), left_out("B"), left_out("C")])
    assert {code for _, _, code in standing(ledger)} == {"left_out"}


def test_a_key_that_became_a_case_meanwhile_is_not_sent(ledger: Ledger) -> None:
    source = stage(ledger, [left_out("A"), valid("A")])
    send(ledger, 2)
    map_anew(ledger, source, [valid("A")])
    assert standing(ledger)[0] == ("A", "skipped", "already_created")


def test_of_several_that_come_back_the_first_answers(ledger: Ledger) -> None:
    source = stage(ledger, [left_out("A"), left_out("A")])
    map_anew(ledger, source, [valid("A"), valid("A")])
    assert standing(ledger) == [("A", "pending", None), ("A", "skipped", "twin")]


def test_a_row_that_was_to_be_sent_all_the_time_keeps_its_key(ledger: Ledger) -> None:
    source = stage(ledger, [left_out("A"), valid("A")])
    map_anew(ledger, source, [valid("A"), valid("A")])
    assert standing(ledger) == [("A", "skipped", "twin"), ("A", "pending", None)]


def test_conditions_that_change_places(ledger: Ledger) -> None:
    source = stage(ledger, [left_out("A"), valid("A")])
    map_anew(ledger, source, [valid("A"), left_out("A")])
    assert standing(ledger) == [("A", "pending", None), ("A", "skipped", "left_out")]


def test_the_newer_file_answers(ledger: Ledger) -> None:
    first = stage(ledger, [left_out("A"), valid("B")])
    second = stage(ledger, [invalid("A"), left_out("B")])
    map_anew(ledger, first, [valid("A"), valid("B")])
    map_anew(ledger, second, [invalid("A"), valid("B")])
    assert standing(ledger) == [
        ("A", "skipped", "twin"),
        ("B", "skipped", "superseded"),
        ("A", "invalid", "too_long"),
        ("B", "pending", None),
    ]


def test_a_correction_that_comes_back_is_not_sent_beside_its_original(ledger: Ledger) -> None:
    """P1 across keys: the corrected row has another key, but it is the same ticket."""
    originals = stage(ledger, [invalid("A"), invalid("B")])
    corrections = stage(ledger, [left_out("A2", replaces=1), left_out("B2", replaces=2)])
    map_anew(ledger, originals, [valid("A"), invalid("B")])
    send(ledger, 1)
    map_anew(ledger, corrections, [valid("A2"), valid("B2")])
    assert standing(ledger) == [
        ("A", "created", "created"),
        ("B", "skipped", "superseded"),
        ("A2", "skipped", "changed"),
        ("B2", "pending", None),
    ]
