"""The parts that a body is put together from. Each can read its value, and can say all that is wrong with a row.

Reading is the fast path and gives up at the first :class:`CellError`; only then the problems are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.cell_errors import CellError
from importer.mapping.targets import Target
from importer.records import FieldError

Cells: TypeAlias = "tuple[str, ...]"
Find: TypeAlias = "Callable[[Cells], Iterator[FieldError]]"
NotesRead: TypeAlias = "Callable[[Cells], list[dict[str, Any]]]"

#: ``cells[WHOLE_ROW]`` is ``cells``.
WHOLE_ROW = slice(None)
#: How many different texts of a column are remembered with their values.
REMEMBERED = 4096


class Part(NamedTuple):
    """A part of the body. Its value is ``read(cells[where])``.

    Most parts read one cell, and most of these remember what they made of it. To hand them the cell itself and
    not the row saves two calls a field, which is most of what such a field costs.

    Attributes:
        where: What ``read`` is given: the position of a cell, or :data:`WHOLE_ROW`.
        read: Makes the value; None if it is to be left out. Raises :class:`CellError`.
        problems: The cells of a row → everything that is wrong with this part.
    """

    where: int | slice
    read: Callable[[Any], Any]
    problems: Find

    def value(self, cells: Cells) -> Any:
        """What this part makes of a row."""
        return self.read(cells[self.where])


class Blame(NamedTuple):
    """The cell that a bad value comes from."""

    column: str | None
    text: str


def leaf(where: int | slice, read: Callable[[Any], Any], *, target: Target, blame: Callable[[Cells], Blame]) -> Part:
    """A part that is one value of one target."""

    def problems(cells: Cells) -> Iterator[FieldError]:
        if error := _error(read, cells[where], target=target):
            yield error.at(**blame(cells)._asdict(), target=target.name)

    return Part(where, read, problems)


def _error(read: Callable[[Any], Any], argument: Any, *, target: Target) -> CellError | None:
    try:
        value = read(argument)
    except CellError as error:
        return error
    return None if value is None else target.problem(value)


def table(parts: Mapping[str, Part]) -> Part:
    """A part that is an object of other parts, in their order. Without any value it is left out."""
    reads = tuple((name, part.where, part.read) for name, part in parts.items())

    def read(cells: Cells) -> dict[str, Any] | None:
        values = {}
        for name, where, read_part in reads:
            value = read_part(cells[where])
            if value is not None:
                values[name] = value
        return values or None

    def problems(cells: Cells) -> Iterator[FieldError]:
        for part in parts.values():
            yield from part.problems(cells)

    return Part(WHOLE_ROW, read, problems)
