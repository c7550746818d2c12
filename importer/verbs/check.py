"""The verbs that only read an export and a mapping. None of them sends anything or changes a ledger.

Each exists twice: a plain function (``check``) and a coroutine (``check_async``), which runs it in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from importer.checks.autofix import Fix
from importer.checks.baseline import VOLUME_FACTOR, Baseline, Change, changes, load_baseline, lost_columns
from importer.checks.findings import Findings, QualityCheck
from importer.errors import ChangedShapeError, EmptySourceError, ExitCode, MappingError
from importer.failures.read_back import failures_file_of
from importer.files.scratch import scratch_folder
from importer.intake.export import Export, ExportOptions, open_export
from importer.intake.rows import preview_rows, rows_named, rows_of
from importer.intake.staging import Reading, Staged, UnreadColumns, stage_source
from importer.ledger import Ledger, LedgerView
from importer.ledger.database import copy_ledger, is_unread_rebuild, unread_rebuild
from importer.ledger.records import FieldSet, StagedRow
from importer.mapping import Mapping
from importer.models import StrPath
from importer.progress.progress import Progress
from importer.reader import Reader
from importer.report import CaseUpdateTotals, Totals, summary_of, unlinked_remarks
from importer.verbs.plain import in_thread
from importer.verbs.results import Ended, PreviewRow, fields_of

if TYPE_CHECKING:
    from pandas import DataFrame


_FIRST_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class CheckResult(Ended, Findings):
    """What was found in an export, and how an import of it would end: with ``CHANGED_SHAPE`` if it is not like the
    baseline, else with ``ROWS_FAILED`` if any row is invalid."""

    command: Literal["check"] = "check"
    source: str
    mapping: str
    totals: Totals  #: Rows by state: pending ones would be sent.
    case_updates: CaseUpdateTotals  #: Notes for which the first call has no room, and fields that it does not accept.
    fields_to_set: tuple[FieldSet, ...] = ()  #: What they are, and how often each; a status by its value.
    changes: tuple[Change, ...] = ()  #: What differs from the baseline.
    put_back: int = 0  #: Cells of a failures file that only a spreadsheet had changed; they count as they were.
    fix: Fix | None = None  #: What ``--fix`` wrote into the mapping; None without it.
    files: tuple[str, ...] = ()  #: The files that were read because the mapping names them.


def check(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    ledger: StrPath | None = None,
    baseline: StrPath | None = None,
    volume_factor: float = VOLUME_FACTOR,
    as_is: bool = False,
    kinds: bool = False,
    progress: Progress | None = None,
    first: Callable[[Findings], None] | None = None,
    **options: Unpack[ExportOptions],
) -> CheckResult:
    """Read, map and validate a whole export; send nothing, keep nothing.

    Args:
        source: File or DataFrame.
        mapping: File, name of a built-in mapping, or a loaded one.
        ledger: An existing ledger whose keys are taken into account; it is not changed.
        baseline: What ``check --json`` printed of an earlier export, or the profile next to a suggested mapping.
        volume_factor: Against the baseline, the number of rows may be up to so many times larger or smaller.
        as_is, kinds: See :class:`importer.intake.staging.Reading`; say what the cells of each column are.
        progress, first: Is told how far it is, and what the first rows show.
        options: See :class:`importer.intake.export.ExportOptions`.

    Raises:
        SourceError, MappingError, ConfigError: the file, the mapping or the baseline cannot be used.
        ChangedShapeError: there is a baseline, and the file is empty or lacks columns that the mapping needs.
    """
    begun, before = time.monotonic(), load_baseline(Path(baseline)) if baseline is not None else None
    export = _open_like(before, source, mapping, **options)
    if first and (found := _first_look(export)):
        first(found)
    with scratch_folder() as folder:
        if ledger is not None:
            _copy(Path(ledger), folder / "ledger.db")
        quality, staged, export = _checked(folder / "ledger.db", export, as_is=as_is, progress=progress or Progress())
        with LedgerView(folder / "ledger.db", source=staged.source.id) as view:
            summary, found, to_set = summary_of(view), quality.finished(view), tuple(view.fields_to_set())
    found = _with_kinds(found, export.reader) if kinds or (before and before.kinds) else found
    differences = tuple(changes(before, found, factor=volume_factor)) if before else ()
    code = ExitCode.CHANGED_SHAPE if differences else ExitCode.ROWS_FAILED if summary.totals.invalid else ExitCode.OK
    return CheckResult(
        **fields_of(found),
        source=export.reader.name,
        mapping=export.mapping.name,
        exit_code=code,
        meaning=code.name.lower(),
        error=None,
        totals=summary.totals,
        case_updates=summary.case_updates,
        fields_to_set=to_set,
        notes=(*export.remarks, *unlinked_remarks(summary.links_not_made)),
        seconds=round(time.monotonic() - begun, 3),
        changes=differences,
        put_back=staged.put_back,
        files=tuple(
            dict.fromkeys([*map(str, export.mapping.files), *(file.path for file in staged.source.companions)])
        ),
    )


def _copy(ledger: Path, path: Path) -> None:
    if ledger.exists():
        if is_unread_rebuild(ledger):
            raise unread_rebuild(ledger)
        copy_ledger(ledger, path)


def _with_kinds(found: Findings, source: Reader) -> Findings:
    """With what the cells of each column are, decided as a suggestion does."""
    from importer.suggest.suggesting import kinds_of

    known = kinds_of(source)
    return replace(found, columns=tuple(replace(use, kind=known.get(use.column, "")) for use in found.columns))


def _first_look(export: Export) -> Findings | None:
    """What the first rows show, on a file of any size at once; None if they show nothing by themselves.

    Of a failures file only the ledger can put cells back, and with `keep: last` all rows decide which ones count.
    """
    if failures_file_of(export.reader.columns) is not None or export.mapping.keep_last:
        return None
    quality = QualityCheck(export.reader, export.mapping, columns=export.columns)
    mapper = export.mapping.bind(export.columns)
    quality.take([StagedRow(row, mapper.apply(row)) for row in islice(rows_of(export.reader), _FIRST_ROWS)])
    return quality.so_far()


def _checked(path: Path, export: Export, *, as_is: bool, progress: Progress) -> tuple[QualityCheck, Staged, Export]:
    """The profile of all rows, the source in a ledger at ``path`` that is thrown away, and the export as in it."""
    with Ledger(path, verb="check") as scratch:
        export = export.as_in(scratch)
        with export.companions(scratch) as companions:
            quality = QualityCheck(export.reader, export.mapping, columns=export.columns, companions=companions.files)
            staged = stage_source(
                scratch,
                export.reader,
                export.mapping,
                companions=companions,
                reading=Reading(as_is=as_is),
                progress=progress.read,
                watch=quality.take,
            )
    return quality, staged, export


def _open_like(
    before: Baseline | None, source: StrPath | DataFrame, mapping: StrPath | Mapping, **options: Unpack[ExportOptions]
) -> Export:
    """A file that cannot be checked has changed its shape since the baseline."""
    try:
        export = open_export(source, mapping, **options)
    except EmptySourceError as error:
        if before is None:
            raise
        hint = f"the baseline has {before.rows:,} rows; check the export job"
        raise ChangedShapeError(error.what, where=error.where, hint=hint) from None
    if before is not None:
        try:
            export.fitting().mapping.bind(export.columns)
        except MappingError as error:
            if lost := lost_columns(before, export.columns, export.mapping, where=export.reader.name):
                raise lost from error
            raise
    return export.fitting()


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of an export as they would be sent, and what of it would not be sent."""

    rows: tuple[PreviewRow, ...]
    unread: tuple[tuple[str, int], ...]  #: Columns that the mapping does not read; filled cells of the rows counted.
    rows_counted: int  #: How many of the first rows these were counted in.


