"""What a person reads at the end of a command. All text passes through here, so that it can be made safe once."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from importer.models import State
from importer.talkdesk.answers import clean

if TYPE_CHECKING:
    from importer.ledger import CauseCount
    from importer.rehearse import Rehearsal
    from importer.report import Balance, Following
    from importer.results import PreviewRow, RunResult, Status

_CAUSES_SHOWN = 10
COLOURS = {
    State.CREATED: "green",
    State.INVALID: "yellow",
    State.REFUSED: "red",
    State.UNKNOWN: "magenta",
    State.DUPLICATE: "red",
}
_MEANING = {
    State.INVALID: "do not fit; correct them in failures.csv or in the mapping",
    State.SKIPPED: "taken care of by another row",
    State.WAITING: "wait for the row above them to become a case",
    State.PENDING: "not sent yet; run the same command again",
    State.SENDING: "being sent",
    State.CREATED: "are cases now",
    State.REFUSED: "refused by Talkdesk; correct them in failures.csv",
    State.UNKNOWN: "may be cases; look them up before anything else",
    State.DUPLICATE: "have two or more cases; a person must decide",
}

_MEANING_OF_TRIAL = {
    State.CREATED: "trial: cases in the sandbox, not in Talkdesk",
    State.REFUSED: "trial: rejected by the sandbox; correct them in failures.csv",
}
_MEANING_OF_CHECK = {State.PENDING: "ready to be sent", State.WAITING: "sent as soon as the row above them is a case"}


def say(text: str = "", *, error: bool = False) -> None:
    """Print a line; a closed pipe is no reason to stop a run."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        click.echo(text.encode("utf-8", "replace").decode(), err=error)  # file names need not be Unicode


def complain(text: str) -> None:
    """Print why a command failed, to standard error."""
    first, _, rest = text.partition("\n")
    say(click.style("error: ", fg="red", bold=True) + first + (f"\n{rest}" if rest else ""), error=True)


def warn(text: str) -> None:
    """Print what the user should know although nothing has failed, to standard error."""
    say(click.style("warning: ", fg="yellow") + text, error=True)


def say_json(value: Any) -> None:
    """Print one JSON object."""
    import orjson

    say(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def say_balance(balance: Balance, *, sent: bool = True, is_trial: bool = False) -> None:
    """Print the books; in a trial nothing reached Talkdesk."""
    meanings = dict(_MEANING) if sent else {**_MEANING, **_MEANING_OF_CHECK}
    meanings |= _MEANING_OF_TRIAL if is_trial else {}
    say(f"  {balance.read:>9,}  rows read")
    for state, count, meaning in _lines(balance, meanings):
        if count:
            say(f"  {count:>9,}  {click.style(f'{state.value:<9}', fg=COLOURS.get(state))}  {meaning}")
    say_following(balance.following)
    terms = " + ".join(f"{balance.counts[state]:,} {state}" for state in State if balance.counts[state]) or "0"
    if balance.is_true:
        say(f"  The books balance: {balance.read:,} read = {terms}")
    else:
        complain(f"the books do not balance: {balance.read:,} read, but {terms}; please report this")


def _lines(balance: Balance, meanings: dict[State, str]) -> Iterator[tuple[State, int, str]]:
    for state in State:
        apart = balance.left_out if state is State.SKIPPED else 0
        yield state, balance.counts[state] - apart, meanings[state]
        yield state, apart, "left out by the mapping, on purpose"


def notes_line(file: str, notes: int, without_row: int | None, rows_without: int | None) -> str:
    """What a file of notes came to."""
    line = f"{clean(file, 60)}: {notes:,} note{'s' * (notes != 1)}"
    if without_row is None:
        return line
    orphans = click.style(f"{without_row:,} of no row", fg="yellow" if without_row else None)
    return f"{line}, {orphans}; {rows_without:,} row{'s' * (rows_without != 1)} without a note"


def say_following(following: Following) -> None:
    """Print what became of the notes for which the first call had no room; nothing if there are none."""
    if following.later:
        say(f"  {following.later:>9,}  notes follow by updates, once their rows are cases")
    if not following.total:
        return
    words = (
        (following.open, "not sent yet; run the same command again"),
        (following.refused, "refused, see open-notes.csv"),
        (following.unknown, "in doubt: reconcile, then resolve"),
        (following.held, "held back behind these"),
        (following.dropped, "dropped by a person"),
    )
    rest = "".join(f"; {count:,} {word}" for count, word in words if count)
    say(f"  Notes that follow: {following.done:,} of {following.total:,} delivered{rest}")


def say_causes(causes: Iterable[CauseCount]) -> None:
    """Print why rows are not created, most frequent cause first."""
    shown = [cause for cause in causes if cause.code is not None]  # what merely waits for its turn has no cause
    if not shown:
        return
    say("\nWhy rows did not become cases:")
    for cause in shown[:_CAUSES_SHOWN]:
        state = click.style(cause.state, fg=COLOURS.get(cause.state))
        say(f"  {cause.records:>9,}  {state} · {cause.code or '?'} · first in row {cause.first_row}")
        if cause.example:
            say(f"{'':13}{clean(cause.example, width() - 13)}")
    if len(shown) > _CAUSES_SHOWN:
        say(f"  … and {len(shown) - _CAUSES_SHOWN} more causes, see summary.json")


def say_notes(notes: Iterable[str]) -> None:
    """Print what the reader found worth saying."""
    for note in notes:
        say(f"  note: {note}")


def say_put_back(cells: int) -> None:
    """Print how much of a failures file was left as it had been; nothing if nobody opened it in a spreadsheet."""
    if cells:
        were, they = ("cell had", "it was") if cells == 1 else ("cells had", "they were")
        say(f"  info: {cells:,} {were} been changed by the spreadsheet, not by you; {they} put back")


def say_half_read(names: Iterable[str]) -> None:
    """Print which files are not in the books yet."""
    for name in names:
        say(f"  note: reading {name} was cut short, unless a run is reading it now; it is read again on the next run")


def say_run(result: RunResult) -> None:
    """Print how a run ended."""
    say_outcome(result)
    say(f"\nReports: {result.reports.results}  (every row)")
    for path in result.reports.failures:
        say(f"         {path}  (rows to correct, with your own columns)")
    for path in result.reports.orphans:
        say(f"         {path}  (notes of no row, with your own columns)")
    if result.reports.open_notes is not None:
        say(f"         {result.reports.open_notes}  (notes that did not follow their cases)")
    say(f"         {result.reports.summary}  (for scripts)")
    say(f"Ledger:  {result.ledger}  (the same command again goes on from here)")
    if result.error is not None:
        complain(str(result.error))


def say_outcome(result: RunResult, where: str = "") -> None:
    """Print what became of the rows, and ``where``, if that is another sandbox than the embedded one."""
    is_trial = bool(where) or result.target == "sandbox"
    if not where:
        where = "trial in the embedded sandbox (nothing left this machine)" if is_trial else result.target
    say(click.style(f"{result.source} → {where}", bold=True) + f"  (mapping {result.mapping}, {_time(result.seconds)})")
    say_notes(result.notes)
    say_put_back(result.put_back)
    say_half_read(result.reports.half_read)
    say_balance(result.reports.balance, is_trial=is_trial)
    for notes in result.reports.notes:
        say(f"  {notes_line(notes.file, notes.rows, notes.without_row, notes.rows_without)}")
    say_causes(result.reports.causes)


def say_rehearsal(rehearsal: Rehearsal, *, kept: bool) -> None:
    """Print what a rehearsal showed, and the forecast."""
    run = rehearsal.run
    say_outcome(run, f"trial in a {rehearsal.profile} sandbox (nothing left this machine)")
    if run.error is not None:
        complain(str(run.error))
    total = sum(rehearsal.requests.values())
    kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(rehearsal.requests.items()))
    say(f"\nRehearsed against a {rehearsal.profile} sandbox: {total:,} requests ({kinds}).")
    say(f"At {rehearsal.rate:g} requests a second the real run takes about {_time(rehearsal.forecast)}.")
    if rehearsal.window is not None:
        verdict = "fits" if rehearsal.fits else "does not fit"
        share = rehearsal.forecast / rehearsal.window if rehearsal.window else float("inf")
        say(f"That {verdict} into {_time(rehearsal.window)} ({share:.0%}).")
    if kept:
        say(f"Reports of the rehearsal: {run.reports.results.parent}")


