"""The form of a failures file: what we write before the user's columns, and how we know the rows again.

A row is known again by its record in the ledger, not by its line, so that rows may be sorted, deleted or corrected in
any column, the key included, and a row that has succeeded is never sent again even if it is pasted in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from importer.errors import SourceError
from importer.ledger import FailureLine
from importer.models import FieldError, Row, State
from importer.report.formulas import defuse, restore

RECORD_COLUMN = "importer_record"
REASON_COLUMNS = (
    RECORD_COLUMN,
    "importer_row",
    "importer_state",
    "importer_code",
    "importer_column",
    "importer_reason",
    "importer_hint",
    "importer_resend",
)
_RECORD = re.compile(r"([0-9a-f]{8})-([1-9][0-9]{0,17})")

#: Whether the row may be sent again as it stands, and what must happen first.
_RESEND = {
    State.INVALID: "after correction",
    State.REFUSED: "after correction",
    State.PENDING: "yes",
    State.WAITING: "yes",
    State.SENDING: "no: look it up first",
    State.UNKNOWN: "no: look it up first",
    State.DUPLICATE: "no: a person must decide",
}


def reasons(failure: FailureLine, ledger_id: str) -> Sequence[object]:
    """The cells of :data:`REASON_COLUMNS` for one row."""
    result = failure.result
    errors = failure.errors or (FieldError(result.code or "", None, "", result.message or "", ""),)
    return (
        f"{ledger_id}-{result.id}",
        result.row,
        result.state,
        defuse(_joined(error.code for error in errors)),
        defuse(_joined(error.column or "" for error in errors)),
        defuse(_joined(f"{error.value!r} {error.rule}" if error.value else error.rule for error in errors)),
        defuse(_joined(error.hint for error in errors)),
        _RESEND[result.state],
    )


def _joined(parts: Iterable[str]) -> str:
    return " | ".join(part for part in parts if part)


class Replay(NamedTuple):
    """How to read a failures file: which columns are ours, and where the record is named."""

    record_at: int
    user_columns: tuple[str, ...]
    user_at: tuple[int, ...]

    def row(self, row: Row) -> Row:
        """The user's own row, formula guards taken off."""
        surplus = row.cells[len(self.user_at) + len(REASON_COLUMNS) :]
        own = [restore(row.cells[at]) for at in self.user_at if at < len(row.cells)]
        return Row(row.number, (*own, *surplus), row.problems)

    def record(self, row: Row, ledger_id: str, *, name: str) -> int | None:
        """The record that this row corrects; None if the line names none (a line that the user added).

        Raises:
            SourceError: the file belongs to another ledger.
        """
        text = row.cells[self.record_at].strip() if self.record_at < len(row.cells) else ""
        named = _RECORD.fullmatch(text)
        if named is None:
            return None
        if named[1] != ledger_id:
            raise SourceError(
                "these rows belong to another ledger",
                where=f"{name}:{row.number}",
                hint="give the ledger of the import that wrote this failures file with --ledger; without it, rows"
                " that may have been created could be created twice",
            )
        return int(named[2])


def replay_of(columns: Sequence[str]) -> Replay | None:
    """How to read a file with this header as a failures file; None if it is an ordinary export."""
    if RECORD_COLUMN not in columns:
        return None
    user_at = tuple(at for at, column in enumerate(columns) if column not in REASON_COLUMNS)
    return Replay(columns.index(RECORD_COLUMN), tuple(restore(columns[at]) for at in user_at), user_at)
