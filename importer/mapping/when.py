"""Conditions bound to the columns of an export: the part of a value that only some rows have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError, missing
from importer.mapping.conditions import Condition, parse_condition
from importer.mapping.parts import WHOLE_ROW, Cells, Find, Part
from importer.mapping.spec import ColumnForm
from importer.mapping.yaml_nodes import NodePath
from importer.models import FieldError


class Test(NamedTuple):
    """A condition of an export.

    Attributes:
        columns: The columns that it reads, each once.
        met: The cells of a row → whether the condition is met. Raises :class:`CellError`.
        problems: What keeps it from being decided.
    """

    columns: tuple[str, ...]
    met: Callable[[Cells], bool]
    problems: Find


def bind_test(text: str, *, binding: Binding, path: NodePath, target: str) -> Test:
    """The test of the condition that stands at ``path``."""
    condition = parse_condition(text)
    positions = [binding.header.position(ColumnForm(column=column), path=path) for column in condition.columns]

    def texts(cells: Cells) -> tuple[str, ...]:
        return tuple([binding.filled(cells[position]).strip() for position in positions])

    def problems(cells: Cells) -> Iterator[FieldError]:
        found = texts(cells)
        try:
            condition.test(found)
        except CellError as error:
            yield error.at(**_blame(condition, found), target=target)

    return Test(condition.columns, lambda cells: condition.test(texts(cells)), problems)


def _blame(condition: Condition, texts: tuple[str, ...]) -> dict[str, str]:
    position = next(number for number in range(len(texts)) if condition.is_bad_number(texts, number))
    return {"column": condition.columns[position], "text": texts[position]}


def conditional(part: Part, test: Test, *, default: Any, required: bool, target: str) -> Part:
    """``part`` for the rows that meet the test; all others get what an empty cell would get."""

    def read(cells: Cells) -> Any:
        if test.met(cells):
            return part.value(cells)
        if default is None and required:
            raise missing()
        return default

    def problems(cells: Cells) -> Iterator[FieldError]:
        undecided = list(test.problems(cells))
        yield from undecided
        if undecided:
            return
        if test.met(cells):
            yield from part.problems(cells)
        elif default is None and required:
            yield missing().at(column=test.columns[0], text="", target=target)

    return Part(WHOLE_ROW, read, problems, part.sound)
