"""What the sandbox remembers, in SQLite.

Every change is committed before it is answered. WAL with ``synchronous=NORMAL`` survives the death of the process,
which is what a sandbox is killed for; it does not promise to survive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from importer.errors import ConfigError
from importer.sandbox.account import DEFINITION, Definition
from importer.sandbox.case import Case, Place, value_of

if TYPE_CHECKING:
    from importer.sandbox.search import Search

_APPLICATION_ID = 0x54445343  # "TDSC": tells a store from any other SQLite file
_CHUNK = 1000
_TABLES = Path(__file__).with_name("tables.sql")


class Storage:
    """The cases of one account. Use from one thread only.

    Args:
        path: Database file, made if missing with access for its owner only. None keeps everything in a private
            database that SQLite holds in memory and spills to a temporary file only when it grows large.

    Raises:
        ConfigError: The file is not the store of a sandbox, or another sandbox has it open.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path or "", timeout=0, isolation_level=None)
            try:
                _prepare(self._db)
            except sqlite3.Error:
                self.close()
                raise
        except (OSError, sqlite3.Error) as problem:
            hint = "use a separate --store file for each sandbox; it is created if missing"
            raise ConfigError(
                f"cannot use this file as sandbox store: {problem}", where=str(path), hint=hint
            ) from problem
        self.id: str = self._db.execute("SELECT id FROM account").fetchone()[0]
        self._last_id: int = self._db.execute("SELECT ifnull(max(id), 0) FROM cases").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def remembering(self, fields: Iterable[Definition]) -> tuple[Definition, ...]:
        """All custom fields that this store has ever been told of, these included; of two with one key the later.

        So whoever opens the store again without naming them, to retry or to reconcile, finds the same account.
        """
        rows = [(field.key, DEFINITION.dump_json(field)) for field in fields]
        self._db.executemany("INSERT OR REPLACE INTO custom_fields VALUES (?, ?)", rows)
        known = self._db.execute("SELECT definition FROM custom_fields ORDER BY rowid")
        return tuple(DEFINITION.validate_json(definition) for (definition,) in known)

    def next_id(self) -> int:
        """An id that this store has never given before."""
        self._last_id += 1
        return self._last_id

    def write(self, case: Case) -> None:
        """Keep ``case``, in place of the one with its id if there is one."""
        row = vars(case) | {"content": orjson.dumps(case.content).decode()}
        self._db.execute("INSERT OR REPLACE INTO cases VALUES (:id, :created_ms, :updated_ms, :place, :content)", row)

    def get(self, case_id: int) -> Case | None:
        """The case, wherever it is."""
        return next(iter(self._cases("WHERE id = ?", case_id)), None)

    def has_subcases(self, case_id: int) -> bool:
        """Whether there are subcases of this case, which may be in the trash."""
        found = self._db.execute(
            "SELECT 1 FROM cases WHERE parent_id = ? AND place <> ? LIMIT 1", (case_id, Place.PURGED)
        )
        return found.fetchone() is not None

    def move(self, case_ids: Iterable[int], *, origin: Place, target: Place) -> list[int]:
        """Move cases with their subcases from one place to another, and name those that really were there."""
        family = "(id = :id OR parent_id = :id)"
        change = f"UPDATE cases SET place = :target WHERE place = :origin AND {family} RETURNING id"
        moves = ({"id": case_id, "origin": origin, "target": target} for case_id in case_ids)
        return [moved for move in moves for (moved,) in self._db.execute(change, move).fetchall()]

    def search(self, search: Search) -> tuple[int, list[Case]]:
        """How many cases the search finds, and the page of them it asks for."""
        if search.indexed is not None:
            # SQLite keeps the index up to date from then on, so the look-ups of a reconcile stay fast.
            name = f"value_of_{search.indexed}"
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON cases ({value_of(search.indexed)})")
        found = f"FROM cases WHERE {search.where}"
        total: int = self._db.execute(f"SELECT count(*) {found}", search.parameters).fetchone()[0]
        offset = (search.page - 1) * search.per_page
        if offset >= total:
            return total, []
        # The inner query skips rows inside an index; skipping whole rows would make deep pages slow.
        page = f"WHERE id IN (SELECT id {found} {search.order} LIMIT ? OFFSET ?) {search.order}"
        return total, self._cases(page, *search.parameters, search.per_page, offset)

    def counts(self) -> dict[str, int]:
        """How many cases there are in each place."""
        counted = self._db.execute("SELECT place, count(*) FROM cases GROUP BY place")
        return {place.value: 0 for place in Place} | dict(counted.fetchall())

    def newest(self, most: int) -> list[Case]:
        """The last ``most`` cases, wherever they are."""
        return self._cases("ORDER BY id DESC LIMIT ?", most)

    def chunks(self) -> Iterator[list[Case]]:
        """Every case in order of creation, in chunks. Cases created meanwhile are included."""
        last = 0
        while cases := self._cases("WHERE id > ? ORDER BY id LIMIT ?", last, _CHUNK):
            yield cases
            last = cases[-1].id

    def _cases(self, which: str, *parameters: object) -> list[Case]:
        rows = self._db.execute(f"SELECT id, created_ms, updated_ms, place, content FROM cases {which}", parameters)
        return [
            Case(case_id, created_ms, updated_ms, place, orjson.loads(content))
            for case_id, created_ms, updated_ms, place, content in rows
        ]


def _prepare(database: sqlite3.Connection) -> None:
    """Check whose database it is before anything is changed, take it for this process, make its tables if new."""
    # Two sandboxes on one store would give one id twice. Set before the first access, so that it counts from there.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    is_new = database.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
    if not is_new and database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
        raise sqlite3.DatabaseError("it belongs to another program")
    database.execute("PRAGMA journal_mode = WAL")  # without effect on a private database, which is never synchronized
    database.execute("PRAGMA synchronous = NORMAL")
    if is_new:
        identity = f"INSERT INTO account VALUES ('{uuid.uuid4()}'); PRAGMA application_id = {_APPLICATION_ID};"
        database.executescript(f"BEGIN; {_TABLES.read_text(encoding='utf-8')} {identity} COMMIT;")
