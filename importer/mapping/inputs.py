"""Where the text of a value comes from: a column, the first of several, a template, or another file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from importer.mapping.field_errors import EXPORT, Problems, malformed
from importer.mapping.html import readable
from importer.models import shown

if TYPE_CHECKING:
    from importer.mapping.custom_fields import Definitions
    from importer.mapping.named_files import NamedFiles
    from importer.mapping.notes import Companion
    from importer.mapping.schema import ColumnForm, LookupForm, NamesForm, ValueForm
    from importer.yaml_places import NodePath

#: All cells of a row, in the order of the header.
Cells: TypeAlias = "tuple[str, ...]"
#: The cell that a bad value comes from: its column and its text.
Blame: TypeAlias = "tuple[str | None, str]"

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class Header:
    """Finds the positions of columns. One that is not found is a problem; a position is returned all the same.

    Args:
        columns: In the order of the file, repeats kept; None while no file is known: then there is every column.
        problems: Where problems go.
        owner: What messages call the file.
        names: Column of the mapping → how else the file may call it, and whether it may lack it.
    """

    def __init__(
        self,
        columns: tuple[str, ...] | None,
        problems: Problems,
        owner: str = EXPORT,
        names: Mapping[str, NamesForm] | None = None,
    ) -> None:
        self.columns = columns
        self.names = names or {}
        self.problems = problems
        self.owner = owner
        self.used: set[str] = set()  #: The columns that were asked for.
        self._positions: dict[str, list[int]] = {}
        for position, column in enumerate(columns or ()):
            self._positions.setdefault(column, []).append(position)

    def name(self, column: str) -> str:
        """The header of a column of the mapping in this file."""
        also = self.names[column].also if column in self.names and column not in self._positions else ()
        return next((other for other in also if other in self._positions), column)

    def lacks(self, column: str) -> bool:
        """Whether the file does not have the column, and need not."""
        is_optional = self.columns is not None and column in self.names and self.names[column].optional
        return is_optional and self.name(column) not in self._positions

    def positions(self, column: str, *, path: NodePath) -> tuple[int, ...]:
        """Where the cells of all columns with this header are; the leftmost first."""
        column = self.name(column)
        self.used.add(column)
        if column not in self._positions and self.columns is not None:
            self.problems.add_missing(path, column, self.owner, self._positions)
        return tuple(self._positions.get(column, [0]))

    def position(self, column: str, occurrence: int | None = None, *, path: NodePath) -> int:
        """Where the cell of one column is; a repeated header needs an ``occurrence``."""
        found, name = self.positions(column, path=path), shown(column)
        if occurrence is None and len(found) > 1:
            hint = f"use one: {{column: {name}, occurrence: 2}}, or all: {{column: {name}, join: ', '}}"
            self.problems.add(path, f"{self.owner} has {len(found)} columns named {name!r}", hint)
        elif (occurrence or 1) > len(found):
            if self.columns is not None:
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
        files: The files that the mapping names, for lookups.
        definitions: The custom fields of the account, if they are known.
        companions: The companion files; None if their notes are not wanted.
    """

    header: Header
    empty: frozenset[str]
    files: NamedFiles
    definitions: Definitions | None = None
    companions: Collection[Companion] | None = None

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        return "" if text.strip() in self.empty else text


@dataclass(frozen=True, slots=True)
class Input:
    """Where a value comes from, bound to an export.

    Attributes:
        binding: The export.
        names: The column of each cell that it reads, at ``positions``.
        combine: What counts of these cells, "" for each without a value → the text; or the texts, if a list takes
            several columns. Empty if there is no value; None if not even the default is wanted.
        is_html: Whether the cells hold HTML.
        is_text: Whether it gives a text of the export, as opposed to a constant or a text of another file.
        pick: The columns with their cells → the one to look at if the value is wrong; by default all together,
            with ``between`` between them.
    """

    binding: Binding
    names: tuple[str, ...]
    positions: tuple[int, ...]
    combine: Callable[[list[str]], Any]
    is_html: bool = False
    is_text: bool = True
    pick: Callable[[list[Blame]], Blame] | None = None
    between: str = " "

    def read(self, cells: Cells) -> Any:
        """What ``combine`` makes of the cells of a row. Raises :class:`CellError`."""
        texts = [cells[position] for position in self.positions]
        if self.is_html:
            texts = [readable(text) for text in texts]
        return self.combine([self.binding.filled(text) for text in texts])

    def blame(self, cells: Cells) -> Blame:
        """The cell to look at if the value of a row is wrong."""
        blamed: list[Blame] = [
            (name, cells[position]) for name, position in zip(self.names, self.positions, strict=True)
        ]
        if self.pick:
            return self.pick(blamed)
        return self.names[0] if self.names else None, self.between.join(text for _, text in blamed if text.strip())


