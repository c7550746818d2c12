"""Rows whose cases get another parent than the one that they name, or none, because the mapping says so."""

from __future__ import annotations

from importer.ledger import LedgerView

_WHY = {
    "missing_parent": "the row that they name is not there",
    "parent_cycle": "the rows above them lead back to them",
    "parent_too_deep": "the row that they name is below another one",
}


def notes_of(view: LedgerView) -> tuple[str, ...]:
    """One line for each cause for which links were not made as the file has them."""
    return tuple(
        f"{count.records:,} row{'s' * (count.records != 1)}"
        f" {'below the topmost row' if count.led_to_root else 'without a parent'}: {_WHY[count.code]}"
        f" (first: row {count.first_row})"
        for count in view.unlinked()
    )
