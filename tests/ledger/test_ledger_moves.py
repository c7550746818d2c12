"""How records move: the mark, the ways behind it, and what a crash leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ledgers import as_killed, do, invalid, mark_one, pending, row_of, settle_one, stage, valid

from importer.delivery.verdicts import SHUT_OUT
from importer.errors import ConfigError, TargetError
from importer.ledger import Ledger, database, decisions
from importer.ledger.records import Mark, Outcome, Selection, Settled
from importer.models import State

CREATED = Outcome(State.CREATED, "77", 201, "created")


def marked(ledger: Ledger, *keys: str) -> None:
    """Stage rows with these keys and put all of them marked as sending."""
    stage(ledger, [valid(key, row=row) for row, key in enumerate(keys, 2)])
    for number in range(1, len(keys) + 1):
        assert do(ledger, lambda number=number: mark_one(ledger, number)) == [Mark.DONE]


# -- the mark ------------------------------------------------------------------------------------------


def test_only_one_of_two_can_mark_a_record(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    assert do(ledger, lambda: mark_one(ledger, 1), lambda: mark_one(ledger, 1)) == [Mark.DONE, Mark.NOT_PENDING]
    assert row_of(ledger, "A")["attempts"] == 1


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_only_pending_rows_can_be_marked(ledger: Ledger, state: State) -> None:
    source = stage(ledger, [])
    case_id = "1" if state is State.CREATED else None
    values = (source, state, case_id)
    ledger.connection.execute("INSERT INTO record (source, row, key, state, case_id) VALUES (?, 2, 'A', ?, ?)", values)
    assert do(ledger, lambda: mark_one(ledger, 1)) == [Mark.NOT_PENDING]
    assert row_of(ledger, "A")["state"] == state


@pytest.mark.parametrize("first", [State.SENDING, State.UNKNOWN, State.CREATED, State.DUPLICATE])
def test_a_row_whose_key_is_taken_is_skipped_at_the_mark(ledger: Ledger, first: State) -> None:
    """Two rows with one key that staging did not see together; only one may pass, whatever became of the other."""
    case_id = "1" if first is State.CREATED else None
    source = stage(ledger, [valid("A")])
    insert = "INSERT INTO record (source, row, key, state, case_id) VALUES (?, 9, 'A', ?, ?)"
    ledger.connection.execute(insert, (source, first, case_id))
    assert do(ledger, lambda: mark_one(ledger, 1)) == [Mark.DUPLICATE_KEY]
    record = ledger.connection.execute("SELECT state, code, attempts FROM record WHERE id = 1").fetchone()
    assert record == ("skipped", "key_unsettled", 0)


def test_a_refused_mark_does_not_undo_the_rest_of_its_group(ledger: Ledger) -> None:
    """Group commit: what one worker is refused must not cost the others their marks."""
    source = stage(ledger, [valid("A"), valid("B"), valid("C")])
    ledger.connection.execute("INSERT INTO record (source, row, key, state) VALUES (?, 9, 'B', 'unknown')", (source,))
    wishes = [lambda number=number: mark_one(ledger, number) for number in (1, 2, 3)]
    assert do(ledger, *wishes) == [Mark.DONE, Mark.DUPLICATE_KEY, Mark.DONE]
    assert ledger.counts() == {State.SENDING: 2, State.SKIPPED: 1, State.UNKNOWN: 1}


def test_a_mark_taken_back_is_no_attempt(ledger: Ledger) -> None:
    marked(ledger, "A")
    do(ledger, lambda: ledger.unmark(1))
    assert (row_of(ledger, "A")["state"], row_of(ledger, "A")["attempts"]) == ("pending", 0)
    assert do(ledger, lambda: mark_one(ledger, 1)) == [Mark.DONE]


def test_only_a_mark_can_be_taken_back(ledger: Ledger) -> None:
    marked(ledger, "A")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED))
    do(ledger, lambda: ledger.unmark(1))
    assert (row_of(ledger, "A")["state"], row_of(ledger, "A")["attempts"]) == ("created", 1)


def test_abandoned_rows_are_unknown_and_nothing_else_is(ledger: Ledger) -> None:
    marked(ledger, "A", "B", "C")
    do(ledger, lambda: settle_one(ledger, 2, State.SENDING, CREATED))
    do(ledger, lambda: ledger.unmark(3))
    assert do(ledger, ledger.abandon) == [1]
    assert ledger.counts() == {State.UNKNOWN: 1, State.CREATED: 1, State.PENDING: 1}
    assert row_of(ledger, "A")["code"] == "interrupted"


# -- settling -------------------------------------------------------------------------------------------


def test_settling_keeps_the_evidence(ledger: Ledger) -> None:
    marked(ledger, "A")
    assert do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED)) == [Settled.DONE]
    record = row_of(ledger, "A")
    expected = {"state": "created", "case_id": "77", "http_status": 201, "code": "created", "run": ledger.run}
    assert {name: record[name] for name in expected} == expected


def test_a_record_that_has_moved_on_cannot_be_settled(ledger: Ledger) -> None:
    """An answer that comes after the row was given up settles nothing."""
    marked(ledger, "A")
    do(ledger, ledger.abandon)
    assert do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED)) == [Settled.LOST]
    assert row_of(ledger, "A")["state"] == "unknown"


def test_one_case_for_two_rows_makes_both_unknown(ledger: Ledger) -> None:
    """Two answers claim one case, so neither proves anything."""
    marked(ledger, "A", "B")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED))
    assert do(ledger, lambda: settle_one(ledger, 2, State.SENDING, CREATED)) == [Settled.CROSSED]
    for key in "AB":
        record = row_of(ledger, key)
        assert (record["state"], record["code"], record["case_id"]) == ("unknown", "crossed", None)
        assert "77" in record["message"]


def test_a_look_up_that_finds_another_rows_case_makes_both_unknown(ledger: Ledger) -> None:
    marked(ledger, "A", "B")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED))
    do(ledger, ledger.abandon)
    assert do(ledger, lambda: settle_one(ledger, 2, State.UNKNOWN, CREATED)) == [Settled.CROSSED]
    assert ledger.counts() == {State.UNKNOWN: 2}


def test_crossing_in_one_group_undoes_nothing_else(ledger: Ledger) -> None:
    marked(ledger, "A", "B", "C")
    other = Outcome(State.CREATED, "78", 201, "created")
    wishes = [
        lambda: settle_one(ledger, 1, State.SENDING, CREATED),
        lambda: settle_one(ledger, 2, State.SENDING, CREATED),
        lambda: settle_one(ledger, 3, State.SENDING, other),
    ]
    assert do(ledger, *wishes) == [Settled.DONE, Settled.CROSSED, Settled.DONE]
    assert row_of(ledger, "C")["state"] == "created"


# -- reopening ------------------------------------------------------------------------------------------


def test_refused_rows_are_reopened_and_no_others(ledger: Ledger) -> None:
    marked(ledger, "A", "B")
    stage(ledger, [valid("C")], sha256="2")
    do(ledger, lambda: mark_one(ledger, 3))
    for number in (1, 3):
        refused = Outcome(State.REFUSED, None, 422, "0900001", "no such owner")
        do(ledger, lambda number=number, outcome=refused: settle_one(ledger, number, State.SENDING, outcome))
    assert decisions.reopen_refused(ledger) == 2
    assert ledger.counts() == {State.PENDING: 2, State.SENDING: 1}
    record = row_of(ledger, "A")
    assert (record["attempts"], record["http_status"], record["code"]) == (1, None, None)
    assert [found.key for found in ledger.pending(Selection(run=ledger.run), after=0, limit=9)] == ["A", "C"]


def test_unknown_rows_are_not_reopened(ledger: Ledger) -> None:
    """Only a look-up, or a person by name, may decide them."""
    marked(ledger, "A")
    do(ledger, ledger.abandon)
    assert decisions.reopen_refused(ledger) == 0
    assert ledger.counts() == {State.UNKNOWN: 1}


@pytest.mark.parametrize(("status", "reopened"), [(403, 1), (405, 1), (400, 0), (422, 0)])
def test_what_shut_out_the_whole_account_is_no_refusal_of_a_row(ledger: Ledger, status: int, reopened: int) -> None:
    marked(ledger, "A")
    do(
        ledger,
        lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.REFUSED, None, status, f"http_{status}", "no")),
    )
    assert decisions.reopen_refused(ledger, shut_out=SHUT_OUT) == reopened


def test_earlier_runs_refusals_are_left_alone(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        marked(ledger, "A")
        do(ledger, lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.REFUSED, None, 403, "http_403", "no")))
    with Ledger(path, verb="run") as ledger:
        assert decisions.reopen_refused(ledger, shut_out=SHUT_OUT) == 0


# -- what a crash leaves --------------------------------------------------------------------------------


def test_after_a_crash_rows_that_were_being_sent_are_unknown(ledger: Ledger, tmp_path: Path) -> None:
    """Never straight back to pending; the run they belong to stays the one that sent them."""
    marked(ledger, "A", "B")
    do(ledger, lambda: settle_one(ledger, 2, State.SENDING, CREATED))
    with Ledger(as_killed(ledger, tmp_path / "killed"), verb="run") as again:
        assert again.counts() == {State.UNKNOWN: 1, State.CREATED: 1}
        record = row_of(again, "A")
        assert (record["code"], record["run"], record["attempts"]) == ("interrupted", 1, 1)
        assert again.was_cut_short
        assert pending(again) == []
        assert [unknown.key for unknown in again.unknown_records()] == ["A"]


def test_killed_during_recovery_and_again(path: Path, tmp_path: Path) -> None:
    """Recovery may be repeated as often as it likes."""
    with Ledger(path, verb="run") as ledger:
        marked(ledger, "A")
        path = as_killed(ledger, tmp_path / "killed")
    for number in range(5):
        with Ledger(path, verb="run") as ledger:
            assert ledger.counts() == {State.UNKNOWN: 1}
            states = [state for (state,) in ledger.connection.execute("SELECT state FROM event ORDER BY id")]
            assert states == ["sending", "unknown"]
            path = as_killed(ledger, tmp_path / f"killed-{number}")


def test_a_run_that_ended_was_not_cut_short(path: Path) -> None:
    with Ledger(path, verb="run") as first:
        assert not first.was_cut_short
    with Ledger(path, verb="run") as second:
        assert not second.was_cut_short


def test_an_unknown_outcome_begins_when_the_run_that_sent_it_began(ledger: Ledger, tmp_path: Path) -> None:
    """A list that is read newest first must be read back to the moment at which the case was made."""
    before = time.time()
    marked(ledger, "A")
    with Ledger(as_killed(ledger, tmp_path / "killed"), verb="run") as again:
        (unknown,) = again.unknown_records()
        assert before - 2 <= unknown.since <= time.time()
        assert (unknown.id, unknown.row, unknown.key, unknown.external_id_field) == (1, 2, "A", "text1")


def test_a_row_that_a_later_run_made_unknown_may_have_been_sent_at_any_time(ledger: Ledger, tmp_path: Path) -> None:
    """Its case id was reported for another row by then, so that run says nothing about when it was sent."""
    marked(ledger, "A", "B")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED))
    with Ledger(as_killed(ledger, tmp_path / "killed"), verb="run") as again:
        assert do(again, lambda: settle_one(again, 2, State.UNKNOWN, CREATED)) == [Settled.CROSSED]
        (first, _) = again.unknown_records()
        assert (first.key, first.since) == ("A", 0.0)


# -- a person decides -----------------------------------------------------------------------------------

DECISIONS = {
    "created": Outcome(State.CREATED, "77", code="resolved", message="ana: seen in Talkdesk"),
    "resend": Outcome(State.PENDING, code="resolved", message="ana: not there"),
    "drop": Outcome(State.SKIPPED, code="resolved", message="ana: not wanted"),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_person_decides_about_an_unknown_row(ledger: Ledger, decision: str) -> None:
    marked(ledger, "A")
    do(ledger, ledger.abandon)
    assert decisions.resolve(ledger, "A", DECISIONS[decision])
    assert row_of(ledger, "A")["state"] == DECISIONS[decision].state
    (message,) = ledger.connection.execute("SELECT message FROM event ORDER BY id DESC LIMIT 1").fetchone()
    assert message.startswith("ana: ")


@pytest.mark.parametrize("settled", ["pending", "created"])
def test_nobody_decides_about_a_row_that_is_not_unknown(ledger: Ledger, settled: str) -> None:
    marked(ledger, "A")
    outcome = CREATED if settled == "created" else Outcome(State.PENDING)
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, outcome))
    assert decisions.resolve(ledger, "A", DECISIONS["drop"]) is False
    assert row_of(ledger, "A")["state"] == settled


# -- reading --------------------------------------------------------------------------------------------


def test_pending_rows_come_in_pages_and_in_input_order(ledger: Ledger) -> None:
    stage(ledger, [valid(f"K{row}", row=row) for row in range(2, 9)])
    first = pending(ledger, after=0, limit=3)
    second = pending(ledger, after=first[-1].id, limit=30)
    assert [record.row for record in first + second] == list(range(2, 9))


def test_pending_rows_of_one_source(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    other = stage(ledger, [valid("B")], sha256="2", external_id_field=None)
    assert [(record.key, record.external_id_field) for record in pending(ledger, source=other)] == [("B", None)]


def test_a_half_read_source_is_never_sent(path: Path) -> None:
    """Its records are dropped when it is read again; if they had become cases, they would be made twice."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A")], finish=False)
    with Ledger(path, verb="retry") as ledger:
        assert pending(ledger) == []


