"""The link from a row to the row above it: what rows are called by, and what they call each other.

Which row is meant, and whether the link can be made, only the rows together can tell: see
:mod:`importer.ledger.parents`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError
from importer.mapping.document import Problems
from importer.mapping.key import check_characters, check_length, check_part
from importer.mapping.parts import Cells, Find
from importer.mapping.spec import ColumnForm, SourceForm, ValueForm
from importer.mapping.spec_case import CaseForm
from importer.mapping.when import Test, bind_test
from importer.mapping.yaml_nodes import NodePath
from importer.models import FieldError, Link, Links

TARGET = "parent_id"
_PATH = ("case", "parent_id")
_KEYS = frozenset({"record", "of", "missing", "cycle", "deep", "when"})


def check_parent(form: CaseForm, problems: Problems) -> ValueForm | None:
    """The value that links rows, if ``parent_id`` is one."""
    value = form.parent_id
    if value is None or value.origin != "record":
        return None
    for key in sorted(value.model_fields_set - _KEYS):
        problems.add((*_PATH, key), f"`{key}` means nothing beside `record`", f"remove `{key}`", key=True)
    return value


def links_of(form: ValueForm) -> Links:
    """What the ledger needs to know about the links of a mapping."""
    return Links(_names(form.record or ()), form.missing, form.cycle, form.deep)


class Parent(NamedTuple):
    """How the link of a row is read.

    Attributes:
        read: The cells of a row → its link. Raises :class:`CellError`.
        problems: The cells of a row → what is wrong with its link.
        columns: The columns it is made of.
    """

    read: Callable[[Cells], Link]
    problems: Find
    columns: frozenset[str]


class _Name(NamedTuple):
    """A name in one or several cells. It is empty unless all of them are filled."""

    columns: tuple[ColumnForm, ...]
    positions: tuple[int, ...]
    join: str
    empty: tuple[str, ...]

    def read(self, cells: Cells) -> str:
        texts = [cells[position].strip() for position in self.positions]
        if any(text in self.empty for text in texts):
            return ""
        for text in texts[:-1]:
            check_part(text, self.join, of="a name")
        name = check_length(self.join.join(texts), of="the name of a row", target=TARGET)
        check_characters(name)
        return name

    def problem(self, cells: Cells) -> FieldError | None:
        try:
            self.read(cells)
        except CellError as error:
            text = self.join.join(cells[position].strip() for position in self.positions)
            return error.at(column=_names(self.columns), text=text, target=TARGET)
        return None


def bind_parent(form: ValueForm, source: SourceForm, binding: Binding) -> Parent:
    """The link of the rows of an export."""
    above = _bind(form.record or (), "record", source=source, binding=binding)
    own = _bind(form.of, "of", source=source, binding=binding) if form.of else None
    names = [above, own] if own else [above]
    test = None
    if form.when is not None:
        test = bind_test(form.when, binding=binding, path=(*_PATH, "when"), target=TARGET)

    def read(cells: Cells) -> Link:
        parent = above.read(cells) if test is None or test.met(cells) else ""
        return Link(own.read(cells) if own else None, parent or None)

    def problems(cells: Cells) -> Iterator[FieldError]:
        if test and (undecided := list(test.problems(cells))):
            yield from undecided
            return
        yield from filter(None, [name.problem(cells) for name in names if name is own or _has(test, cells)])

    columns = frozenset(column.column for name in names for column in name.columns)
    return Parent(read, problems, columns)


def _has(test: Test | None, cells: Cells) -> bool:
    return test is None or test.met(cells)


def _bind(columns: tuple[ColumnForm, ...], key: str, *, source: SourceForm, binding: Binding) -> _Name:
    path: NodePath = (*_PATH, key)
    positions = [binding.header.position(form, path=(*path, number)) for number, form in enumerate(columns)]
    return _Name(columns, tuple(positions), source.join, binding.empty)


def _names(columns: tuple[ColumnForm, ...]) -> str:
    return ", ".join(column.column for column in columns)
