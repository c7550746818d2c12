"""How text gets to the terminal, and the parts that several pages have: remarks, totals, errors, commands to copy.

Everything is printed by :func:`say`, :func:`say_document` and :func:`say_command`, so that no character of a file, a
file name or a server can move the cursor, colour the screen or begin a line. Text is never a reason to stop.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from importer.cli.help import exit_meaning
from importer.errors import ExitCode
from importer.models import State
from importer.talkdesk.addresses import is_sandbox
from importer.text.meaning import UPDATES, meaning_of
from importer.text.safe import UNSAFE, clean
from importer.text.wording import carried, plural, printable, shell_word

if TYPE_CHECKING:
    from importer.ledger.causes import Cause
    from importer.ledger.records import FieldSet
    from importer.report import CaseUpdateTotals, Totals
    from importer.report.next_steps import Step
    from importer.verbs.results import Ended

COLOURS = {
    State.CREATED: "green",
    State.INVALID: "yellow",
    State.REFUSED: "red",
    State.UNKNOWN: "magenta",
    State.DUPLICATE: "red",
}
#: Of a check, which sends nothing.
OF_CHECK = {
    State.PENDING: "ready to send",
    State.WAITING: "sent after their parent row becomes a case",
    State.INVALID: "would not be sent",
    State.CREATED: "cases already",
}
_CAUSES_SHOWN = 10
#: A quoted value gets at most so much of a line: the reader needs the end of the sentence.
_VALUE_SHOWN = 32
_KEY_SHOWN = 40
#: Longer parts of a line lose their middle: our sentences end with what matters, and none of them is that long.
_LONGEST = 1000
#: What a table is that was not replaced.
KEPT = "kept: changed since it was written, or open in another program"
#: Columns that a count and a state take.
_COUNT_ROOM = 21


class Styled(NamedTuple):
    """A part of a line with a colour."""

    text: str
    colour: str | None = None
    bold: bool = False


def say(*parts: str | Styled, error: bool = False) -> None:
    """Print one line, whatever the parts contain; what a terminal would obey becomes a space."""
    line = ""
    for part in parts:
        if isinstance(part, Styled):
            line += click.style(one_line(part.text), fg=part.colour, bold=part.bold or None)
        else:
            line += one_line(part)
    _print(line, error=error)


def say_document(text: str) -> None:
    """Print JSON or YAML as it is; what a terminal would obey is escaped as both of them allow it."""
    _print(printable(text))


def _print(text: str, *, error: bool = False) -> None:
    with contextlib.suppress(BrokenPipeError, ValueError):  # a closed pipe is no reason to stop a run
        click.echo(text, err=error, color=False if os.environ.get("NO_COLOR") else None)


def one_line(text: str) -> str:
    """Text of any length and origin as a part of one line."""
    text = text.encode("utf-8", "replace").decode()  # file names need not be Unicode
    text = UNSAFE.sub(" ", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def complain(text: str) -> None:
    """Print why a command failed, to standard error: the text of an error, whose further lines are hints."""
    first, *others = text.split("\n")
    say(Styled("error: ", "red", bold=True), first, error=True)
    for line in others:
        say(line, error=True)


def heading(title: str) -> None:
    """Print the title of a section, after an empty line."""
    say()
    say(Styled(title, bold=True))


def section(title: str, lines: Iterable[str | Styled]) -> None:
    """Print lines under a heading, wrapped with the indent that they have; nothing if there are none."""
    for number, line in enumerate(lines):
        if not number:
            heading(title)
        styled = line if isinstance(line, Styled) else Styled(line)
        say_prose(styled.text.lstrip(), 2 + len(styled.text) - len(styled.text.lstrip()), colour=styled.colour)


def say_prose(
    text: str, indent: int = 0, *, hanging: int = 0, colour: str | None = None, bold: bool = False, error: bool = False
) -> None:
    """Print a text in as many lines as it needs; not for commands, which nobody could copy then.

    ``hanging``: how much further all lines but the first are indented.
    """
    spaces, columns = " " * indent, max(width(), 40 + indent)
    for line in textwrap.wrap(
        text,
        columns,
        initial_indent=spaces,
        subsequent_indent=spaces + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        say(Styled(line, colour, bold), error=error)


def say_remarks(remarks: Iterable[str], *, half_read: Iterable[str] = (), put_back: int = 0) -> None:
    """Print how a file was read, which files are not in the totals, and how many cells a spreadsheet had changed."""
    for remark in remarks:
        say_prose(remark if remark.startswith("warning: ") else f"info: {remark}")
    for name in half_read:
        say_prose(f"warning: {name} was not read to the end, or is being read now: give its command again")
    if put_back:
        were, they = ("cell had", "it was") if put_back == 1 else ("cells had", "they were")
        say_prose(f"info: {put_back:,} {were} been changed by the spreadsheet, not by you; {they} put back")


def width() -> int:
    """Columns of the terminal; where there is none, room for a whole sentence."""
    return max(60, shutil.get_terminal_size((200, 24)).columns)


def is_terminal() -> bool:
    """Whether a terminal shows standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def quoted(value: str, most: int = _VALUE_SHOWN) -> str:
    """A value in quotes, its end cut off if it is long."""
    return f"'{clean(value, most)}'"


