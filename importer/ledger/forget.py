"""Dropping what a finished import need not remember: the texts of its rows.

What stays is what keeps promises: keys, the names by which rows call each other, states, case ids, who corrects whom
and which row is above which. A record is forgotten if it has no content any more, or an empty one where only the record
that it corrects is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.models import State

#: Records, or events, a transaction, so that the log stays small.
_AT_ONCE = 10_000
#: A case that still waits for notes is not finished: its row is left alone.
_WAITS = (
    "record.state = 'created' AND EXISTS (SELECT 1 FROM addition"
    " WHERE addition.record = record.id AND addition.state NOT IN ('done', 'dropped'))"
)
_NAMED = f"(SELECT id FROM record WHERE id > :after AND id <= :last AND state IN ({{states}}) AND NOT ({_WAITS}))"
_DROP_NOTES = f"UPDATE addition SET body = x'', message = NULL WHERE record IN {_NAMED} AND body <> x''"
_DROP = f"DELETE FROM content WHERE record IN {_NAMED} AND replaces IS NULL"
_EMPTY = (
    f"UPDATE content SET cells = x'', body = NULL, errors = NULL WHERE record IN {_NAMED}"
    " AND replaces IS NOT NULL AND cells <> x''"
)
#: Of failed rows; the messages of others are ours, and speak of rows, files and cases.
_SILENCE = (
    f"UPDATE record SET message = NULL WHERE id IN {_NAMED} AND state IN ('invalid', 'refused') AND message IS NOT NULL"
)
_SILENCE_NOTES = """UPDATE addition_event SET message = NULL WHERE id > :after AND id <= :last AND message IS NOT NULL
    AND code IS NOT 'resolved' AND record IN (SELECT record FROM addition WHERE body = x'')"""
#: Which row is above which is decided, and stays. So does what a row is called, as its key does: rows of a later file
#: may name it.
_UNLINK = f"UPDATE link SET parent = NULL WHERE record IN {_NAMED} AND parent IS NOT NULL"
#: Answers of the server may repeat what was sent. What a person said stays.
_SILENCE_EVENTS = """UPDATE event SET message = NULL WHERE id > :after AND id <= :last AND message IS NOT NULL
    AND code IS NOT 'resolved' AND record IN (SELECT id FROM record WHERE state IN ({states}))"""

#: They belong to no record, so no state keeps them.
_DROP_ORPHANS = "DELETE FROM orphan WHERE id > :after AND id <= :last"
_FORGOTTEN = (
    ("record", (_DROP, _EMPTY, _SILENCE, _DROP_NOTES, _UNLINK)),
    ("event", (_SILENCE_EVENTS,)),
    ("addition_event", (_SILENCE_NOTES,)),
    ("orphan", (_DROP_ORPHANS,)),
)


def forget(ledger: Ledger, states: Iterable[State]) -> int:
    """Drop the contents of all records in ``states``; returns how many had any.

    What is dropped can still be read from the file until :func:`shrink` has run.
    """
    connection, names = ledger.connection, ", ".join(f"'{state}'" for state in states)
    forgotten = 0
    with store.translated(ledger.path):
        connection.execute("PRAGMA secure_delete=ON")
        for table, statements in _FORGOTTEN:
            (last,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
            for after in range(0, last, _AT_ONCE):
                with store.transaction(connection):
                    counts = [
                        connection.execute(
                            statement.format(states=names), {"after": after, "last": after + _AT_ONCE}
                        ).rowcount
                        for statement in statements
                    ]
                forgotten += sum(counts[:2]) if table == "record" else 0
    return forgotten


def waiting(ledger: Ledger) -> int:
    """How many cases still wait for notes, so that their rows are not forgotten."""
    with store.translated(ledger.path):
        return int(ledger.connection.execute(f"SELECT count(*) FROM record WHERE {_WAITS}").fetchone()[0])


def shrink(ledger: Ledger) -> bool:
    """Write the ledger anew without what was dropped, its log included; False if somebody looking on is in the way.

    Raises:
        LedgerError: it cannot be written; nothing is lost, and it may be tried again.
    """
    with store.translated(ledger.path):
        ledger.connection.execute("VACUUM")
        is_busy, _, _ = ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def size(path: Path) -> int:
    """Bytes of a ledger and its log."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