def test_the_control_case_is_the_newest_case_that_is_old_enough(ledger: Ledger) -> None:
    marked(ledger, "A", "B", "C")
    for number, key in enumerate("AB", 1):
        outcome = Outcome(State.CREATED, f"case-{key}", 201, "created")
        do(ledger, lambda number=number, outcome=outcome: settle_one(ledger, number, State.SENDING, outcome))
    newest = ledger.newest_created("text1", age=0.0)
    assert newest is not None
    assert (newest.case_id, newest.external_id_field) == ("case-B", "text1")
    assert newest.sent_at == ledger.scalar("SELECT at FROM event WHERE record = 2 AND state = 'sending'")
    assert ledger.newest_created("text1", age=3600.0) is None
    assert ledger.newest_created("text2", age=0.0) is None


def test_a_case_that_became_unknown_is_no_control_case(ledger: Ledger) -> None:
    marked(ledger, "A", "B")
    for number in (1, 2):
        do(ledger, lambda number=number: settle_one(ledger, number, State.SENDING, CREATED))
    assert ledger.newest_created("text1", age=0.0) is None


def test_claimed_cases_are_known(ledger: Ledger) -> None:
    marked(ledger, "A")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, CREATED))
    assert ledger.has_case("77")
    assert not ledger.has_case("78")


