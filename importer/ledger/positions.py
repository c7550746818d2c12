"""Where rows are in their export, for a mapping whose keys are their positions; corrected rows are where they were."""

from __future__ import annotations

from collections.abc import Iterable

from importer.ledger.json_columns import to_json
from importer.ledger.ledger import Ledger

#: The sources that correct rows of others.
_CORRECTING = "SELECT source FROM record INDEXED BY corrections WHERE replaces IS NOT NULL"


def in_export(ledger: Ledger, records: Iterable[int]) -> dict[int, int]:
    """Record → the row of the export that it is or that it corrects; without rows that a user added to such a file."""
    rows = ledger.rows(
        "WITH RECURSIVE origin (record, id) AS (SELECT value, value FROM json_each(?)"
        " UNION SELECT record, replaces FROM origin JOIN record USING (id) WHERE replaces IS NOT NULL)"
        " SELECT origin.record, record.row FROM origin JOIN record USING (id) WHERE replaces IS NULL"
        f" AND source NOT IN ({_CORRECTING})",
        (to_json(list(records)),),
    )
    return dict(rows)


def count_exports(ledger: Ledger) -> int:
    """How many different exports were read, without the files in which rows of them are corrected."""
    query = f"SELECT count(DISTINCT sha256) FROM source WHERE staged = 1 AND id NOT IN ({_CORRECTING})"
    return int(ledger.rows(query)[0][0])
