"""What the sandbox remembers, in SQLite.

A create is answered only after its commit. Creates that arrive in the same turn of the event loop share one commit,
so that durability costs little. WAL with ``synchronous=NORMAL`` survives the death of the process, which is what a
sandbox is killed for; it does not promise to survive a power cut.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import orjson

from importer.errors import ConfigError
from importer.sandbox.cases import Case, Place
from importer.sandbox.conditions import ListMode, conditions_of, order_of, value_of
from importer.sandbox.fields import Definition, definitions_of
from importer.sandbox.filters import Search

_APPLICATION_ID = 0x54445342  # "TDSB": tells a store from any other SQLite file
_CHUNK = 1000
_CACHE_KIB = 65536
_INSERT = f"INSERT INTO cases VALUES ({', '.join('?' * len(Case._fields))})"


class Store:
    """The cases of one account. Use from one event loop only.

    Args:
        path: Database file, made if missing with access for its owner only. None keeps everything in a private
            database that SQLite holds in memory and spills to a temporary file only when it grows large.
        first_case_id: The id of the first case of a new store.

    Raises:
        ConfigError: The file is no store of a sandbox, or another sandbox has it open.
    """

    def __init__(self, path: Path | None, *, first_case_id: int = 1) -> None:
        self._db = _opened(path)
        self.id: str = self._db.execute("SELECT id FROM account").fetchone()[0]
        newest = self._db.execute("SELECT max(id) FROM cases").fetchone()[0]
        self._next_id: int = first_case_id if newest is None else newest + 1
        self._waiting: list[Case] = []
        self._committed: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Commit what waits and close the file."""
        self._commit()
        self._db.close()

    def remembering(self, definitions: tuple[Definition, ...]) -> tuple[Definition, ...]:
        """All custom fields that this store has ever been told of, these included; of two with one key the later.

        So that whoever opens the store again without saying them, to retry or to look up, finds the same account.
        """
        told = [(field.key, orjson.dumps(field.as_json(0) | {"type": field.kind}).decode()) for field in definitions]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO custom_fields VALUES (?, ?)", told)
        known = self._db.execute("SELECT definition FROM custom_fields ORDER BY rowid")
        return definitions_of(orjson.loads(definition) for (definition,) in known)

    def next_id(self) -> int:
        """An id never given before by this store."""
        given = self._next_id
        self._next_id += 1
        return given

    def add(self, case: Case) -> asyncio.Future[None]:
        """Put ``case`` into the next commit; the future is done when that is done.

        Creates of one turn of the event loop share the commit, but not the future: who is cancelled leaves alone.
        """
        self._waiting.append(case)
        if self._committed is None:
            loop = asyncio.get_running_loop()
            self._committed = loop.create_future()
            loop.call_soon(self._commit)
        return asyncio.shield(self._committed)

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        committed, self._committed = self._committed, None
        if committed is None:
            return
        try:
            with self._db:
                self._db.executemany(_INSERT, waiting)
        except sqlite3.Error as problem:
            committed.set_exception(problem)
        else:
            committed.set_result(None)

    def get(self, case_id: int) -> Case | None:
        """The case, wherever it is."""
        self._commit()
        row = self._db.execute("SELECT * FROM cases WHERE id = ?", (case_id,)).fetchone()
        return None if row is None else Case(*row)

    def earlier(self, case_id: int) -> Case | None:
        """The case created just before this one."""
        self._commit()
        row = self._db.execute("SELECT * FROM cases WHERE id < ? ORDER BY id DESC LIMIT 1", (case_id,)).fetchone()
        return None if row is None else Case(*row)

    def replace(self, case: Case) -> None:
        """Write ``case`` over the one with its id."""
        columns = ", ".join(f"{name} = ?" for name in Case._fields)
        with self._db:
            self._db.execute(f"UPDATE cases SET {columns} WHERE id = ?", (*case, case.id))

    def move(self, case_ids: tuple[int, ...], *, origin: Place, target: Place) -> list[int]:
        """Move cases from one place to another and name those that really were there."""
        self._commit()
        moved = []
        with self._db:
            for case_id in case_ids:
                change = "UPDATE cases SET place = ? WHERE id = ? AND place = ?"
                if self._db.execute(change, (target, case_id, origin)).rowcount:
                    moved.append(case_id)
        return moved

    def search(self, search: Search, *, mode: ListMode, now_ms: int) -> tuple[int, list[Case]]:
        """How many cases the search finds, and the page of them it asks for."""
        self._commit()
        conditions = conditions_of(search, mode=mode, now_ms=now_ms)
        self._index(conditions.looked_up)
        source = f"FROM cases WHERE {conditions.where}"
        total: int = self._db.execute(f"SELECT count(*) {source}", conditions.parameters).fetchone()[0]
        offset = (search.page - 1) * search.per_page
        if offset >= total:
            return total, []
        order = f"ORDER BY {order_of(search)}"
        # The inner query skips rows inside an index; skipping whole rows would make deep pages slow.
        page = f"SELECT * FROM cases WHERE id IN (SELECT id {source} {order} LIMIT ? OFFSET ?) {order}"
        rows = self._db.execute(page, (*conditions.parameters, search.per_page, offset))
        return total, [Case(*row) for row in rows]

    def newest(self, texts: Mapping[str, str], *, statuses: tuple[str, ...]) -> Case | None:
        """The newest living case whose columns hold ``texts``, ignoring case, and whose status is one of these."""
        self._commit()
        marks = ", ".join("?" * len(statuses))
        matches = "".join(f" AND {column} = ? COLLATE NOCASE" for column in texts)
        found = f"SELECT * FROM cases WHERE +place = ? AND status IN ({marks}){matches}"
        newest = f"{found} ORDER BY created_ms DESC, id DESC LIMIT 1"
        row = self._db.execute(newest, (Place.LIVE, *statuses, *texts.values())).fetchone()
        return None if row is None else Case(*row)

    def counts(self) -> dict[Place, int]:
        """How many cases there are in each place."""
        self._commit()
        counted = dict(self._db.execute("SELECT place, count(*) FROM cases GROUP BY place"))
        return {place: counted.get(place, 0) for place in Place}

    def newest_first(self, most: int) -> list[Case]:
        """The last ``most`` cases, wherever they are."""
        self._commit()
        rows = self._db.execute("SELECT * FROM cases ORDER BY id DESC LIMIT ?", (most,))
        return [Case(*row) for row in rows]

    def chunks(self) -> Iterator[list[Case]]:
        """Every case in order of creation, in chunks. Cases created meanwhile are included."""
        last = 0
        while rows := self._after(last):
            yield rows
            last = rows[-1].id

    def _after(self, case_id: int) -> list[Case]:
        self._commit()
        rows = self._db.execute("SELECT * FROM cases WHERE id > ? ORDER BY id LIMIT ?", (case_id, _CHUNK))
        return [Case(*row) for row in rows]

    def _index(self, key: str | None) -> None:
        """Make an index on a custom field when it is first looked up; SQLite keeps it up to date from then on."""
        if key is not None:
            self._db.execute(f"CREATE INDEX IF NOT EXISTS value_of_{key} ON cases ({value_of(key)})")


