"""Notes of a case: one of the row, or one for each of several entries.

An entry is a little row with a header of its own: parts of a cell, or a row of a companion file. So the values of a
note read it as other values read the row. Of a companion file a mapping knows neither the file nor where its rows are
kept: whoever has them hands it the entries of a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.case_schema import EachForm, NoteForm
from importer.mapping.conditions import bind_condition
from importer.mapping.converters import folding
from importer.mapping.field_errors import CellError, Problems, printable
from importer.mapping.schema import ColumnForm, SourceForm, ValueForm
from importer.mapping.targets import ORDER, note_target
from importer.mapping.value_sources import Binding, Cells, Header
from importer.mapping.values import Field, Value, compile_value, uncut
from importer.models import FieldError
from importer.yaml_places import NodePath

#: The key of entries → their cells, in the order of the file, each with its row number as one more cell behind.
Find: TypeAlias = "Callable[[bytes], list[Cells]]"
#: Gives the entries of a row, in order; what cannot be read goes to the errors of the row.
_Entries: TypeAlias = "Callable[[Cells, list[FieldError]], Sequence[Cells]]"

#: Between the cells of a key of several columns. No good row holds one.
_BETWEEN = "\x00"


# -- the mapping -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the mapping, compiled.

    Attributes:
        values: Its title, body and visibility by their names in the API; without those that it does not have.
        by: The columns of the export that are looked up in a file.
    """

    path: NodePath
    values: dict[str, Value]
    when: str | None
    each: EachForm | None
    order: tuple[Value, ...]
    by: tuple[ColumnForm, ...]


@dataclass(frozen=True, slots=True)
class LongText:
    """A value whose whole text becomes a note if it has more characters than its field takes."""

    value: Value
    most: int


def long_texts(values: Iterable[Value], problems: Problems) -> list[LongText]:
    """Those of the values that have ``overflow: note``."""
    return [
        LongText(uncut(value, problems), most)
        for value in values
        if value.form.overflow == "note" and (most := value.form.max or value.target.limit) is not None
    ]


def compile_note(form: NoteForm, *, path: NodePath, source: SourceForm, problems: Problems) -> Note:
    """The compiled note of an export that is described by ``source``."""
    values, each = {}, form.each
    for key, value in (("title", _heading(form)), ("body", form.text), ("public", form.public)):
        if value is None:
            continue
        if value.overflow == "note":
            hint = "use `overflow: truncate`; a body has no limit"
            problems.add((*path, key, "overflow"), "`overflow: note` cannot be used in a note", hint, key=True)
        name = key if key == "public" else f"note_{key}"
        if compiled := compile_value(value, path=(*path, key), target=note_target(name), problems=problems):
            values[name] = compiled
    by = (each.by or (source.key if each.file else ())) if each else ()
    if each and each.file and len(by) != len(each.key or ()):
        what = f"`key` has {len(each.key or ())} columns, but `by` has {len(by)}"
        hint = "list the same number of columns in both; by default `by` is `source.key`"
        problems.add((*path, "each", "key"), what, hint)
    order = [
        compile_value(value, path=(*path, "each", "order", number), target=ORDER, problems=problems)
        for number, value in enumerate((each and each.order) or ())
    ]
    return Note(path, values, form.when, each, tuple(filter(None, order)), by)


def _heading(form: NoteForm) -> ValueForm | None:
    """The title; if it reads the column of the body it is cut to its limit, since the body has the whole text."""
    title, body = form.title, form.text
    same = title and body and title.column is not None and title.column == body.column
    if title and same and title.type is None and "overflow" not in title.model_fields_set:
        return title.model_copy(update={"overflow": "truncate"})
    return title


# -- companion files -------------------------------------------------------------------------------


