"""What the notes of a row are made of: the row itself, parts of its cells, or rows of another file.

Each entry is a little row with a header of its own, so the values of a note read it as other values read the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError
from importer.mapping.companion import Companion
from importer.mapping.header import Header
from importer.mapping.origins import bind_value
from importer.mapping.parts import Cells, Find, Part
from importer.mapping.spec import ColumnForm
from importer.mapping.spec_case import EachForm
from importer.mapping.targets import note_target
from importer.mapping.values import Value
from importer.mapping.yaml_nodes import NodePath
from importer.models import FieldError

_Take: TypeAlias = "Callable[[Cells], Sequence[Cells]]"


class Each(NamedTuple):
    """`each:`, compiled.

    Attributes:
        form: As it stands in the mapping.
        path: Where it stands.
        order: The values by which its entries are sorted.
        by: The columns of the export that are looked up in a file.
    """

    form: EachForm
    path: NodePath
    order: tuple[Value, ...]
    by: tuple[ColumnForm, ...]


class Entries(NamedTuple):
    """The entries of a row, bound to an export.

    Attributes:
        header: What the values of an entry read.
        read: The cells of a row → the cells of each entry, in order. Raises :class:`CellError`.
        sound: The same, without those that cannot be read.
        problems: What keeps the others from being read.
        named: An error of an entry, with the cells of that entry → the same with the place where the entry stands.
    """

    header: Header
    read: _Take
    sound: _Take
    problems: Find
    named: Callable[[FieldError, Cells], FieldError]


def bind_each(each: Each | None, binding: Binding) -> Entries | None:
    """The entries of `each:`; without it the row itself. None if they are in a file that is left out."""
    if each is None:
        return Entries(binding.header, lambda row: (row,), lambda row: (row,), lambda _: iter(()), _as_it_is)
    if each.form.column is not None:
        return _of_cells(each.form, each.form.column, path=each.path, binding=binding)
    file = binding.companion(each.form)
    return None if file is None else _of_file(each, file, binding)


def _as_it_is(error: FieldError, _: Cells) -> FieldError:
    return error


def _of_cells(form: EachForm, column: str, *, path: NodePath, binding: Binding) -> Entries:
    positions = binding.header.positions(column, path=(*path, "column"))
    between, split, width = form.entries, _splitting(form), binding.header.width  # the key may be one more cell

    def texts(row: Cells) -> Iterator[str]:
        for position in positions:
            if text := binding.filled(row[position]):
                if between is None:
                    yield text
                else:
                    yield from filter(binding.filled, text.split(between))

    def read(row: Cells) -> list[Cells]:
        return [(*row[:width], *split(text)) for text in texts(row)]

    def sound(row: Cells) -> list[Cells]:
        return [(*row[:width], *split(text)) for text in texts(row) if _error(split, text) is None]

    def problems(row: Cells) -> Iterator[FieldError]:
        for text in texts(row):
            if error := _error(split, text):
                yield error.at(column=column, text=text, target="notes")

    return Entries(binding.header.beside(form.into or (column,)), read, sound, problems, _as_it_is)


def _splitting(form: EachForm) -> Callable[[str], Sequence[str]]:
    separator, into = form.separator, form.into
    if separator is None or into is None:
        return lambda text: (text,)
    most, padding = len(into) - 1, ("",) * (len(into) - 1)

    def split(text: str) -> Sequence[str]:
        parts = text.split(separator, most)
        if len(parts) <= most:
            if form.short == "keep":
                return (*padding, text)
            rule = f"has {len(parts)} of {most + 1} parts with {separator!r} between them: {', '.join(into)}"
            raise CellError("too_few_parts", rule, "correct the cell, or take it whole with `short: keep`")
        return parts

    return split


def _error(split: Callable[[str], object], text: str) -> CellError | None:
    try:
        split(text)
    except CellError as error:
        return error.with_traceback(None)  # as in parts.py
    return None


def _of_file(each: Each, file: Companion, binding: Binding) -> Entries:
    form, header = each.form, binding.header
    own = header.of_file(file.columns, owner=file.name)
    by_path = (*each.path, "by") if form.by else ("source", "key")
    by = [header.position(column, path=(*by_path, number)) for number, column in enumerate(each.by)]
    keys = [own.position(column, path=(*each.path, "key", number)) for number, column in enumerate(form.key or ())]
    file.bound(keys, texts=lambda row: [binding.filled(row[position]) for position in by], width=header.width)
    order = [bind_value(value, binding._replace(header=own)) for value in each.order]
    rank = _rank(order)

    def named(error: FieldError, entry: Cells) -> FieldError:
        column = error.column if error.column is None else f"{file.name}: {error.column}"
        return error._replace(column=column, rule=f"{error.rule} (row {entry[-1]} of {file.name})")

    def read(row: Cells) -> list[Cells]:
        entries = file.entries(row)
        return sorted(entries, key=rank) if order else entries

    def problems(row: Cells) -> Iterator[FieldError]:
        for entry in file.entries(row) if order else ():
            yield from (named(error, entry) for part in order for error in part.problems(entry))

    return Entries(own, read, file.entries, problems, named)


def _rank(order: Sequence[Part]) -> Callable[[Cells], list[tuple[bool, Any]]]:
    """What entries are compared by; those without a value come first."""

    def rank(entry: Cells) -> list[tuple[bool, Any]]:
        return [(value is not None, value) for value in [part.value(entry) for part in order]]

    return rank


def bound_entries(entries: Entries, each: Each | None, binding: Binding) -> None:
    """Notes which columns the values of bound entries read, once these are bound as well."""
    if each is None:
        return
    if file := binding.companion(each.form) if each.form.file else None:
        file.used |= entries.header.used
    else:
        binding.header.used |= entries.header.used - set(each.form.into or ())


ORDER = note_target("note_body")._replace(
    name="notes.order", one_line=True, takes=frozenset({"text", "instant", "integer", "decimal"}), check=lambda _: None
)
