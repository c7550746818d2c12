"""Ledgers of other versions: older ones are brought forward, with nothing lost; newer and foreign ones are refused."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledgers import as_killed, do, mark_one, pending, row_of, stage, valid

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerView, database
from importer.ledger.sources import sources
from importer.models import State

VERSION_1 = Path(__file__).with_name("version-1.db.gz")
MIGRATION = "ALTER TABLE record ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';"
STATES = {
    State.PENDING: 2,
    State.WAITING: 1,
    State.INVALID: 1,
    State.SKIPPED: 1,
    State.CREATED: 1,
    State.REFUSED: 1,
    State.DUPLICATE: 1,
    State.UNKNOWN: 4,  # one of them was being sent
}


@pytest.fixture
def first(path: Path) -> Path:
    """A ledger of version 1, as its program left it."""
    path.parent.mkdir()
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_ledger_of_version_1_goes_on(first: Path) -> None:
    """For ever, whatever migrations are added later."""
    with Ledger(first, verb="run") as ledger:
        assert ledger.counts() == STATES
        assert [record.key for record in pending(ledger)] == ["pending", "parent"]
        assert [(info.name, info.rows, info.external_id_field) for info in sources(ledger)] == [
            ("tickets.csv", 10, "text1"),
            ("tickets.csv", 2, "text1"),
        ]
        stage(ledger, [valid("created"), valid("new")], sha256="3" * 64)
        assert row_of(ledger, "created")["code"] == "already_created_changed", "a note is to follow its case"
    with LedgerView(first) as view:
        assert view.update_items() == {"pending": 1}
        assert len(list(view.results())) == 14


def test_an_older_ledger_is_brought_forward(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, MIGRATION))
    newest = database.newest_version()
    refused = rf"version 1; this program reads version {newest}[^$]*reconcile --ledger {first}"
    with pytest.raises(LedgerError, match=refused):
        LedgerView(first)
    assert version(first) == 1, "who looks changes nothing"
    with Ledger(first, verb="reconcile") as ledger:
        assert ledger.counts() == STATES
        assert row_of(ledger, "pending")["colour"] == "grey"
    assert version(first) == newest
    with LedgerView(first) as view:
        assert view.counts() == STATES


def test_a_ledger_that_is_brought_forward_is_like_a_new_one(first: Path, tmp_path: Path) -> None:
    """So `schema.sql` shows all tables that the code meets, and each migration is in it."""
    for path in (first, tmp_path / "new.db"):
        Ledger(path, verb="run").close()
    assert tables(first) == tables(tmp_path / "new.db")


def tables(path: Path) -> dict[str, object]:
    """Columns of the tables, text of all else, and how records may move."""
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, object] = {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() if kind == "table" else sql
            for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
        }
        return found | {"moves": connection.execute("SELECT * FROM transition ORDER BY 1, 2, 3").fetchall()}


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, MIGRATION, "SELECT colour FROM nowhere;"))
        with pytest.raises(LedgerError, match="nowhere"):
            Ledger(first, verb="run")
    assert version(first) == 1
    with Ledger(first, verb="run") as ledger:
        assert "colour" not in row_of(ledger, "pending")


def test_a_newer_ledger_is_refused(first: Path) -> None:
    """Nothing is guessed about a schema that this program does not know."""
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for opens in (lambda: Ledger(first, verb="run"), lambda: LedgerView(first)):
        with pytest.raises(LedgerError, match="the ledger has version 99; this program supports"):
            opens()


def test_a_ledger_from_before_the_first_release_is_refused_in_one_sentence(first: Path) -> None:
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("PRAGMA application_id = 0")
        connection.execute("PRAGMA user_version = 2")
    for opens in (lambda: Ledger(first, verb="run"), lambda: LedgerView(first)):
        with pytest.raises(LedgerError, match="from before the first release"):
            opens()


def test_a_program_that_cannot_open_a_killed_ledger_does_not_lock_it_out(path: Path, tmp_path: Path) -> None:
    """It may close the file, which puts the log into the ledger: nothing is lost, and nothing is missing."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A"), valid("B")])
        do(ledger, lambda: mark_one(ledger, 1))
        killed = as_killed(ledger, tmp_path / "killed")
    with pytest.MonkeyPatch.context() as older:
        older.setattr(database, "newest_version", lambda: 0)
        with pytest.raises(LedgerError, match="supports 0"):
            Ledger(killed, verb="run")
    with Ledger(killed, verb="run") as again:
        assert again.counts() == {State.UNKNOWN: 1, State.PENDING: 1}