def test_counts_are_those_of_one_source_or_of_all(ledger: Ledger) -> None:
    stage(ledger, [valid("A"), invalid("B")])
    other = stage(ledger, [valid("C")], sha256="2")
    assert ledger.counts() == {State.PENDING: 2, State.INVALID: 1}
    assert ledger.counts(other) == {State.PENDING: 1}


# -- target and name ------------------------------------------------------------------------------------


def test_a_ledger_is_pinned_to_its_first_target(path: Path) -> None:
    """Sandbox and production must not be mixed up."""
    with Ledger(path, verb="run") as ledger:
        ledger.check_target("https://api.example.com (account acme)")
        ledger.pin_target("https://api.example.com (account acme)")
        ledger.check_target("https://api.example.com (account acme)")
    with Ledger(path, verb="run") as ledger, pytest.raises(TargetError, match="nothing was sent") as refusal:
        ledger.check_target("sandbox:1")
    assert refusal.value.exit_code == 7


def test_the_name_of_a_ledger_stays(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        name = ledger.id
    with Ledger(path, verb="run") as ledger:
        assert ledger.id == name
    assert len(name) == 8


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    stage(ledger, [valid("A")])
    with pytest.raises(ZeroDivisionError):
        do(ledger, lambda: mark_one(ledger, 1), lambda: 1 / 0)
    assert not ledger.connection.in_transaction
    assert row_of(ledger, "A")["state"] == "pending"
    with database.transaction(ledger.connection):
        mark_one(ledger, 1)
    assert row_of(ledger, "A")["state"] == "sending"


def test_rows_of_a_ledger_that_is_made_again_are_unknown_from_the_start(path: Path) -> None:
    """At whatever moment a rebuild is killed, no row of it can be sent before it was searched for."""
    with Ledger(path, verb="rebuild") as ledger:
        stage(ledger, [valid("A"), invalid("B")])
        assert ledger.counts() == {State.UNKNOWN: 1, State.INVALID: 1}
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("C")], sha256="2" * 64)
        assert ledger.counts() == {State.UNKNOWN: 1, State.INVALID: 1, State.PENDING: 1}


@pytest.mark.parametrize("verb", ["run", "retry", "reconcile", "verify", "forget", "resolve", "try"])
def test_a_rebuild_that_read_nothing_is_repeated_first(path: Path, verb: str) -> None:
    """To any other command the rows of its export would be new, though they may be cases."""
    Ledger(path, verb="rebuild").close()
    with pytest.raises(ConfigError, match="ended before its export was read"):
        Ledger(path, verb=verb)
    with Ledger(path, verb="rebuild") as ledger:
        stage(ledger, [valid("A")])
    with Ledger(path, verb="run") as ledger:
        assert ledger.counts() == {State.UNKNOWN: 1}
