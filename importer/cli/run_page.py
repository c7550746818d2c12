"""The pages of what sends or tells of what was sent: run, retry, reconcile, report, status, rehearse; and --quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from importer.cli.help import exit_meaning
from importer.cli.output import (
    KEPT,
    Styled,
    complain,
    heading,
    say,
    say_case_updates,
    say_causes,
    say_end,
    say_fields_set,
    say_files,
    say_remarks,
    say_steps,
    say_title,
    say_totals,
)
from importer.errors import ExitCode
from importer.models import State
from importer.report.next_steps import Step, next_steps
from importer.talkdesk.addresses import is_trial
from importer.text.meaning import FAILED, meaning_of
from importer.text.safe import clean
from importer.text.wording import are, carried, command_line, duration, plural

if TYPE_CHECKING:
    from importer.checks.mapping_checks import NotesUse
    from importer.ledger.lines import RunLine
    from importer.ledger.records import CompanionFile
    from importer.report import Reports, Summary
    from importer.verbs.rehearse import Rehearsal
    from importer.verbs.results import RunResult, Status


def say_run(result: RunResult, mapping: str | None = None, *, limited: bool = False) -> None:
    """Print how a run ended; ``mapping`` as it was given, for the next command; ``limited`` if it had ``--limit``."""
    say_title(result.source, result.target, _how(result))
    _say_outcome(result, trial=is_trial(result.target))
    say_steps(_next_steps(result, mapping, limited=limited))
    say_files(_files(result))
    say_end(result, _meaning(result))


def _how(result: RunResult) -> str:
    return f"mapping {result.mapping}, {duration(result.seconds)}"


def _meaning(result: RunResult) -> str:
    """What an exit code means if it is about case updates alone; empty if it means what it usually does."""
    totals, updates = result.totals, result.case_updates
    if result.exit_code is ExitCode.ROWS_FAILED and updates.refused and not totals.invalid + totals.refused:
        return "finished, but some case updates were refused"
    if result.exit_code is ExitCode.UNKNOWN_OUTCOME and updates.unknown and not totals.unknown + totals.sending:
        return "finished, but some case updates have an unknown outcome: run reconcile"
    return ""


def _say_outcome(result: RunResult, *, trial: bool) -> None:
    warnings = (f"warning: {text}" for text in result.warnings)
    say_remarks((*result.notes, *warnings), half_read=result.half_read, put_back=result.put_back)
    meanings = {}
    now = result.moved.get(State.CREATED, 0)
    before = result.totals.created - now
    if before and result.command != "rebuild":  # some rows were cases before this run; all that it finds were
        created = meaning_of(State.CREATED, result.totals.created, trial=trial)
        meanings[State.CREATED] = f"{created} ({now:,} now, {before:,} before)"
    say_totals(result.totals, result.causes, meanings, trial=trial)
    say_case_updates(result.case_updates)
    say_fields_set(result.fields_set)
    for notes in (notes for source in result.sources for notes in source.note_files):
        line = notes_line(notes)
        say(line._replace(text=f"  {line.text}"))
    say_causes(result.causes)


def notes_line(notes: CompanionFile | NotesUse) -> Styled:
    """How the notes of a companion file match the rows; yellow if some match none."""
    line = f"{clean(notes.file, 60)}: {plural(notes.rows, 'note')}"
    if notes.without_row is None:
        return Styled(line)
    line += f", {notes.without_row:,} match no row; {plural(notes.rows_without or 0, 'row')} without a note"
    return Styled(line, "yellow" if notes.without_row else None)


def _next_steps(result: RunResult, mapping: str | None, *, limited: bool) -> Iterator[Step]:
    from importer.ledger import LedgerView  # only now: --help must not wait for the ledger

    can_be_fixed = result.command == "run"
    if result.command == "retry":  # nothing of it is typed, or read just now
        with LedgerView(Path(result.ledger)) as view:
            mapping, can_be_fixed = mapping or view.last_mapping(), view.has_rows_to_fix()
    ended = (ExitCode.TEMPORARY, ExitCode.INTERRUPTED, ExitCode.TERMINATED)
    return next_steps(
        result,
        result.reports,
        mapping=mapping or result.mapping,
        can_be_fixed=can_be_fixed,
        rebuilt_from=result.source if result.command == "rebuild" else None,
        verb=None if result.exit_code is ExitCode.USAGE else result.command,
        limited=limited and result.exit_code not in ended,  # else it was not the limit that left rows
    )


def _files(result: RunResult) -> list[tuple[object, str]]:
    """Where the files are; the first is the one to open first."""
    reports = result.reports
    return [
        (reports.page, "open this first: what arrived, what failed and why"),
        (reports.results, "every row"),
        (reports.id_map, "old key, case id and link of every case"),
        *((path, "rows to fix or decide, with your columns") for path in reports.failures),
        *((path, _workbook_line(reports)) for path in reports.workbooks),
        *((path, KEPT) for path in reports.kept),
        *((path, "notes that match no row, with your columns") for path in reports.orphans),
        (reports.case_updates, "notes and fields to look at"),
        (reports.verified, "how each case compares with what was sent"),
        (reports.summary, "for scripts"),
        (result.ledger, "state of the import; keep it until sign-off"),
    ]


def _workbook_line(reports: Reports) -> str:
    beyond = reports.beyond_workbooks
    more = f"; {plural(beyond, 'row')} {are(beyond)} only in the CSV file" if beyond else ""
    return f"the same rows as a workbook, wrong cells marked{more}"


def in_short(result: RunResult) -> str:
    """How many rows are in which state, and what to open or do."""
    reports, updates = result.reports, result.case_updates
    is_kept = result.command != "rehearse" or reports.page is not None  # else its files, and its sandbox, are gone
    first = reports.page or reports.results or reports.summary
    see = f"see {first or 'case-importer report'}" if is_kept else "see the reports that --out keeps"
    failures = next(iter((*reports.failures, *reports.workbooks)), None)
    reconcile = command_line(["case-importer", "reconcile", "--ledger", result.ledger])
    if updates.undelivered and not any(result.totals.counts[state] for state in FAILED):
        place = f"see {reports.case_updates}" if reports.case_updates else see
        return f"{carried(updates.undelivered)} not delivered: {place}"
    can_be_fixed = failures and result.totals.invalid + result.totals.refused  # others wait, or are suppressed
    to_do = {
        ExitCode.ROWS_FAILED: f"fix them in {failures}" if can_be_fixed else see,
        ExitCode.UNKNOWN_OUTCOME: see if result.command == "rehearse" else f"run {reconcile}",
        ExitCode.TEMPORARY: "run the same command again",
        ExitCode.DUPLICATE: f"{f'see {failures}' if failures else see}, then run resolve",
    }
    kept = f" (kept, because it was changed: {', '.join(map(str, reports.kept))})" if reports.kept else ""
    return f"{_figures(result)}: {to_do.get(result.exit_code, exit_meaning(result.exit_code))}{kept}"


def _figures(result: RunResult) -> str:
    """The totals, and how many of the cases are new if some were there before."""
    now = result.moved.get(State.CREATED, 0)
    is_told = result.command == "run" and now < result.totals.created
    return f"{result.totals.equation} ({now:,} created now)" if is_told else result.totals.equation


def in_one_line(result: RunResult) -> str:
    """What --quiet says: nothing if nothing must be known."""
    said = [in_short(result)] if result.exit_code else []
    return "; ".join([*said, *result.warnings])


def say_report(result: RunResult) -> None:
    """Print what the reports say, and where they are."""
    _say_figures(result)
    say_files(_files(result))


def _say_figures(summary: Summary) -> None:
    say_remarks((), half_read=summary.half_read)
    say_totals(summary.totals, summary.causes, trial=is_trial(summary.target))
    say_case_updates(summary.case_updates)
    say_fields_set(summary.fields_set)


def say_status(status: Status) -> None:
    """Print how many rows of a ledger are in each state, and why."""
    requests = plural(status.requests, "request")
    say(f"Ledger {status.ledger_id} · target: {status.target or 'none yet'} · {requests} sent")
    if status.refusals:
        say(f"  failed requests: {', '.join(f'{n:,} × HTTP {code}' for code, n in status.refusals.items())}")
    for source in status.sources:
        say(f"  {source.name}: {plural(source.rows, 'row')}, mapping {source.mapping}")
    _say_figures(status)
    say_causes(status.causes)
    _say_runs(status.runs)


def _say_runs(runs: Sequence[RunLine]) -> None:
    """Print a line for each run, which fits into 80 columns."""
    if not runs:
        return
    heading("Runs (times in UTC)")
    say(f"{'no.':>4} {'command':<10}{'started':<17}{'ended':<17}exit created refused unknown")
    for run in runs:
        start, end = (_minute(time) for time in (run.started_at, run.ended_at))
        code = "-" if run.exit_code is None else str(run.exit_code)
        counts = "".join(f"{run.rows.get(state, 0):>8,}" for state in (State.CREATED, State.REFUSED, State.UNKNOWN))
        say(f"{run.id:>4} {run.command:<10}{start:<17}{end:<17}{code:>4}{counts}")


def _minute(time: str | None) -> str:
    return "not ended" if time is None else time[:16].replace("T", " ")


def say_rehearsal(rehearsal: Rehearsal, *, kept: bool) -> None:
    """Print what a rehearsal showed, and the estimate."""
    run = rehearsal.run
    say_title(run.source, f"trial in a {rehearsal.profile} sandbox (nothing left this machine)", _how(run))
    _say_outcome(run, trial=True)
    if run.error is not None:
        complain(str(run.error))
    kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(rehearsal.requests.items()))
    total = plural(sum(rehearsal.requests.values()), "request")
    say()
    say(f"Rehearsal ({rehearsal.profile} profile): {total} ({kinds}).")
    time = duration(rehearsal.forecast_seconds)
    say(f"At {rehearsal.rate:g} requests per second, the real run takes about {time}.")
    if rehearsal.window_seconds is not None:
        say(f"That {_verdict(rehearsal)}.")
    if kept:
        say(f"Rehearsal reports: {run.reports.page}")


def _verdict(rehearsal: Rehearsal) -> str:
    window = rehearsal.window_seconds or 0
    share = rehearsal.forecast_seconds / window if window else float("inf")
    return f"{'fits' if rehearsal.fits else 'does not fit'} into {duration(window)} ({share:.0%})"


def rehearsal_in_short(rehearsal: Rehearsal) -> str:
    """As :func:`in_short`, for a rehearsal, whose files are gone unless they are kept."""
    if rehearsal.exit_code is not ExitCode.TOO_LONG:
        return in_short(rehearsal.run)
    return f"the real run takes about {duration(rehearsal.forecast_seconds)}, which {_verdict(rehearsal)}"
