"""Rows that never became cases are sent again, and unknown outcomes are settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Unpack

from importer.errors import ConfigError
from importer.intake.export import opened_mapping
from importer.intake.remapping import remap_all
from importer.ledger import Ledger
from importer.ledger.decisions import reopen_refused
from importer.ledger.records import Selection
from importer.mapping import Mapping
from importer.models import State, StrPath
from importer.report import ReportOptions
from importer.verbs.folders import existing_ledger
from importer.verbs.ledger_run import LedgerRun, RunOptions, StoppedWhileReading
from importer.verbs.plain import plain
from importer.verbs.results import RunResult
from importer.verbs.session import AccountOptions, Session

_RETRYABLE = frozenset({State.REFUSED, State.PENDING, State.INVALID, State.SKIPPED})
#: What only another mapping can change; of skipped rows, those that the mapping filtered.
_OF_MAPPING = frozenset({State.INVALID, State.SKIPPED})


async def retry_async(
    ledger: StrPath,
    *,
    states: Collection[State] | None = None,
    mapping: StrPath | Mapping | None = None,
    notes: Iterable[StrPath] = (),
    allow_files: Iterable[StrPath] = (),
    out: StrPath | None = None,
    limit: int | None = None,
    max_failures: int | str | None = None,
    accept_existing: bool = False,
    solve_untried: bool = False,
    report_options: ReportOptions | None = None,
    **account: Unpack[AccountOptions],
) -> RunResult:
    """Send rows of a ledger again that never became cases; nothing else is sent.

    Args:
        ledger: The ledger.
        states: Which rows: ``refused`` and ``pending`` by default; if there is a new mapping also ``invalid`` ones,
            and of the ``skipped`` ones those that the mapping filtered.
        mapping: Map these rows again, then send those that are valid.
        notes, allow_files: With ``mapping``: see :class:`~importer.intake.export.ExportOptions`; by default as
            first read.
        out: Folder of the reports; by default that of the ledger.
        limit, max_failures, accept_existing, solve_untried, report_options: See :func:`run_import_async`.
        account: See :class:`importer.verbs.session.AccountOptions`.

    Raises:
        ConfigError: a state cannot be retried.
    """
    path = existing_ledger(ledger)
    session = Session(path.parent, **account)
    wanted = retryable(states, has_mapping=mapping is not None)
    loaded = None if mapping is None else opened_mapping(mapping, allow_files)

    def between() -> None:
        if session.stop.gently.is_set():
            raise StoppedWhileReading(session.exit_code(), "mapping the rows again")

    def reopen(open_ledger: Ledger) -> Selection:
        if loaded is not None:
            states = wanted | {State.WAITING} if State.PENDING in wanted else wanted
            remap_all(open_ledger, loaded, states=states, notes=notes, between=between)
        if State.REFUSED in wanted:
            reopen_refused(open_ledger)
        return Selection(run=None if State.PENDING in wanted else open_ledger.run)

    orders = RunOptions(
        limit=limit,
        max_failures=max_failures,
        refuse_existing=not accept_existing,
        solve_untried=solve_untried,
    )
    folder, what = Path(out or path.parent), f"{path.name}: {', '.join(sorted(wanted))} rows again"
    run = LedgerRun("retry", path, folder, session, orders, report_options, what, loaded)
    return await run.go(reopen)


async def reconcile_async(
    ledger: StrPath,
    *,
    out: StrPath | None = None,
    report_options: ReportOptions | None = None,
    **account: Unpack[AccountOptions],
) -> RunResult:
    """Look up rows with an unknown outcome and settle them; send nothing.

    A row that was not created is pending afterwards; ``retry`` or the next run sends it.

    Args:
        ledger: The ledger.
        out: Folder of the reports; by default that of the ledger.
        report_options, account: See :func:`retry_async`.
    """
    path = existing_ledger(ledger)
    session = Session(path.parent, **account)
    folder, what = Path(out or path.parent), f"{path.name}: rows with an unknown outcome"
    run = LedgerRun("reconcile", path, folder, session, RunOptions(limit=0, resend=False), report_options, what)
    return await run.go(lambda _: Selection())


reconcile = plain(reconcile_async)


retry = plain(retry_async)


def retryable(states: Collection[State] | None, *, has_mapping: bool) -> frozenset[State]:
    """The states whose rows are sent again: those that a person names, or all that may be.

    Raises:
        ConfigError: rows in one of these states cannot be sent again, or not without a new mapping.
    """
    if states is None:
        return _RETRYABLE if has_mapping else _RETRYABLE - _OF_MAPPING
    wanted = frozenset(states)
    if wanted - _RETRYABLE:
        names = ", ".join(sorted(wanted - _RETRYABLE))
        raise ConfigError(
            f"rows in state {names} cannot be retried",
            hint="retry accepts refused, pending, invalid, and skipped (rows filtered by the mapping)",
        )
    if wanted & _OF_MAPPING and not has_mapping:
        names = " and ".join(sorted(wanted & _OF_MAPPING))
        raise ConfigError(f"{names} rows stay {names} with the same mapping", hint="pass a new mapping with --mapping")
    return wanted
