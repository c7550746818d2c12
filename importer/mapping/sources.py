"""Where the text of a value comes from: a column, the first of several, or a template.

A source gives the text of a row; "" stands for no value. What a lookup gives is in :mod:`importer.mapping.lookups`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.mapping.html import readable
from importer.mapping.problems import Malformed, Problems
from importer.models import shown

if TYPE_CHECKING:
    from importer.mapping.case_schema import EachForm
    from importer.mapping.companion import Companion
    from importer.mapping.lookups import LookupTable
    from importer.mapping.schema import ColumnForm, ValueForm
    from importer.yaml_places import NodePath

Cells: TypeAlias = "tuple[str, ...]"

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class Header:
    """Finds the positions of columns, and notes a problem for each one that cannot be found.

    After a problem a position is returned too, so that the rest of the mapping is checked as well.

    Args:
        columns: In the order of the file, repeats kept.
        problems: Where problems go.
        owner: What messages call the file.

    Attributes:
        width: Number of columns.
        used: Columns that were asked for.
    """

    def __init__(self, columns: tuple[str, ...], problems: Problems, owner: str = "the export") -> None:
        self._owner = owner
        self._columns = columns
        self.width = len(columns)
        self.used: set[str] = set()
        self._problems = problems
        self._positions: dict[str, list[int]] = {}
        for position, column in enumerate(columns):
            self._positions.setdefault(column, []).append(position)

    def with_parts(self, parts: tuple[str, ...]) -> Header:
        """A header with ``parts`` behind the columns of this one, hiding those of the same name."""
        hidden = tuple("" if column in parts else column for column in self._columns)
        return Header((*hidden, *parts), self._problems, self._owner)

    def of_file(self, columns: tuple[str, ...], *, owner: str) -> Header:
        """The header of another file, whose problems are problems of the same mapping."""
        return Header(columns, self._problems, owner)

    def positions(self, column: str, *, path: NodePath) -> tuple[int, ...]:
        """Where the cells of all columns with this header are; the leftmost first."""
        self.used.add(column)
        if column not in self._positions:
            self._problems.add_missing(path, column, self._owner, self._positions)
        return tuple(self._positions.get(column, [0]))

    def position(self, column: str, occurrence: int | None = None, *, path: NodePath) -> int:
        """Where the cell of one column is; a repeated header needs an ``occurrence``."""
        found, name = self.positions(column, path=path), shown(column)
        if occurrence is None and len(found) > 1:
            hint = f"use one: {{column: {name}, occurrence: 2}}, or all: {{column: {name}, join: ', '}}"
            self._problems.add(path, f"{self._owner} has {len(found)} columns named {name!r}", hint)
        elif (occurrence or 1) > len(found):
            what = f"{self._owner} has only {len(found)} columns named {name!r}"
            self._problems.add(path, what, "`occurrence` counts from 1")
            return 0
        return found[(occurrence or 1) - 1]

    def positions_of(self, columns: Collection[ColumnForm], *, path: NodePath) -> list[int]:
        """Where the cells of several columns are, each of them one; ``path`` is that of their list."""
        return [
            self.position(form.column, form.occurrence, path=(*path, number)) for number, form in enumerate(columns)
        ]


@dataclass(frozen=True, slots=True)
class Binding:
    """What the values of a mapping are bound to.

    Attributes:
        header: The columns of the export.
        empty: Texts that count as no value; "" among them.
        tables: Lookup tables by the paths of the values that use them.
        companions: The companion files; None if their notes are not wanted.
        html: Whether the cells hold HTML, of which the readable text counts.
    """

    header: Header
    empty: frozenset[str]
    tables: Mapping[NodePath, LookupTable]
    companions: Collection[Companion] | None = None
    html: bool = False

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        if self.html:
            text = readable(text)
        return "" if text.strip() in self.empty else text

    def companion(self, form: EachForm) -> Companion | None:
        """The opened file of ``form``; None if notes of files are not wanted.

        Raises:
            ValueError: They are wanted, and this file was not opened.
        """
        if self.companions is None:
            return None
        for file in self.companions:
            if file.form == form:
                return file
        raise ValueError(f"the notes of {form.file} are not open")


class Blame(NamedTuple):
    """The cell that a bad value comes from."""

    column: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from, bound to an export.

    Attributes:
        columns: The columns that it reads.
        read: The cells of a row → their text; or their texts, if a list takes several columns. Empty if there is no
            value; None if there is to be no value, not even the default. Raises :class:`CellError`.
        blame: The cells of a row → the one to look at if the value is wrong.
        is_text: Whether it gives a text of the export, as opposed to a constant or a text of another file.
    """

    columns: tuple[str, ...]
    read: Callable[[Cells], Any]
    blame: Callable[[Cells], Blame]
    is_text: bool = True


