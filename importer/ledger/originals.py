"""What stood in rows before a person corrected them in a failures file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from importer.ledger import database
from importer.ledger.json_columns import cells_from_json, errors_from_json
from importer.ledger.ledger import Ledger
from importer.models import FieldError


@dataclass(frozen=True, slots=True)
class Original:
    """A row as it was read the first time.

    Attributes:
        columns: The header of its file.
        cells: Its cells; more or fewer than columns if it was no good as a row.
        errors: Why it did not fit; none if it was refused, say.
    """

    columns: tuple[str, ...]
    cells: tuple[str, ...]
    errors: tuple[FieldError, ...]


def originals(ledger: Ledger, records: Iterable[int]) -> dict[int, Original]:
    """The rows of ``records``, by record; without those that are not in the ledger or were forgotten."""
    with database.translated(ledger.path):
        rows = ledger.connection.execute(
            "SELECT record.id, columns, cells, errors FROM record JOIN content ON content.record = record.id"
            " JOIN source ON source.id = record.source WHERE record.id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(records)).decode(),),
        ).fetchall()
    return {
        record: Original(cells_from_json(columns), cells_from_json(cells), errors_from_json(errors))
        for record, columns, cells, errors in rows
    }
