"""Forgetting: texts go for good, and everything that keeps the promises stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledgers import case_body, do, filtered, invalid, mark_one, pending, row_of, settle_one, stage, valid

from importer.errors import ConfigError, LedgerError
from importer.ledger import Ledger, LedgerView, database, decisions, sources
from importer.ledger.contents import forget as drop
from importer.ledger.records import Mark, Outcome, Settled
from importer.models import State
from importer.report import totals_of
from importer.verbs.forget import forget
from importer.verbs.resolve import resolve

SECRET = "Ana Kovač, Ilica 12"
CREATED = Outcome(State.CREATED, "77", 201, "created")
REFUSED = Outcome(State.REFUSED, None, 422, "http_422", f"no such person: {SECRET}")
UNKNOWN = Outcome(State.UNKNOWN, None, 500, "http_500", f"failed for {SECRET}")


def told(key: str, **more: object) -> object:
    """A row that holds something personal in its cells and in its body."""
    return valid(key, subject=SECRET, body=case_body(key, title=SECRET), **more)


def send(ledger: Ledger, number: int, outcome: Outcome) -> None:
    assert do(ledger, lambda: mark_one(ledger, number)) == [Mark.DONE]
    do(ledger, lambda: settle_one(ledger, number, State.SENDING, outcome))


def places(path: Path) -> list[str]:
    """The files of the folder of a ledger in which the secret can be read."""
    found = []
    for file in sorted(path.parent.iterdir()):
        octets = file.read_bytes()
        found += (
            [file.name] if SECRET.encode() in octets or SECRET.encode("ascii", "backslashreplace") in octets else []
        )
    return found


@pytest.fixture
def finished(path: Path) -> Path:
    """An import that is over: two cases, a duplicate key, a row that is filtered, an invalid and a refused one."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [told("A"), told("B"), told("A", row=4), filtered("C"), invalid("D"), told("E")])
        ledger.connection.execute("UPDATE record SET message = ? WHERE key = 'D'", (f"Subject: {SECRET!r}",))
        send(ledger, 1, CREATED)
        send(ledger, 2, UNKNOWN)
        do(
            ledger,
            lambda: settle_one(ledger, 2, State.UNKNOWN, Outcome(State.CREATED, "78", None, "found", "looked up")),
        )
        send(ledger, 6, REFUSED)
    return path


def test_texts_are_gone_from_every_file(finished: Path) -> None:
    assert places(finished) == ["ledger.db"]
    result = forget(finished, failed=True)
    assert (result.rows, result.kept) == (6, 0)
    assert places(finished) == []


def test_dropping_alone_would_leave_them_in_the_files(finished: Path) -> None:
    """Negative control: rows that are deleted are not gone."""
    with Ledger(finished, verb="forget") as ledger:
        assert drop(ledger, [State.CREATED, State.SKIPPED, State.INVALID, State.REFUSED]) == 6
        assert "ledger.db" in places(finished)


def test_what_was_not_done_to_the_end_is_done_by_the_next(finished: Path) -> None:
    with Ledger(finished, verb="forget") as ledger:
        drop(ledger, list(State))
    assert forget(finished, failed=True).rows == 0
    assert places(finished) == []


def test_failed_rows_keep_their_texts_unless_a_person_says_so(finished: Path) -> None:
    result = forget(finished)
    assert (result.rows, result.kept) == (4, 2)
    with LedgerView(finished) as view:
        assert [(line.result.key, line.cells[1]) for line in view.failures()] == [("D", "It burns …"), ("E", SECRET)]
    with Ledger(finished, verb="retry") as ledger:
        assert decisions.reopen_refused(ledger) == 1
        assert [row.key for row in pending(ledger)] == ["E"]


def test_totals_states_case_ids_and_history_stay(finished: Path) -> None:
    def seen() -> list[object]:
        with LedgerView(finished) as view, closing(sqlite3.connect(finished)) as connection:
            events = "SELECT record, run, at, state, attempt, case_id, http_status, code FROM event ORDER BY id"
            lines = [(line.key, line.state, line.case_id, line.code, line.attempts) for line in view.results()]
            return [totals_of(view), view.requests(), lines, connection.execute(events).fetchall()]

    before = seen()
    forget(finished, failed=True)
    assert seen() == before


def test_failed_rows_have_no_failures_file_any_more_and_cannot_be_sent(finished: Path) -> None:
    forget(finished, failed=True)
    with LedgerView(finished) as view:
        assert list(view.failures()) == []
    with Ledger(finished, verb="retry") as ledger:
        assert decisions.reopen_refused(ledger) == 0
        assert sources.unsent_rows(ledger, 1, states=list(State), after=0, limit=10) == []
        assert pending(ledger) == []


def test_what_a_person_said_stays(path: Path) -> None:
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [told("A")])
        send(ledger, 1, UNKNOWN)
    resolve(path, "A", "drop", reason="a test ticket")
    forget(path)
    with closing(sqlite3.connect(path)) as connection:
        words = connection.execute("SELECT message FROM event WHERE message IS NOT NULL").fetchall()
        (message,) = connection.execute("SELECT message FROM record").fetchone()
    assert words == [(message,)]
    assert message.endswith("a test ticket")


