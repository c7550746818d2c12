"""The verbs that need only a ledger: no export, no network, and none of the libraries for them, so they answer at once.

Those that take a while exist twice: a plain function (``report``) and a coroutine (``report_async``).
"""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from importer.errors import ConfigError, ExitCode, LedgerError
from importer.ledger import Ledger, LedgerView, decisions
from importer.ledger import forget as dropping
from importer.ledger.database import open_read_only
from importer.ledger.records import Outcome, UpdateOutcome
from importer.models import CASE_ID, CaseUpdateState, State, StrPath, clean
from importer.pipeline.results import RunResult, Status, fields_of, write_summary
from importer.plain import in_thread
from importer.report import ReportOptions, summary_of, unlinked_remarks, write_reports
from importer.report.files import reporting
from importer.wording import command_line

Decision = Literal["created", "resend", "drop"]
UpdateDecision = Literal["done", "not_done", "dropped"]

_ROWS = {"created": State.CREATED, "resend": State.PENDING, "drop": State.SKIPPED}
_UPDATES = {
    "done": CaseUpdateState.DONE,
    "not_done": CaseUpdateState.PENDING,
    "dropped": CaseUpdateState.DROPPED,
}
_FINISHED = (State.CREATED, State.SKIPPED)
_FAILED = (State.INVALID, State.REFUSED)


def existing_ledger(ledger: StrPath) -> Path:
    """The path of a ledger, which must exist: one must not be made by accident.

    Raises:
        LedgerError: there is no ledger at this path.
    """
    path = Path(ledger)
    open_read_only(path).close()
    return path


def status(ledger: StrPath, *, runs: bool = False) -> Status:
    """How many rows of a ledger are in each state, and with ``runs`` each time that it was used; it may be in use.

    Raises:
        LedgerError: it cannot be read.
    """
    with LedgerView(Path(ledger)) as view:
        return Status(**fields_of(summary_of(view)), runs=tuple(view.runs()) if runs else ())


def report(ledger: StrPath, out: StrPath, *, options: ReportOptions | None = None) -> RunResult:
    """Write the reports of a whole ledger into ``out``, from the ledger alone.

    The exit code is that of writing them: 8 if the totals do not match, else 0.

    Raises:
        LedgerError: the ledger cannot be read.
        ReportError, ConfigError: see :func:`importer.report.write_reports`.
    """
    reports, summary = write_reports(Path(ledger), Path(out), options=options)
    code = ExitCode.OK if summary.totals.match else ExitCode.LEDGER
    result = RunResult(
        **fields_of(summary),
        exit_code=code,
        meaning=code.name.lower(),
        error=None,
        seconds=0.0,
        command="report",
        source=Path(ledger).name,
        mapping="as before",
        reports=reports,
        notes=unlinked_remarks(summary.links_not_made),
    )
    with reporting(Path(ledger), Path(out)):
        write_summary(result, reports.summary)
    return result


# -- decisions -------------------------------------------------------------------------------------------


def resolve(ledger: StrPath, key: str, decision: Decision, *, reason: str, case_id: str | None = None) -> State:
    """Settle a row with an unknown outcome; the reason and the user's name stay in the history.

    Args:
        ledger: The ledger.
        key: Key of the row.
        decision: ``created`` (then with ``case_id``), ``resend`` or ``drop``.
        reason: Why; for those who read the history later.
        case_id: The case that the row became.

    Returns:
        The new state of the row.

    Raises:
        ConfigError: no row with this key has an unknown outcome, or the case id is none or that of another row.
    """
    if (decision == "created") != (case_id is not None):
        raise ConfigError("--created requires a case id, and no other decision accepts one")
    if case_id is not None and not re.fullmatch(CASE_ID, case_id):
        raise ConfigError(f"{clean(case_id)!r} is not a case id", hint="give the number alone, as in --created 4711")
    outcome = Outcome(_ROWS[decision], case_id, None, "resolved", _signed(reason))
    with Ledger(existing_ledger(ledger), verb="resolve") as opened:
        if case_id is not None and opened.has_case(case_id):
            raise ConfigError(f"case {case_id} already belongs to another row", hint="check the case id")
        states = decisions.states_of(opened, key)
        if decision == "resend" and State.DUPLICATE in states:
            hint = "choose one with --created ID, or use --drop"
            raise ConfigError(f"row {key!r} already has several cases", hint=hint)
        if decision == "resend" and decisions.is_forgotten(opened, key):
            what = f"the contents of row {key!r} were deleted, so it cannot be sent again"
            raise ConfigError(what, hint="use --drop, then import the row from a file again")
        if not decisions.resolve(opened, key, outcome):
            found = f"state: {', '.join(states)}" if states else "key not in this ledger"
            what = f"row {key!r} does not have an unknown outcome ({found})"
            raise ConfigError(what, hint=f"see: {command_line(['case-importer', 'status', '--ledger', str(ledger)])}")
        opened.exit_code = ExitCode.OK
    return outcome.state


def resolve_update(ledger: StrPath, key: str, decision: UpdateDecision, *, reason: str) -> CaseUpdateState:
    """Settle a case update (notes sent later, fields set later) whose outcome is unknown or that was refused.

    Args:
        ledger: The ledger.
        key: Key of the row whose case it is.
        decision: ``done``: the case has what it carries; ``not_done``: it has nothing of it, send it; ``dropped``:
            do not send it.
        reason: Why; for those who read the history later.

    Returns:
        Its new state. Later updates of the case are sent by the next run.

    Raises:
        ConfigError: the row has no case, or no update of it is unknown or was refused.
    """
    outcome = UpdateOutcome(_UPDATES[decision], None, "resolved", _signed(reason))
    with Ledger(existing_ledger(ledger), verb="resolve") as opened:
        if not decisions.resolve_update(opened, key, outcome):
            what = f"row {key!r} has no case update that is unknown or refused"
            raise ConfigError(what, hint="see case-updates.csv in the reports")
        opened.exit_code = ExitCode.OK
    return outcome.state


def _signed(reason: str) -> str:
    if not reason.strip():
        raise ConfigError("a reason is missing", hint="pass --reason TEXT; it is stored in the history")
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers; ImportError: Windows
        user = "unknown user"
    return clean(f"{user}: {reason}")


# -- forgetting ------------------------------------------------------------------------------------------


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


status_async = in_thread(status)
report_async = in_thread(report)
forget_async = in_thread(forget)