def say_command(words: Sequence[str], indent: int) -> None:
    """Print a command to copy, in several lines if one is too narrow for it."""
    parts: list[str] = []  # an option and its value stay together
    for word in map(shell_word, words):
        if parts and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = [parts[0]]
    is_long = indent + len(" ".join(parts)) > width()
    for part in parts[1:]:
        if is_long and len(lines[-1]) + len(part) + indent + 3 > width():
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    _print(" \\\n".join(" " * indent + line for line in lines))


def explain(cause: Cause, indent: int, *, hint: bool = True) -> None:
    """Print what is wrong and what to do; the value is cut, never the rule."""
    problem = f"{quoted(cause.example)} {cause.rule}" if cause.example else cause.rule
    for text in (problem, f"hint: {cause.hint}" if hint and cause.hint else ""):
        say_prose(clean(text, 1000), indent)


def cause_place(cause: Cause) -> str:
    """The column, and the field that it is for."""
    names = (cause.column and clean(cause.column, 40), cause.target)
    return " → ".join(name for name in names if name) or "whole row"


def rows_text(rows: Sequence[int], count: int = 0, keys: Sequence[str] = ()) -> str:
    """``rows 2, 7, … · keys T-1, T-6, …`` if there are ``count`` of them.

    A spreadsheet program does not show the lines of a text file; a key can be searched for in any.
    """
    if not rows:
        return "no specific row"
    more, s = ", …" if count > len(rows) else "", "s" * (len(rows) != 1)
    numbers = f"row{s} {', '.join(map(str, rows))}{more}"
    if not any(keys):
        return numbers
    return f"{numbers} · key{s} {', '.join(clean(key, _KEY_SHOWN) or '(none)' for key in keys)}{more}"


def say_steps(steps: Iterable[Step]) -> None:
    """Print what to do next, in order; nothing if there is nothing to do."""
    for number, (what, command) in enumerate(steps, start=1):
        if number == 1:
            heading("Next")
        say_prose(f"{number}. {what}{':' if command else ''}", 2, hanging=3)
        if command:
            say_command(command, 5)


def say_files(files: Iterable[tuple[object, str]]) -> None:
    """Print where files are, and what each is for; those that are None were not written."""
    named = [(str(path), what) for path, what in files if path is not None]
    room = max(len(name) for name, _ in named)
    heading("Files")
    for name, what in named:
        say(f"  {name:<{room}}  {what}")


_NOTHING_LEFT = " (nothing left this machine)"