def width() -> int:
    """Columns of the terminal; where there is none, room for a whole sentence."""
    return max(60, shutil.get_terminal_size((200, 24)).columns)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def say_status(status: Status) -> None:
    """Print how a ledger stands."""
    say(f"Ledger {status.ledger_id}, target {status.target or 'not chosen yet'}, {status.requests:,} requests sent")
    if status.refusals:
        told = ", ".join(f"{count:,} × HTTP {code}" for code, count in status.refusals.items())
        say(f"  not successful: {told}")
    for source in status.sources:
        say(f"  {source.name}: {source.rows:,} rows, mapping {source.mapping_name}")
    say_half_read(status.half_read)
    say_balance(status.balance, is_trial=is_trial_target(status.target))
    say_causes(status.causes)


def say_preview(rows: Iterable[PreviewRow]) -> None:
    """Print rows as they would be sent."""
    import orjson

    for row in rows:
        if row.left_out is not None:
            say(click.style(f"row {row.row} · key {row.key or '(none)'} · left out", bold=True))
            say(f"  {clean(row.left_out, 400)}")
        elif row.body is not None:
            say(click.style(f"row {row.row} · key {row.key}", bold=True))
            for number, body in enumerate((row.body, *row.additions)):
                if number:
                    say(click.style(f"row {row.row} · update {number}, once it is a case", bold=True))
                say(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode())
                if not number:
                    _say_parent(row)
        else:
            say(click.style(f"row {row.row} · key {row.key or '(none)'} · invalid", fg="yellow", bold=True))
            for error in row.errors:
                say(f"  {clean(str(error), 400)}")


def _say_parent(row: PreviewRow) -> None:
    if row.parent is not None:
        where = "no row of this file" if row.parent_row is None else f"row {row.parent_row}"
        say(f"  parent_id: the case of {clean(row.parent, 80)!r} ({where})")


def is_trial_target(target: str | None) -> bool:
    """Whether a ledger belongs to an embedded sandbox."""
    return target is not None and target.startswith("sandbox:")


def is_terminal() -> bool:
    """Whether somebody is watching."""
    return sys.stderr is not None and sys.stderr.isatty()
