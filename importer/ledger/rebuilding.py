"""A ledger that is made again from what the account shows: first nothing is known, then what the list of cases says.

A row may have been sent with the ledger that was lost. So its outcome is unknown until a case is found, or a search
proves that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable

from importer.ledger.ledger import Ledger

_MESSAGE = "the ledger was made again; this row may be a case already"
#: What the list of cases shows; it goes with the connection.
_LISTED = (
    "CREATE TEMP TABLE IF NOT EXISTS listed (value TEXT, case_id TEXT, PRIMARY KEY (value, case_id)) WITHOUT ROWID"
)
#: The cases of each unknown record: one is the case that it became, several are for a person.
_FOUND = """
    SELECT record.id AS record, count(*) AS cases, min(listed.case_id) AS case_id,
        group_concat(listed.case_id, ', ') AS ids
    FROM record JOIN source ON source.id = record.source JOIN content ON content.record = record.id
        JOIN listed ON listed.value = json_extract(content.body, '$.custom_fields."' || source.external_id_field || '"')
    WHERE record.state = 'unknown' GROUP BY record.id"""


def make_unproven_unknown(ledger: Ledger) -> None:
    """While a rebuild of this ledger is under way, or was cut short, any row that could be sent may be a case already.

    So it is unknown, with its case updates. A run that goes on where a killed rebuild stopped searches before it sends.
    """
    is_unfinished = ledger.scalar(
        "SELECT EXISTS (SELECT 1 FROM run WHERE verb = 'rebuild' AND ended_at IS NULL AND NOT EXISTS ("
        " SELECT 1 FROM run AS later WHERE later.id > run.id AND later.ended_at IS NOT NULL))"
    )
    if not is_unfinished:
        return
    with ledger.transaction() as connection:
        connection.execute(
            "UPDATE case_update SET state = 'unknown', code = 'rebuilt', message = ? WHERE state = 'pending'"
            " AND record IN (SELECT id FROM record WHERE state IN ('pending', 'waiting'))",
            (_MESSAGE,),
        )
        connection.execute(
            "UPDATE record SET state = 'unknown', run = ?, code = 'rebuilt', message = ?"
            " WHERE state IN ('pending', 'waiting')",
            (ledger.run, _MESSAGE),
        )


def enter_listed(ledger: Ledger, cases: Iterable[tuple[str, str]]) -> None:
    """Remember cases of the account: the value of the external id field, and the case id."""
    ledger.connection.execute(_LISTED)
    ledger.connection.executemany("INSERT OR IGNORE INTO temp.listed VALUES (?, ?)", cases)


def settle_listed(ledger: Ledger) -> int:
    """Move the records whose cases were listed; returns how many. Inside a transaction of the writer."""
    ledger.connection.execute(_LISTED)
    ledger.connection.execute(f"CREATE TEMP TABLE found AS {_FOUND}")
    moved = ledger.connection.execute(
        "UPDATE record SET run = ?, state = iif(cases = 1, 'created', 'duplicate'),"
        " code = iif(cases = 1, 'found', 'duplicate'), case_id = iif(cases = 1, found.case_id, NULL),"
        " message = iif(cases = 1, 'found in the list of cases',"
        " 'the list shows ' || cases || ' cases: ' || substr(ids, 1, 200))"
        " FROM temp.found AS found WHERE record.id = found.record",
        (ledger.run,),
    ).rowcount
    ledger.connection.execute("DROP TABLE temp.found")
    ledger.connection.execute("DROP TABLE temp.listed")
    return moved
