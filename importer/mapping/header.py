"""The header of an export: which columns there are, and which of them a mapping uses."""

from __future__ import annotations

from importer.mapping.document import Problems
from importer.mapping.spec import ColumnForm
from importer.mapping.yaml_nodes import NodePath
from importer.models import shown


class Header:
    """Finds the positions of columns, and notes a problem for each one that cannot be found.

    After a problem a position is returned all the same, so that the rest of the mapping is looked at too.

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

    def beside(self, parts: tuple[str, ...]) -> Header:
        """A header with ``parts`` behind the columns of this one, hiding those of the same name."""
        hidden = tuple("" if column in parts else column for column in self._columns)
        return Header((*hidden, *parts), self._problems, self._owner)

    def of_file(self, columns: tuple[str, ...], *, owner: str) -> Header:
        """The header of another file, whose problems are those of the same mapping."""
        return Header(columns, self._problems, owner)

    def positions(self, column: str, *, path: NodePath) -> tuple[int, ...]:
        """Where the cells of all columns with this header stand; the leftmost first."""
        self.used.add(column)
        if column not in self._positions:
            self._problems.add_missing(path, column, self._owner, self._positions)
        return tuple(self._positions.get(column, [0]))

    def position(self, form: ColumnForm, *, path: NodePath) -> int:
        """Where the cell of one column stands; a repeated header needs an ``occurrence``."""
        found = self.positions(form.column, path=path)
        name = shown(form.column)
        if form.occurrence is None and len(found) > 1:
            hint = f"take one, {{column: {name}, occurrence: 2}}, or all of them, {{column: {name}, join: ', '}}"
            self._problems.add(path, f"{self._owner} has {len(found)} columns {name!r}", hint)
        elif (form.occurrence or 1) > len(found):
            self._problems.add(path, f"{self._owner} has only {len(found)} columns {name!r}", "count from 1")
            return 0
        return found[(form.occurrence or 1) - 1]
