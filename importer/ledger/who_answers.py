"""Who answers for a key that several rows have: of rows with one key, and of a row and its corrections, one is sent.

It is decided for all rows of a source when that has been read to its end, whatever its name is: what has reached the
server stays, what has not is taken from the newest file. A row whose key has an unknown outcome is decided on again
once that is settled.
"""

from __future__ import annotations

from importer.ledger.ledger import Ledger
from importer.ledger.parents import SAME_ROW

#: The code of a row whose key may be a case: skipped until that is settled.
UNSETTLED = "key_unsettled"
#: Ends the message of a row whose key an earlier row of the file has that is not like it.
DIFFERS = "; its content differs"

#: May be at the server, so nothing else with this key may be sent.
_TAKEN = "('created', 'sending', 'unknown', 'duplicate')"
#: Never reached the server, so a newer row may take the place.
_OPEN = "('pending', 'waiting', 'refused', 'invalid')"
#: Can be sent, now or behind its parent.
_FITS = "('pending', 'waiting')"
#: Whether ``record`` orders what ``old`` ordered: the case, and all that is sent to it later.
_SAME = f"""{SAME_ROW}
    AND NOT EXISTS (SELECT position, body FROM case_update WHERE record = record.id
                    EXCEPT SELECT position, body FROM case_update WHERE record = old.id)
    AND NOT EXISTS (SELECT position FROM case_update WHERE record = old.id
                    EXCEPT SELECT position FROM case_update WHERE record = record.id)"""
_ANSWERED = f"""state = 'skipped', run = :run,
    code = CASE WHEN old.state <> 'created' THEN '{UNSETTLED}'
                WHEN NOT EXISTS (SELECT 1 FROM content WHERE record = old.id AND body IS NOT NULL)
                THEN 'already_created_unverified'
                WHEN {_SAME} THEN 'already_created'
                ELSE 'already_created_changed' END,
    message = CASE WHEN old.state = 'created' THEN 'already case ' || old.case_id
                   WHEN old.state = 'duplicate' THEN 'the key has several cases'
                   ELSE 'the key has an unknown outcome' END
              || ' (row ' || old.row || ' of ' || (SELECT name FROM source WHERE id = old.source) || ')'
              || CASE old.state WHEN 'created' THEN '' WHEN 'duplicate' THEN '; run resolve first'
                   ELSE '; run reconcile first' END"""
_SUPERSEDED = """state = 'skipped', run = :run, code = 'superseded',
    message = 'superseded by row ' || new.row || ' of ' || (SELECT name FROM source WHERE id = new.source)"""
#: Of the rows of a source with one key, all but the last: each row is a state of its ticket.
EARLIER_STATES = f"""UPDATE record SET {_SUPERSEDED}
    FROM (SELECT key, max(id) AS id FROM record WHERE source = :source AND key <> '' GROUP BY key) AS latest
    JOIN record AS new ON new.id = latest.id
    WHERE record.source = :source AND record.key = latest.key AND record.id < latest.id"""
#: A row of a later source, or one of the same source that comes first or was there before.
_COMES_FIRST = f"""record AS other WHERE other.key = record.key AND other.id <> record.id
      AND (other.source > record.source AND other.state IN {_OPEN}
           OR other.source = record.source AND other.state IN {_FITS}
              AND (other.id < record.id OR other.id NOT IN (SELECT id FROM arrived)))"""

#: Which records each correction is about: its original, and all other corrections of that.
_CORRECTED = """WITH RECURSIVE same (correction, id) AS (
            SELECT record.id, replaces FROM record INDEXED BY corrections JOIN arrived ON arrived.id = record.id
            WHERE replaces IS NOT NULL
            UNION
            SELECT same.correction, other.id FROM same JOIN record AS other ON other.replaces = same.id
            WHERE other.id <> same.correction)"""

#: In this order. ``arrived`` are rows of a new source, rows that a mapping filtered and another one does not, or rows
#: whose key had an unknown outcome. None of the rules may go through all contents, which are most of the file: what
#: decides is in the narrow table.
_WHO_ANSWERS = (
    # A corrected row whose original, or another correction of it, has reached the server after all is not sent.
    f"""{_CORRECTED}
        UPDATE record SET {_ANSWERED}
        FROM same JOIN record AS old ON old.id = same.id
        WHERE record.id = same.correction AND record.state IN ('pending', 'waiting', 'invalid')
          AND old.state IN {_TAKEN}""",
    # Nor is a row whose key has reached the server.
    f"""UPDATE record SET {_ANSWERED}
        FROM arrived, record AS old
        WHERE record.id = arrived.id AND record.state IN {_FITS}
          AND old.key = record.key AND old.id <> record.id AND old.state IN {_TAKEN}""",
    # Of several rows with one key, the first of the newest source answers.
    f"""UPDATE record SET state = 'skipped', run = :run, code = 'duplicate_key', message = (
            SELECT 'duplicate key: row ' || other.row || CASE WHEN other.source = record.source THEN ''
                ELSE ' of ' || (SELECT name FROM source WHERE id = other.source) END || ' is sent'
            FROM {_COMES_FIRST} ORDER BY other.id LIMIT 1)
        WHERE id IN (SELECT id FROM arrived) AND state IN {_FITS} AND EXISTS (SELECT 1 FROM {_COMES_FIRST})""",
    # Who reads why a row is skipped should know whether that loses anything.
    f"""UPDATE record SET message = record.message || '{DIFFERS}'
        FROM arrived, record AS old
        WHERE record.id = arrived.id AND record.state = 'skipped' AND record.code = 'duplicate_key'
          AND old.key = record.key AND old.source = record.source AND old.state IN {_FITS} AND NOT ({_SAME})""",
    # What an earlier source could not get across, or an earlier correction, is superseded by the corrected row …
    f"""{_CORRECTED}
        UPDATE record SET {_SUPERSEDED}
        FROM same JOIN record AS new ON new.id = same.correction
        WHERE record.id = same.id AND record.source < new.source AND record.state IN {_OPEN}
          AND (new.state IN ('pending', 'waiting', 'invalid')
               -- nothing is left to be fixed in a row whose own key is a case; a key may also be mistyped into one
               OR new.key = record.key AND new.code LIKE 'already_created%')""",
    # … or by the newer row with its key.
    f"""UPDATE record SET {_SUPERSEDED}
        FROM arrived JOIN record AS new ON new.id = arrived.id
        WHERE record.source < new.source AND record.state IN {_OPEN} AND record.key <> ''
          AND new.key = record.key AND new.state IN {_FITS}""",
    # Of a case it should be known that it stays as it is.
    """UPDATE record SET message = message || ', with different content; not updated'
        WHERE id IN (SELECT id FROM arrived) AND state = 'skipped' AND code = 'already_created_changed'""",
)


def decide(ledger: Ledger, arrived: str, value: object) -> None:
    """Decide who answers for the keys of the records that the query ``arrived`` gives; inside a transaction.

    Without this nothing would be sent twice either, but the reports would not say why.
    """
    ledger.connection.execute("DROP TABLE IF EXISTS temp.arrived")
    ledger.connection.execute("CREATE TEMP TABLE arrived (id INTEGER PRIMARY KEY)")
    ledger.connection.execute(f"INSERT INTO arrived {arrived}", (value,))
    for statement in _WHO_ANSWERS:
        ledger.connection.execute(statement, {"run": ledger.run})
    ledger.connection.execute("DROP TABLE temp.arrived")
