"""Entering a source: all or nothing, and who answers for a key that occurs twice."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from ledgers import (
    COLUMNS,
    case_body,
    child,
    do,
    invalid,
    mark_one,
    new_source,
    notes,
    output_of,
    pending,
    row_of,
    settle_one,
    stage,
    valid,
    with_updates,
)

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerView, decisions, sources
from importer.ledger.records import Mark, Outcome, StagedRow, UnsentRow
from importer.models import FieldError, Mapped, Row, State

NIGHT = "2" * 64
CHILDREN = Path(__file__).with_name("ledger_children.py")


def unsent(ledger: Ledger, source: int, *, after: int = 0) -> list[UnsentRow]:
    """All records of a source that never reached the server."""
    states = (State.PENDING, State.INVALID, State.REFUSED)
    return sources.unsent_rows(ledger, source, states=states, after=after, limit=100)


def send(ledger: Ledger, number: int, outcome: Outcome) -> None:
    """Mark a record and settle it."""
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.DONE]
    do(ledger, lambda: settle_one(ledger, number, State.SENDING, outcome))


def created(case_id: str) -> Outcome:
    return Outcome(State.CREATED, case_id, 201, "created")


REFUSED = Outcome(State.REFUSED, None, 422, "0900001", "no such owner")
UNKNOWN = Outcome(State.UNKNOWN, None, 500, "http_500", "HTTP 500")


def standing(ledger: Ledger) -> list[tuple[int, str, str, str | None]]:
    """Every record: number, key, state, code."""
    return ledger.connection.execute("SELECT id, key, state, code FROM record ORDER BY id").fetchall()


# -- all or nothing -------------------------------------------------------------------------------------


def test_rows_are_kept_as_they_were_read(ledger: Ledger) -> None:
    errors = (
        FieldError("too_long", "Subject", "Häh …", "at most 150 characters", "shorten it", "title"),
        FieldError("unknown_value", "Priority", "ASAP", "one of LOW, HIGH", "add it to the mapping"),
    )
    source = stage(
        ledger,
        [
            StagedRow(Row(2, ("007", "Zeile 1\nZeile 2", "")), Mapped("007", b'{"title":"\xc3\xa4"}')),
            StagedRow(Row(4, ("", "=1+1")), Mapped("", None, errors)),
        ],
    )
    assert ledger.connection.execute("SELECT body FROM content WHERE record = 1").fetchone() == ('{"title":"ä"}',)
    assert standing(ledger) == [(1, "007", "pending", None), (2, "", "invalid", "too_long")]
    (first, second) = unsent(ledger, source)
    assert (first.row, first.cells, first.errors) == (2, ("007", "Zeile 1\nZeile 2", ""), ())
    assert (second.row, second.cells, second.errors) == (4, ("", "=1+1"), errors)
    message = row_of(ledger, "")["message"]
    assert message.index("at most 150") < message.index("one of LOW")


def test_a_source_is_described_as_it_was_given(ledger: Ledger) -> None:
    columns = ("Comment", "Comment", "Größe")
    number = stage(ledger, [valid("A"), invalid("B")], columns=columns, external_id_field=None)
    (info,) = sources.sources(ledger)
    assert (info.id, info.columns, info.external_id_field, info.rows, info.staged) == (number, columns, None, 2, True)


@pytest.mark.parametrize("batches", [0, 1, 7])
def test_killed_while_staging_then_again(path: Path, batches: int) -> None:
    """P6: the same command again reads the source anew, and nothing of the first time counts."""
    output_of(child(CHILDREN, "killed_while_staging", path, batches))
    with Ledger(path, verb="run") as ledger:
        assert [info.staged for info in sources.sources(ledger)] == [False]
        assert ledger.counts().total() == 100 * batches
        assert pending(ledger) == []
        stage(ledger, [valid(f"K{number}") for number in range(3)])
        assert ledger.counts() == {State.PENDING: 3}
        assert [(info.rows, info.staged) for info in sources.sources(ledger)] == [(3, True)]
    with LedgerView(path) as view:
        assert [line.key for line in view.results()] == ["K0", "K1", "K2"]


def test_what_was_staged_stays_when_another_source_is_cut_short(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    stage(ledger, [valid("B")], sha256=NIGHT, finish=False)
    stage(ledger, [valid("C")], sha256=NIGHT)
    assert [key for _, key, _, _ in standing(ledger)] == ["A", "C"]


def test_a_batch_that_cannot_be_written_leaves_nothing(ledger: Ledger) -> None:
    source = stage(ledger, [], finish=False)
    unwritable = StagedRow(Row(3, ("B", "x")), Mapped(b"not a text", b"{}"))  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="TEXT"):
        sources.add_rows(ledger, source, [valid("A"), unwritable])
    assert standing(ledger) == []
    assert sources.sources(ledger)[0].rows == 0


def test_lone_surrogates_in_cells_do_not_stop_the_reading(ledger: Ledger) -> None:
    """A workbook or a DataFrame may hold half a character; one such cell must not end the run in a traceback."""
    errors = (FieldError("not_text", "Subject", "\ud83d", "whole characters", "retype it"),)
    stage(ledger, [StagedRow(Row(2, ("A", "\ud83d")), Mapped("A", None, errors))])


# -- keys that occur twice ------------------------------------------------------------------------------


def test_of_rows_with_one_key_in_a_file_the_first_answers(ledger: Ledger) -> None:
    """One is sent, the other points to it; a first row that is invalid does not answer."""
    stage(
        ledger,
        [invalid("B", row=2), valid("A", row=3), valid("B", row=4), valid("A", row=5), valid("B", row=6)],
    )
    assert standing(ledger) == [
        (1, "B", "invalid", "too_long"),
        (2, "A", "pending", None),
        (3, "B", "pending", None),
        (4, "A", "skipped", "duplicate_key"),
        (5, "B", "skipped", "duplicate_key"),
    ]
    assert row_of(ledger, "A")["message"] == "duplicate key: row 3 is sent"
    assert row_of(ledger, "B")["message"] == "duplicate key: row 4 is sent"


@pytest.mark.parametrize("other", [valid("A", body=case_body("A", title="Another")), with_updates("A", notes("more"))])
def test_it_is_said_if_a_row_with_the_key_of_another_differs_from_it(ledger: Ledger, other: StagedRow) -> None:
    stage(ledger, [valid("A", row=2), other])
    assert row_of(ledger, "A")["message"] == "duplicate key: row 2 is sent; its content differs"


@pytest.mark.parametrize("keys", [("1", "1.0"), ("é", "e\u0301"), ("a", "A"), ("a", "a "), ("straße", "strasse")])
def test_keys_are_compared_to_the_letter(ledger: Ledger, keys: tuple[str, str]) -> None:
    """What looks alike is not the same key."""
    stage(ledger, [valid(key) for key in keys])
    assert ledger.counts() == {State.PENDING: 2}


@pytest.mark.parametrize(
    ("before", "same_body", "code"),
    [
        (created("77"), True, "already_created"),
        (created("77"), False, "already_created_changed"),
        (UNKNOWN, True, "key_unsettled"),
        (UNKNOWN, False, "key_unsettled"),
    ],
)
def test_tonights_file_sends_nothing_that_may_be_there(
    ledger: Ledger, before: Outcome, same_body: bool, code: str
) -> None:
    """A key that reached the server is not sent again, and the reason says what is known."""
    stage(ledger, [valid("A", row=2)])
    send(ledger, 1, before)
    body = None if same_body else case_body("A", title="Edited since")
    stage(ledger, [valid("A", row=9, body=body), valid("B", row=10)], sha256=NIGHT, name="tonight.csv")
    assert standing(ledger)[1:] == [(2, "A", "skipped", code), (3, "B", "pending", None)]
    message = row_of(ledger, "A")["message"]
    assert "(row 2 of tickets.csv)" in message
    assert message.endswith("; not updated") == (code == "already_created_changed")
    assert ("case 77" in message) == (before.state is State.CREATED)


@pytest.mark.parametrize("before", [None, REFUSED])
def test_tonights_row_takes_the_place_of_one_that_never_got_across(ledger: Ledger, before: Outcome | None) -> None:
    stage(ledger, [valid("A", row=2)])
    if before is not None:
        send(ledger, 1, before)
    stage(ledger, [valid("A", row=5)], sha256=NIGHT, name="tonight.csv")
    assert standing(ledger) == [(1, "A", "skipped", "superseded"), (2, "A", "pending", None)]
    (message,) = ledger.connection.execute("SELECT message FROM record WHERE id = 1").fetchone()
    assert message == "superseded by row 5 of tonight.csv"


def test_an_invalid_row_tonight_does_not_take_a_place(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    stage(ledger, [invalid("A")], sha256=NIGHT)
    assert standing(ledger) == [(1, "A", "pending", None), (2, "A", "invalid", "too_long")]


@pytest.mark.parametrize(
    ("settled", "first", "second"),
    [
        (Outcome(State.CREATED, "77"), ("created", None), ("skipped", "already_created_changed")),
        (Outcome(State.PENDING, code="not_created"), ("skipped", "superseded"), ("pending", None)),
        (Outcome(State.DUPLICATE), ("duplicate", None), ("skipped", "key_unsettled")),
        (None, ("unknown", "http_500"), ("skipped", "key_unsettled")),
    ],
)
def test_tonights_row_is_decided_on_again_once_its_key_is_settled(
    ledger: Ledger, settled: Outcome | None, first: tuple[str, str | None], second: tuple[str, str | None]
) -> None:
    """It is sent, with what it says tonight, only if its key is proven not to be a case."""
    stage(ledger, [valid("A")])
    send(ledger, 1, UNKNOWN)
    stage(ledger, [valid("A", body=case_body("A", title="Edited since"))], sha256=NIGHT)
    if settled is not None:
        do(ledger, lambda: settle_one(ledger, 1, State.UNKNOWN, settled))
    sources.decide_again(ledger)
    assert standing(ledger) == [(1, "A", *first), (2, "A", *second)]
    events = "SELECT count(*) FROM event"
    before = ledger.connection.execute(events).fetchone()
    sources.decide_again(ledger)
    assert ledger.connection.execute(events).fetchone() == before, "nothing happens twice"


def test_a_row_that_waits_for_the_outcome_of_its_key_is_not_sent_if_that_is_dropped(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    send(ledger, 1, UNKNOWN)
    stage(ledger, [valid("A"), valid("B", replaces=1)], sha256=NIGHT)
    assert decisions.resolve(ledger, "A", Outcome(State.SKIPPED, code="resolved", message="ana: a test"))
    sources.decide_again(ledger)
    assert {line[2:] for line in standing(ledger)} == {("skipped", "resolved")}


def test_another_correction_of_a_row_takes_the_place_of_an_earlier_one(ledger: Ledger) -> None:
    """Two corrections with different keys are one row: only the last is sent."""
    stage(ledger, [invalid("", code="missing_key")])
    stage(ledger, [valid("A", replaces=1)], sha256=NIGHT)
    stage(ledger, [valid("B", replaces=1)], sha256="3" * 64)
    assert [line[2:] for line in standing(ledger)] == [("skipped", "superseded")] * 2 + [("pending", None)]


def test_rows_without_a_key_answer_for_nobody(ledger: Ledger) -> None:
    stage(ledger, [invalid("", code="missing_key"), invalid("", code="missing_key")])
    stage(ledger, [invalid("", code="missing_key")], sha256=NIGHT)
    assert ledger.counts() == {State.INVALID: 3}


# -- corrected failures ---------------------------------------------------------------------------------


def test_a_corrected_row_takes_the_place_of_its_original_whatever_its_key(ledger: Ledger) -> None:
    stage(ledger, [invalid("", row=2, code="missing_key"), invalid("B", row=3)])
    stage(ledger, [valid("A", replaces=1), invalid("B", replaces=2)], sha256=NIGHT)
    assert standing(ledger) == [
        (1, "", "skipped", "superseded"),
        (2, "B", "skipped", "superseded"),
        (3, "A", "pending", None),
        (4, "B", "invalid", "too_long"),
    ]


@pytest.mark.parametrize(("before", "code"), [(created("77"), "already_created_changed"), (UNKNOWN, "key_unsettled")])
def test_a_row_that_got_across_is_not_sent_again_under_a_corrected_key(
    ledger: Ledger, before: Outcome, code: str
) -> None:
    """Pasted into a failures file, it is known again by its record, not by its key."""
    stage(ledger, [valid("A")])
    send(ledger, 1, before)
    stage(ledger, [valid("A-corrected", replaces=1)], sha256=NIGHT)
    assert standing(ledger)[1] == (2, "A-corrected", "skipped", code)


def test_a_correction_of_a_correction_that_got_across_is_not_sent(ledger: Ledger) -> None:
    """The same failures file, corrected twice: the first correction became a case under the key it was given."""
    stage(ledger, [invalid("", code="missing_key")])
    stage(ledger, [valid("A", replaces=1)], sha256=NIGHT)
    send(ledger, 2, created("77"))
    stage(ledger, [valid("A-again", replaces=1)], sha256="3" * 64)
    assert standing(ledger)[2][2] == "skipped"


def test_a_forged_record_number_does_no_harm(ledger: Ledger) -> None:
    stage(ledger, [valid("A"), valid("B")])
    send(ledger, 1, created("77"))
    stage(ledger, [valid("C", replaces=4), valid("D", replaces=3), valid("E", replaces=10**15)], sha256=NIGHT)
    assert ledger.counts() == {State.CREATED: 1, State.PENDING: 4}


# -- another mapping ------------------------------------------------------------------------------------


def test_remapping_touches_only_what_never_reached_the_server(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), valid("B"), invalid("C"), valid("D"), valid("A")])
    send(ledger, 1, created("77"))
    send(ledger, 2, REFUSED)
    send(ledger, 4, UNKNOWN)
    assert [old.id for old in unsent(ledger, source)] == [2, 3]
    assert [old.id for old in unsent(ledger, source, after=2)] == [3]


def test_a_remapped_row_is_sent_as_the_new_mapping_says(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A"), invalid("B")])
    send(ledger, 1, REFUSED)
    errors = (FieldError("unknown_value", "Subject", "x", "one of y", "add it", "title"),)
    first, second = unsent(ledger, source)
    remapped = [(first, Mapped("A", None, errors)), (second, Mapped("B2", b'{"title":"new"}'))]
    sources.remap(ledger, source, remapped)
    assert standing(ledger) == [(1, "A", "invalid", "unknown_value"), (2, "B2", "pending", None)]
    assert row_of(ledger, "A")["http_status"] is None
    assert row_of(ledger, "A")["attempts"] == 1
    assert [record.body for record in pending(ledger)] == [b'{"title":"new"}']
    (first, _) = unsent(ledger, source)
    assert first.errors == errors


def test_remapped_onto_a_key_that_is_taken_nothing_is_sent(ledger: Ledger) -> None:
    """The mark refuses what the new mapping's keys would send twice."""
    source = stage(ledger, [valid("A"), invalid("B")])
    send(ledger, 1, created("77"))
    (second,) = unsent(ledger, source)
    sources.remap(ledger, source, [(second, Mapped("A", case_body("A")))])
    assert do(ledger, lambda: mark_one(ledger, 2)) == [Mark.DUPLICATE_KEY]
    assert ledger.counts() == {State.CREATED: 1, State.SKIPPED: 1}


