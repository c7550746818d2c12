"""The verbs that need a ledger and nothing else: no export, no network, and none of the libraries for them.

So they answer at once, also in a loop of somebody who watches a run. Those that take a while exist twice: a plain
function (``report``) and a coroutine (``report_async``), which runs it in a thread.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Literal

from importer.errors import ConfigError, ExitCode
from importer.ledger import Ledger, LedgerView, Outcome, UpdateOutcome, decisions
from importer.ledger.case_updates import resolve_update, stuck_states
from importer.ledger.database import open_read_only
from importer.models import CaseUpdateState, State, clean
from importer.pipeline.results import RunResult, Status, known, run_result, write_summary
from importer.plain import in_thread
from importer.report import summary_of, unlinked_remarks, write_reports

StrPath = str | os.PathLike[str]
Decision = Literal["created", "resend", "drop"]
NotesDecision = Literal["delivered", "not_delivered", "dropped"]

_NOTES = {
    "delivered": CaseUpdateState.DONE,
    "not_delivered": CaseUpdateState.PENDING,
    "dropped": CaseUpdateState.DROPPED,
}


def existing(ledger: StrPath) -> Path:
    """The path of a ledger that is there.

    Raises:
        LedgerError: there is none: a ledger that is not there must not be made by accident.
    """
    path = Path(ledger)
    open_read_only(path).close()
    return path


def status(ledger: StrPath) -> Status:
    """How a ledger stands; it may be in use.

    Raises:
        LedgerError: it cannot be read.
    """
    with LedgerView(Path(ledger)) as view:
        return Status(**known(summary_of(view)))


def report(ledger: StrPath, out: StrPath) -> RunResult:
    """Write the reports of a whole ledger into ``out``, from the ledger alone.

    The exit code is that of writing them: 8 if the totals do not match, else 0.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: a file cannot be written.
    """
    reports, summary = write_reports(Path(ledger), Path(out))
    result = run_result(
        summary,
        ExitCode.OK if summary.totals.match else ExitCode.LEDGER,
        command="report",
        source=Path(ledger).name,
        mapping="as before",
        reports=reports,
        notes=unlinked_remarks(summary.links_not_made),
    )
    write_summary(result)
    return result


def resolve(ledger: StrPath, key: str, decision: Decision, *, reason: str, case_id: str | None = None) -> State:
    """Settle a row with an unknown outcome because a person looked; the reason and the person stay in the history.

    Args:
        ledger: The ledger.
        key: Key of the row.
        decision: ``created`` (then with ``case_id``), ``resend`` or ``drop``.
        reason: Why; for those who read the history later.
        case_id: The case that the row became.

    Returns:
        The state that the row stands in now.

    Raises:
        ConfigError: no row with this key has an unknown outcome, or the case belongs to another row.
    """
    outcome = _resolution(decision, reason=reason, case_id=case_id)
    with Ledger(existing(ledger), verb="resolve") as open_ledger:
        if case_id is not None and open_ledger.has_case(case_id):
            raise ConfigError(f"case {case_id} belongs to another row", hint="look at the case once more")
        stood = decisions.states_of(open_ledger, key)
        if decision == "resend" and State.DUPLICATE in stood:
            raise ConfigError(f"the row {key!r} has several cases already", hint="choose one with --created, or --drop")
        if decision == "resend" and decisions.is_forgotten(open_ledger, key):
            what = f"the texts of the row {key!r} were forgotten, so it cannot be sent again"
            raise ConfigError(what, hint="--drop it, then import it from a file once more")
        if not decisions.resolve(open_ledger, key, outcome):
            states = ", ".join(stood) or "not in this ledger"
            raise ConfigError(
                f"row {key!r} does not have an unknown outcome: {states}", hint="see case-importer status"
            )
        open_ledger.exit_code = ExitCode.OK
    return outcome.state


def resolve_notes(ledger: StrPath, key: str, decision: NotesDecision, *, reason: str) -> CaseUpdateState:
    """Settle notes that may have followed their case, or were refused, because a person looked.

    Args:
        ledger: The ledger.
        key: Key of the row whose case it is.
        decision: ``delivered``: the case has them, by whatever way; ``not_delivered``: it has none of them, send them;
            ``dropped``: nobody is to send them.
        reason: Why; for those who read the history later.

    Returns:
        The state that these notes stand in now. Notes behind them are sent by the next run.

    Raises:
        ConfigError: the row has no case, or no notes of it are unknown or were refused.
    """
    outcome = UpdateOutcome(_NOTES[decision], None, "resolved", _signed(reason))
    with Ledger(existing(ledger), verb="resolve") as open_ledger:
        stuck = next(stuck_states(open_ledger, key), None)
        if stuck is None:
            raise ConfigError(
                f"no notes of row {key!r} are unknown or were refused", hint="see open-notes.csv in the reports"
            )
        resolve_update(open_ledger, key, stuck, outcome)
        open_ledger.exit_code = ExitCode.OK
    return outcome.state


def _resolution(decision: Decision, *, reason: str, case_id: str | None) -> Outcome:
    """The outcome of a person's decision, with who decided and why."""
    message = _signed(reason)
    if (decision == "created") != (case_id is not None):
        raise ConfigError("a case id belongs to --created, and only to it")
    if decision == "created":
        return Outcome(State.CREATED, case_id, None, "resolved", message)
    return Outcome(State.PENDING if decision == "resend" else State.SKIPPED, None, None, "resolved", message)


def _signed(reason: str) -> str:
    if not reason.strip():
        raise ConfigError("a reason is missing", hint="say with --reason why; it stays in the history")
    return clean(f"{_who()}: {reason}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers; ImportError: Windows
        return "somebody"


status_async = in_thread(status)
report_async = in_thread(report)
