"""Where the text of a value comes from: a column, the first of several, or a template.

A source gives the text of a row; "" stands for no value. What a lookup gives is in :mod:`importer.mapping.lookups`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.mapping.field_errors import EXPORT, Problems, malformed
from importer.mapping.html import readable
from importer.models import shown

if TYPE_CHECKING:
    from importer.mapping.lookups import LookupTable
    from importer.mapping.notes import Companion
    from importer.mapping.schema import ColumnForm, ValueForm
    from importer.yaml_places import NodePath

#: All cells of a row, in the order of the header.
Cells: TypeAlias = "tuple[str, ...]"
#: Those cells of a row that a value reads, in the order of its positions.
Texts: TypeAlias = "tuple[str, ...]"

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class Header:
    """Finds the positions of columns, and notes a problem for each one that cannot be found.

    After a problem a position is returned too, so that the rest of the mapping is checked as well.

    Args:
        columns: In the order of the file, repeats kept.
        problems: Where problems go.
        owner: What messages call the file.
    """

    def __init__(self, columns: tuple[str, ...], problems: Problems, owner: str = EXPORT) -> None:
        self.columns = columns
        self.problems = problems
        self.used: set[str] = set()  #: Columns that were asked for.
        self.owner = owner
        self._positions: dict[str, list[int]] = {}
        for position, column in enumerate(columns):
            self._positions.setdefault(column, []).append(position)

    def positions(self, column: str, *, path: NodePath) -> tuple[int, ...]:
        """Where the cells of all columns with this header are; the leftmost first."""
        self.used.add(column)
        if column not in self._positions:
            self.problems.add_missing(path, column, self.owner, self._positions)
        return tuple(self._positions.get(column, [0]))

    def position(self, column: str, occurrence: int | None = None, *, path: NodePath) -> int:
        """Where the cell of one column is; a repeated header needs an ``occurrence``."""
        found, name = self.positions(column, path=path), shown(column)
        if occurrence is None and len(found) > 1:
            hint = f"use one: {{column: {name}, occurrence: 2}}, or all: {{column: {name}, join: ', '}}"
            self.problems.add(path, f"{self.owner} has {len(found)} columns named {name!r}", hint)
        elif (occurrence or 1) > len(found):
            what = f"{self.owner} has only {len(found)} columns named {name!r}"
            self.problems.add(path, what, "`occurrence` counts from 1")
            return 0
        return found[(occurrence or 1) - 1]

    def positions_of(self, columns: Collection[ColumnForm], *, path: NodePath) -> tuple[int, ...]:
        """Where the cells of several columns are, each of them one; ``path`` is that of their list."""
        return tuple(
            self.position(form.column, form.occurrence, path=(*path, number)) for number, form in enumerate(columns)
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """What the values of a mapping are bound to.

    Attributes:
        empty: Texts that count as no value; "" among them.
        tables: Lookup tables by the paths of the values that use them.
        companions: The companion files; None if their notes are not wanted.
    """

    header: Header
    empty: frozenset[str]
    tables: Mapping[NodePath, LookupTable]
    companions: Collection[Companion] | None = None

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        return "" if text.strip() in self.empty else text

    def filled_all(self, texts: Texts) -> Texts:
        """The same of each text."""
        empty = self.empty
        return tuple(["" if text.strip() in empty else text for text in texts])


class Blame(NamedTuple):
    """The cell that a bad value comes from."""

    column: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from, bound to an export.

    Attributes:
        read: The cells at its positions → their text; or their texts, if a list takes several columns. Empty if there
            is no value; None if there is to be no value, not even the default. Raises :class:`CellError`.
        blame: These cells → the one to look at if the value is wrong.
        is_text: Whether it gives a text of the export, as opposed to a constant or a text of another file.
    """

    columns: tuple[str, ...]
    positions: tuple[int, ...]
    read: Callable[[Texts], Any]
    blame: Callable[[Texts], Blame]
    is_text: bool = True


def constant(text: str) -> Source:
    """The same text for every row."""
    return Source((), (), lambda _: text, lambda _: Blame(None, text), is_text=False)


def text_source(form: ValueForm, binding: Binding, *, path: NodePath) -> Source:
    """The source of a value with `column`, `first` or `template`."""
    header, filled = binding.header, _filled(form, binding)
    if form.first is not None:
        names = tuple(column.column for column in form.first)
        positions = header.positions_of(form.first, path=(*path, "first"))

        def blame(texts: Texts) -> Blame:
            cells = list(map(Blame, names, texts))
            return next((cell for cell in cells if binding.filled(cell.text)), cells[0])

        return Source(names, positions, lambda texts: next(filter(None, filled(texts)), ""), blame)
    if form.template is not None:
        return _template(form.template, binding, filled, path=(*path, "template"))
    column, path = form.column or "", (*path, "column")
    if form.join is None:
        position = header.position(column, form.occurrence, path=path)
        return Source((column,), (position,), lambda texts: filled(texts)[0], lambda texts: Blame(column, texts[0]))
    join = form.join
    return Source(
        (column,),
        header.positions(column, path=path),
        lambda texts: binding.filled(join.join(filter(None, filled(texts)))),
        lambda texts: Blame(column, join.join(filter(binding.filled, texts))),
    )


def repeated_columns(form: ValueForm, positions: tuple[int, ...], binding: Binding) -> Source:
    """All columns of one name: the texts of those that are filled."""
    column, filled = form.column or "", _filled(form, binding)
    return Source(
        (column,),
        positions,
        lambda texts: tuple(filter(None, filled(texts))),
        lambda texts: Blame(column, " ".join(filter(None, texts))),
        is_text=False,
    )


def _filled(form: ValueForm, binding: Binding) -> Callable[[Texts], Texts]:
    """Cells → what counts of each: the readable text if they hold HTML, "" if it counts as no value."""
    if form.html is None:
        return binding.filled_all
    return lambda texts: binding.filled_all(tuple(map(readable, texts)))


def _template(template: str, binding: Binding, filled: Callable[[Texts], Texts], *, path: NodePath) -> Source:
    frame, columns = parse_template(template)
    positions = tuple(binding.header.position(column, path=path) for column in columns)

    def read(texts: Texts) -> str:
        texts = filled(texts)
        return binding.filled(frame % texts) if any(texts) else ""

    def blame(texts: Texts) -> Blame:
        """The longest cell: if the text is too long, that is the one to shorten."""
        return max(map(Blame, columns, texts), key=lambda cell: len(cell.text))

    return Source(columns, positions, read, blame)


def parse_template(text: str) -> tuple[str, tuple[str, ...]]:
    """Takes a template apart; a cell is never looked into. ``{{`` and ``}}`` stand for braces.

    Returns:
        Its text with ``%s`` for every column, so that filling it in is one operation, and these columns in order.

    Raises:
        PydanticCustomError: A brace is not closed, or encloses nothing.
    """
    frame, columns = [], []
    for token in _TOKEN.findall(text):
        if token in ("{", "}"):
            hint = f"write {token * 2!r} for a literal brace"
            raise malformed(f"unmatched {token!r} in the template {text!r}", hint)
        if token == "{}":
            raise malformed("'{}' does not name a column", "write {Column}, or {{}} for literal braces")
        if token in ("{{", "}}"):
            frame.append(token[0])
        elif token[0] == "{":
            frame.append("%s")
            columns.append(token[1:-1])
        else:
            frame.append(token.replace("%", "%%"))
    if not columns:
        raise malformed("the template contains no {Column}", "use {value: …} for a constant text")
    return "".join(frame), tuple(columns)
