"""The pages of what sends or tells of what was sent: run, retry, reconcile, report, status, rehearse; and --quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from importer.cli.help import exit_meaning
from importer.cli.output import (
    Styled,
    complain,
    heading,
    say,
    say_case_updates,
    say_causes,
    say_end,
    say_fields_set,
    say_files,
    say_in_short,
    say_prose,
    say_remarks,
    say_steps,
    say_totals,
    width,
)
from importer.errors import ExitCode
from importer.meaning import TO_FIX, meaning_of
from importer.models import State, clean
from importer.regions import is_sandbox, is_trial
from importer.report.next_steps import Step, next_steps
from importer.wording import are, carried, command_line, duration, plural

if TYPE_CHECKING:
    from importer.ledger.records import CompanionFile, RunLine
    from importer.pipeline.rehearsal import Rehearsal
    from importer.pipeline.results import RunResult, Status
    from importer.quality.mapping_checks import NotesUse
    from importer.report import Reports, Summary


def say_run(result: RunResult, mapping: str | None = None, *, limited: bool = False) -> None:
    """Print how a run ended; ``mapping`` as it was given, for the next command; ``limited`` if it had ``--limit``."""
    trial = "trial in the embedded sandbox (nothing left this machine)"
    _say_title(result, trial if is_sandbox(result.target) else str(result.target))
    _say_outcome(result, trial=is_trial(result.target))
    say_steps(_next_steps(result, mapping, limited=limited))
    say_files(_files(result))
    say_end(result.exit_code, _meaning(result), result.error)


def _meaning(result: RunResult) -> str:
    """What an exit code means here: it may be about case updates alone."""
    totals, updates = result.totals, result.case_updates
    if result.exit_code is ExitCode.ROWS_FAILED and updates.refused and not totals.invalid + totals.refused:
        return "finished, but some case updates were refused"
    if result.exit_code is ExitCode.UNKNOWN_OUTCOME and updates.unknown and not totals.unknown + totals.sending:
        return "finished, but some case updates have an unknown outcome: run reconcile"
    return exit_meaning(result.exit_code)


def _say_title(result: RunResult, where: str) -> None:
    title, how = f"{result.source} → {where}", f"mapping {result.mapping}, {duration(result.seconds)}"
    if len(title) + len(how) + 2 <= width():
        say(Styled(title, bold=True), f", {how}")
    else:
        say_prose(title, bold=True)
        say_prose(how)


def _say_outcome(result: RunResult, *, trial: bool) -> None:
    say_remarks(result.notes, half_read=result.half_read, put_back=result.put_back)
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

    can_be_fixed = True
    if result.command == "retry":  # nothing of it is typed, or read just now
        with LedgerView(Path(result.ledger)) as view:
            mapping, can_be_fixed = mapping or view.last_mapping(), view.has_rows_to_fix()
    reports, ended = result.reports, (ExitCode.TEMPORARY, ExitCode.INTERRUPTED, ExitCode.TERMINATED)
    is_round = result.command in ("run", "retry")
    failures = (*reports.workbooks, *reports.failures) if is_round else ()
    written = reports.page or reports.summary
    return next_steps(
        result,
        mapping=mapping or result.mapping,
        ledger=result.ledger,
        failures=failures[0] if failures else None,
        folder=written.parent if written and is_round and can_be_fixed else None,
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


def say_quietly(result: RunResult) -> None:
    """Print one line to standard error if something is wrong: the exit code, how many rows, and what to open or do."""
    say_in_short(result.exit_code, _in_short(result), result.error)


def _in_short(result: RunResult) -> str:
    totals, updates = result.totals, result.case_updates
    reports = result.reports
    elsewhere = "the reports that --out keeps" if result.command == "rehearse" else "case-importer report"
    first = reports.page or reports.results or reports.summary or elsewhere
    to_fix = (*reports.failures, *reports.workbooks)
    failures = to_fix[0] if to_fix else first
    fix = f"fix them in {failures}" if to_fix else f"see {first}"
    reconcile = f"run {command_line(['case-importer', 'reconcile', '--ledger', result.ledger])}"
    settle = f"see {first}" if result.command == "rehearse" else reconcile  # whose sandbox is gone
    failed = totals.invalid + totals.refused
    waiting = totals.waiting if not failed and not totals.pending else 0
    names = " or ".join(state for state in TO_FIX if totals.counts[state])
    shorts = {
        ExitCode.ROWS_FAILED: (
            (failed, f"{{are}} {names}: {fix}"),
            (waiting, f"{{are}} waiting for a parent row that is not a case: see {failures}"),
            (totals.pending, f"{{are}} suppressed, because similar rows were refused: see {first}"),
        ),
        ExitCode.UNKNOWN_OUTCOME: ((totals.unknown + totals.sending, f"{{have}} an unknown outcome: {settle}"),),
        ExitCode.TEMPORARY: ((totals.pending + totals.waiting, "{are} not sent yet: run the same command again"),),
        ExitCode.DUPLICATE: ((totals.duplicate, f"{{have}} two or more cases: see {failures}, then run resolve"),),
    }
    for count, text in shorts.get(result.exit_code, ()):
        if count:
            text = text.format(are=are(count), have="has" if count == 1 else "have")
            return f"{count:,} of {plural(totals.read, 'row')} {text}"
    if open_updates := updates.refused + updates.unknown + updates.open:
        return f"{carried(open_updates)} not delivered: see {reports.case_updates or first}"
    return exit_meaning(result.exit_code)


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
    _say_title(run, f"trial in a {rehearsal.profile} sandbox (nothing left this machine)")
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


def say_rehearsal_quietly(rehearsal: Rehearsal) -> None:
    """As :func:`say_quietly`, for a rehearsal, whose files are gone unless they are kept."""
    if rehearsal.exit_code is ExitCode.TOO_LONG:
        time = duration(rehearsal.forecast_seconds)
        say_in_short(rehearsal.exit_code, f"the real run takes about {time}, which {_verdict(rehearsal)}")
    else:
        say_quietly(rehearsal.run)
