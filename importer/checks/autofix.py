"""The lines that a mapping needs, by what was found; `check --fix` writes those of value tables into its file."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import count
from pathlib import Path

from importer.checks.file_checks import DAY_FIRST, FileIssue, pattern_of
from importer.checks.mapping_checks import TableUse
from importer.errors import ConfigError
from importer.files.yaml import NodePath
from importer.files.yaml_edits import Entry, amended, quoted
from importer.ledger.causes import Cause
from importer.mapping import Mapping, load_mapping
from importer.mapping.dates import parser
from importer.mapping.loader import mapping_file
from importer.mapping.values import Field
from importer.text.wording import close_words, plural, shell_word

#: Share of equal characters from which a word is near another one, see :func:`difflib.get_close_matches`.
NEAR = 0.75
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Lines for the mapping."""

    path: NodePath  #: The value that they belong to.
    target: str  #: The field that it is for.
    columns: tuple[str, ...]  #: The columns that it reads.
    codes: tuple[str, ...]  #: Codes of the errors that they fix.
    where: str  #: ``file:line:column`` of the value in the mapping.
    lines: tuple[str, ...]  #: The lines that belong there; the whole value if it was no more than a column before.
    #: The same for a `values:` table, which can be written by ``--fix``; empty for other lines.
    entries: tuple[Entry, ...] = ()


def suggestions(
    mapping: Mapping,
    fields: Iterable[Field],
    *,
    tables: Iterable[tuple[Field, TableUse]],
    causes: Iterable[Cause],
    issues: Iterable[FileIssue],
) -> Iterator[Suggestion]:
    """All lines that would help: for words that no table lists, and for other errors that a key of a value fixes.

    Causes and issues are those of the rows that were read until now.
    """
    for field, use in tables:
        if use.unknown and (field.table is None or field.form.unknown == "reject"):
            yield _for_words(field, use, mapping.place(field.path))
    forms = {
        issue.column: form
        for issue in issues
        if (day_first := DAY_FIRST.get(issue.kind)) is not None
        and (form := pattern_of(issue.example, day_first=day_first))
        and parser(form)(issue.example.strip())  # there may be more in the cells than a date and a time
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
    rows = plural(count, "row")
    near, choice = nearest_word(word, table), nearest_word(word, choices)
    if near is not None or choice is not None:
        value = choice if near is None else table[near]
        return Entry(word, value, f"{rows}; similar to {near or choice!r}")
    told = ", ".join(filter(None, choices[:8]))
    return Entry(word, None, f"{rows}; choose one of: {told}" if told else rows)


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs only by case, accents, blanks and signs, or else one that is close; or None."""
    return next(iter(close_words(word, filter(None, known), fold=_bare, cutoff=NEAR)), None)


def _bare(text: str) -> str:
    """``text`` without case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


#: Error code → the line that fixes it, given the form of the dates in the column, if that is known.
_LINES: dict[str, Callable[[str], str]] = {
    "too_long": lambda _: "overflow: truncate   # or shorten the text in the file",
    "missing": lambda _: "default: …   # for empty cells; or fill in the cells",
    "not_a_date": lambda form: f"format: {quoted(form)}   # matches the dates in this column" if form else "",
}


@dataclass(frozen=True, slots=True)
class Fix:
    """What was written."""

    path: Path | None  #: The mapping as it is now; None if there was nothing to write.
    #: The file as it was before; None for a copy of a ready mapping, which is never changed itself.
    backup: Path | None
    diff: str  #: The difference, as ``diff -u`` shows it.
    open: int  #: How many words a person has to choose a value for; their lines are comments.
    lines: tuple[int, ...] = ()  #: Where these lines are in the mapping.


def write_suggestions(
    mapping: str | os.PathLike[str], found: Iterable[Suggestion], *, export: Path, allow_files: Iterable[Path] = ()
) -> Fix:
    """Write what ``found`` proposes for `values:` tables into ``mapping``.

    A built-in mapping is copied first, next to ``export``.

    Raises:
        ConfigError: the file cannot be written, or stands in the way of the copy.
        MappingError: the file is written in a manner that cannot be amended.
    """
    tables: dict[NodePath, list[Entry]] = {}
    for suggestion in found:
        tables.setdefault(suggestion.path, []).extend(suggestion.entries)
    file, is_bundled = mapping_file(mapping)
    name = os.fspath(mapping)
    old = file.read_bytes().decode()
    mark = _MARK if old.startswith(_MARK) else ""
    new = mark + amended(old.removeprefix(_MARK), tables, file=name)
    undecided = [entry.comment for entries in tables.values() for entry in entries if entry.value is None]
    lines = tuple(
        number for number, line in enumerate(new.split("\n"), 1) if line.lstrip().startswith(tuple(undecided))
    )
    if new == old:
        return Fix(None, None, "", len(undecided), lines)
    path = export.parent / file.name if is_bundled else Path(name)
    path = path.resolve() if path.is_symlink() else path
    backup = _write(path, new, is_new=is_bundled)
    load_mapping(os.path.join(path.parent, path.name), allow_files=(export.parent, *allow_files))
    diff = "".join(unified_diff(old.splitlines(True), new.splitlines(True), name, str(path)))
    return Fix(path, backup, diff, len(undecided), lines)


def _write(path: Path, text: str, *, is_new: bool) -> Path | None:
    """Replace ``path`` in one go; the file that was there is kept."""
    try:
        if is_new:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            return None
        path.open("r+b").close()  # a file that may not be written is not replaced either
        backups = (path.with_name(f"{path.name}.bak{number if number > 1 else ''}") for number in count(1))
        backup = next(backup for backup in backups if not backup.exists())
        draft = path.with_name(f".{path.name}.new")
        shutil.copy2(path, backup)
        draft.write_text(text, encoding="utf-8", newline="")
        shutil.copymode(path, draft)
        draft.replace(path)
    except FileExistsError:
        what = "there is a mapping of this name next to the export already"
        hint = f"give it with --mapping {shell_word(str(path))}, or remove it"
        raise ConfigError(what, where=str(path), hint=hint) from None
    except OSError as error:
        raise ConfigError(f"the mapping cannot be written: {error.strerror}", where=str(path)) from None
    return backup
