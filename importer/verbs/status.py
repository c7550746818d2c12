"""The verbs that need only a ledger: no export, no network, and none of the libraries for them, so they answer at once.

Those that take a while exist twice: a plain function (``report``) and a coroutine (``report_async``).
"""

from __future__ import annotations

from pathlib import Path

from importer.errors import ExitCode
from importer.files.whole import reporting
from importer.ledger import LedgerView
from importer.models import StrPath
from importer.report import ReportOptions, summary_of, unlinked_remarks, write_reports
from importer.verbs.plain import in_thread
from importer.verbs.results import RunResult, Status, fields_of, write_summary


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


# -- forgetting ------------------------------------------------------------------------------------------


status_async = in_thread(status)
report_async = in_thread(report)
