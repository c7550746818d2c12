"""The verbs that need a ledger and nothing else: no export, no network, and none of the libraries for them.

So they answer at once, also in a loop of somebody who watches a run. Those that take a while exist twice: a plain
function (``report``) and a coroutine (``report_async``), which runs it in a thread.
"""

from __future__ import annotations

import os
from pathlib import Path

from importer.delivery.resolution import Decision, NotesDecision, notes_resolution, resolution
from importer.errors import ConfigError, ExitCode
from importer.ledger import Ledger, LedgerView
from importer.ledger.additions import resolve_addition, stuck_states
from importer.models import AdditionState, State
from importer.plain import in_thread
from importer.report import summary_of, unlinked_remarks, write_reports
from importer.results import RunResult, Status, known, run_result, write_summary

StrPath = str | os.PathLike[str]


def existing(ledger: StrPath) -> Path:
    """The path of a ledger that is there.

    Raises:
        LedgerError: there is none: a ledger that is not there must not be made by accident.
    """
    path = Path(ledger)
    LedgerView(path).close()
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
    """Settle a row in doubt because a person looked; the reason and the person stay in the history.

    Args:
        ledger: The ledger.
        key: Key of the row.
        decision: ``created`` (then with ``case_id``), ``resend`` or ``drop``.
        reason: Why; for those who read the books later.
        case_id: The case that the row became.

    Returns:
        The state that the row stands in now.

    Raises:
        ConfigError: no row with this key is in doubt, or the case belongs to another row.
    """
    outcome = resolution(decision, reason=reason, case_id=case_id)
    with Ledger(existing(ledger), verb="resolve") as open_ledger:
        if case_id is not None and open_ledger.has_case(case_id):
            raise ConfigError(f"case {case_id} belongs to another row", hint="look at the case once more")
        stood = open_ledger.states_of(key)
        if decision == "resend" and State.DUPLICATE in stood:
            raise ConfigError(f"the row {key!r} has several cases already", hint="choose one with --created, or --drop")
        if decision == "resend" and open_ledger.is_forgotten(key):
            what = f"the texts of the row {key!r} were forgotten, so it cannot be sent again"
            raise ConfigError(what, hint="--drop it, then import it from a file once more")
        if not open_ledger.resolve(key, outcome):
            states = ", ".join(stood) or "not in this ledger"
            raise ConfigError(f"the row {key!r} is not in doubt: {states}", hint="see case-importer status")
        open_ledger.exit_code = ExitCode.OK
    return outcome.state


def resolve_notes(ledger: StrPath, key: str, decision: NotesDecision, *, reason: str) -> AdditionState:
    """Settle notes that may have followed their case, or were refused, because a person looked.

    Args:
        ledger: The ledger.
        key: Key of the row whose case it is.
        decision: ``delivered``: the case has them, by whatever way; ``not_delivered``: it has none of them, send them;
            ``dropped``: nobody is to send them.
        reason: Why; for those who read the books later.

    Returns:
        The state that these notes stand in now. Notes behind them are sent by the next run.

    Raises:
        ConfigError: the row has no case, or no notes of it are in doubt or were refused.
    """
    taken = notes_resolution(decision, reason=reason)
    with Ledger(existing(ledger), verb="resolve") as open_ledger:
        stuck = next(stuck_states(open_ledger, key), None)
        if stuck is None:
            raise ConfigError(
                f"no notes of the row {key!r} are in doubt or were refused", hint="see open-notes.csv in the reports"
            )
        resolve_addition(open_ledger, key, stuck, taken)
        open_ledger.exit_code = ExitCode.OK
    return taken.state


status_async = in_thread(status)
report_async = in_thread(report)