def _opened(path: Path | None) -> sqlite3.Connection:
    try:
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect("" if path is None else path, timeout=0)
        try:
            _prepare(database, durable=path is not None)
        except sqlite3.Error:
            database.close()
            raise
    except (OSError, sqlite3.Error) as problem:
        hint = "Give a file of its own to each sandbox; it is made if it does not exist."
        raise ConfigError(
            f"cannot be used as the store of a sandbox: {problem}", where=str(path), hint=hint
        ) from problem
    return database


def _prepare(database: sqlite3.Connection, *, durable: bool) -> None:
    """Check whose database it is before anything is changed, take it for this process, make its tables if new."""
    if durable:
        # Two sandboxes on one store would give one id twice. Said before the first access, so that it holds from there.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
    new = not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not new and database.execute("PRAGMA application_id").fetchone() != (_APPLICATION_ID,):
        raise sqlite3.DatabaseError("it belongs to another program")
    if durable:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    else:
        # No larger cache here: pages of a private database stay dirty in it, and every commit walks all of them.
        database.execute("PRAGMA synchronous = OFF")
    if new:
        _make_tables(database)


def _make_tables(database: sqlite3.Connection) -> None:
    schema = (files("importer.sandbox") / "store.sql").read_text(encoding="utf-8")
    with database:
        database.executescript(f"BEGIN; {schema} PRAGMA application_id = {_APPLICATION_ID};")
        database.execute("INSERT INTO account VALUES (?)", (str(uuid.uuid4()),))
