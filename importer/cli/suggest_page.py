"""What ``suggest`` prints next to the mapping: which column became what, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from tqdm.utils import disp_len, disp_trim

from importer.cli.output import Styled, say, say_command, say_prose, width
from importer.errors import ConfigError
from importer.text.safe import clean
from importer.text.wording import nearest, plural

if TYPE_CHECKING:
    from importer.checks.baseline import Baseline
    from importer.suggest.suggestion import Choice, Suggestion

_SURE = {"": "sure", "GUESS": "guess", "CHECK": "check"}
_COLUMN_MAX, _FIELD_MAX = 26, 17
_ROLES_SHOWN = 4
#: What stands in the place of a column where no column has a field.
_LACKING = {
    "key": "(no id column)",
    "title": "(no subject column)",
    "description": "(no description column)",
    "requester_email": "(no e-mail column)",
}


def say_suggestion(
    suggestion: Suggestion, source: Path, output: Path, answers: Path | None, saved: Baseline | None
) -> None:
    """What was written, the table of columns, and what to do next."""
    from importer.suggest.answers import differences, profile_path
    from importer.suggest.suggesting import BY_POSITION, NO_KEY

    if suggestion.made.get("key") == BY_POSITION:
        say_prose(f"Check: {NO_KEY}.")
    rows = _table(suggestion)
    guesses, checks = (sum(row[2] == sure for row in rows) for sure in ("guess", "check"))
    whole = f"{suggestion.guesses:,} guess{'es' * (suggestion.guesses != 1)}"
    whole += f", {plural(suggestion.checks, 'line')} to check"
    say(f"Wrote {output}: {whole} ({guesses:,} and {checks:,} in the table below).")
    say(f"Wrote {profile_path(output)}: used by check --baseline, and by suggest.")
    if suggestion.system:
        ready = f"; a built-in mapping fits too: --mapping {suggestion.ready}" if suggestion.ready else ""
        say_prose(f"This looks like an export from {suggestion.system}{ready}.")
    _say_reading(suggestion)
    for change in differences(saved, suggestion) if saved else ():
        say(clean(f"Since the last suggestion: {change}", width() - 1))
    say_choices(suggestion, rows)
    say_prose(f"Tested on {suggestion.trial.rows:,} rows: {suggestion.trial.fared}.")
    if answers is None:
        say_prose("To correct a line of this table, write `Column = field` into a file and add --answers FILE --force.")
    say("Review it, then run:")
    say_command(["case-importer", "check", str(source), "--mapping", str(output)], 2)


def _say_reading(suggestion: Suggestion) -> None:
    """Which sheet was taken, where the header is, and what to check about both: a few short lines each."""
    notes = [f"{note[0].upper()}{note[1:]}." for note in suggestion.notes if "sheet" in note or "header" in note]
    for note in (*notes, *(f"Check: {doubt}" for doubt in suggestion.doubts)):
        for line in wrap(note, min(width() - 1, 79), max_lines=3, placeholder=" …"):
            say(clean(line, width() - 1))


def _table(suggestion: Suggestion) -> list[tuple[str, str, str, str]]:
    """Column, field, how sure, and one of its cells; then what no column is."""
    rows = [
        (it.column, _field(it), _SURE[it.mark], it.sample)
        for it in suggestion.choices
        if it.field not in ("other", "empty")
    ]
    return rows + [(_LACKING[field], field, "check", made) for field, made in sorted(suggestion.made.items())]


def say_choices(suggestion: Suggestion, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """One line a column: column → field, how sure, and one of its cells; at the width of the terminal."""
    say()
    names = max((disp_len(_cell(column, _COLUMN_MAX)) for column, *_ in rows), default=0)
    left = 2 + names + 2 + _FIELD_MAX + 2 + 5 + 2
    for column, field, sure, sample in rows:
        line = f"  {_cell(column, names, pad=True)}  {_cell(field, _FIELD_MAX, pad=True)}  {sure:5}  "
        say(line, _cell(sample, max(12, width() - left - 1)))
    for field, what in (("other", "in the note `Imported data`"), ("empty", "not used: empty")):
        if columns := list(dict.fromkeys(it.column for it in suggestion.choices if it.field == field)):
            noun = "column" if len(columns) == 1 else "columns"
            say(clean(f"  {len(columns)} {noun} {what}: {', '.join(columns)}", width() - 1))
    say()


def _field(choice: Choice) -> str:
    """The field that the mapping writes; in brackets what it has there, if the name does not say it."""
    if choice.written and not choice.written.startswith(choice.field):
        return f"{choice.written} ({choice.field})"
    return choice.written or choice.field


def _cell(text: str, most: int, *, pad: bool = False) -> str:
    """``text`` in at most so many columns of the terminal, of which letters of wide scripts take two."""
    text = clean(text, most)
    if disp_len(text) > most:
        text = f"{disp_trim(text.removesuffix('…'), most - 1)}…"
    return text + " " * (most - disp_len(text)) if pad else text


def say_explanation(suggestion: Suggestion, column: str) -> None:
    """What speaks for and against each role of a column.

    Raises:
        ConfigError: The export has no such column.
    """
    from importer.suggest.answers import NO_COLUMN

    names = {it.column: it for it in reversed(suggestion.choices)}
    choice = names.get(column) or {name.casefold(): it for name, it in names.items()}.get(column.casefold())
    if choice is None:
        raise ConfigError(
            f"the export has no column {clean(column, 60)!r}", hint=nearest(column, names, otherwise=NO_COLUMN)
        )
    sure = {"GUESS": ", a guess", "CHECK": ", to be checked"}.get(choice.mark, "")
    say(Styled(f"{clean(choice.column, 60)} → {choice.field}{sure}", bold=True))
    facts = f"{choice.kind}; {choice.filled:,} cells filled, {choice.different:,} different"
    say(f"  {facts}, longest {choice.longest:,} characters")
    say(f"  for example: {clean(choice.sample, width() - 16)}")
    role = "parent" if choice.field == "parent_id" else choice.field
    ranked = sorted(
        suggestion.explain(choice.column), key=lambda it: (it.role != role, -it.points, -len(it.speaks_for))
    )
    asked = ("title", "description") if "texts" in choice.kind else ()  # what people look for in a column of texts
    telling = [it for it in ranked if it.role in (role, *asked) or it.points or "its name" in it.speaks_for]
    telling.sort(key=lambda it: (it.role != role, it.role not in asked))
    for judgement in (telling or ranked)[:_ROLES_SHOWN]:
        say()
        say(Styled(f"{judgement.role}", bold=True), f": {judgement.points:.0f} points")
        for sign, reasons in (("for", judgement.speaks_for), ("against", judgement.against)):
            for reason in reasons:
                say(f"  {sign:7}  {clean(reason, width() - 12)}")
    say()
    others = (it.role for it in ranked if it.points and it.role != role)
    other = next(others, "other" if role != "other" else "note")
    say("To decide otherwise, write a line into a file of answers, for suggest --answers:")
    say(f"  {clean(choice.column, 60)} = {'parent_id' if other == 'parent' else other}")
