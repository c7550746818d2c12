"""Notes of a case: one of the row, or one for each of several entries.

An entry is a little row with a header of its own: parts of a cell, or a row of a companion file. So the values of a
note read it as other values read the row. Of a companion file a mapping knows neither the file nor where its rows are
kept: whoever has them hands it the entries of a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from importer.files.yaml import NodePath
from importer.mapping.conditions import BoundCondition
from importer.mapping.converters import ORDER, field_target, folding
from importer.mapping.field_errors import CellError, encodable
from importer.mapping.header import Cells, Header
from importer.mapping.inputs import Binding
from importer.mapping.language.case_forms import EachForm, NoteForm
from importer.mapping.language.value_forms import SourceForm
from importer.mapping.values import Field, make_field
from importer.models import FieldError
from importer.talkdesk.payloads import NoteCreate

#: The key of entries → their cells, in the order of the file, each with its row number as one more cell behind.
Find: TypeAlias = "Callable[[bytes], list[Cells]]"
#: Gives the entries of a row, in order; what cannot be read goes to the errors of the row.
_Entries: TypeAlias = "Callable[[Cells, list[FieldError]], Sequence[Cells]]"

#: Between the cells of a key of several columns. No good row holds one.
_BETWEEN = "\x00"


class Companion:
    """What a mapping knows of a companion file, such as the comments of an export.

    The mapper that is bound last says where the keys are; all bind one and the same mapping.
    """

    def __init__(self, form: EachForm, name: str, columns: tuple[str, ...], find: Find) -> None:
        self.form = form  #: What the mapping says of it.
        self.name = name  #: What messages call it.
        self.columns = columns  #: Its header.
        self.used: set[str] = set()  #: The columns that the mapping reads.
        self.fields: list[Field] = []  #: What reads them: the parts of notes, and what they are sorted by.
        self._find = find
        self._fold = folding(form.ignore or ())

    def bind(self, by: tuple[int, ...], keys: tuple[int, ...], export: Binding) -> None:
        """Settles where the keys are: at the positions ``by`` in the export, at ``keys`` in this file."""
        self._by, self._keys, self._export = by, keys, export

    def key_of_row(self, row: Cells) -> bytes | None:
        """The key of the entries of a row of the export; None if it has none, or if its cells do not tell."""
        if len(row) != len(self._export.header.columns or ()):
            return None
        return self._key([self._export.filled(row[position]) for position in self._by])

    def key_of_entry(self, entry: Cells) -> bytes | None:
        """The key of an entry; None if it has none."""
        return self._key([entry[position] for position in self._keys])

    def key_shown(self, entry: Cells) -> str:
        """The key of an entry as it is in the file, for people."""
        return encodable(" / ".join(entry[position].strip() for position in self._keys))

    def spoiling(self, problems: Sequence[FieldError]) -> FieldError | None:
        """What the reader found wrong with an entry that keeps it from being used."""
        return next((found for found in problems if found.column is None or found.column in self.used), None)

    def entries(self, row: Cells) -> list[Cells]:
        """The entries of a row of the export, in the order of the file."""
        key = self.key_of_row(row)
        return [] if key is None else self._find(key)

    def located(self, error: FieldError, entry: Cells) -> FieldError:
        """An error of an entry, with the place of the entry."""
        column = error.column if error.column is None else f"{self.name}: {error.column}"
        return replace(error, column=column, rule=f"{error.rule} (row {entry[-1]} of {self.name})")

    def _key(self, texts: Sequence[str]) -> bytes | None:
        folded = [self._fold(text) for text in texts]
        # surrogatepass: a DataFrame or a workbook may hold halves of characters
        return _BETWEEN.join(folded).encode("utf-8", "surrogatepass") if any(folded) else None


class Note:
    """A note of the mapping at ``path``, bound to an export that is described by ``source``."""

    def __init__(
        self,
        form: NoteForm,
        binding: Binding,
        *,
        path: NodePath,
        source: SourceForm,
        companions: Collection[Companion] | None = None,
    ) -> None:
        self.each = form.each  #: Where its entries come from; None if the row is the one entry.
        self._file: Companion | None = None
        self._entries: _Entries = lambda cells, _: (cells,)
        header = binding.header
        if form.each and form.each.file:
            if companions is not None:  # otherwise the mapping is only checked
                self._file = next((file for file in companions if file.form == form.each), None)
            header, self._entries = _entries_of_file(form.each, self._file, binding, path=path, source=source)
        elif form.each:
            header, self._entries = _entries_of_cells(form.each, binding, path=path)
        own = replace(binding, header=header)
        self.fields = dict(_fields(form, own, path=path))  #: Title, body, visibility: by their names in the API.
        self._condition = BoundCondition(form.when, own, path=(*path, "when"))
        if self._file:
            self._file.used |= header.used
            self._file.fields += self.fields.values()
        elif form.each and form.each.column:
            binding.header.used |= header.used - set(form.each.into or ())

    def read(self, cells: Cells, errors: list[FieldError]) -> Iterator[dict[str, Any]]:
        """The notes of a row, as they are sent; what is wrong goes to ``errors``. Without a text there is no note."""
        for entry in self._entries(cells, errors):
            found: list[FieldError] = []
            if self._condition.decide(entry, found, target="notes"):
                body = self.fields["note_body"].read(entry, found)
                if body is not None or found:
                    values = {
                        name: body if name == "note_body" else field.read(entry, found)
                        for name, field in self.fields.items()
                    }
                    yield {name: value for name, value in values.items() if value is not None}
            errors += [self._file.located(error, entry) for error in found] if self._file else found


class WholeText:
    """A note with the whole text of a ``field`` that cuts it (`overflow: note`); none for a text that fits."""

    def __init__(self, field: Field, binding: Binding) -> None:
        form = field.form.model_copy(update={"max": None, "overflow": "reject"})
        target = replace(field.target, limit=None, validate=field_target(NoteCreate, "note_body").validate)
        self._whole, self._limit = Field(form, binding, path=field.path, target=target), field.limit
        self._title = f"Full text of {field.target.name.rpartition('.')[2]}"

    def read(self, cells: Cells, errors: list[FieldError]) -> Iterator[dict[str, Any]]:
        """The note, as it is sent; what is wrong with the text goes to ``errors``."""
        text = self._whole.read(cells, errors)
        if text is not None and self._limit and len(text) > self._limit:
            yield {"note_title": self._title, "note_body": text, "public": False}


def _fields(form: NoteForm, binding: Binding, *, path: NodePath) -> Iterator[tuple[str, Field]]:
    title, body = form.title, form.text
    reads_the_body = title and body and title.column is not None and title.column == body.column
    if title and reads_the_body and title.type is None and "overflow" not in title.model_fields_set:
        title = title.model_copy(update={"overflow": "truncate"})  # the body has the whole text
    for name, value in {"note_title": title, "note_body": body, "public": form.public}.items():
        target = field_target(NoteCreate, name, within="notes.")
        place = (*path, name.removeprefix("note_"))
        if value is not None and (field := make_field(value, binding, path=place, target=target)):
            yield name, field


# -- entries ---------------------------------------------------------------------------------------


def _entries_of_cells(each: EachForm, binding: Binding, *, path: NodePath) -> tuple[Header, _Entries]:
    """The cells of a column, or parts of them, behind the cells of the row, hiding columns of the same name."""
    header = binding.header
    column = header.name(each.column or "")
    into = each.into or (each.column or "",)
    positions = () if header.lacks(column) else header.positions(column, path=(*path, "each", "column"))
    between = _between(each.entries) if each.entries else None
    separator = _between(each.separator) if each.separator else None

    def read(cells: Cells, errors: list[FieldError]) -> list[Cells]:
        entries = []
        for text in filter(binding.filled, (cells[position] for position in positions)):
            for entry in filter(binding.filled, between.split(text)) if between else (text,):
                try:
                    entries.append((*cells, *_parts(entry, each, separator)))
                except CellError as error:
                    errors.append(error.at(column, entry, target="notes"))
        return entries

    columns = header.columns
    if columns is not None:
        columns = (*("" if name in into else name for name in columns), *into)
    return Header(columns, header.problems, header.owner, header.names), read


def _between(text: str) -> re.Pattern[str]:
    """What is between entries or parts; one line break is as good as another, as systems differ in theirs."""
    text = re.sub("\r\n?", "\n", text)
    return re.compile(re.escape(text).replace("\\\n", r"(?:\r\n|\r(?!\n)|\n)"))


def _parts(text: str, each: EachForm, separator: re.Pattern[str] | None) -> Sequence[str]:
    into = each.into
    if separator is None or into is None or len(into) == 1:
        return (text,)
    parts = separator.split(text, len(into) - 1)
    if len(parts) == len(into):
        return parts
    if each.short == "keep":
        return (*[""] * (len(into) - 1), text)
    names = ", ".join(into)
    raise CellError("too_few_parts", count=len(parts), expected=len(into), separator=each.separator, names=names)


def _entries_of_file(
    each: EachForm, file: Companion | None, binding: Binding, *, path: NodePath, source: SourceForm
) -> tuple[Header, _Entries]:
    """The rows of a companion file that have the key of the row; their own row number is one more cell behind."""
    problems, key, by, path = binding.header.problems, each.key or (), each.by or source.key or (), (*path, "each")
    header = Header(file.columns, problems, file.name) if file else Header(None, problems)
    if not by:
        problems.add((*path, "key"), "`key` needs `by` where rows have no key", "set `by:` to the export's column")
    elif len(by) != len(key):
        what = f"`key` has {len(key)} columns, but `by` has {len(by)}"
        problems.add((*path, "key"), what, "list the same number of columns in both; by default `by` is `source.key`")
    of_export = binding.header.positions_of(by, path=(*path, "by") if each.by else ("source", "key"))
    of_file = header.positions_of(key, path=(*path, "key"))
    order = [
        field
        for number, value in enumerate(each.order or ())
        if (field := make_field(value, replace(binding, header=header), path=(*path, "order", number), target=ORDER))
    ]
    if file is None:
        return header, lambda *_: ()
    file.bind(of_export, of_file, binding)
    file.fields += order

    def read(cells: Cells, errors: list[FieldError]) -> list[Cells]:
        def rank(entry: Cells) -> list[tuple[bool, Any]]:
            """Those without a value to sort by come first."""
            found: list[FieldError] = []
            values = [field.read(entry, found) for field in order]
            errors.extend(file.located(error, entry) for error in found)
            return [(value is not None, value) for value in values]

        return sorted(file.entries(cells), key=rank)

    return header, read
