"""A few of the records that are to be sent, spread over all of them."""

from __future__ import annotations

import orjson

from importer.ledger import store
from importer.ledger.ledger import CHOSEN, Ledger
from importer.ledger.values import Pending, Selection

#: Pending, never sent by this ledger, and to be found again by what their case carries.
_UNSENT = f"record.state = 'pending' AND record.attempts = 0 AND source.stamp IS NOT NULL {CHOSEN}"


def unsent_sample(ledger: Ledger, chosen: Selection, *, most: int) -> list[Pending]:
    """Up to ``most`` of the chosen records that were never sent and carry an external id, in input order."""
    with store.translated(ledger.path):
        (count,) = ledger.connection.execute(
            f"SELECT count(*) FROM record JOIN source ON source.id = record.source WHERE {_UNSENT}", chosen._asdict()
        ).fetchone()
        rows = ledger.connection.execute(
            "SELECT record.id, row, key, body, stamp FROM ("
            "  SELECT record.id AS id, row_number() OVER (ORDER BY record.id) - 1 AS place"
            f" FROM record JOIN source ON source.id = record.source WHERE {_UNSENT}) AS unsent"
            " JOIN record ON record.id = unsent.id JOIN content ON content.record = record.id"
            " JOIN source ON source.id = record.source"
            " WHERE place IN (SELECT value FROM json_each(:places)) ORDER BY record.id",
            {**chosen._asdict(), "places": orjson.dumps(spread(count, most)).decode()},
        )
        return [Pending(*row) for row in rows]


def spread(count: int, most: int) -> list[int]:
    """Up to ``most`` of the places 0 to ``count`` - 1 at equal distances, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [number * (count - 1) // (most - 1) for number in range(most)]
