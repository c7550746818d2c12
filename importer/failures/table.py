"""failures.csv: the rows to fix, with their reasons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from importer.failures.columns import REASON_COLUMNS
from importer.files.whole import ReportFolder, write_if_any
from importer.ledger import LedgerView
from importer.ledger.lines import FailureLine
from importer.ledger.records import SourceInfo
from importer.models import FieldError
from importer.text.meaning import meaning_of


def write_failures(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> list[Path]:
    """The rows to fix or decide: reasons first, then the user's columns, to be fixed and read again.

    Sources with the same columns share a file; each further set of columns gets a separate file, ``failures-2.csv`` and
    so on. Where there is nothing to fix there is no file, and the file of an earlier run is removed: it would be about
    rows that have become cases since.
    """
    ledger_id, _ = view.identity()
    paths: list[Path] = []
    for columns, sources in sources_by_columns(view).items():
        header = (*REASON_COLUMNS, *columns)
        lines = ((*reasons(each, ledger_id).values(), *each.cells) for each in view.failures(sources))
        path = write_if_any(folder, "failures.csv", header, lines, is_exact=True, delimiter=delimiter)
        paths += [path] if path else []
    return paths


def sources_by_columns(view: LedgerView) -> dict[tuple[str, ...], list[SourceInfo]]:
    """The sources in view that share a failures file, by their columns."""
    groups: dict[tuple[str, ...], list[SourceInfo]] = {}
    for source in view.sources():
        groups.setdefault(source.columns, []).append(source)
    return groups


def reasons(failure: FailureLine, ledger_id: str) -> dict[str, str]:
    """The cells of :data:`REASON_COLUMNS` for one row."""
    result, errors = failure.result, errors_of(failure)
    cells = (
        f"{ledger_id}_{result.id}",
        str(result.row),
        result.state.value,
        _joined(error.code for error in errors),
        _joined(error.column or "" for error in errors),
        _joined(map(reason, errors)),
        _joined(error.hint for error in errors),
        meaning_of(result.state).retry,
    )
    return dict(zip(REASON_COLUMNS, cells, strict=True))


def reason(error: FieldError) -> str:
    """What is wrong, with the value."""
    return f"{error.value!r} {error.rule}" if error.value else error.rule


def errors_of(failure: FailureLine) -> tuple[FieldError, ...]:
    """What is wrong with a row; of one that the server refused, its words."""
    result = failure.result
    return failure.errors or (FieldError(result.code or "", None, "", result.message or "", ""),)


def _joined(parts: Iterable[str]) -> str:
    return " | ".join(part for part in parts if part)
