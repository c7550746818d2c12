"""Notes of a case: one of the row, or one for each of several entries.

An entry is a little row with a header of its own: parts of a cell, or a row of a companion file. So the values of a
note read it as other values read the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from importer.mapping.case_schema import EachForm, NoteForm
from importer.mapping.companion import Companion
from importer.mapping.conditions import BoundCondition, bind_condition
from importer.mapping.field_errors import CellError
from importer.mapping.problems import Problems
from importer.mapping.schema import ColumnForm, SourceForm, ValueForm
from importer.mapping.sources import Binding, Cells, Header
from importer.mapping.targets import ORDER, note_target
from importer.mapping.values import Field, Value, compile_value, uncut
from importer.models import FieldError
from importer.yaml_places import NodePath


@dataclass(frozen=True, slots=True)
class Each:
    """`each:`, compiled.

    Attributes:
        form: As it is in the mapping.
        path: Where it is.
        order: The values by which the entries of a file are sorted.
        by: The columns of the export that are looked up in a file.
    """

    form: EachForm
    path: NodePath
    order: tuple[Value, ...]
    by: tuple[ColumnForm, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the mapping, compiled.

    Attributes:
        path: Where it is in the mapping.
        values: Its title, body and visibility by their names in the API; without those that it does not have.
        each: Where the entries come from of which each is a note; None for one note of the row.
        when: The condition that an entry, or the row, must meet.
    """

    path: NodePath
    values: dict[str, Value]
    each: Each | None
    when: str | None

    @property
    def row_values(self) -> Sequence[Value]:
        """The values that read the rows of the export, and not entries."""
        return [] if self.each else list(self.values.values())


def compile_note(form: NoteForm, *, path: NodePath, source: SourceForm, problems: Problems) -> Note:
    """The compiled note of an export that is described by ``source``."""
    values = {}
    for key, value in (("title", _heading(form)), ("body", form.text), ("public", form.public)):
        if value is None:
            continue
        if value.overflow == "note":
            hint = "use `overflow: truncate`; a body has no limit"
            problems.add((*path, key, "overflow"), "`overflow: note` cannot be used in a note", hint, key=True)
        name = key if key == "public" else f"note_{key}"
        if compiled := compile_value(value, path=(*path, key), target=note_target(name), problems=problems):
            values[name] = compiled
    each = _compile_each(form.each, path=(*path, "each"), source=source, problems=problems) if form.each else None
    return Note(path, values, each, form.when)


def _heading(form: NoteForm) -> ValueForm | None:
    """The title; if it reads the column of the body it is cut to its limit, since the body has the whole text."""
    title, body = form.title, form.text
    same = title and body and title.column is not None and title.column == body.column
    if title and same and title.type is None and "overflow" not in title.model_fields_set:
        return title.model_copy(update={"overflow": "truncate"})
    return title


def _compile_each(form: EachForm, *, path: NodePath, source: SourceForm, problems: Problems) -> Each:
    by = form.by or (source.key if form.file else ())
    if form.file and len(by) != len(form.key or ()):
        what = f"`key` has {len(form.key or ())} columns, but `by` has {len(by)}"
        hint = "list the same number of columns in both; by default `by` is `source.key`"
        problems.add((*path, "key"), what, hint)
    compiled = [
        compile_value(value, path=(*path, "order", number), target=ORDER, problems=problems)
        for number, value in enumerate(form.order or ())
    ]
    return Each(form, path, tuple(filter(None, compiled)), by)


def overflows(values: Sequence[Value], problems: Problems) -> Iterator[Value]:
    """For each value with ``overflow: note``, the value of which a note is made if it is too long for its field."""
    for value in values:
        if value.form.overflow == "note" and (value.form.max or value.target.limit) is not None:
            yield uncut(value, problems)


# -- bound to an export ----------------------------------------------------------------------------


class MadeNote(NamedTuple):
    """A note of a row.

    Attributes:
        body: What is sent; not whole if an error says so.
        located: An error that the model of the case finds in one of its fields → the same with its cell.
    """

    body: dict[str, Any]
    located: Callable[[str, CellError], FieldError]


class Notes:
    """All notes of a case, bound to an export; those of long texts last.

    Args:
        notes: The notes of the mapping.
        long_texts: The fields whose text becomes a note if it is too long, and how many characters they take.
        binding: The export.
    """

    def __init__(self, notes: Sequence[Note], long_texts: Sequence[tuple[Field, int]], binding: Binding) -> None:
        is_wanted = binding.companions is not None
        wanted = [note for note in notes if is_wanted or note.each is None or note.each.form.file is None]
        self._notes = [_BoundNote(note, binding) for note in wanted]
        self._long_texts = long_texts

    def read(self, cells: Cells, errors: list[FieldError]) -> list[MadeNote]:
        """The notes of a row; what is wrong goes to ``errors``."""
        made = [found for note in self._notes for found in note.read(cells, errors)]
        for field, most in self._long_texts:
            text = field.collect(cells, [])  # what is wrong with it has been said of the field itself
            if text is not None and len(text) > most:
                title = f"Full text of {field.target.name.rpartition('.')[2]}"
                body = {"note_title": title, "note_body": text, "public": False}
                made.append(MadeNote(body, partial(_located_in_row, field, cells)))
        return made


def _located_in_row(field: Field, cells: Cells, _: str, error: CellError) -> FieldError:
    return field.located(error, cells)


