"""A look at a whole export through its mapping, while it is staged: what `check` tells a person.

Each topic is a small accumulator that is fed with batches of rows and keeps bounded counts, never rows, so that
memory is flat. Nothing here changes what becomes of a row, and a run does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from importer.ledger import LedgerView, StagedRow
from importer.ledger.causes import ROWS_NAMED, Cause, FieldErrorCounts, causes
from importer.ledger.values import SimilarKeys
from importer.mapping import Mapping
from importer.mapping.values import Field
from importer.models import State
from importer.reader import Reader
from importer.reader.checkup import CheckUp, Finding, batch_of
from importer.reader.checkup.sheet import sheet_findings
from importer.survey.choices import ChoiceSurvey, ChoiceUse
from importer.survey.columns import ColumnSurvey, ColumnUse
from importer.survey.keys import look
from importer.survey.lengths import LengthSurvey, LengthUse
from importer.survey.notes import NotesSurvey, NotesUse, OpenFile, uses
from importer.survey.suggestions import Suggestion, suggestions
from importer.survey.tables import TableSurvey, TableUse

__all__ = ["Survey", "Surveyed"]

_TWINS_NAMED = 10
_ABOUT_THE_WHOLE = ("total_line", "empty_columns")
_FORCED = {"day_first_dates": "%d", "month_first_dates": "%m"}


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """What was found.

    Attributes:
        rows: How many rows were looked at.
        causes: Why rows would not become cases, most frequent first.
        damage: What happened to the file before.
        tables: Values that take certain words only, and the words that came.
        lengths: Fields with a limit, and the longest texts.
        columns: The columns of the export.
        near_twins: Keys that look alike, the first few.
        near_twins_count: How many groups of such keys there are.
        note_files: The files of notes beside the export.
        suggestions: Lines to add to the mapping.
        choices: The conditions by which rows are left out on purpose.
    """

    rows: int
    causes: tuple[Cause, ...]
    damage: tuple[Finding, ...]
    tables: tuple[TableUse, ...]
    lengths: tuple[LengthUse, ...]
    columns: tuple[ColumnUse, ...]
    suggestions: tuple[Suggestion, ...]
    choices: tuple[ChoiceUse, ...] = ()
    near_twins: tuple[SimilarKeys, ...] = ()
    near_twins_count: int = 0
    note_files: tuple[NotesUse, ...] = ()


class Survey:
    """Looks at the rows of an export as they are staged.

    Args:
        source: The export.
        mapping: Its mapping.
        columns: The columns that the mapping is bound to, if these are not those of the source.
        companions: The companion files that the mapping names, if they are looked at.

    Raises:
        MappingError: The mapping does not fit the columns.
    """

    def __init__(
        self,
        source: Reader,
        mapping: Mapping,
        *,
        columns: tuple[str, ...] | None = None,
        companions: Sequence[OpenFile] | None = None,
    ) -> None:
        self._source = source
        self._mapping = mapping
        self._columns = columns or source.columns
        tables = None if companions is None else [file.companion for file in companions]
        mapper = mapping.bind(self._columns, tables)
        self._notes = [NotesSurvey(file) for file in companions or ()]
        self._fields = tuple(field for field in mapper.fields if field.is_text)
        self._rows = 0
        self._check_up = CheckUp(self._columns)
        self._errors = FieldErrorCounts()
        self._choices = ChoiceSurvey(mapping.choices)
        self._cells = ColumnSurvey(self._columns, mapper.columns_used)
        self._tables = TableSurvey(self._fields)
        self._lengths = LengthSurvey(self._fields)

    def take(self, staged: Sequence[StagedRow]) -> None:
        """Look at the next rows."""
        self._rows += len(staged)
        for row in staged:
            if row.mapped.errors:
                self._errors.add(row.row.number, row.mapped.errors)
        self._choices.take(row.mapped.left_out for row in staged)
        batch = batch_of([row.row for row in staged], len(self._columns))
        self._check_up.take(batch)
        self._cells.take(batch)
        if self._mapping.choices:  # what is left out need not fit
            batch = batch_of([row.row for row in staged if row.mapped.left_out is None], len(self._columns))
        self._tables.take(batch)
        self._lengths.take(batch)

    def so_far(self, *, whole: bool = False) -> Surveyed:
        """What has been found until now, from the rows alone; ``whole`` says that there are no more."""
        damage = tuple(
            finding
            for finding in self._check_up.findings()
            if (whole or finding.kind not in _ABOUT_THE_WHOLE) and not _is_settled(finding, self._fields)
        )
        tables = list(self._tables.uses())
        found = self._errors.causes()
        lines = suggestions(self._mapping, self._fields, tables=tables, causes=found, damage=damage)
        return Surveyed(
            rows=self._rows,
            causes=tuple(found),
            damage=damage,
            tables=tuple(use for _, use in tables),
            lengths=tuple(self._lengths.uses()),
            columns=tuple(self._cells.uses()),
            suggestions=tuple(lines),
            choices=tuple(self._choices.uses()),
        )

    def finished(self, view: LedgerView) -> Surveyed:
        """What was found, once all rows are staged: with what only the file as a whole and the ledger can tell."""
        found = self.so_far(whole=True)
        near, count = view.similar_keys(look, _TWINS_NAMED)
        return replace(
            found,
            causes=tuple(cause for cause in causes(view, rows_named=ROWS_NAMED) if not _will_be_sent(cause)),
            damage=(*found.damage, *sheet_findings(self._source.layout)),
            near_twins=tuple(near),
            near_twins_count=count,
            note_files=uses(self._notes, view),
        )


def _will_be_sent(cause: Cause) -> bool:
    """Whether it is no reason at all: the rows are sent now, or behind a parent row that is."""
    return cause.state is State.PENDING or cause.code in ("parent_pending", "parent_waiting", "parent_sending")


def _is_settled(finding: Finding, fields: Sequence[Field]) -> bool:
    """Whether the mapping reads the dates of the column in the order that the other rows force."""
    first = _FORCED.get(finding.kind)
    formats = [pattern for field in fields if finding.column in field.columns for pattern in field.form.format or ()]
    return first is not None and bool(formats) and all(pattern.lstrip().startswith(first) for pattern in formats)
