"""Ledgers with rows in them, for the tests of several packages."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from importer.ledger import Ledger, database, sources
from importer.ledger.records import Mark, NewSource, Outcome, Pending, Selection, Settled, Settlement, StagedRow
from importer.models import FieldError, Mapped, Row, State, UpdateBody, UpdateKind

ROOT = Path(__file__).parent.parent
COLUMNS = ("Ticket", "Subject")
EXTERNAL_ID_FIELD = "text1"

#: Design, "States of a record": who may move where. Written down once more, so that a slip in the schema shows.
LEGAL = {
    State.PENDING: {State.SENDING, State.SKIPPED, State.INVALID, State.WAITING, State.UNKNOWN},
    State.WAITING: {State.PENDING, State.INVALID, State.SKIPPED, State.UNKNOWN},
    State.SENDING: {State.CREATED, State.REFUSED, State.PENDING, State.UNKNOWN},
    State.UNKNOWN: {State.CREATED, State.DUPLICATE, State.PENDING, State.REFUSED, State.SKIPPED},
    State.DUPLICATE: {State.CREATED, State.SKIPPED},
    State.CREATED: {State.UNKNOWN},
    State.REFUSED: {State.PENDING, State.SKIPPED, State.INVALID, State.WAITING},
    State.INVALID: {State.PENDING, State.SKIPPED, State.WAITING},
    State.SKIPPED: set(),
}
#: Only of rows that a mapping left out, or whose key had an unknown outcome.
LEGAL_IF_LEFT_OUT = {State.PENDING, State.INVALID, State.WAITING}
AT_THE_SERVER = (State.SENDING, State.CREATED, State.UNKNOWN, State.DUPLICATE)


def memory() -> str | None:
    """A folder where syncing costs nothing; None for the usual place.

    Most tests are about what a ledger says, and a busy disk would only make them slow. Those about durability watch
    the system calls instead of the disk.
    """
    shared = Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 50_000_000 else None


def case_body(key: str, **fields: Any) -> bytes:
    """What is sent for the ticket ``key``."""
    case = {"title": f"Ticket {key}", "description": "It burns.", "custom_fields": {EXTERNAL_ID_FIELD: key}}
    return orjson.dumps(case | fields)


def valid(key: str, *, row: int = 2, subject: str = "It burns", body: bytes | None = None, **more: Any) -> StagedRow:
    """A row that can be sent."""
    return StagedRow(Row(row, (key, subject)), Mapped(key, body or case_body(key)), **more)


def notes(*texts: str) -> bytes:
    """An update that adds these notes."""
    return orjson.dumps({"notes": [{"note_body": text, "public": False} for text in texts]})


def with_updates(key: str, *parts: bytes, row: int = 2, first: str = "first") -> StagedRow:
    """A row with one note, which these updates are to follow."""
    staged = valid(key, row=row, body=case_body(key, notes=[{"note_body": first, "public": False}]))
    updates = tuple(UpdateBody(UpdateKind.NOTES, part, len(orjson.loads(part)["notes"])) for part in parts)
    return staged._replace(mapped=staged.mapped._replace(case_updates=updates))


def invalid(key: str, *, row: int = 2, code: str = "too_long", **more: Any) -> StagedRow:
    """A row that cannot be sent."""
    errors = (FieldError(code, "Subject", "It burns …", "at most 150 characters", "shorten it", "title"),)
    return StagedRow(Row(row, (key, "It burns …")), Mapped(key, None, errors), **more)


def filtered(key: str, *, row: int = 2, **more: Any) -> StagedRow:
    """A row that the mapping leaves out on purpose."""
    mapped = Mapped(key, None, filtered_by="source.skip is met: Subject == 'spam'")
    return StagedRow(Row(row, (key, "spam")), mapped, **more)


def new_source(**changed: Any) -> NewSource:
    """A source of two columns."""
    known = {
        "name": "tickets.csv",
        "sha256": "0" * 64,
        "columns": COLUMNS,
        "mapping_name": "tickets.yml",
        "mapping_sha256": "1" * 64,
        "external_id_field": EXTERNAL_ID_FIELD,
    }
    return NewSource(**(known | changed))


def stage(ledger: Ledger, rows: Iterable[StagedRow], *, finish: bool = True, **changed: Any) -> int:
    """Enter rows as one source, and return its number."""
    source = sources.begin_source(ledger, new_source(**changed))
    sources.add_rows(ledger, source, list(rows))
    if finish:
        sources.finish_source(ledger, source)
    return source


def do(ledger: Ledger, *works: Any) -> list[Any]:
    """What the writer does with wishes, without its thread: all of them in one transaction."""
    with database.translated(ledger.path), database.transaction(ledger.connection):
        results = [work() for work in works]
    ledger.note_commit()
    return results


def mark_one(ledger: Ledger, record: int) -> Mark:
    """Mark one record as sending; inside :func:`do`."""
    (mark,) = ledger.mark_sending([record])
    return mark


def settle_one(ledger: Ledger, record: int, before: State, outcome: Outcome) -> Settled:
    """Settle one record; inside :func:`do`."""
    (settled,) = ledger.settle([Settlement(record, before, outcome)])
    return settled


def pending(ledger: Ledger, *, source: int | None = None, after: int = 0, limit: int = 100) -> list[Pending]:
    """What may be sent."""
    return ledger.pending(Selection(source), after=after, limit=limit)


def standings(path: Path) -> dict[str, int]:
    """Records by state, as anybody can read them while a run goes on; none while there is no ledger."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT state, count(*) FROM record GROUP BY state"))
    except sqlite3.OperationalError:
        return {}


def row_of(ledger: Ledger, key: str) -> dict[str, Any]:
    """The record with this key, column by column."""
    cursor = ledger.connection.execute("SELECT * FROM record WHERE key = ? ORDER BY id DESC LIMIT 1", (key,))
    return dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))


def as_killed(ledger: Ledger, folder: Path) -> Path:
    """The files as a process leaves them that is killed at this very moment, in a new folder."""
    folder.mkdir()
    copy = folder / ledger.path.name
    for suffix in ("", "-wal", ".mark"):
        shutil.copyfile(f"{ledger.path}{suffix}", f"{copy}{suffix}")
    return copy


def child(script: Path, *arguments: object, wrap: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[str]:
    """A process of its own that runs ``script``; ``wrap`` is a command that starts it (strace, unshare, …)."""
    folders = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [*wrap, sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": folders},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def output_of(process: subprocess.Popen[str], *, timeout: float = 60) -> list[str]:
    """The lines that a child wrote until its end."""
    with process:
        try:
            written, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
    return written.splitlines()
