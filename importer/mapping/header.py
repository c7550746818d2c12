"""Where the columns of a mapping are in an export."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, TypeAlias

from importer.mapping.field_errors import EXPORT, Problems
from importer.text.safe import shown

if TYPE_CHECKING:
    from importer.files.yaml import NodePath
    from importer.mapping.language.value_forms import ColumnForm, NamesForm

#: All cells of a row, in the order of the header.
Cells: TypeAlias = "tuple[str, ...]"


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