@pytest.mark.parametrize("change", ["message = 'other words'", "message = NULL, state = 'refused'", "at = 0"])
def test_history_cannot_be_told_otherwise(finished: Path, change: str) -> None:
    """Words may be dropped; nothing else, and no other words put in their place."""
    with Ledger(finished, verb="run") as ledger, pytest.raises(sqlite3.IntegrityError, match="only appended"):
        ledger.connection.execute(f"UPDATE event SET {change} WHERE id = 1")


# -- afterwards -----------------------------------------------------------------------------------------


def test_no_key_is_created_twice(finished: Path) -> None:
    """P1"""
    forget(finished)
    with Ledger(finished, verb="run") as ledger:
        stage(ledger, [told("A"), valid("B"), valid("new")])
        lines = ledger.connection.execute("SELECT key, state, code, message FROM record WHERE source = 2").fetchall()
        assert lines == [
            ("A", "skipped", "already_created_unverified", "already case 77 (row 2 of tickets.csv)"),
            ("B", "skipped", "already_created_unverified", "already case 78 (row 2 of tickets.csv)"),
            ("new", "pending", None, None),
        ]


def test_nothing_is_claimed_about_content_that_is_gone(finished: Path) -> None:
    with Ledger(finished, verb="run") as ledger:
        stage(ledger, [told("A"), valid("B")])
        codes = ledger.connection.execute("SELECT code FROM record WHERE source = 2").fetchall()
    assert codes == [("already_created",), ("already_created_changed",)], "as long as it is there, it is compared"


def test_a_corrected_row_is_not_sent_again_under_its_old_key(path: Path) -> None:
    """Who corrects whom is kept, or an old failures file would bring a second case for one ticket."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [invalid("wrong")])
        stage(ledger, [told("right", replaces=1)])
        send(ledger, 2, CREATED)
    assert forget(path).rows == 2
    assert places(path) == []
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("wrong", replaces=1)])
        assert (row_of(ledger, "wrong")["state"], row_of(ledger, "wrong")["code"]) == (
            "skipped",
            "already_created_unverified",
        )


def test_the_list_can_still_be_proven(finished: Path) -> None:
    forget(finished)
    with Ledger(finished, verb="run") as ledger:
        newest = ledger.newest_created("text1", age=0)
    assert newest is not None
    assert (newest.case_id, newest.key) == ("78", "B")


def test_two_answers_for_one_case_leave_the_forgotten_row_to_a_person(finished: Path) -> None:
    forget(finished)
    with Ledger(finished, verb="run") as ledger:
        stage(ledger, [valid("new")])
        assert do(ledger, lambda: mark_one(ledger, 7)) == [Mark.DONE]
        assert do(ledger, lambda: settle_one(ledger, 7, State.SENDING, CREATED)) == [Settled.CROSSED]
        assert [unknown.key for unknown in ledger.unknown_records()] == ["new"]
    with pytest.raises(ConfigError, match="were deleted"):
        resolve(finished, "A", "resend", reason="sure")
    assert resolve(finished, "A", "created", reason="sure", case_id="77") is State.CREATED


# -- when it is too early -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN, State.SENDING])
def test_failed_rows_are_not_forgotten_before_all_is_over(path: Path, state: State) -> None:
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [told("A"), told("B")])
        send(ledger, 1, CREATED)
        if state is not State.PENDING:
            do(ledger, lambda: mark_one(ledger, 2))
        if state is State.UNKNOWN:
            do(ledger, lambda: settle_one(ledger, 2, State.SENDING, UNKNOWN))
    with pytest.raises(ConfigError, match=f"not finished: 1 {state} rows"):
        forget(path, failed=True)
    assert forget(path).rows == 1, "what is finished may be forgotten at any time"
    with Ledger(path, verb="run") as ledger:
        assert (ledger.unknown_records() or pending(ledger))[0].body == case_body("B", title=SECRET)


def test_a_row_that_may_still_be_sent_is_not_forgotten(path: Path) -> None:
    """It was skipped because its key may be a case, and is sent if it is not."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [told("A")])
        do(ledger, lambda: mark_one(ledger, 1))
        do(ledger, lambda: settle_one(ledger, 1, State.SENDING, UNKNOWN))
        stage(ledger, [valid("A", body=case_body("A", title="tonight"))], sha256="2" * 64)
    forgotten = forget(path)
    assert (forgotten.rows, forgotten.kept) == (0, 2)
    with Ledger(path, verb="run") as ledger:
        do(ledger, lambda: settle_one(ledger, 1, State.UNKNOWN, Outcome(State.PENDING)))
        sources.decide_again(ledger)
        assert [record.body for record in pending(ledger)] == [case_body("A", title="tonight")]


def test_nor_before_every_file_was_read(finished: Path) -> None:
    with Ledger(finished, verb="run") as ledger:
        stage(ledger, [valid("F")], name="next.csv", finish=False)
    with pytest.raises(ConfigError, match=r"next\.csv was not read to the end"):
        forget(finished, failed=True)


def test_somebody_who_looks_on_is_in_the_way(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 100)
    with closing(sqlite3.connect(finished, isolation_level=None)) as looking:
        looking.execute("BEGIN")
        looking.execute("SELECT count(*) FROM record").fetchone()
        with pytest.raises(LedgerError, match="has the ledger open"):
            forget(finished)
    assert forget(finished).rows == 0
    assert places(finished) == ["ledger.db"], "that of the refused row"
