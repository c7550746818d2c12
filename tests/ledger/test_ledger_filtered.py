"""Rows that the mapping leaves out: they take no key from anybody, and only another mapping brings them back."""

from __future__ import annotations

import pytest
from ledgers import do, filtered, invalid, mark_one, pending, settle_one, stage, valid

from importer.ledger import Ledger, LedgerView, sources
from importer.ledger.causes import causes
from importer.ledger.records import Mark, Outcome, StagedRow
from importer.models import State

CREATED = Outcome(State.CREATED, "77", 201, "created")
REFUSED = Outcome(State.REFUSED, None, 422, "http_422")


def standing(ledger: Ledger) -> list[tuple[str, str, str | None]]:
    return ledger.connection.execute("SELECT key, state, code FROM record ORDER BY id").fetchall()


def send(ledger: Ledger, number: int, outcome: Outcome = CREATED) -> None:
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.DONE]
    do(ledger, lambda: settle_one(ledger, number, State.SENDING, outcome))


def map_anew(ledger: Ledger, source: int, rows: list[StagedRow]) -> None:
    """What `retry --mapping` does with the rows of one source, of which ``rows`` are those that may be mapped."""
    states = (State.PENDING, State.INVALID, State.REFUSED, State.SKIPPED)
    unsent = sources.unsent_rows(ledger, source, states=states, after=0, limit=100)
    sources.remap(ledger, source, [(old, new.mapped) for old, new in zip(unsent, rows, strict=True)])
    back = [old.id for old, new in zip(unsent, rows, strict=True) if old.state is State.SKIPPED and new.mapped.body]
    sources.let_others_answer(ledger, back)


def test_a_row_that_is_filtered_is_skipped_with_its_reason(ledger: Ledger) -> None:
    stage(ledger, [filtered("A"), filtered(""), valid("B")])
    assert standing(ledger) == [("A", "skipped", "filtered"), ("", "skipped", "filtered"), ("B", "pending", None)]
    (message,) = ledger.connection.execute("SELECT message FROM record WHERE id = 1").fetchone()
    assert message == "source.skip is met: Subject == 'spam'"
    with LedgerView(ledger.path) as view:
        assert [(cause.code, cause.rows) for cause in causes(view) if cause.code] == [("filtered", 2)]
        assert view.counts() == {State.SKIPPED: 2, State.PENDING: 1}
        assert list(view.failures()) == []


def test_it_is_no_duplicate_and_has_none(ledger: Ledger) -> None:
    stage(ledger, [filtered("A"), valid("A"), filtered("A"), valid("A")])
    assert [code for _, _, code in standing(ledger)] == ["filtered", None, "filtered", "duplicate_key"]
    (message,) = ledger.connection.execute("SELECT message FROM record WHERE id = 4").fetchone()
    assert message == "duplicate key: row 2 is sent"


@pytest.mark.parametrize("older", [valid, invalid])
def test_it_supersedes_nothing(ledger: Ledger, older: type[StagedRow]) -> None:
    stage(ledger, [older("A")])
    before = standing(ledger)
    stage(ledger, [filtered("A"), filtered("B", replaces=1)])
    assert standing(ledger) == [*before, ("A", "skipped", "filtered"), ("B", "skipped", "filtered")]


def test_it_stays_filtered_if_its_key_is_a_case_already(ledger: Ledger) -> None:
    """The filter of the mapping has precedence: the user sees it in every night's totals."""
    stage(ledger, [valid("A")])
    send(ledger, 1)
    stage(ledger, [filtered("A")])
    assert standing(ledger)[1] == ("A", "skipped", "filtered")


def test_similar_keys_are_looked_for_among_rows_that_are_meant(ledger: Ledger) -> None:
    stage(ledger, [valid("A"), filtered("a"), valid("B"), valid("b")])
    with LedgerView(ledger.path) as view:
        groups, count = view.similar_keys(str.lower, 10)
    assert count == 1
    assert {key for _, key in (groups[0].first, groups[0].second)} == {"B", "b"}