class Companion:
    """What a mapping knows of a companion file, such as the comments of an export.

    Args:
        form: What the mapping says of it.
        name: What messages call it.
        columns: Its header.
        find: Gives the entries of a key.

    Attributes:
        used: The columns that the mapping reads.
    """

    def __init__(self, form: EachForm, name: str, columns: tuple[str, ...], find: Find) -> None:
        self.form = form
        self.name = name
        self.columns = columns
        self.used: set[str] = set()
        self._find = find
        self._fold = folding(form.ignore or ())
        self._keys: tuple[int, ...] = ()
        self._texts: Callable[[Cells], list[str]] = lambda _: []
        self._width = 0

    def bind(self, by: tuple[int, ...], keys: tuple[int, ...], binding: Binding) -> None:
        """Settles where the keys are: at the positions ``by`` in the export, at ``keys`` in this file."""
        self._keys, self._width = keys, len(binding.header.columns)
        self._texts = lambda row: [binding.filled(row[position]) for position in by]

    def key_of_row(self, row: Cells) -> bytes | None:
        """The key of the entries of a row of the export; None if it has none, or if its cells do not tell."""
        return self._key(self._texts(row)) if len(row) == self._width else None

    def key_of_entry(self, entry: Cells) -> bytes | None:
        """The key of an entry; None if it has none."""
        return self._key([entry[position] for position in self._keys])

    def key_shown(self, entry: Cells) -> str:
        """The key of an entry as it is in the file, for people."""
        return printable(" / ".join(entry[position].strip() for position in self._keys))

    def spoiling(self, problems: Sequence[FieldError]) -> FieldError | None:
        """What the reader found wrong with an entry that keeps it from being used."""
        return next((found for found in problems if found.column is None or found.column in self.used), None)

    def entries(self, row: Cells) -> list[Cells]:
        """The entries of a row of the export, in the order of the file."""
        key = self._key(self._texts(row))
        return [] if key is None else self._find(key)

    def _key(self, texts: Sequence[str]) -> bytes | None:
        folded = [self._fold(text) for text in texts]
        # surrogatepass: a DataFrame or a workbook may hold halves of characters
        return _BETWEEN.join(folded).encode("utf-8", "surrogatepass") if any(folded) else None


# -- bound to an export ----------------------------------------------------------------------------


class MadeNote(NamedTuple):
    """A note of a row.

    Attributes:
        body: What is sent; not whole if an error says so.
        entry: The cells that its fields read, of the file if there is one.
    """

    body: dict[str, Any]
    entry: Cells
    fields: Mapping[str, Field]
    file: Companion | None = None

    def located(self, name: str, error: CellError) -> FieldError:
        """An error that the model of the case finds in one of its fields as one of a cell."""
        return _named(self.fields[name].located(error, self.entry), self.entry, self.file)


class Notes:
    """All notes of a case, bound to an export; those of long texts last."""

    def __init__(self, notes: Sequence[Note], long_texts: Sequence[LongText], binding: Binding) -> None:
        self._notes = [
            _BoundNote(note, binding)
            for note in notes
            if binding.companions is not None or note.each is None or note.each.file is None
        ]
        self._long_texts = [(long.value.bind(binding), long.most) for long in long_texts]

    def collect(self, rows: Sequence[Cells], errors: Sequence[list[FieldError]]) -> list[list[MadeNote]]:
        """The notes of each row; what is wrong goes to the list of the row in ``errors``."""
        made: list[list[MadeNote]] = [[] for _ in rows]
        for note in self._notes:
            for number, found in note.collect(rows, errors):
                made[number].append(found)
        for field, most in self._long_texts:
            said: list[list[FieldError]] = [[] for _ in rows]  # of the field itself already
            for cells, text, notes in zip(rows, field.collect(rows, said), made, strict=True):
                if text is not None and len(text) > most:
                    title = f"Full text of {field.target.name.rpartition('.')[2]}"
                    body = {"note_title": title, "note_body": text, "public": False}
                    notes.append(MadeNote(body, cells, {"note_body": field}))
        return made


class _BoundNote:
    def __init__(self, note: Note, binding: Binding) -> None:
        self._entries, header, self._file = _bound_entries(note, binding)
        own = replace(binding, header=header)
        self._condition = bind_condition(note.when, own, path=(*note.path, "when")) if note.when is not None else None
        self._fields = {name: value.bind(own) for name, value in note.values.items()}
        if self._file:
            self._file.used |= header.used
        elif note.each:
            binding.header.used |= header.used - set(note.each.into or ())

    def collect(self, rows: Sequence[Cells], errors: Sequence[list[FieldError]]) -> Iterator[tuple[int, MadeNote]]:
        """The notes, each with the position of its row in ``rows``. Without a text there is no note."""
        owned = [(number, entry) for number, cells in enumerate(rows) for entry in self._entries(cells, errors[number])]
        if self._condition is not None:
            owned = [(number, entry) for number, entry in owned if self._is_met(entry, errors[number])]
        found: list[list[FieldError]] = [[] for _ in owned]
        texts = self._fields["note_body"].collect([entry for _, entry in owned], found)
        kept = [at for at, text in enumerate(texts) if text is not None or found[at]]
        entries, wrong = [owned[at][1] for at in kept], [found[at] for at in kept]
        columns = [
            [texts[at] for at in kept] if name == "note_body" else field.collect(entries, wrong)
            for name, field in self._fields.items()
        ]
        for at, entry, values in zip(kept, entries, zip(*columns, strict=True), strict=True):
            number = owned[at][0]
            if found[at]:
                errors[number].extend(_named(error, entry, self._file) for error in found[at])
            body = {name: value for name, value in zip(self._fields, values, strict=True) if value is not None}
            yield number, MadeNote(body, entry, self._fields, self._file)

    def _is_met(self, entry: Cells, errors: list[FieldError]) -> bool:
        try:
            return self._condition is None or self._condition.met(entry)
        except CellError as error:
            errors.append(_named(error.at(None, "", target="notes"), entry, self._file))
            return False


