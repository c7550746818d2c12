"""How rows lie in the file: a text once, cells as they were read, and nothing half-staged after a power cut."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import as_killed, pending, stage, valid

from importer.errors import LedgerError
from importer.ledger import Ledger, StagedRow, staging
from importer.ledger.packing import LONG, leaning_columns, packed_cells, unpacked_cells
from importer.models import Mapped, Row, State

LONG_TEXT = 'It burns, "really",\nsince Monday — ' * 20
TEXTS = st.text(max_size=8) | st.sampled_from([LONG_TEXT, "x" * LONG, "ü" * LONG, "\ud83d" * LONG, "[0, 5]", " [1]"])


@given(st.lists(TEXTS, max_size=6).flatmap(lambda cells: st.tuples(st.just(cells), st.permutations(cells))))
def test_cells_come_back_as_they_were(drawn: tuple[list[str], list[str]]) -> None:
    cells, others = drawn
    body = orjson.dumps([text for text in others[::2] if "\ud83d" not in text])
    for at_hand in (body, None):
        kept = packed_cells(cells, at_hand, leaning_columns([(cells, body)]))
        assert unpacked_cells(kept, at_hand) == tuple(cells)


def test_all_long_texts_of_a_body_are_found_whatever_their_order() -> None:
    cells = ["T-1", LONG_TEXT, "not in the body at all, but long", "x" * LONG]
    body = orjson.dumps({"title": cells[3], "description": cells[1]})
    leaning = leaning_columns([(["T-0", "short", "short", "short"], b"{}"), (cells, body)])
    assert [column.position for column in leaning] == [3, 1]
    kept = packed_cells(cells, body, leaning)
    assert [type(cell) for cell in orjson.loads(kept)] == [str, list, str, list]
    assert unpacked_cells(kept, body) == tuple(cells)


def test_places_are_counted_from_the_beginning_of_the_body() -> None:
    """Two columns with one text are at one place: the second one is no step back, past the beginning, to the end."""
    first = "y" * 41
    leaning = leaning_columns([([first, first], orjson.dumps({"description": first}))])
    body = orjson.dumps({"description": "x" * 40})
    cells = ["short", "x" * 40]
    kept = packed_cells(cells, body, leaning)
    assert orjson.loads(kept) == ["short", [body.index(b'"x'), 42]]
    assert unpacked_cells(kept, body) == tuple(cells)


def test_a_long_text_is_kept_once(ledger: Ledger) -> None:
    body = orjson.dumps({"title": "x", "description": LONG_TEXT})
    stage(ledger, [valid("A", subject=LONG_TEXT, body=body)])
    ((cells,),) = ledger.connection.execute("SELECT cells FROM content")
    assert len(cells) < 30
    (unsent,) = staging.unsent(ledger, 1, states=[State.PENDING], after=0, limit=9)
    assert unsent.cells == ("A", LONG_TEXT)


def test_a_new_mapping_takes_the_cells_along(ledger: Ledger) -> None:
    source = stage(ledger, [valid("A", subject=LONG_TEXT, body=orjson.dumps({"description": LONG_TEXT}))])
    for body in (orjson.dumps({"title": "now it comes later", "description": LONG_TEXT}), b'{"title": "short"}'):
        (old,) = staging.unsent(ledger, source, states=[State.PENDING], after=0, limit=9)
        staging.remap(ledger, source, [(old, Mapped("A", body))])
        (again,) = staging.unsent(ledger, source, states=[State.PENDING], after=0, limit=9)
        assert (again.cells, pending(ledger)[0].body) == (("A", LONG_TEXT), body)


@pytest.mark.parametrize("change", ['body = CAST(\'{"parent_id":"1",\' || substr(body, 2) AS BLOB)', "body = NULL"])
def test_a_body_does_not_change_under_the_cells_that_lean_on_it(ledger: Ledger, change: str) -> None:
    stage(ledger, [valid("A", subject=LONG_TEXT, body=orjson.dumps({"description": LONG_TEXT})), valid("B")])
    with pytest.raises(sqlite3.IntegrityError, match="together"):
        ledger.connection.execute(f"UPDATE content SET {change} WHERE record = 1")
    ledger.connection.execute("UPDATE content SET body = x'7B7D' WHERE record = 2")  # nothing leans on that one


# -- commits that are not synced ------------------------------------------------------------------------


def test_only_rows_that_do_not_count_yet_are_not_synced(ledger: Ledger) -> None:
    """The commit that makes them count takes the whole log to the disk."""
    asked: list[str] = []
    ledger.connection.set_trace_callback(asked.append)
    stage(ledger, [valid("A")])
    ledger.connection.set_trace_callback(None)
    level, commits = "FULL", []
    for statement in asked:
        if "synchronous" in statement:
            level = statement.partition("=")[2]
        elif statement == "COMMIT":
            commits.append(level)
    assert (commits, level) == (["FULL", "NORMAL", "FULL"], "FULL")


def test_a_batch_that_fails_leaves_the_ledger_durable(ledger: Ledger) -> None:
    source = stage(ledger, [], finish=False)
    unwritable = StagedRow(Row(3, ("B",)), Mapped(b"not a text", b"{}"))  # type: ignore[arg-type]
    with pytest.raises(LedgerError):
        staging.add_rows(ledger, source, [unwritable])
    assert ledger.connection.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("part", range(0, 11, 2))
def test_a_power_cut_while_staging_leaves_no_row_that_counts(ledger: Ledger, tmp_path: Path, part: int) -> None:
    """N4: whatever part of the log was written by then, the source is read again from its start."""
    source = stage(ledger, [], finish=False)
    begun = Path(f"{ledger.path}-wal").stat().st_size
    for batch in range(10):
        staging.add_rows(ledger, source, [valid(f"K{batch}-{number}") for number in range(100)])
    killed = as_killed(ledger, tmp_path / "killed")
    log = Path(f"{killed}-wal")
    log.write_bytes(log.read_bytes()[: begun + (log.stat().st_size - begun) * part // 10])
    with Ledger(killed, verb="run") as again:
        left = again.counts().total()
        assert left <= 1000
        assert left >= 1 or part < 4
        assert pending(again) == []
        assert stage(again, [valid("A")]) == 1
        assert again.counts() == {State.PENDING: 1}


def test_the_end_of_staging_does_not_read_all_contents(ledger: Ledger) -> None:
    """They are most of the file: a million rows would be read again, for a handful that are corrections."""
    stage(ledger, [valid("A")])
    for statement in staging._WHO_ANSWERS:
        plan = ledger.connection.execute(f"EXPLAIN QUERY PLAN {statement}", {"first": 1, "run": 1})
        steps = [step for *_, step in plan]
        assert not [step for step in steps if step.startswith("SCAN content")]
        assert not [step for step in steps if step.startswith("SEARCH content") and "rowid>" in step]