def preview_export(
    source: StrPath | DataFrame, mapping: StrPath | Mapping, *, count: int, **options: Unpack[ExportOptions]
) -> Preview:
    """What :func:`preview` gives, with the columns of the export that nothing reads."""
    export = open_export(source, mapping, **options).fitting()
    with (
        scratch_folder() as folder,
        Ledger(folder / "ledger.db", verb="preview") as scratch,
        export.companions(scratch) as companions,
    ):
        pairs = preview_rows(export.reader, export.mapping, count, companions=companions)
    parents = [mapped.link.parent if mapped.link else None for _, mapped in pairs]
    places = rows_named(export.reader, export.mapping, {parent for parent in parents if parent is not None})
    unread = UnreadColumns(export.columns, export.mapping.bind(export.columns).columns_used)
    unread.take(islice(rows_of(export.reader), _FIRST_ROWS))
    rows = [
        PreviewRow(
            row=row.number,
            key=mapped.key,
            body=mapped.body,
            errors=mapped.errors,
            filtered=mapped.filtered_by,
            case_updates=tuple(update.body for update in mapped.case_updates),
            parent=parent,
            parent_row=places.get(parent or ""),
        )
        for (row, mapped), parent in zip(pairs, parents, strict=True)
    ]
    return Preview(tuple(rows), tuple(unread.filled), unread.rows)


check_async = in_thread(check)
