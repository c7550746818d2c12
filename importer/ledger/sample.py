"""A few of the records that are to be sent, spread over all of them."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from importer.ledger import database
from importer.ledger.ledger import CHOSEN, Ledger
from importer.ledger.values import Pending, Selection

#: Pending, never sent by this ledger, and to be found again by what their case carries.
_UNSENT = (
    "FROM record JOIN source ON source.id = record.source"
    f" WHERE record.state = 'pending' AND record.attempts = 0 AND external_id_field IS NOT NULL AND {CHOSEN}"
)


def unsent_sample(ledger: Ledger, chosen: Selection, *, most: int) -> list[Pending]:
    """Up to ``most`` of the chosen records that were never sent and carry an external id, in input order."""
    values = asdict(chosen)
    with database.translated(ledger.path):
        (count,) = ledger.connection.execute(f"SELECT count(*) {_UNSENT}", values).fetchone()
        rows = ledger.connection.execute(
            "SELECT record.id, row, key, body, external_id_field FROM ("
            f"  SELECT record.id AS id, row_number() OVER (ORDER BY record.id) - 1 AS place {_UNSENT}) AS unsent"
            " JOIN record ON record.id = unsent.id JOIN content ON content.record = record.id"
            " JOIN source ON source.id = record.source"
            " WHERE place IN (SELECT value FROM json_each(:places)) ORDER BY record.id",
            {**values, "places": orjson.dumps(spread(count, most)).decode()},
        ).fetchall()
    return [Pending(record, row, key, body.encode(), field) for record, row, key, body, field in rows]


def spread(count: int, most: int) -> list[int]:
    """Up to ``most`` of the places 0 to ``count`` - 1 at equal distances, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [number * (count - 1) // (most - 1) for number in range(most)]
