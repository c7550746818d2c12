"""What `check` finds in a whole export, by its profile and through its mapping, while it is staged.

Nothing here changes the outcome of a row, and a run does without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from importer.checks.autofix import Suggestion, suggestions
from importer.checks.file_checks import FileIssue, issue_shapes, merged_issue, sheet_issues
from importer.checks.mapping_checks import (
    ColumnUse,
    FieldCheck,
    FilterUse,
    LengthUse,
    NotesCheck,
    NotesUse,
    OpenFile,
    TableUse,
    column_uses,
    key_as_seen,
    open_issues,
)
from importer.ledger import LedgerView
from importer.ledger.causes import ROWS_NAMED, Cause, FieldErrorCounts, causes
from importer.ledger.lines import SimilarKeys
from importer.ledger.records import MergedRows, StagedRow
from importer.mapping import Mapping
from importer.models import State
from importer.profile.profile import FileProfile, chunk_of
from importer.reader import Reader

__all__ = ["Findings", "QualityCheck"]

_SIMILAR_KEYS_NAMED, _MERGED_NAMED = 10, 3


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found."""

    rows: int  #: How many rows were looked at.
    causes: tuple[Cause, ...]  #: Why rows would not become cases, most frequent first.
    file_issues: tuple[FileIssue, ...]  #: What happened to the file before.
    tables: tuple[TableUse, ...]  #: Values that take certain words only, and the words that came.
    lengths: tuple[LengthUse, ...]  #: Fields with a limit, and the longest texts.
    columns: tuple[ColumnUse, ...]  #: The columns of the export.
    suggestions: tuple[Suggestion, ...]  #: Lines to add to the mapping.
    filters: tuple[FilterUse, ...] = ()  #: The conditions by which the mapping filters rows.
    similar_keys: tuple[SimilarKeys, ...] = ()  #: Keys that look alike, the first few.
    similar_keys_count: int = 0  #: How many groups of such keys there are.
    merged_rows: tuple[MergedRows, ...] = ()  #: Rows skipped for their key although they differ, the first few.
    merged_rows_count: int = 0  #: How many rows that are.
    note_files: tuple[NotesUse, ...] = ()  #: The companion files with notes.


class QualityCheck:
    """Looks at the rows of an export as they are staged.

    Args:
        source: The export.
        mapping: Its mapping.
        columns: The columns that the mapping is bound to: those of the source, but for a failures file.
        companions: The companion files that the mapping names, if they are looked at.

    Raises:
        MappingError: The mapping does not match the columns.
    """

    def __init__(
        self,
        source: Reader,
        mapping: Mapping,
        *,
        columns: tuple[str, ...],
        companions: Sequence[OpenFile] | None = None,
    ) -> None:
        self._source = source
        self._mapping = mapping
        self._columns = columns
        tables = None if companions is None else [file.companion for file in companions]
        mapper = mapping.bind(self._columns, tables)
        self._columns_used = mapper.columns_used
        self._profile = FileProfile(self._columns, issue_shapes)
        self._errors = FieldErrorCounts()
        self._filtered: Counter[str | None] = Counter()
        self._fields = [FieldCheck(field) for field in mapper.fields if field.is_text]
        self._notes = [NotesCheck(file) for file in companions or ()]
        self._rows = 0

    def take(self, staged: Sequence[StagedRow]) -> None:
        """Look at the next rows."""
        self._rows += len(staged)
        for row in staged:
            if row.mapped.errors:
                self._errors.add(row.row.number, row.mapped.key, row.mapped.errors)
        self._filtered.update(row.mapped.filtered_by for row in staged)
        self._profile.take(chunk_of([row.row for row in staged], self._columns))
        width = len(self._columns)
        kept = [row.row for row in staged if row.mapped.filtered_by is None and len(row.row.cells) == width]
        for check in self._fields:
            check.take(kept)

    def so_far(self, *, whole: bool = False) -> Findings:
        """What has been found until now, from the rows alone; ``whole`` says that there are no more."""
        fields = [check.field for check in self._fields]
        far = [issue for check in self._fields if (issue := check.date_issue())]
        issues = (*far, *open_issues(self._profile, fields, whole=whole))
        tables = [(check.field, use) for check in self._fields if (use := check.table_use())]
        found = self._errors.causes()
        lines = suggestions(self._mapping, fields, tables=tables, causes=found, issues=issues)
        return Findings(
            rows=self._rows,
            causes=tuple(found),
            file_issues=issues,
            tables=tuple(use for _, use in tables),
            lengths=tuple(length for check in self._fields if (length := check.length_use())),
            columns=tuple(column_uses(self._profile, self._columns_used)),
            suggestions=tuple(lines),
            filters=tuple(FilterUse(condition, self._filtered[condition]) for condition in self._mapping.filters),
        )

    def finished(self, view: LedgerView) -> Findings:
        """What was found, once all rows are staged: with what only the file as a whole and the ledger can tell."""
        found = self.so_far(whole=True)
        similar, count = view.similar_keys(key_as_seen, _SIMILAR_KEYS_NAMED)
        merged, merged_count = view.merged_rows(_MERGED_NAMED)
        layout = self._source.layout
        if self._columns != self._source.columns:  # a failures file, in which we hide what is ours
            layout = replace(layout, hidden_columns=(), hidden_sheets=())
        keys = view.keys_of({row for issue in found.file_issues for row in issue.rows})
        issues = [replace(it, keys=tuple(keys.get(row, "") for row in it.rows)) for it in found.file_issues]
        return replace(
            found,
            causes=tuple(cause for cause in causes(view, rows_named=ROWS_NAMED) if not _will_be_sent(cause)),
            file_issues=(*merged_issue(merged_count, found.rows), *issues, *sheet_issues(layout)),
            similar_keys=tuple(similar),
            similar_keys_count=count,
            merged_rows=tuple(merged),
            merged_rows_count=merged_count,
            note_files=tuple(check.use(view, place) for place, check in enumerate(self._notes)),
        )


def _will_be_sent(cause: Cause) -> bool:
    """Whether it is no reason at all: the rows are sent now, or behind a parent row that is."""
    return cause.state is State.PENDING or cause.code in ("parent_pending", "parent_waiting", "parent_sending")
