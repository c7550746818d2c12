"""The key of a row: what identifies its ticket for ever.

The one normalisation is that blanks around the text are removed. ``1`` and ``1.0``, or ``é`` written in two ways,
are different keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError, bad_text
from importer.mapping.parts import Cells, Find
from importer.mapping.spec import SourceForm
from importer.mapping.targets import NUL
from importer.models import FieldError

#: A longer key could not be looked up: the field filter of the case list goes into an address.
KEY_MAX = 255
TARGET = "source.key"


class Key(NamedTuple):
    """How the key of a row is read.

    Attributes:
        read: The cells of a row → its key. Raises :class:`CellError`.
        problems: The cells of a row → what is wrong with its key.
        columns: The columns it is made of.
    """

    read: Callable[[Cells], str]
    problems: Find
    columns: frozenset[str]


class _PartOfKey(NamedTuple):
    column: str
    position: int
    banned: str  # what stands between the parts: inside of one it would make two tickets look like one


def bind_key(source: SourceForm, binding: Binding) -> Key:
    """The key of the rows of an export, from one column or several."""
    parts, empty, join = _parts(source, binding), binding.empty, source.join

    first = parts[0].position

    def read_one(cells: Cells) -> str:
        text = cells[first].strip()
        if text not in empty and len(text) <= KEY_MAX and text.isprintable():
            return text
        return _text(parts[0], cells, empty)

    def read_several(cells: Cells) -> str:
        return check_length(join.join([_text(part, cells, empty) for part in parts]), of="a key", target=TARGET)

    read = read_one if len(parts) == 1 else read_several

    def problems(cells: Cells) -> Iterator[FieldError]:
        found = [error for part in parts if (error := _problem(part, cells, empty))]
        return iter(found or _problems_of_whole(read, cells, column=parts[0].column))

    return Key(read, problems, frozenset(part.column for part in parts))


def _problem(part: _PartOfKey, cells: Cells, empty: tuple[str, ...]) -> FieldError | None:
    try:
        _text(part, cells, empty)
    except CellError as error:
        return error.at(column=part.column, text=cells[part.position], target=TARGET)
    return None


def _problems_of_whole(read: Callable[[Cells], str], cells: Cells, *, column: str) -> list[FieldError]:
    try:
        read(cells)
    except CellError as error:
        return [error.at(column=column, text="", target=TARGET)]
    return []


def _parts(source: SourceForm, binding: Binding) -> list[_PartOfKey]:
    positions = [
        binding.header.position(form, path=("source", "key", number)) for number, form in enumerate(source.key)
    ]
    last = len(positions) - 1
    return [
        _PartOfKey(form.column, position, source.join if number < last else "")
        for number, (form, position) in enumerate(zip(source.key, positions, strict=True))
    ]


def _text(part: _PartOfKey, cells: Cells, empty: tuple[str, ...]) -> str:
    _, position, banned = part
    text = cells[position].strip()
    if text in empty:
        raise CellError(
            "missing_key",
            "has no value, and the key of a ticket needs one",
            "fill the cell, or name another `source.key`",
        )
    if banned:
        check_part(text, banned, of="a key")
    check_characters(text)
    return check_length(text, of="a key", target=TARGET)


def check_part(text: str, joint: str, *, of: str) -> None:
    """Refuse a part that holds what stands between the parts: two tickets could look like one.

    Args:
        text: The part.
        joint: What stands between the parts.
        of: What it is a part of, for the message.
    """
    if joint in text:
        rule = f"holds {joint!r}, which stands between the parts of {of}"
        raise CellError("ambiguous_key", rule, "set `source.join` to something that no part contains")


def check_length(text: str, *, of: str, target: str) -> str:
    """Refuse what is longer than a key can be; ``of`` and ``target`` are for the message."""
    if len(text) > KEY_MAX:
        rule = f"has {len(text)} characters, and {of} has at most {KEY_MAX}"
        raise CellError("too_long", rule, f"is this the right column for `{target}`?")
    return text


def check_characters(text: str) -> None:
    """Refuse what neither the ledger nor the server can be trusted with."""
    if not text.isprintable() and (NUL in text or any("\ud800" <= character <= "\udfff" for character in text)):
        raise bad_text()