def make_input(form: ValueForm, binding: Binding, *, path: NodePath, in_list: bool) -> Input:
    """The input of the value at ``path``; of several columns of one name a list takes all (``in_list``)."""
    path, header, is_html = (*path, form.origin), binding.header, form.html is not None
    nothing = Input(binding, (), (), lambda _: "", is_text=False)
    if form.value is not None:
        return Input(binding, (), (), lambda _: form.value, is_text=False)
    if form.lookup is not None:
        lacks_some = any(header.lacks(column.column) for column in form.lookup.by or form.lookup.key)
        return nothing if lacks_some else _lookup(form.lookup, binding, path=path)
    if form.template is not None:
        frame, names = parse_template(form.template, header.lacks)
        if not names:
            return nothing
        positions = tuple(header.position(column, path=path) for column in names)
        names = tuple(map(header.name, names))

        def fill_in(texts: list[str]) -> str:
            return binding.filled(frame % tuple(texts)) if any(texts) else ""

        def longest(cells: list[Blame]) -> Blame:
            """If the text is too long, that is the one to shorten."""
            return max(cells, key=lambda cell: len(cell[1]))

        return Input(binding, names, positions, fill_in, is_html, pick=longest)
    if form.first is not None:
        present = [column for column in form.first if not header.lacks(column.column)]
        if not present:
            return nothing
        names = tuple(header.name(column.column) for column in present)
        positions = header.positions_of(present, path=path)

        def first_filled(cells: list[Blame]) -> Blame:
            return next((cell for cell in cells if binding.filled(cell[1])), cells[0])

        return Input(binding, names, positions, lambda texts: next(filter(None, texts), ""), is_html, pick=first_filled)
    column, join = header.name(form.column or ""), form.join
    if header.lacks(column):
        return nothing
    if join is not None or (in_list and form.occurrence is None):
        positions = header.positions(column, path=path)
    else:
        positions = (header.position(column, form.occurrence, path=path),)
    names = (column,) * len(positions)
    if join is not None:

        def joined(texts: list[str]) -> str:
            return binding.filled(join.join(filter(None, texts)))

        return Input(binding, names, positions, joined, is_html, between=join)
    if len(positions) > 1:
        return Input(binding, names, positions, lambda texts: tuple(filter(None, texts)), is_html, is_text=False)
    return Input(binding, names, positions, itemgetter(0), is_html)


def _lookup(form: LookupForm, binding: Binding, *, path: NodePath) -> Input:
    table = binding.files.table(form, path=path, problems=binding.header.problems)
    columns, name = (form.by, "by") if form.by else (form.key, "key")

    def find(texts: list[str]) -> str | None:
        text = table.find(texts)
        return text and binding.filled(text)

    names = tuple(binding.header.name(column.column) for column in columns)
    positions = binding.header.positions_of(columns, path=(*path, name))
    return Input(binding, names, positions, find, is_text=False, between=" / ")


def parse_template(text: str, lacks: Callable[[str], bool] = lambda _: False) -> tuple[str, tuple[str, ...]]:
    """Takes a template apart; a cell is never looked into. ``{{`` and ``}}`` stand for braces.

    Args:
        text: The template.
        lacks: Says of a column whether the export lacks it. Its place is empty then; a line of the template that has
            such columns only is left out.

    Returns:
        Its text with ``%s`` for every column, so that filling it in is one operation, and these columns in order.

    Raises:
        PydanticCustomError: A brace is not closed, or encloses nothing.
    """
    lines: list[list[str]] = [[]]
    for token in _TOKEN.findall(text):
        _check_token(token, text)
        first, *following = [token] if token[0] == "{" else token.split("\n")
        lines[-1].append(first)
        lines += [[part] for part in following]
    if not any(map(_columns_in, lines)):
        raise malformed("the template contains no {Column}", "use {value: …} for a constant text")
    kept = [tokens for tokens in lines if not (columns := _columns_in(tokens)) or not all(map(lacks, columns))]
    present = [[token for token in tokens if not _is_column(token) or not lacks(token[1:-1])] for tokens in kept]
    frame = "\n".join("".join(map(_framed, tokens)) for tokens in present)
    frame = frame.strip("\n") if len(kept) < len(lines) else frame
    return frame, tuple(column for tokens in present for column in _columns_in(tokens))


def _check_token(token: str, text: str) -> None:
    if token in ("{", "}"):
        hint = f"write {token * 2!r} for a literal brace"
        raise malformed(f"unmatched {token!r} in the template {text!r}", hint)
    if token == "{}":
        raise malformed("'{}' does not name a column", "write {Column}, or {{}} for literal braces")


def _is_column(token: str) -> bool:
    return token[:1] == "{" and token != "{{"


def _columns_in(tokens: list[str]) -> list[str]:
    return [token[1:-1] for token in tokens if _is_column(token)]


def _framed(token: str) -> str:
    if token in ("{{", "}}"):
        return token[0]
    return "%s" if _is_column(token) else token.replace("%", "%%")
