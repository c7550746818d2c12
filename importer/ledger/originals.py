"""What stood in rows before a person corrected them in a failures file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.ledger.packing import field_errors, unpacked_cells
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
    query = (
        "SELECT record.id, columns, cells, body, errors FROM record JOIN content ON content.record = record.id"
        " JOIN source ON source.id = record.source"
        " WHERE record.id IN (SELECT value FROM json_each(?)) AND cells <> x''"
    )
    with store.translated(ledger.path):
        rows = ledger.connection.execute(query, (json.dumps(list(records)),)).fetchall()
    return {
        number: Original(tuple(orjson.loads(columns)), unpacked_cells(cells, body), field_errors(errors))
        for number, columns, cells, body, errors in rows
    }