def _named(error: FieldError, entry: Cells, file: Companion | None) -> FieldError:
    """An error of an entry, with the place of the entry."""
    if file is None:
        return error
    column = error.column if error.column is None else f"{file.name}: {error.column}"
    return error._replace(column=column, rule=f"{error.rule} (row {entry[-1]} of {file.name})")


def _bound_entries(note: Note, binding: Binding) -> tuple[_Entries, Header, Companion | None]:
    """The entries of a row, the header that their values read, and the file that they come from, if they do."""
    each = note.each
    if each is None:
        return lambda cells, _: (cells,), binding.header, None
    if each.file is None:
        return *_entries_of_cells(each, binding, path=(*note.path, "each")), None
    for file in binding.companions or ():
        if file.form == each:
            return *_entries_of_file(note, each, file, binding), file
    raise ValueError(f"the notes of {each.file} are not open")


def _entries_of_cells(each: EachForm, binding: Binding, *, path: NodePath) -> tuple[_Entries, Header]:
    """The cells of a column, or parts of them, behind the cells of the row, hiding columns of the same name."""
    column, header = each.column or "", binding.header
    into = each.into or (column,)
    positions = header.positions(column, path=(*path, "column"))

    def read(cells: Cells, errors: list[FieldError]) -> list[Cells]:
        entries = []
        for text in filter(binding.filled, (cells[position] for position in positions)):
            for entry in filter(binding.filled, text.split(each.entries)) if each.entries else (text,):
                try:
                    entries.append((*cells, *_parts(entry, each)))
                except CellError as error:
                    errors.append(error.at(column, entry, target="notes"))
        return entries

    hidden = tuple("" if name in into else name for name in header.columns)
    return read, Header((*hidden, *into), header.problems, header.owner)


def _parts(text: str, each: EachForm) -> Sequence[str]:
    separator, into = each.separator, each.into
    if separator is None or into is None:
        return (text,)
    parts = text.split(separator, len(into) - 1)
    if len(parts) == len(into):
        return parts
    if each.short == "keep":
        return (*[""] * (len(into) - 1), text)
    rule = f"has {len(parts)} of {len(into)} parts separated by {separator!r} ({', '.join(into)})"
    raise CellError("too_few_parts", rule, "fix the cell, or set `short: keep` to keep it whole")


def _entries_of_file(note: Note, each: EachForm, file: Companion, binding: Binding) -> tuple[_Entries, Header]:
    """The rows of a companion file that have the key of the row; their own row number is one more cell behind."""
    path: NodePath = (*note.path, "each")
    header = Header(file.columns, binding.header.problems, file.name)
    by = binding.header.positions_of(note.by, path=(*path, "by") if each.by else ("source", "key"))
    file.bind(by, header.positions_of(each.key or (), path=(*path, "key")), binding)
    order = [value.bind(replace(binding, header=header)) for value in note.order]

    def read(cells: Cells, errors: list[FieldError]) -> list[Cells]:
        """Those without a value to sort by come first."""
        entries = file.entries(cells)
        found: list[list[FieldError]] = [[] for _ in entries]
        columns = [field.collect(entries, found) for field in order]
        for entry, wrong in zip(entries, found, strict=True):
            errors += [_named(error, entry, file) for error in wrong]
        ranks = [[(column[at] is not None, column[at]) for column in columns] for at in range(len(entries))]
        return [entries[at] for at in sorted(range(len(entries)), key=lambda at: (ranks[at], at))]

    return read, header
