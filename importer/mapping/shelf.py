"""A shelf on disk: more entries than fit into memory, to be found again by their key.

It is SQLite's own kind of temporary database: without a name, in the folder for temporary files (``SQLITE_TMPDIR``,
``TMPDIR``, ``/var/tmp``), readable by this process alone, and removed by the system whatever becomes of the process.
It needs no durability, since it is made anew from the file whenever it is needed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from importer.errors import SourceError

#: KiB of memory, for reading and sorting alike.
_CACHE = 16 * 1024
_SETTINGS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = FILE",
    f"PRAGMA cache_size = -{_CACHE}",
)


class Shelf:
    """Entries in the order in which they were put there, numbered from 1.

    Args:
        name: What messages call the file that they come from.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._connection = sqlite3.connect("", isolation_level=None)
        for setting in _SETTINGS:
            self._connection.execute(setting)
        self._connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, key BLOB, content BLOB NOT NULL)")

    def put(self, entries: Iterable[tuple[bytes | None, bytes]]) -> None:
        """Put entries there: key and content of each; those without a key cannot be looked up.

        Raises:
            SourceError: there is no room for them.
        """
        with self._translated():
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO entry (key, content) VALUES (?, ?)", entries)
            self._connection.execute("COMMIT")

    def sort(self) -> None:
        """Make the shelf ready for looking up; once, after the last entry.

        Raises:
            SourceError: there is no room for it.
        """
        with self._translated():
            self._connection.execute("CREATE INDEX by_key ON entry (key) WHERE key IS NOT NULL")

    def look(self, key: bytes) -> list[tuple[int, bytes]]:
        """Number and content of the entries with this key."""
        with self._translated():
            return self._connection.execute(
                "SELECT number, content FROM entry WHERE key = ? ORDER BY number", (key,)
            ).fetchall()

    def all(self) -> Iterator[tuple[int, bytes | None, bytes]]:
        """Number, key and content of every entry."""
        with self._translated():
            yield from self._connection.execute("SELECT number, key, content FROM entry ORDER BY number")

    def close(self) -> None:
        """Throw everything away."""
        self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = "make room in the folder for temporary files, or name another one: TMPDIR=/path"
            raise SourceError(f"it cannot be sorted on disk: {error}", where=self._name, hint=hint) from error
