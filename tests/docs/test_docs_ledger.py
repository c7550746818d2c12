"""The page about the ledger: its queries run, and find something; its tables and columns are those that there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from documents import blocks, read, words_in_code
from ledgers import do, invalid, mark_one, notes, settle_one, stage, valid, with_updates

from importer.ledger import Ledger
from importer.ledger.decisions import note_search
from importer.ledger.records import Outcome
from importer.models import State

PAGE = "docs/ledger.md"


@pytest.fixture
def connection(memory_path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger of rows that became a case, were refused, are invalid, and were searched for."""
    with Ledger(memory_path / "ledger.db", verb="run") as ledger:
        rows = [valid("A"), valid("T-4711", row=3), valid("C", row=4)]
        stage(ledger, [*rows, invalid("D", row=5), with_updates("E", notes("second"), row=6)])
        outcomes = (
            (1, Outcome(State.CREATED, "20817", 201, "created")),
            (2, Outcome(State.REFUSED, None, 422, "0900001", "no such owner")),
            (3, Outcome(State.UNKNOWN, None, None, "timeout", "no answer in time")),
            (5, Outcome(State.CREATED, "20818", 201, "created")),
        )
        for record, outcome in outcomes:
            do(ledger, lambda record=record: mark_one(ledger, record))
            do(ledger, lambda record=record, to=outcome: settle_one(ledger, record, State.SENDING, to))
        do(ledger, lambda: note_search(ledger, 3, "undecided", "the list of cases proves nothing"))
    with closing(sqlite3.connect(f"file:{memory_path / 'ledger.db'}?mode=ro", uri=True)) as opened:
        yield opened


def test_each_query_runs_and_finds_something(connection: sqlite3.Connection) -> None:
    queries = [block.text for block in blocks(read(PAGE)) if block.language == "sql"]
    assert len(queries) >= 10
    assert [query for query in queries if not connection.execute(query).fetchall()] == []


def test_each_table_and_column_is_there(connection: sqlite3.Connection) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    columns = {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}
    text = read(PAGE).partition("## Tables")[2].partition("## Queries")[0]
    lines = [line.strip("| ").split(" | ", 1) for line in text.splitlines() if line.startswith("| `")]
    assert {table for names, _ in lines for table in words_in_code(names)} == tables
    for names, said in lines:
        known = set().union(*(columns[table] for table in words_in_code(names))) | tables
        assert words_in_code(said) - known <= {"sending", "forget", "verify"}, names
