"""What stands in the files of notes beside an export, and how well their keys fit its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from importer.ledger import CompanionFile, LedgerView, Orphan
from importer.mapping.notes import Companion
from importer.models import Row
from importer.reader import Reader
from importer.reader.checkup import CheckUp, Finding, batch_of
from importer.reader.checkup.sheet import sheet_findings
from importer.survey.columns import ColumnSurvey, ColumnUse

_ORPHANS_NAMED = 5


class OpenFile(Protocol):
    """A companion file that is about to be read."""

    companion: Companion
    source: Reader
    watch: Callable[[Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class UnmatchedNote:
    """A note that belongs to no row of the export: where it is in its file, the key it has, and why."""

    row: int
    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NotesUse:
    """A file of notes.

    Attributes:
        file: What messages call it.
        rows: How many rows it has.
        without_row: How many of them belong to no row of the export; None if that was not counted.
        orphans: The first of these.
        rows_without: How many rows of the export have no note in it; None likewise.
        columns: Its columns.
        damage: What happened to the file before.
    """

    file: str
    rows: int
    without_row: int | None
    orphans: tuple[UnmatchedNote, ...]
    rows_without: int | None
    columns: tuple[ColumnUse, ...]
    damage: tuple[Finding, ...]


class NotesSurvey:
    """Looks at the rows of a file of notes while it is loaded.

    Args:
        file: The file; it is told to show its rows.
    """

    def __init__(self, file: OpenFile) -> None:
        columns = file.source.columns
        self._file = file
        self._check_up = CheckUp(columns)
        self._cells = ColumnSurvey(columns, file.companion.used)
        file.watch = self._take

    def _take(self, rows: Sequence[Row]) -> None:
        batch = batch_of(rows, len(self._file.source.columns))
        self._check_up.take(batch)
        self._cells.take(batch)

    def use(self, read: CompanionFile, first: Sequence[Orphan]) -> NotesUse:
        """What was found, now that the file was read to its end."""
        return NotesUse(
            self._file.companion.name,
            rows=read.rows,
            without_row=read.without_row,
            orphans=tuple(UnmatchedNote(note.row, note.key, note.code, note.message) for note in first),
            rows_without=read.rows_without,
            columns=tuple(self._cells.uses()),
            damage=(*self._check_up.findings(), *sheet_findings(self._file.source.layout)),
        )


def uses(surveys: Sequence[NotesSurvey], view: LedgerView) -> tuple[NotesUse, ...]:
    """What was found in each file, once the source in view is staged."""
    if not surveys:
        return ()
    read = view.sources()[0].companions
    return tuple(
        survey.use(notes, list(view.orphans(file=place, most=_ORPHANS_NAMED)))
        for place, (survey, notes) in enumerate(zip(surveys, read, strict=True))
    )
