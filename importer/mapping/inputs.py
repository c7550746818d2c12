"""Where the text of a value comes from: a column, the first of several, a template, or another file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from importer.mapping.field_errors import EXPORT, FormError, Problems
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
        columns: In the order of the file, repeats kept; None if no file is known: then there is every column, and a
            mapping can be checked by itself.
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
        self.columns, self.problems, self.owner, self.names = columns, problems, owner, names or {}
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
    """What the values of a mapping are bound to."""

    header: Header
    empty: frozenset[str]  #: Texts that count as no value; "" among them.
    files: NamedFiles  #: The files that the mapping names, for lookups.
    definitions: Definitions | None = None  #: The custom fields of the account, if they are known.
    companions: Collection[Companion] | None = None  #: The companion files; None if their notes are not wanted.

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        return "" if text.strip() in self.empty else text


@dataclass(frozen=True, slots=True)
class Input:
    """Where a value comes from, bound to an export."""

    binding: Binding
    #: What counts of the cells, "" for each without a value → the text; or the texts, if a list takes several columns.
    #: Empty if there is no value; None if not even the default is wanted.
    combine: Callable[[list[str]], Any]
    names: tuple[str, ...] = ()  #: The column of each cell that it reads, at ``positions``.
    positions: tuple[int, ...] = ()
    is_html: bool = False  #: Whether the cells hold HTML.
    is_text: bool = True  #: Whether it gives a text of the export, not a constant or a text of another file.
    #: The columns with their cells → the one to look at if the value is wrong; without it all, and ``between`` them.
    pick: Callable[[list[Blame]], Blame] | None = None
    between: str = " "

    def read(self, cells: Cells) -> Any:
        """What ``combine`` makes of the cells of a row. Raises :class:`CellError`."""
        texts = [cells[position] for position in self.positions]
        if self.is_html:
            texts = [readable(text) for text in texts]
        empty = self.binding.empty
        return self.combine(["" if text.strip() in empty else text for text in texts])

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
    nothing = Input(binding, lambda _: "", is_text=False)
    if form.value is not None:
        return Input(binding, lambda _: form.value, is_text=False)
    if form.lookup is not None:
        return _lookup(form.lookup, binding, path=path) or nothing
    if form.template is not None:
        frame, columns = parse_template(form.template, header.lacks)
        template = Input(
            binding,
            lambda texts: frame % tuple(texts) if any(texts) else "",
            tuple(map(header.name, columns)),
            tuple(header.position(column, path=path) for column in columns),
            is_html,
            pick=lambda cells: max(cells, key=lambda cell: len(cell[1])),  # if the text is too long, the one to shorten
        )
        return template if columns else nothing
    if form.first is not None:
        present = [column for column in form.first if not header.lacks(column.column)]
        first = Input(
            binding,
            lambda texts: next(filter(None, texts), ""),
            tuple(header.name(column.column) for column in present),
            header.positions_of(present, path=path),
            is_html,
            pick=lambda cells: next((cell for cell in cells if binding.filled(cell[1])), cells[0]),
        )
        return first if present else nothing
    if header.lacks(form.column or ""):
        return nothing
    column, join = header.name(form.column or ""), form.join
    if join is None and (form.occurrence is not None or not in_list):
        position = header.position(column, form.occurrence, path=path)
        return Input(binding, itemgetter(0), (column,), (position,), is_html)
    positions = header.positions(column, path=path)
    names = (column,) * len(positions)
    if join is not None:
        is_path = form.type == "path"  # which shows that a text in its middle is missing

        def joined(texts: list[str]) -> str:
            return join.join(text for text in texts if text or is_path) if any(texts) else ""

        return Input(binding, joined, names, positions, is_html, between=join)
    if len(positions) > 1:
        return Input(
            binding, lambda texts: tuple(texts) if any(texts) else (), names, positions, is_html, is_text=False
        )
    return Input(binding, itemgetter(0), names, positions, is_html)


def _lookup(form: LookupForm, binding: Binding, *, path: NodePath) -> Input | None:
    columns, name = (form.by, "by") if form.by else (form.key, "key")
    if any(binding.header.lacks(column.column) for column in columns):
        return None
    table = binding.files.table(form, path=path, problems=binding.header.problems)

    def find(texts: list[str]) -> str | None:
        text = table.find(texts)
        return text and binding.filled(text)

    names = tuple(binding.header.name(column.column) for column in columns)
    positions = binding.header.positions_of(columns, path=(*path, name))
    return Input(binding, find, names, positions, is_text=False, between=" / ")


def parse_template(text: str, lacks: Callable[[str], bool] = lambda _: False) -> tuple[str, tuple[str, ...]]:
    """Takes a template apart; a cell is never looked into. ``{{`` and ``}}`` stand for braces.

    Args:
        text: The template.
        lacks: Says of a column whether the export lacks it. Its place is empty then; a line of the template that has
            such columns only is left out.

    Returns:
        Its text with ``%s`` for every column, so that filling it in is one operation, and these columns in order.

    Raises:
        FormError: A brace is not closed, or encloses nothing.
    """
    lines: list[list[tuple[str, bool]]] = [[]]  # of each line its parts, and whether they are columns
    for token in _TOKEN.findall(text):
        if token in ("{", "}"):
            raise FormError(f"unmatched {token!r} in the template {text!r}", f"write {token * 2!r} for a literal brace")
        if token == "{}":
            raise FormError("'{}' does not name a column", "write {Column}, or {{}} for literal braces")
        if token[0] == "{" and token != "{{":
            lines[-1].append((token[1:-1], True))
        else:
            first, *following = (token[0] if token in ("{{", "}}") else token).split("\n")
            lines[-1].append((first, False))
            lines += [[(part, False)] for part in following]
    if not any(map(_columns, lines)):
        raise FormError("the template contains no {Column}", "use {value: …} for a constant text")
    present = [[part for part in line if not (part[1] and lacks(part[0]))] for line in lines]
    # a line that had columns, and has none that the export has, is left out
    kept = [new for old, new in zip(lines, present, strict=True) if not _columns(old) or _columns(new)]
    frame = "\n".join("".join("%s" if column else part.replace("%", "%%") for part, column in line) for line in kept)
    frame = frame.strip("\n") if len(kept) < len(lines) else frame
    return frame, tuple(column for line in kept for column in _columns(line))


def _columns(line: list[tuple[str, bool]]) -> list[str]:
    return [part for part, is_column in line if is_column]
