"""The parts that a body is put together from. Each can read its value, and can say all that is wrong with a row.

Reading is the fast path and gives up at the first :class:`CellError`; only then the problems are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pydantic import ValidationError

from importer.mapping.cell_errors import CellError, from_validation
from importer.mapping.targets import Target
from importer.models import FieldError

Cells: TypeAlias = "tuple[str, ...]"
Find: TypeAlias = "Callable[[Cells], Iterator[FieldError]]"
NotesRead: TypeAlias = "Callable[[Cells], list[dict[str, Any]]]"

T = TypeVar("T")

#: ``cells[WHOLE_ROW]`` is ``cells``.
WHOLE_ROW = slice(None)
#: How many different texts of a column are remembered with their values: more than most helpdesks have customers.
REMEMBERED = 8192


class PlainText(NamedTuple):
    """What becomes of a text for which nothing is looked up and nothing is converted.

    Attributes:
        text: Makes the text of what the part reads; None if that is the text.
        empty: Texts that count as no value.
        default: What to take instead; None for nothing.
        required: Whether there must be a value.
        tidy: Functions that the text goes through first; none of them makes nothing of something.
        most: How many characters are taken; None for any number.
        fit: What to do with a longer text; None to refuse it.
    """

    text: Callable[[Any], str] | None
    empty: frozenset[str]
    default: str | None
    required: bool
    tidy: tuple[Callable[[str], str], ...]
    most: int | None
    fit: Callable[[str], str] | None


class Part(NamedTuple):
    """A part of the body. Its value is ``read(cells[where])``.

    Most parts read one cell, and most of these remember what they made of it. To hand them the cell itself and
    not the row saves two calls a field, which is most of what such a field costs.

    Attributes:
        where: What ``read`` is given: the position of a cell, or :data:`WHOLE_ROW`.
        read: Makes the value; None if it is to be left out. Raises :class:`CellError`.
        problems: The cells of a row → everything that is wrong with this part.
        sound: Whether the model of the case has nothing to say against whatever ``read`` makes: it was asked before.
        plain: How ``read`` works, if it makes a plain text.
        members: The parts that it consists of, if it is an object.
    """

    where: int | slice
    read: Callable[[Any], Any]
    problems: Find
    sound: bool = False
    plain: PlainText | None = None
    members: Mapping[str, Part] | None = None

    def value(self, cells: Cells) -> Any:
        """What this part makes of a row."""
        return self.read(cells[self.where])


class Blame(NamedTuple):
    """The cell that a bad value comes from."""

    column: str | None
    text: str


def leaf(
    where: int | slice,
    read: Callable[[Any], Any],
    *,
    target: Target,
    blame: Callable[[Cells], Blame],
    sound: bool = False,
    plain: PlainText | None = None,
) -> Part:
    """A part that is one value of one target."""

    def problems(cells: Cells) -> Iterator[FieldError]:
        if error := _error(read, cells[where], target=target):
            yield error.at(**blame(cells)._asdict(), target=target.name)

    return Part(where, read, problems, sound, plain)


def remembering(read: Callable[[T], Any], target: Target) -> Callable[[T], Any]:
    """``read``, which remembers the latest texts and what became of them; the model of the case checks a value once.

    Texts of several lines are not remembered: they hardly repeat, and could be hundreds of megabytes. The function
    raises :class:`CellError`, and then remembers nothing.
    """

    @lru_cache(REMEMBERED if target.one_line else 0)
    def value_of(text: T) -> Any:
        value = read(text)
        if value is not None:
            try:
                target.check(value)
            except ValidationError as error:
                raise from_validation(error, value) from None
        return value

    return value_of


def _error(read: Callable[[Any], Any], argument: Any, *, target: Target) -> CellError | None:
    try:
        value = read(argument)
    except CellError as error:
        return error.with_traceback(None)  # it leads back to who keeps the error: a ring, for the collector to find
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

    sound = all(part.sound for part in parts.values())
    return Part(WHOLE_ROW, read, problems, sound, members=parts)
