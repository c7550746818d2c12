"""``case-importer`` without waiting for the disk: only to see what the waiting costs. Never use this for an import."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from importer.cli import main
from importer.ledger import database

_open, _transaction = database.open_for_writing, database.transaction


def _careless(path: Path) -> sqlite3.Connection:
    connection = _open(path)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


@contextmanager
def _still_careless(connection: sqlite3.Connection) -> Iterator[None]:
    """Nobody has switched the waiting on again, or the measurement would be of nothing."""
    assert connection.execute("PRAGMA synchronous").fetchone() == (0,)
    with _transaction(connection):
        yield


database.open_for_writing = _careless
database.transaction = _still_careless
database.unsynced = nullcontext  # type: ignore[assignment]  # it would switch it on when it ends
main()
