"""A look at a whole export through its mapping, while it is staged: what `check` tells a person.

Each topic is a small accumulator that is fed with batches of rows and keeps bounded counts, never rows, so that
memory is flat. Nothing here changes what becomes of a row, and a run does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from importer.ledger import LedgerView, StagedRow
from importer.ledger.staging import LEFT_OUT
from importer.ledger.tree import CODES as LINK_CODES
from importer.ledger.view import AlikeKeys
from importer.mapping import Mapping
from importer.mapping.notes_file import NotesFile
from importer.mapping.values import Field
from importer.models import State
from importer.source import Source
from importer.source.checkup import CheckUp, Finding, batch_of
from importer.source.checkup.finding import ROWS_NAMED
from importer.survey.causes import CauseSurvey, Group
from importer.survey.choices import ChoiceSurvey, ChoiceUse
from importer.survey.columns import ColumnSurvey, ColumnUse
from importer.survey.keys import look
from importer.survey.lengths import LengthSurvey, LengthUse
from importer.survey.notes import NotesSurvey, NotesUse, uses
from importer.survey.suggestions import Suggestion, suggestions
from importer.survey.tables import TableSurvey, TableUse

__all__ = ["Survey", "Surveyed"]

_TWINS_NAMED = 10
_ABOUT_THE_WHOLE = ("total_line", "empty_columns")
_FORCED = {"day_first_dates": "%d", "month_first_dates": "%m"}


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What was found.

    Attributes:
        rows: How many rows were looked at.
        groups: Rows that cannot be sent, by cause; those that a person can act on first.
        damage: What happened to the file before.
        tables: Values that take certain words only, and the words that came.
        lengths: Fields with a limit, and the longest texts.
        columns: The columns of the export.
        near_twins: Keys that look alike, the first few.
        near_twins_count: How many groups of such keys there are.
        notes: The files of notes beside the export.
        suggestions: Lines to add to the mapping.
        choices: The conditions by which rows are left out on purpose.
    """

    rows: int
    groups: tuple[Group, ...]
    damage: tuple[Finding, ...]
    tables: tuple[TableUse, ...]
    lengths: tuple[LengthUse, ...]
    columns: tuple[ColumnUse, ...]
    suggestions: tuple[Suggestion, ...]
    choices: tuple[ChoiceUse, ...] = ()
    near_twins: tuple[AlikeKeys, ...] = ()
    near_twins_count: int = 0
    notes: tuple[NotesUse, ...] = ()


class Survey:
    """Looks at the rows of an export as they are staged.

    Args:
        source: The export.
        mapping: Its mapping.
        columns: The columns that the mapping is bound to, if these are not those of the source.
        notes: The files of notes that the mapping names, if they are looked at.

    Raises:
        MappingError: The mapping does not fit the columns.
    """

    def __init__(
        self,
        source: Source,
        mapping: Mapping,
        *,
        columns: tuple[str, ...] | None = None,
        notes: Sequence[NotesFile] | None = None,
    ) -> None:
        self._source = source
        self._mapping = mapping
        self._columns = columns or source.columns
        mapper = mapping.bind(self._columns, notes)
        self._notes = [NotesSurvey(file) for file in notes or ()]
        self._fields = tuple(field for field in mapper.fields if field.is_text)
        self._rows = 0
        self._check_up = CheckUp(self._columns)
        self._causes = CauseSurvey()
        self._choices = ChoiceSurvey(mapping.choices)
        self._cells = ColumnSurvey(self._columns, mapper.columns_used)
        self._tables = TableSurvey(self._fields)
        self._lengths = LengthSurvey(self._fields)

    def take(self, staged: Sequence[StagedRow]) -> None:
        """Look at the next rows."""
        self._rows += len(staged)
        self._causes.take((row.row.number, row.mapped.errors) for row in staged if row.mapped.errors)
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
        groups = self._causes.groups()
        lines = suggestions(self._mapping, self._fields, tables=tables, groups=groups, damage=damage)
        return Surveyed(
            rows=self._rows,
            groups=tuple(groups),
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
        near, count = view.alike(look, _TWINS_NAMED)
        return replace(
            found,
            groups=(*found.groups, *_unplaced(view), *_kept_back(view)),
            damage=(*found.damage, *self._source.oddities()),
            near_twins=tuple(near),
            near_twins_count=count,
            notes=uses(self._notes, view),
        )


def _is_settled(finding: Finding, fields: Sequence[Field]) -> bool:
    """Whether the mapping reads the dates of the column in the order that the other rows force."""
    first = _FORCED.get(finding.kind)
    formats = [pattern for field in fields if finding.column in field.columns for pattern in field.form.format or ()]
    return first is not None and bool(formats) and all(pattern.lstrip().startswith(first) for pattern in formats)


def _unplaced(view: LedgerView) -> list[Group]:
    """Rows whose link to the row above them cannot be made, which only all rows together show."""
    groups = []
    for cause in view.causes():
        error = view.example(cause) if cause.state is State.INVALID and cause.code in LINK_CODES else None
        if error:
            rows = view.first_rows(cause, ROWS_NAMED)
            code, column, value, rule, hint, target = error
            groups.append(Group(State.INVALID, code, column, target, cause.records, rows, value, rule, hint))
    return groups


def _kept_back(view: LedgerView) -> list[Group]:
    """Rows whose key is taken care of by another row or by a case, or that wait for a row that cannot be sent."""
    return [
        Group(
            cause.state,
            cause.code or "",
            None,
            None,
            cause.records,
            view.first_rows(cause, ROWS_NAMED),
            "",
            cause.example or "",
            _CURES.get(cause.code or "", ""),
        )
        for cause in view.causes()
        if cause.state is State.SKIPPED or (cause.state is State.WAITING and cause.code not in _WILL_BE_RELEASED)
    ]


_WILL_BE_RELEASED = frozenset({"parent_pending", "parent_waiting", "parent_sending"})
_CURES = {
    "twin": "the first row with the key is sent; see which one is right",
    "already_created": "nothing: it is a case already",
    "created_before": "nothing: it is a case already",
    "changed": "the case exists with other content; it is not changed",
    LEFT_OUT: "nothing, if these are the rows that you mean",
    "in_doubt": "look it up first: case-importer reconcile",
}