def constant(text: str) -> Source:
    """The same text for every row."""
    return Source((), lambda _: text, lambda _: Blame(None, text), is_text=False)


def text_source(form: ValueForm, binding: Binding, *, path: NodePath) -> Source:
    """The source of a value with `column`, `first` or `template`."""
    binding = replace(binding, html=form.html is not None)
    if form.first is not None:
        return _first(form.first, binding, path=(*path, "first"))
    if form.template is not None:
        return _template(form.template, binding, path=(*path, "template"))
    path = (*path, "column")
    if form.join is not None:
        return _joined(form.column or "", form.join, binding, path=path)
    return _column(form.column or "", form.occurrence, binding, path=path)


def repeated_columns(column: str, positions: tuple[int, ...], binding: Binding) -> Source:
    """All columns of one name: the texts of those that are filled."""
    filled = binding.filled

    def read(cells: Cells) -> tuple[str, ...]:
        return tuple([text for position in positions if (text := filled(cells[position]))])

    def blame(cells: Cells) -> Blame:
        return Blame(column, " ".join(filter(None, (cells[position] for position in positions))))

    return Source((column,), read, blame, is_text=False)


def _column(column: str, occurrence: int | None, binding: Binding, *, path: NodePath) -> Source:
    position, empty, filled = binding.header.position(column, occurrence, path=path), binding.empty, binding.filled

    def text(cells: Cells) -> str:
        text = cells[position]
        return "" if text.strip() in empty else text

    def html(cells: Cells) -> str:
        return filled(cells[position])

    return Source((column,), html if binding.html else text, lambda cells: Blame(column, cells[position]))


def _joined(column: str, join: str, binding: Binding, *, path: NodePath) -> Source:
    positions, empty, filled = binding.header.positions(column, path=path), binding.empty, binding.filled

    def read(cells: Cells) -> str:
        text = join.join(filter(None, [filled(cells[position]) for position in positions]))
        return "" if text.strip() in empty else text

    def blame(cells: Cells) -> Blame:
        return Blame(
            column, join.join(text for position in positions if (text := cells[position]).strip() not in empty)
        )

    return Source((column,), read, blame)


def _first(columns: tuple[ColumnForm, ...], binding: Binding, *, path: NodePath) -> Source:
    positions, filled = binding.header.positions_of(columns, path=path), binding.filled
    names = tuple(form.column for form in columns)

    def read(cells: Cells) -> str:
        return next(filter(None, (filled(cells[position]) for position in positions)), "")

    def blame(cells: Cells) -> Blame:
        texts = [Blame(name, cells[position]) for name, position in zip(names, positions, strict=True)]
        return next((blame for blame in texts if blame.text.strip() not in binding.empty), texts[0])

    return Source(names, read, blame)


def _template(template: str, binding: Binding, *, path: NodePath) -> Source:
    frame, columns = parse_template(template)
    positions, filled = [binding.header.position(column, path=path) for column in columns], binding.filled
    empty = binding.empty

    def read(cells: Cells) -> str:
        texts = tuple([filled(cells[position]) for position in positions])
        text = frame % texts if any(texts) else ""
        return "" if text.strip() in empty else text

    def blame(cells: Cells) -> Blame:
        """The longest cell: if the text is too long, that is the one to shorten."""
        texts = [Blame(column, cells[position]) for column, position in zip(columns, positions, strict=True)]
        return max(texts, key=lambda blame: len(blame.text))

    return Source(columns, read, blame)


class Template(NamedTuple):
    """A template, taken apart: plain text with ``{Column}`` in it. A cell is never looked into.

    Attributes:
        frame: Its text with ``%s`` for every column, so that filling it in is one operation.
        columns: The columns, in the order in which they occur; repeats are kept.
    """

    frame: str
    columns: tuple[str, ...]


def parse_template(text: str) -> Template:
    """Takes a template apart. ``{{`` and ``}}`` stand for braces.

    Raises:
        Malformed: A brace is not closed, or encloses nothing.
    """
    frame, columns = [], []
    for token in _TOKEN.findall(text):
        if token in ("{", "}"):
            hint = f"write {token * 2!r} for a literal brace"
            raise Malformed(f"unmatched {token!r} in the template {text!r}", hint)
        if token == "{}":
            raise Malformed("'{}' does not name a column", "write {Column}, or {{}} for literal braces")
        if token in ("{{", "}}"):
            frame.append(token[0])
        elif token[0] == "{":
            frame.append("%s")
            columns.append(token[1:-1])
        else:
            frame.append(token.replace("%", "%%"))
    if not columns:
        raise Malformed("the template contains no {Column}", "use {value: …} for a constant text")
    return Template("".join(frame), tuple(columns))
