"""How text gets to the terminal: safe, never a reason to stop, and cut where it does not carry the meaning."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from importer.models import State, clean

if TYPE_CHECKING:
    from importer.ledger.causes import Cause
    from importer.pipeline.results import PreviewRow

COLOURS = {
    State.CREATED: "green",
    State.INVALID: "yellow",
    State.REFUSED: "red",
    State.UNKNOWN: "magenta",
    State.DUPLICATE: "red",
}
#: A quoted value gets at most so much of a line: the reader needs the end of the sentence.
_VALUE_SHOWN = 32


def say(text: str = "", *, error: bool = False) -> None:
    """Print a line; a closed pipe is no reason to stop a run."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        click.echo(text.encode("utf-8", "replace").decode(), err=error)  # file names need not be Unicode


def complain(text: str) -> None:
    """Print why a command failed, to standard error; what follows the first line is a hint."""
    first, _, rest = text.partition("\n")
    say(click.style("error: ", fg="red", bold=True) + first, error=True)
    if rest:
        say("  hint: " + rest.strip().removeprefix("hint: "), error=True)


def warn(text: str) -> None:
    """Print what the user should know although nothing has failed, to standard error."""
    say(click.style("warning: ", fg="yellow") + text, error=True)


def heading(text: str) -> None:
    """Print the title of a section, after an empty line."""
    say("\n" + click.style(text, bold=True))


def say_remarks(remarks: Iterable[str], half_read: Iterable[str] = ()) -> None:
    """Print how a file was read, and which files are not in the totals."""
    for remark in remarks:
        say(f"info: {remark}")
    for name in half_read:
        say(f"warning: {name} was not read to the end (or is being read now); the next run reads it again")


def say_put_back(cells: int) -> None:
    """Print how much of a failures file was left as it had been; nothing if nobody opened it in a spreadsheet."""
    if cells:
        were, they = ("cell had", "it was") if cells == 1 else ("cells had", "they were")
        say(f"info: {cells:,} {were} been changed by the spreadsheet, not by you; {they} put back")


def width() -> int:
    """Columns of the terminal; where there is none, room for a whole sentence."""
    return max(60, shutil.get_terminal_size((200, 24)).columns)


def is_terminal() -> bool:
    """Whether a terminal shows standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def plural(count: int, word: str) -> str:
    """``1 row``, ``1,000 rows``."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """``0.1 s``, ``3 min 21 s``, ``32 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def quoted(value: str, most: int = _VALUE_SHOWN) -> str:
    """A value in quotes, its end cut off if it is long."""
    text = clean(value, 1000)
    return f"'{text if len(text) <= most else text[: most - 1] + '…'}'"


def indented(text: str, indent: int) -> Iterator[str]:
    """Text in as many lines as it needs, below each other."""
    room = max(40, width() - indent)
    for line in textwrap.wrap(clean(text, 1000), room, break_long_words=False, break_on_hyphens=False) or [""]:
        yield " " * indent + line


def wrapped(line: str) -> str:
    """A line, or as many as it needs, with the same indent; colours and control characters are as they were."""
    if len(click.unstyle(line)) <= width():
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line, width(), subsequent_indent=indent, drop_whitespace=True, break_long_words=False, break_on_hyphens=False
    )


def say_command(words: Sequence[str], indent: int) -> None:
    """Print a command to copy, in several lines if one is too narrow for it."""
    parts: list[str] = []  # an option and its value stay together
    for word in map(shlex.quote, words):
        if parts and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + indent + 3 > width() and indent + len(" ".join(parts)) > width():
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    say(" \\\n".join(" " * indent + line for line in lines))


def explain(cause: Cause, indent: int, *, hint: bool = True) -> None:
    """Print what is wrong and what to do; the value is cut, never the rule."""
    problem = f"{quoted(cause.example)} {cause.rule}" if cause.example else cause.rule
    for text in (problem, f"hint: {cause.hint}" if hint and cause.hint else ""):
        if text:
            for line in indented(text, indent):
                say(line)


def say_preview(rows: Iterable[PreviewRow]) -> None:
    """Print rows as they would be sent."""
    import orjson

    for row in rows:
        if row.filtered is not None:
            say(click.style(f"row {row.row} · key {row.key or '(none)'} · filtered", bold=True))
            say(f"  {clean(row.filtered, 400)}")
        elif row.body is not None:
            say(click.style(f"row {row.row} · key {row.key}", bold=True))
            for number, body in enumerate((row.body, *row.case_updates)):
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
        where = "not a row of this file" if row.parent_row is None else f"row {row.parent_row}"
        say(f"  parent_id: id of the case created for {quoted(row.parent, 80)} ({where})")