# -- back again -----------------------------------------------------------------------------------------


def test_of_skipped_rows_only_those_filtered_can_be_mapped_anew(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), valid("A", row=3), filtered("B")])
    unsent = sources.unsent_rows(ledger, source, states=[State.SKIPPED], after=0, limit=100)
    assert [old.id for old in unsent] == [3]


def test_another_mapping_brings_it_back(ledger: Ledger) -> None:
    source = stage(ledger, [filtered("A"), filtered("B"), filtered("C")])
    map_anew(ledger, source, [valid("A"), invalid("B"), filtered("C")])
    assert standing(ledger) == [("A", "pending", None), ("B", "invalid", "too_long"), ("C", "skipped", "filtered")]
    assert [row.key for row in pending(ledger)] == ["A"]
    moves = ledger.connection.execute("SELECT record, state FROM event ORDER BY id").fetchall()
    assert moves == [(1, "pending"), (2, "invalid")]


def test_another_mapping_leaves_out_what_was_not_sent(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), invalid("B"), valid("C")])
    send(ledger, 3, REFUSED)
    map_anew(ledger, source, [filtered("A"), filtered("B"), filtered("C")])
    assert {code for _, _, code in standing(ledger)} == {"filtered"}


def test_a_key_that_became_a_case_meanwhile_is_not_sent(ledger: Ledger) -> None:
    source = stage(ledger, [filtered("A"), valid("A")])
    send(ledger, 2)
    map_anew(ledger, source, [valid("A")])
    assert standing(ledger)[0] == ("A", "skipped", "already_created")


def test_of_several_that_come_back_the_first_answers(ledger: Ledger) -> None:
    source = stage(ledger, [filtered("A"), filtered("A")])
    map_anew(ledger, source, [valid("A"), valid("A")])
    assert standing(ledger) == [("A", "pending", None), ("A", "skipped", "duplicate_key")]


def test_a_row_that_was_to_be_sent_all_the_time_keeps_its_key(ledger: Ledger) -> None:
    source = stage(ledger, [filtered("A"), valid("A")])
    map_anew(ledger, source, [valid("A"), valid("A")])
    assert standing(ledger) == [("A", "skipped", "duplicate_key"), ("A", "pending", None)]


def test_conditions_that_change_places(ledger: Ledger) -> None:
    source = stage(ledger, [filtered("A"), valid("A")])
    map_anew(ledger, source, [valid("A"), filtered("A")])
    assert standing(ledger) == [("A", "pending", None), ("A", "skipped", "filtered")]


def test_the_newer_file_answers(ledger: Ledger) -> None:
    first = stage(ledger, [filtered("A"), valid("B")])
    second = stage(ledger, [invalid("A"), filtered("B")])
    map_anew(ledger, first, [valid("A"), valid("B")])
    map_anew(ledger, second, [invalid("A"), valid("B")])
    assert standing(ledger) == [
        ("A", "skipped", "duplicate_key"),
        ("B", "skipped", "superseded"),
        ("A", "invalid", "too_long"),
        ("B", "pending", None),
    ]


def test_a_correction_that_comes_back_is_not_sent_next_to_its_original(ledger: Ledger) -> None:
    """P1 across keys: the corrected row has another key, but it is the same ticket."""
    originals = stage(ledger, [invalid("A"), invalid("B")])
    corrections = stage(ledger, [filtered("A2", replaces=1), filtered("B2", replaces=2)])
    map_anew(ledger, originals, [valid("A"), invalid("B")])
    send(ledger, 1)
    map_anew(ledger, corrections, [valid("A2"), valid("B2")])
    assert standing(ledger) == [
        ("A", "created", "created"),
        ("B", "skipped", "superseded"),
        ("A2", "skipped", "already_created_changed"),
        ("B2", "pending", None),
    ]
