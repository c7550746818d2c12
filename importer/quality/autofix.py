"""The lines that a mapping needs, by what was found; `check --fix` writes those of value tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from importer.ledger.causes import Cause
from importer.mapping import Mapping
from importer.mapping.values import Field
from importer.quality.file_checks import FileIssue, pattern_of
from importer.quality.mapping_checks import TableUse
from importer.yaml_places import Entry, NodePath, quoted

#: Share of equal characters from which a word is near another one, see :func:`difflib.get_close_matches`.
NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Lines for the mapping.

    Attributes:
        path: The value that they belong to.
        target: The field that it is for.
        columns: The columns that it reads.
        codes: Codes of the errors that they fix.
        where: ``file:line:column`` of the value in the mapping.
        lines: The lines that belong there; the whole value if it was no more than a column before.
        entries: The same for a `values:` table, which can be written by ``--fix``; empty for other lines.
    """

    path: NodePath
    target: str
    columns: tuple[str, ...]
    codes: tuple[str, ...]
    where: str
    lines: tuple[str, ...]
    entries: tuple[Entry, ...] = ()


def suggestions(
    mapping: Mapping,
    fields: Iterable[Field],
    *,
    tables: Iterable[tuple[Field, TableUse]],
    causes: Iterable[Cause],
    issues: Iterable[FileIssue],
) -> Iterator[Suggestion]:
    """All lines that would help: for words that no table lists, and for other errors that a key of a value fixes."""
    for field, use in tables:
        if use.unknown and (field.table is None or field.form.unknown == "reject"):
            yield _for_words(field, use, mapping.place(field.path))
    forms = {
        issue.column: pattern_of(issue.example, day_first=_DAY_FIRST[issue.kind])
        for issue in issues
        if issue.kind in _DAY_FIRST
    }
    wanted = {(cause.code, cause.target): cause for cause in causes}
    for field in fields:
        for code, line_of in _LINES.items():
            cause = wanted.get((code, field.target.name))
            if cause and cause.column in field.columns and (line := line_of(forms.get(cause.column, ""))):
                where = mapping.place(field.path)
                lines = _whole(field, (line,))
                yield Suggestion(field.path, field.target.name, field.columns, (code,), where, lines)


def _for_words(field: Field, use: TableUse, where: str) -> Suggestion:
    table = field.table or {}
    choices = list(dict.fromkeys((*table.values(), *field.choices)))
    once = {field.fold(word): (word, count) for word, count in reversed(use.unknown.items())}
    entries = tuple(_entry(*word, table=table, choices=choices) for word in reversed(once.values()))
    if field.table is None:  # with a table, words that fitted without one need a line too
        fitting = [Entry(word, word, "") for word in use.words if word in field.choices]
        entries = (*fitting, *entries)
    lines = _whole(field, ("values:", *(f"  {entry.line()}" for entry in entries)))
    codes = ("not_allowed", "unknown_value")
    return Suggestion(field.path, field.target.name, field.columns, codes, where, lines, entries)


def _whole(field: Field, lines: tuple[str, ...]) -> tuple[str, ...]:
    """``lines`` of a value, with what must stand around them if so far it is a column only."""
    if field.form.model_fields_set != {"column"}:
        return lines
    return (f"{field.path[-1]}:", *(f"  {line}" for line in (f"column: {quoted(field.columns[0])}", *lines)))


def _entry(word: str, count: int, *, table: dict[str, str], choices: list[str]) -> Entry:
    rows = f"{count:,} row{'s' * (count != 1)}"
    near, choice = nearest_word(word, table), nearest_word(word, choices)
    if near is not None or choice is not None:
        value = choice if near is None else table[near]
        return Entry(word, value, f"{rows}; similar to {near or choice!r}")
    told = ", ".join(filter(None, choices[:8]))
    return Entry(word, None, f"{rows}; choose one of: {told}" if told else rows)


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs only by case, accents, blanks and signs, or else one that is close; or None."""
    folded = {bare(name): name for name in reversed(list(known)) if name}
    own = bare(word)
    if own in folded:
        return folded[own]
    close = get_close_matches(own, folded, n=1, cutoff=NEAR) if own else []
    return folded[close[0]] if close else None


def bare(text: str) -> str:
    """``text`` without case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


_DAY_FIRST = {"day_first_dates": True, "month_first_dates": False}


#: Error code → the line that fixes it, given the form of the dates in the column, if that is known.
_LINES: dict[str, Callable[[str], str]] = {
    "too_long": lambda _: "overflow: truncate   # or shorten the text in the file",
    "missing": lambda _: "default: …   # for empty cells; or fill in the cells",
    "not_a_date": lambda form: f"format: {quoted(form)}   # matches the dates in this column" if form else "",
}
