"""The verbs that only look: at an export, at a mapping, at a ledger. None of them sends anything or changes a ledger.

Each exists twice: a plain function (``check``) and a coroutine (``check_async``), which runs it in a thread.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.errors import ExitCode
from importer.ledger import Ledger, LedgerView
from importer.ledger.store import copy_ledger
from importer.mapping import Mapping, load_mapping
from importer.observer import Observer, Silent
from importer.records import State
from importer.report import Reports, balance_of, write_reports
from importer.results import CheckResult, PreviewRow, Status
from importer.source import Source, open_source
from importer.stage import preview_rows, stage_source
from importer.suggest import Suggestion, suggest

if TYPE_CHECKING:
    from pandas import DataFrame

StrPath = str | os.PathLike[str]


def open_both(
    source: StrPath | DataFrame, mapping: StrPath | Mapping, reading: dict[str, Any]
) -> tuple[Source, Mapping]:
    """The export and the mapping, opened.

    Raises:
        SourceError: the export cannot be read.
        MappingError: the mapping is not valid.
    """
    return open_source(source, **reading), mapping if isinstance(mapping, Mapping) else load_mapping(mapping)


def check(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    ledger: StrPath | None = None,
    observer: Observer | None = None,
    **reading: Any,
) -> CheckResult:
    """Read, map and validate a whole export; send nothing, keep nothing.

    Args:
        source: File or DataFrame.
        mapping: File, name of a bundled mapping, or a loaded one.
        ledger: An existing ledger whose keys are taken into account; it is not changed.
        observer: Is told how far it is.
        reading: ``sheet``, ``encoding``, ``delimiter``.

    Raises:
        SourceError: the file cannot be read.
        MappingError: the mapping is not valid or does not fit.
    """
    begun = time.monotonic()
    observer = observer or Silent()
    opened, loaded = open_both(source, mapping, reading)
    with tempfile.TemporaryDirectory(prefix="case-importer-") as folder:
        path = Path(folder, "ledger.db")
        if ledger is not None and Path(ledger).exists():
            copy_ledger(Path(ledger), path)
        with Ledger(path, verb="check") as scratch:
            info = stage_source(scratch, opened, loaded, accept_changes=True, progress=observer.read)
        with LedgerView(path, source=info.id) as view:
            balance, causes = balance_of(view), tuple(view.causes())
    code = ExitCode.ROWS_FAILED if balance.counts[State.INVALID] else ExitCode.OK
    shown = tuple(cause for cause in causes if cause.state is not State.PENDING)
    return CheckResult(code, balance, shown, (*opened.notes, *loaded.notes), time.monotonic() - begun)


def preview(
    source: StrPath | DataFrame, mapping: StrPath | Mapping, *, count: int = 5, **reading: Any
) -> list[PreviewRow]:
    """The first ``count`` rows as they would be sent.

    Raises:
        SourceError: the file cannot be read.
        MappingError: the mapping is not valid or does not fit.
    """
    opened, loaded = open_both(source, mapping, reading)
    pairs = preview_rows(opened, loaded, count)
    return [PreviewRow(row.number, mapped.key, mapped.body, mapped.errors) for row, mapped in pairs]


def suggest_mapping(source: StrPath | DataFrame, **reading: Any) -> Suggestion:
    """A mapping to begin with, for an export that nobody has one for; every guess in it says that it is one.

    Args:
        source: File or DataFrame; its first 20,000 rows are read.
        reading: ``sheet``, ``encoding``, ``delimiter``.

    Raises:
        SourceError: the file cannot be read.
        MappingError: no mapping can be made for its columns.
    """
    return suggest(open_source(source, **reading))


def status(ledger: StrPath) -> Status:
    """How a ledger stands; it may be in use.

    Raises:
        LedgerError: it cannot be read.
    """
    with LedgerView(Path(ledger)) as view:
        ledger_id, target = view.identity()
        return Status(ledger_id, target, tuple(view.sources()), balance_of(view), tuple(view.causes()), view.requests())


def report(ledger: StrPath, out: StrPath) -> Reports:
    """Write the reports of a whole ledger into ``out``, from the ledger alone.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: a file cannot be written.
    """
    return write_reports(Path(ledger), Path(out))


async def check_async(source: StrPath | DataFrame, mapping: StrPath | Mapping, **options: Any) -> CheckResult:
    """:func:`check` for asynchronous code; same arguments, result and errors."""
    return await asyncio.to_thread(check, source, mapping, **options)


async def preview_async(source: StrPath | DataFrame, mapping: StrPath | Mapping, **options: Any) -> list[PreviewRow]:
    """:func:`preview` for asynchronous code; same arguments, result and errors."""
    return await asyncio.to_thread(preview, source, mapping, **options)


async def suggest_mapping_async(source: StrPath | DataFrame, **reading: Any) -> Suggestion:
    """:func:`suggest_mapping` for asynchronous code; same arguments, result and errors."""
    return await asyncio.to_thread(suggest_mapping, source, **reading)


async def status_async(ledger: StrPath) -> Status:
    """:func:`status` for asynchronous code; same arguments, result and errors."""
    return await asyncio.to_thread(status, ledger)


async def report_async(ledger: StrPath, out: StrPath) -> Reports:
    """:func:`report` for asynchronous code; same arguments, result and errors."""
    return await asyncio.to_thread(report, ledger, out)