class _BoundNote:
    def __init__(self, note: Note, binding: Binding) -> None:
        self._entries = _entries_of(note.each, binding)
        header = self._entries.header
        own = Binding(header, binding.empty, binding.tables, binding.companions)
        self._condition: BoundCondition | None = bind_condition(note.when, own, path=(*note.path, "when"))
        self._fields = {name: value.bind(own) for name, value in note.values.items()}
        self._entries.note_columns(binding)

    def read(self, cells: Cells, errors: list[FieldError]) -> Iterator[MadeNote]:
        for entry in self._entries.read(cells, errors):
            found: list[FieldError] = []
            body = self._body(entry, found)
            errors += [self._entries.named(error, entry) for error in found]
            if body is not None:
                yield MadeNote(body, partial(self._located, entry))

    def _body(self, entry: Cells, errors: list[FieldError]) -> dict[str, Any] | None:
        """The note of an entry; None if it has none. All of its errors are collected."""
        try:
            if self._condition is not None and not self._condition.met(entry):
                return None
        except CellError as error:
            errors.append(error.at(None, "", target="notes"))
            return None
        text = self._fields["note_body"].collect(entry, errors)
        if text is None and not errors:
            return None
        title = self._fields["note_title"].collect(entry, errors) if "note_title" in self._fields else None
        found = {"note_title": title, "note_body": text, "public": self._fields["public"].collect(entry, errors)}
        return {name: value for name, value in found.items() if value is not None}

    def _located(self, entry: Cells, name: str, error: CellError) -> FieldError:
        return self._entries.named(self._fields[name].located(error, entry), entry)


class _Entries:
    """The row itself as its only entry.

    Attributes:
        header: What the values of an entry read.
    """

    def __init__(self, header: Header) -> None:
        self.header = header

    def read(self, cells: Cells, errors: list[FieldError]) -> Sequence[Cells]:
        """The cells of each entry of a row, in order; what cannot be read goes to ``errors``."""
        return (cells,)

    def named(self, error: FieldError, entry: Cells) -> FieldError:
        """An error of an entry, with the place of the entry."""
        return error

    def note_columns(self, binding: Binding) -> None:
        """Notes which columns the values of entries read, once these are bound as well."""


class _CellEntries(_Entries):
    """The cells of a column, or parts of them, behind the cells of the row."""

    def __init__(self, each: Each, binding: Binding) -> None:
        form = each.form
        self._form, self._column, self._filled = form, form.column or "", binding.filled
        self._positions = binding.header.positions(self._column, path=(*each.path, "column"))
        super().__init__(binding.header.with_parts(form.into or (self._column,)))

    def read(self, cells: Cells, errors: list[FieldError]) -> Sequence[Cells]:
        entries = []
        for text in self._texts(cells):
            try:
                entries.append((*cells, *self._parts(text)))
            except CellError as error:
                errors.append(error.at(self._column, text, target="notes"))
        return entries

    def _texts(self, cells: Cells) -> Iterator[str]:
        for position in self._positions:
            if text := self._filled(cells[position]):
                yield from filter(self._filled, text.split(self._form.entries)) if self._form.entries else (text,)

    def _parts(self, text: str) -> Sequence[str]:
        separator, into = self._form.separator, self._form.into
        if separator is None or into is None:
            return (text,)
        parts = text.split(separator, len(into) - 1)
        if len(parts) == len(into):
            return parts
        if self._form.short == "keep":
            return (*[""] * (len(into) - 1), text)
        rule = f"has {len(parts)} of {len(into)} parts separated by {separator!r} ({', '.join(into)})"
        raise CellError("too_few_parts", rule, "fix the cell, or set `short: keep` to keep it whole")

    def note_columns(self, binding: Binding) -> None:
        binding.header.used |= self.header.used - set(self._form.into or ())


class _FileEntries(_Entries):
    """The rows of a companion file that have the key of the row; their own row number is one more cell behind."""

    def __init__(self, each: Each, file: Companion, binding: Binding) -> None:
        super().__init__(binding.header.of_file(file.columns, owner=file.name))
        self._file = file
        by_path = (*each.path, "by") if each.form.by else ("source", "key")
        by = binding.header.positions_of(each.by, path=by_path)
        keys = self.header.positions_of(each.form.key or (), path=(*each.path, "key"))
        width, filled = binding.header.width, binding.filled
        file.bound(keys, texts=lambda row: [filled(row[position]) for position in by], width=width)
        own = Binding(self.header, binding.empty, binding.tables, binding.companions)
        self._order = [value.bind(own) for value in each.order]

    def read(self, cells: Cells, errors: list[FieldError]) -> Sequence[Cells]:
        """Those without a value to sort by come first."""
        entries = self._file.entries(cells)
        if not self._order:
            return entries
        ranks = []
        for entry in entries:
            found: list[FieldError] = []
            values = [field.collect(entry, found) for field in self._order]
            errors += [self.named(error, entry) for error in found]
            ranks.append([(value is not None, value) for value in values])
        return [entry for _, _, entry in sorted(zip(ranks, range(len(entries)), entries, strict=True))]

    def named(self, error: FieldError, entry: Cells) -> FieldError:
        column = error.column if error.column is None else f"{self._file.name}: {error.column}"
        return error._replace(column=column, rule=f"{error.rule} (row {entry[-1]} of {self._file.name})")

    def note_columns(self, binding: Binding) -> None:
        self._file.used |= self.header.used


def _entries_of(each: Each | None, binding: Binding) -> _Entries:
    if each is None:
        return _Entries(binding.header)
    file = binding.companion(each.form) if each.form.file else None
    return _CellEntries(each, binding) if file is None else _FileEntries(each, file, binding)


def batched(notes: list[dict[str, Any]], most: int) -> list[list[dict[str, Any]]]:
    """The notes in order, at most so many at a time."""
    return [notes[first : first + most] for first in range(0, len(notes), most)]