def say_title(what: str, target: str | None, how: str) -> None:
    """Print what was done, with which target, and how: in two lines if one is too narrow."""
    title = f"{what} → {'trial in the embedded sandbox' if is_sandbox(target) else target}"
    if is_sandbox(target) and len(title) + len(_NOTHING_LEFT) <= width():
        title += _NOTHING_LEFT
    if len(title) + len(how) + 2 <= width():
        say(Styled(title, bold=True), f", {how}")
    else:
        say_prose(title, bold=True)
        say_prose(how)


def say_end(result: Ended, meaning: str = "") -> None:
    """Print why a command ended early, or what its exit code means, if that is special; nothing if all is well."""
    if result.error is not None:
        complain(str(result.error))
    elif result.exit_code is not ExitCode.OK:
        say()
        say(f"Exit code {result.exit_code:d}: {meaning or exit_meaning(result.exit_code, result.command)}")


def say_totals(
    totals: Totals, causes: Iterable[Cause], meanings: Mapping[State, str] | None = None, *, trial: bool = False
) -> None:
    """Print the totals, and a line for each state if there are several.

    Args:
        totals: Rows by state.
        causes: Tell why rows are skipped.
        meanings: What states mean here, where it is not what they usually mean.
        trial: The cases are not in Talkdesk.
    """
    from importer.ledger.causes import skipped_because  # only now: --help must not wait for the ledger

    special = meanings or {}
    if not totals.match:
        complain(f"totals do not add up: {totals.equation}\n  hint: keep the ledger and report this bug")
        return
    say()
    say(totals.equation)
    if not totals.read or (totals.created == totals.read and State.CREATED not in special and not trial):
        return
    say()
    for state, count in totals.by_state():
        usual = special.get(state) or str(meaning_of(state, count, trial=trial))
        for meaning, rows in skipped_because(causes).items() if state is State.SKIPPED else ((usual, count),):
            say_count(rows, state, meaning, COLOURS.get(state))


def say_count(count: int, word: str, text: str, colour: str | None = None, *, room: int = 9) -> None:
    """Print how many there are of what a word says, and a text next to it in as many lines as it needs."""
    left = 2 + 7 + 2 + room + 1
    lines = textwrap.wrap(text, width() - left, break_long_words=False, break_on_hyphens=False)
    say(f"  {count:>7,}  ", Styled(f"{word:<{room}}", colour), f" {lines[0]}")
    for line in lines[1:]:
        say(" " * left, line)


def say_case_updates(updates: CaseUpdateTotals) -> None:
    """Print how it is with what is sent after the creation; nothing if there is nothing."""
    if updates.later:
        say(f"  {carried(updates.later)} will be sent as case updates once their rows are cases")
    if not updates.total:
        return
    rest = "".join(f"; {count:,} {UPDATES[standing].text}" for standing, count in updates.remarkable())
    more = ": see case-updates.csv" if updates.undelivered or updates.changed else ""
    say(f"  Case updates: {updates.done:,} of {carried(updates.total)} delivered{rest}{more}")


def say_fields_set(fields: Iterable[FieldSet]) -> None:
    """Print what was set after the creation, and in how many cases; nothing if nothing was."""
    words = [f"{each.field}{f' {each.value}' if each.value else ''} {each.cases:,}" for each in fields]
    if words:
        say_prose(f"Set: {', '.join(words)}", 2)


def say_causes(causes: Iterable[Cause]) -> None:
    """Print why rows are not cases, most frequent first; not those that are skipped or only wait for their turn."""
    shown = [cause for cause in causes if cause.is_failure]
    if shown:
        heading("Rows that are not cases, by error")
    for cause in shown[:_CAUSES_SHOWN]:
        place = f"{cause_place(cause)} · " if cause.state is State.INVALID else ""
        text = f"{place}{cause.code} · first: {rows_text(cause.first_rows[:1], keys=cause.first_keys[:1])}"
        say_count(cause.rows, cause.state, text, COLOURS.get(cause.state))
        explain(cause, _COUNT_ROOM)
    if len(shown) > _CAUSES_SHOWN:
        say(f"  {plural(len(shown) - _CAUSES_SHOWN, 'more error')}: see summary.json")
