"""Deletes the contents of the rows of a finished import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.errors import ConfigError, ExitCode, LedgerError
from importer.ledger import Ledger, LedgerView
from importer.ledger import contents as dropping
from importer.models import State, StrPath
from importer.verbs.plain import in_thread

_FINISHED = (State.CREATED, State.SKIPPED)


_FAILED = (State.INVALID, State.REFUSED)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted."""

    rows: int  #: that lost their cells, bodies and errors
    kept: int  #: that still have them, because they may be needed
    bytes_before: int  #: of the ledger, its log included
    bytes_after: int


def forget(ledger: StrPath, *, failed: bool = False) -> Forgotten:
    """Delete the contents of rows that are cases or were skipped; keys, states, case ids and history stay.

    Args:
        ledger: The ledger; no run may be going on.
        failed: Also of invalid and refused rows, which cannot be fixed or sent again afterwards.

    Raises:
        ConfigError: failed rows are to be forgotten, and others are not finished.
        LedgerError: the ledger cannot be read or written, or another program has it open.
    """
    path = Path(ledger)
    with LedgerView(path) as view:
        counts, half_read = view.counts(), view.half_read()
    states = (*_FINISHED, *_FAILED) if failed else _FINISHED
    named = [f"{counts[state]:,} {state} rows" for state in State if counts[state] and state not in states]
    named += [f"{name} was not read to the end" for name in half_read]
    if failed and named:
        raise ConfigError(
            f"the import is not finished: {', '.join(named)}",
            where=str(path),
            hint="finish these rows with retry, reconcile or resolve; or run forget without --failed",
        )
    before = dropping.size(path)
    with Ledger(path, verb="forget") as opened:
        rows, waiting = dropping.forget(opened, states), dropping.waiting(opened)
        is_whole = dropping.shrink(opened)
        opened.exit_code = ExitCode.OK if is_whole else ExitCode.LEDGER
    if not is_whole:
        raise LedgerError(
            f"{rows:,} rows deleted, but another program has the ledger open, so the file still contains them",
            where=str(path),
            hint="close that program, then run the same command again",
        )
    kept = waiting + sum(count for state, count in counts.items() if state not in states)
    return Forgotten(rows, kept, before, dropping.size(path))


forget_async = in_thread(forget)
