"""Rows that a mapping left out and another one does not: who answers for their keys when they come back."""

from __future__ import annotations

from collections.abc import Sequence

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.ledger.staging import ANSWERED, FITS, NOT_UPDATED, OPEN, READ_AGAIN, TAKEN

#: In this order; they are the rules of staging, for rows that are somewhere in the middle of the ledger.
_WHO_ANSWERS = (
    # A corrected row whose original, or another correction of it, has reached the server meanwhile is not sent.
    f"""WITH RECURSIVE heir (correction, id) AS (
            SELECT record, replaces FROM content JOIN returned ON returned.id = record WHERE replaces IS NOT NULL
            UNION
            SELECT heir.correction, other.record FROM heir JOIN content AS other ON other.replaces = heir.id
            WHERE other.record <> heir.correction)
        UPDATE record SET {ANSWERED}
        FROM heir JOIN record AS old ON old.id = heir.id
        WHERE record.id = heir.correction AND record.state IN ('pending', 'waiting', 'invalid')
          AND old.state IN {TAKEN}""",
    # Nor is a row whose key has reached the server meanwhile.
    f"""UPDATE record SET {ANSWERED}
        FROM returned, record AS old
        WHERE record.id = returned.id AND record.state IN {FITS}
          AND old.key = record.key AND old.id <> record.id AND old.state IN {TAKEN}""",
    # Nor one whose key stands in a later source, or in a row of its own source that was never left out.
    f"""UPDATE record SET state = 'skipped', run = :run, code = 'twin', message = 'duplicate key: row ' || other.row
              || ' of ' || (SELECT name FROM source WHERE id = other.source) || ' is sent'
        FROM returned, record AS other
        WHERE record.id = returned.id AND record.state IN {FITS} AND other.key = record.key AND other.id <> record.id
          AND (other.source > record.source AND other.state IN {OPEN}
               OR other.source = record.source AND other.state IN {FITS}
                  AND (other.id < record.id OR other.id NOT IN (SELECT id FROM returned)))""",
    # What an earlier file could not get across is answered for by the row that is back: the corrected one …
    f"""UPDATE record SET {READ_AGAIN}
        FROM returned JOIN content AS now ON now.record = returned.id JOIN record AS new ON new.id = returned.id
        WHERE record.id = now.replaces AND new.state IN ('pending', 'waiting', 'invalid')
          AND record.state IN {OPEN}""",
    # … or the newer one with its key.
    f"""UPDATE record SET {READ_AGAIN}
        FROM returned JOIN record AS new ON new.id = returned.id
        WHERE record.source < new.source AND record.state IN {OPEN} AND record.key <> ''
          AND new.key = record.key AND new.state IN {FITS}""",
    f"{NOT_UPDATED} id IN (SELECT id FROM returned) AND state = 'skipped'",
)


def settle_returned(ledger: Ledger, records: Sequence[int]) -> None:
    """Let other records answer for the keys of ``records``, which were left out and are back, or the other way round.

    Without this nothing would be sent twice either, but the reports would not say why.
    """
    if not records:
        return
    connection = ledger.connection
    with store.translated(ledger.path), store.transaction(connection):
        connection.execute("CREATE TEMP TABLE returned (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO returned VALUES (?)", ((record,) for record in records))
        for statement in _WHO_ANSWERS:
            connection.execute(statement, {"run": ledger.run} if ":run" in statement else {})
        connection.execute("DROP TABLE returned")
