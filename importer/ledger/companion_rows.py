"""The rows of companion files, such as the comments next to an export, while the export is read.

They are kept in temporary tables of the ledger's own connection: on disk, so that they need not fit into memory,
indexed by key, and gone with the connection. Only those that belong to no row of the export stay: in ``orphan``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from importer.ledger import database
from importer.ledger.json_columns import cells_from_json, to_json
from importer.ledger.ledger import Ledger
from importer.ledger.records import CompanionFile

_DROP = "DROP TABLE IF EXISTS temp.companion_row; DROP TABLE IF EXISTS temp.companion_key;"
# companion_row: code and message say why it belongs to no row, if that is known already; its key is NULL then.
# companion_key: the keys of the rows of the export, one for each row that has one.
_TABLES = f"""{_DROP}
    PRAGMA temp.cache_size = -16384; -- KiB of memory for reading and sorting
    CREATE TEMP TABLE companion_row (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, row INTEGER NOT NULL, key BLOB,
        key_shown TEXT NOT NULL, code TEXT, message TEXT, cells TEXT NOT NULL);
    CREATE TEMP TABLE companion_key (file INTEGER NOT NULL, key BLOB NOT NULL);"""
_INDEXES = """
    CREATE INDEX temp.companion_row_key ON companion_row (file, key) WHERE key IS NOT NULL;
    CREATE INDEX temp.companion_key_key ON companion_key (file, key);"""
_ORPHANS = """
    INSERT INTO orphan (file, row, key, code, message, cells)
    SELECT :number, row, key_shown, coalesce(code, 'no_row'), coalesce(message, 'no row of the export has this key'),
        cells
    FROM companion_row WHERE file = :file AND NOT EXISTS (SELECT 1 FROM companion_key AS asked
        WHERE asked.file = companion_row.file AND asked.key = companion_row.key) ORDER BY id"""
_COUNTS = """
    UPDATE companion_file SET without_row = (SELECT count(*) FROM orphan WHERE file = :number),
        rows_without = (SELECT rows FROM source WHERE id = :source) - (
            SELECT count(*) FROM companion_key AS asked WHERE asked.file = :file AND EXISTS (
                SELECT 1 FROM companion_row AS entry WHERE entry.file = asked.file AND entry.key = asked.key))
    WHERE id = :number"""


class CompanionRow(NamedTuple):
    """A row of a companion file; if it has no key, ``code`` and ``message`` say why it belongs to no row."""

    row: int  #: where it begins in the file
    cells: tuple[str, ...]
    key: bytes | None  #: what it is found by
    key_shown: str  #: the same for people
    code: str | None = None
    message: str | None = None


class CompanionRows:
    """The rows of all companion files of one export. Each file is called by its number, from 0."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._execute(_TABLES)

    def _execute(self, script: str) -> None:
        with database.translated(self._ledger.path):
            self._ledger.connection.executescript(script)

    def add(self, file: int, rows: Iterable[CompanionRow]) -> None:
        """Keep rows of a file."""
        with self._ledger.transaction() as connection:
            connection.executemany(
                "INSERT INTO companion_row (file, row, key, key_shown, code, message, cells)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((file, row.row, row.key, row.key_shown, row.code, row.message, to_json(row.cells)) for row in rows),
            )

    def index(self) -> None:
        """Make them ready for looking up; once, after the last row of all files."""
        self._execute(_INDEXES)

    def find(self, file: int, key: bytes) -> list[tuple[str, ...]]:
        """The rows with this key, in the order of the file; their own row number is one more cell behind."""
        query = "SELECT cells, row FROM companion_row WHERE file = ? AND key = ? ORDER BY id"
        return [(*cells_from_json(cells), str(row)) for cells, row in self._ledger.rows(query, (file, key))]

    def note_keys(self, file: int, keys: Iterable[bytes]) -> None:
        """Rows of the export have these keys."""
        with self._ledger.transaction() as connection:
            connection.executemany("INSERT INTO companion_key (file, key) VALUES (?, ?)", ((file, key) for key in keys))

    def close(self) -> None:
        """Let go of them."""
        self._execute(_DROP)


def enter_companion(
    connection: sqlite3.Connection, source: int, position: int, read: CompanionFile, *, whole: bool
) -> None:
    """Note that a companion file was read with a source, and keep its orphans. Inside a transaction.

    Unless the source is a ``whole`` export, nobody can tell what belongs to none of its rows.
    """
    number = connection.execute(
        "INSERT INTO companion_file (source, position, name, path, sha256, columns, rows) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (source, position, read.file, read.path, read.sha256, to_json(read.columns), read.rows),
    ).lastrowid
    if whole:
        values = {"number": number, "source": source, "file": position}
        connection.execute(_ORPHANS, values)
        connection.execute(_COUNTS, values)


def read_companions(connection: sqlite3.Connection, source: int) -> tuple[CompanionFile, ...]:
    """The companion files that were read with a source."""
    rows = connection.execute(
        "SELECT name, path, sha256, columns, rows, without_row, rows_without FROM companion_file"
        " WHERE source = ? ORDER BY position",
        (source,),
    )
    return tuple(
        CompanionFile(file, path, digest, cells_from_json(columns), *counts)
        for file, path, digest, columns, *counts in rows
    )


def replace_companions(connection: sqlite3.Connection, source: int, files: Sequence[CompanionFile]) -> None:
    """Note which companion files some rows of a source were mapped anew with; inside a transaction.

    Those that were read with the whole source stay, with what was found then; others take the place of the rest.
    """
    stay = to_json([f"{read.sha256} {read.file}" for read in files])
    gone = "source = ? AND sha256 || ' ' || name NOT IN (SELECT value FROM json_each(?))"
    connection.execute(f"DELETE FROM orphan WHERE file IN (SELECT id FROM companion_file WHERE {gone})", (source, stay))
    connection.execute(f"DELETE FROM companion_file WHERE {gone}", (source, stay))
    for position, read in enumerate(files):
        place = "UPDATE companion_file SET position = ? WHERE source = ? AND name = ? AND sha256 = ?"
        if connection.execute(place, (position, source, read.file, read.sha256)).rowcount == 0:
            enter_companion(connection, source, position, read, whole=False)
