"""Deletes the cell contents that a finished import no longer needs.

What stays is what keeps promises: keys, the names by which rows call each other, states, case ids, who corrects whom
and which row is whose parent. A record is forgotten if it has no content any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from importer.ledger import database
from importer.ledger.ledger import Ledger
from importer.ledger.who_answers import UNSETTLED
from importer.models import State

#: Records, or events, a transaction, so that the log stays small.
_AT_ONCE = 10_000
#: A case that still waits for an update is not finished, nor is a row whose key may be a case: they are left alone.
_WAITS = (
    "(record.state = 'created' AND EXISTS (SELECT 1 FROM case_update"
    " WHERE case_update.record = record.id AND case_update.state NOT IN ('done', 'dropped'))"
    f" OR record.state = 'skipped' AND record.code = '{UNSETTLED}')"
)
_CHOSEN = f"(SELECT id FROM record WHERE id > :after AND id <= :last AND state IN ({{states}}) AND NOT ({_WAITS}))"
_RANGE = "id > :after AND id <= :last AND message IS NOT NULL AND code IS NOT 'resolved'"
#: By table, through which the statements go in parts. Answers of the server may repeat what was sent, so its words go;
#: what a person said stays. The first statement drops the contents.
_FORGOTTEN = {
    "record": (
        f"DELETE FROM content WHERE record IN {_CHOSEN}",
        # of failed rows; the messages of others are ours, and speak of rows, files and cases
        f"UPDATE record SET message = NULL WHERE id IN {_CHOSEN} AND state IN ('invalid', 'refused')"
        " AND message IS NOT NULL",
        f"UPDATE case_update SET body = NULL, payload_sha256 = NULL, message = NULL WHERE record IN {_CHOSEN}"
        " AND body IS NOT NULL",
        f"UPDATE verification SET sent = NULL, found = NULL WHERE record IN {_CHOSEN} AND sent IS NOT NULL",
        # which row is whose parent is decided, and stays; so does what it is called: rows of a later file may name it
        f"UPDATE link SET parent = NULL WHERE record IN {_CHOSEN} AND parent IS NOT NULL",
    ),
    "event": (
        f"UPDATE event SET message = NULL WHERE {_RANGE}"
        " AND record IN (SELECT id FROM record WHERE state IN ({states}))",
    ),
    "case_update_event": (
        f"UPDATE case_update_event SET message = NULL WHERE {_RANGE}"
        " AND record IN (SELECT record FROM case_update WHERE body IS NULL)",
    ),
    "search": (
        "UPDATE search SET message = NULL WHERE id > :after AND id <= :last AND message IS NOT NULL"
        " AND record IN (SELECT id FROM record WHERE state IN ({states}))",
    ),
    # they belong to no record, so no state keeps them
    "orphan": ("DELETE FROM orphan WHERE id > :after AND id <= :last",),
}


def forget(ledger: Ledger, states: Iterable[State]) -> int:
    """Drop the contents of all records in ``states``; returns how many had any.

    What is dropped can still be read from the file until :func:`shrink` has run.
    """
    names, forgotten = ", ".join(f"'{state}'" for state in states), 0
    with database.translated(ledger.path):
        ledger.connection.execute("PRAGMA secure_delete=ON")
    for table, statements in _FORGOTTEN.items():
        last = ledger.scalar(f"SELECT coalesce(max(id), 0) FROM {table}")
        for after in range(0, last, _AT_ONCE):
            values = {"after": after, "last": after + _AT_ONCE}
            with ledger.transaction() as connection:
                counts = [connection.execute(text.format(states=names), values).rowcount for text in statements]
            forgotten += counts[0] if table == "record" else 0
    return forgotten


def waiting(ledger: Ledger) -> int:
    """How many finished rows still wait: their case for an update, or they for the outcome of their key."""
    return int(ledger.scalar(f"SELECT count(*) FROM record WHERE {_WAITS}"))


def shrink(ledger: Ledger) -> bool:
    """Write the ledger anew without what was dropped, its log included; False if somebody looking on is in the way."""
    with database.translated(ledger.path):
        ledger.connection.execute("VACUUM")
    return not ledger.scalar("PRAGMA wal_checkpoint(TRUNCATE)")


def size(path: Path) -> int:
    """Bytes of a ledger and its log."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