def test_the_new_mapping_is_noted(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A")])
    better = new_source(mapping_name="better.yml", mapping_sha256="9" * 64, external_id_field=None)
    sources.adopt_mapping(ledger, source, better)
    (info,) = sources.sources(ledger)
    assert (info.mapping_name, info.mapping_sha256, info.external_id_field) == ("better.yml", "9" * 64, None)
    assert info.columns == COLUMNS


def test_a_message_of_many_errors_stays_short(ledger: Ledger) -> None:
    errors = tuple(FieldError("too_long", f"C{number}", "x" * 80, "r" * 80, "c" * 80) for number in range(100))
    stage(ledger, [StagedRow(Row(2, ("A",)), Mapped("A", None, errors))])
    assert len(row_of(ledger, "A")["message"]) <= 1000
    (packed,) = ledger.connection.execute("SELECT errors FROM content").fetchone()
    assert len(orjson.loads(packed)) == 100


def test_keys_have_their_index_once_rows_count_whatever_became_of_the_readings_before(ledger: Ledger) -> None:
    """The first source is entered without it; nothing that counts may be looked for without it."""

    def is_there() -> bool:
        return bool(
            ledger.connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'record_key'").fetchone()[0]
        )

    stage(ledger, [valid("A")], finish=False)
    assert not is_there()
    stage(ledger, [valid("B"), valid("A"), valid("A")])
    assert is_there()
    assert ledger.counts() == {State.PENDING: 2, State.SKIPPED: 1}
    stage(ledger, [valid("C")], finish=False)
    assert is_there()
