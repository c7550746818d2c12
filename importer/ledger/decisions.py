"""Moves outside sending: what a person decides, what a run takes back, and a ledger that is made again.

A row may have been sent with a ledger that was lost. So its outcome is unknown in the new one until its case is found,
or a search proves that there is none.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from importer.ledger.json_columns import to_json
from importer.ledger.ledger import SHUT_OUT, Ledger
from importer.ledger.records import Outcome, Settlement, UpdateOutcome
from importer.ledger.who_answers import UNSETTLED
from importer.models import State

#: What the list of cases shows, each time that it is read; it goes with the connection.
_LISTED = (
    "CREATE TEMP TABLE IF NOT EXISTS listed"
    " (reading INTEGER, value TEXT, case_id TEXT, PRIMARY KEY (reading, value, case_id)) WITHOUT ROWID"
)
#: One listed case is the case that an unknown record became; several are for a person.
_SETTLE_LISTED = """
    UPDATE record SET run = ?, state = iif(cases = 1, 'created', 'duplicate'),
        code = iif(cases = 1, 'found', 'duplicate'), case_id = iif(cases = 1, found.case_id, NULL),
        message = iif(cases = 1, 'found in the list of cases',
            'the list shows ' || cases || ' cases: ' || substr(ids, 1, 200))
    FROM (SELECT record.id AS record, count(*) AS cases, min(listed.case_id) AS case_id,
            group_concat(listed.case_id, ', ') AS ids
        FROM record JOIN source ON source.id = record.source JOIN content ON content.record = record.id
            JOIN temp.listed ON listed.reading = ? AND listed.value
                = json_extract(content.body, '$.custom_fields."' || source.external_id_field || '"')
        WHERE record.state = 'unknown' GROUP BY record.id) AS found
    WHERE record.id = found.record"""


def states_of(ledger: Ledger, key: str) -> list[State]:
    """Where the records with ``key`` stand."""
    return [State(state) for (state,) in ledger.rows("SELECT state FROM record WHERE key = ? ORDER BY id", (key,))]


def is_forgotten(ledger: Ledger, key: str) -> bool:
    """Whether the unknown record that has ``key`` has no body any more that could be sent."""
    query = "SELECT 1 FROM record WHERE key = ? AND state = 'unknown' AND id NOT IN (SELECT record FROM content)"
    return ledger.scalar(query, (key,)) is not None


def resolve(ledger: Ledger, key: str, outcome: Outcome) -> bool:
    """Move the record that has ``key`` and is unknown or a duplicate, as a person decided; False if there is none."""
    with ledger.transaction():
        rows = ledger.rows("SELECT id, state FROM record WHERE key = ? AND state IN ('unknown', 'duplicate')", (key,))
        ledger.settle([Settlement(record, State(state), outcome) for record, state in rows])
        if outcome.state is State.SKIPPED:  # so that no row of a later file is sent in its place
            ledger.connection.execute(
                "UPDATE record SET code = ?, message = ?, run = ? WHERE state = 'skipped' AND code = ?"
                " AND (key = ? OR replaces IN (SELECT value FROM json_each(?)))",
                (outcome.code, outcome.message, ledger.run, UNSETTLED, key, to_json([record for record, _ in rows])),
            )
    return bool(rows)


def resolve_update(ledger: Ledger, key: str, outcome: UpdateOutcome) -> bool:
    """Move the first unknown or refused update of the row with ``key``, as a person decided; False if there is none."""
    with ledger.transaction() as connection:
        moved = connection.execute(
            "UPDATE case_update SET state = ?, run = ?, code = ?, message = ? WHERE (record, position) = ("
            " SELECT record, position FROM case_update JOIN record ON record.id = case_update.record"
            " WHERE key = ? AND record.state = 'created' AND case_update.state IN ('unknown', 'refused')"
            " ORDER BY position LIMIT 1)",
            (outcome.state, ledger.run, outcome.code, outcome.message, key),
        ).rowcount
        connection.execute(  # who does not want a case solved does not want it closed
            "UPDATE case_update AS later SET state = 'dropped', run = ?, code = ?, message = ?"
            " WHERE kind = 'close' AND state = 'pending' AND record = (SELECT id FROM record WHERE key = ?"
            " AND state = 'created') AND EXISTS (SELECT 1 FROM case_update AS solving"
            " WHERE solving.record = later.record AND solving.kind = 'solve' AND solving.state = 'dropped')",
            (ledger.run, outcome.code, outcome.message, key),
        )
    return moved > 0


def reopen_refused(ledger: Ledger, *, shut_out: Collection[int] = ()) -> int:
    """Make refused rows and case updates pending again, because a person asked for it; returns how many.

    With ``shut_out`` only those that this run had refused with one of these statuses, which were about the account.
    Nothing else may be reopened: all others are either not sent yet or may be at the server.
    """
    told, which = "http_status = NULL, code = NULL, message = NULL", "state = 'refused'"
    if shut_out:
        told, which = (
            "code = 'shut_out', http_status = NULL",
            f"{which} AND run = :run AND http_status IN ({', '.join(map(str, shut_out))})",
        )
    reopened = f"SET state = 'pending', run = :run, {told} WHERE {which}"
    has_body = "id IN (SELECT record FROM content WHERE body IS NOT NULL)"
    with ledger.transaction() as connection:
        rows = connection.execute(f"UPDATE record {reopened} AND {has_body}", {"run": ledger.run}).rowcount
        return rows + connection.execute(f"UPDATE case_update {reopened}", {"run": ledger.run}).rowcount


def cases_before(ledger: Ledger, record: int, *, most: int = 20) -> frozenset[str]:
    """The newest cases of this ledger that it knew of before a record was sent the last time; none if it never was.

    The order of the history says so, and no clock. Several, as some may have been deleted since.
    """
    rows = ledger.rows(
        "SELECT event.case_id FROM event CROSS JOIN record ON record.id = event.record"
        " WHERE event.state = 'created' AND record.state = 'created' AND record.case_id = event.case_id"
        " AND record.code IS NOT 'resolved'"  # a person may name a case of any age
        # from the unknown outcome backwards, as there is no index for the marks
        " AND event.id < (SELECT sent.id FROM event AS sent WHERE sent.record = ?1 AND sent.state = 'sending'"
        " AND sent.id < (SELECT max(id) FROM event WHERE record = ?1 AND state = 'unknown')"
        " ORDER BY sent.id DESC LIMIT 1) ORDER BY event.id DESC LIMIT ?2",
        (record, most),
    )
    return frozenset(case_id for (case_id,) in rows)


def others_were_created(ledger: Ledger) -> bool:
    """Whether rows became cases in the run that shut the first of the records out that still are, or later."""
    query = f"SELECT min(run) FROM record WHERE state = 'pending' AND {SHUT_OUT}"
    ((first,),) = ledger.rows(query, {"this_run": ledger.run})
    later = "SELECT EXISTS (SELECT 1 FROM record WHERE state = 'created' AND run >= ?)"
    return first is not None and bool(ledger.scalar(later, (first,)))


def note_search(ledger: Ledger, record: int, result: str, message: str | None) -> None:
    """Note that a search for the case of a record has ended; inside a transaction."""
    query = "INSERT INTO search (record, run, at, result, message) VALUES (?, ?, ?, ?, ?)"
    ledger.connection.execute(query, (record, ledger.run, time.time(), result, message))


# -- a ledger that is made again -------------------------------------------------------------------------


def enter_listed(ledger: Ledger, reading: int, cases: Iterable[tuple[str, str]]) -> None:
    """Remember cases of the account: the value of the external id field, and the case id."""
    ledger.connection.execute(_LISTED)
    ledger.connection.executemany(
        "INSERT OR IGNORE INTO temp.listed VALUES (?, ?, ?)", ((reading, value, case_id) for value, case_id in cases)
    )


def settle_listed(ledger: Ledger, reading: int) -> int:
    """Move the records whose cases were listed; returns how many. Inside a transaction of the writer."""
    ledger.connection.execute(_LISTED)
    return ledger.connection.execute(_SETTLE_LISTED, (ledger.run, reading)).rowcount


def settle_not_listed(ledger: Ledger) -> int:
    """Move the records of a rebuilt ledger whose cases were listed neither time: they were not created.

    Only if the second reading showed every case again. Those with a parent row are left to the search. Their case
    updates cannot have been sent either. Returns how many. Inside a transaction of the writer.
    """
    if ledger.scalar(
        "SELECT EXISTS (SELECT value, case_id FROM temp.listed WHERE reading = 1"
        " EXCEPT SELECT value, case_id FROM temp.listed WHERE reading = 2)"
    ):
        return 0
    moved = ledger.connection.execute(
        "UPDATE record SET run = ?, state = 'pending', code = 'not_created',"
        " message = 'the list of cases does not show it: not created'"
        " WHERE state = 'unknown' AND code = 'rebuilt'"
        " AND source IN (SELECT id FROM source WHERE external_id_field IS NOT NULL)"
        " AND id NOT IN (SELECT record FROM link WHERE parent IS NOT NULL)",
        (ledger.run,),
    ).rowcount
    ledger.connection.execute(
        "UPDATE case_update SET state = 'pending', code = NULL, message = NULL WHERE state = 'unknown'"
        " AND code = 'rebuilt' AND record IN (SELECT id FROM record WHERE state = 'pending' AND code = 'not_created')"
    )
    return moved


def has_sent(ledger: Ledger) -> bool:
    """Whether anything was marked as sending in this run."""
    query = "SELECT 1 FROM {} WHERE run = ? AND state = 'sending' LIMIT 1"
    tables = ("event", "case_update_event")
    return any(ledger.scalar(query.format(table), (ledger.run,)) is not None for table in tables)
