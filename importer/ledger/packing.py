"""How cells, bodies and field errors of a row lie in the ledger.

A body holds most of the long texts of its row once more: the description alone is often half of an export. So a long
cell that stands in the body as it is is kept there only, and the list of cells says where: with the cells
``["T-7", [10, 190], "open"]`` the second one is the JSON text that begins at byte 10 of the body and is 190 bytes long.
Such a list has a blank in front. A body must not change without the cells that lean on it: the trigger
``cells_lean_on_body`` sees to that.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from importer.models import FieldError

#: A shorter text is not worth looking for.
LONG = 24
#: How many rows show which columns hold long texts.
_LOOKED_AT = 20


class Leaning(NamedTuple):
    """A column whose cells stand in the body as well.

    Attributes:
        position: Its place in the row.
        gap: How many bytes are usually between the end of the one before it, or the beginning of the body, and it.
    """

    position: int
    gap: int


def leaning_columns(rows: Iterable[tuple[Sequence[str], bytes]]) -> tuple[Leaning, ...]:
    """The columns in which the first of ``rows`` have a long text that stands in the body; in the order of the body.

    Args:
        rows: Cells and body of each.
    """
    places: dict[int, tuple[int, int]] = {}
    for cells, body in islice(rows, _LOOKED_AT):
        for position, cell in enumerate(cells):
            if position not in places and len(cell) >= LONG:
                text = packed(cell)
                if (begin := body.find(text)) >= 0:
                    places[position] = begin, begin + len(text)
    leaning, end = [], 0
    for position, (begin, after) in sorted(places.items(), key=itemgetter(1)):
        leaning.append(Leaning(position, max(0, begin - end)))
        end = after
    return tuple(leaning)


def packed_cells(cells: Sequence[str], body: bytes | None, leaning: Iterable[Leaning]) -> bytes:
    """The cells of a row as the ledger keeps them beside ``body``.

    Args:
        cells: As they were read; if there is a body, one for each column.
        body: What is kept beside them.
        leaning: Where to look for long texts, see :func:`leaning_columns`. Each is looked for behind the one before,
            first where it usually is: nothing is slower here than looking through a body.
    """
    if body is None:
        return packed(cells)
    end = 0
    kept: list[str | tuple[int, int]] = list(cells)
    try:
        for position, gap in leaning:
            text = orjson.dumps(cells[position])
            if len(text) <= LONG:
                continue
            begin = end + gap if body.startswith(text, end + gap) else body.find(text, end)
            if begin >= 0:
                kept[position] = begin, len(text)
                end = begin + len(text)
        return b" " + orjson.dumps(kept) if end else orjson.dumps(kept)
    except TypeError:  # half of a character
        return packed(cells)


def unpacked_cells(kept: bytes, body: bytes | None) -> tuple[str, ...]:
    """The cells that :func:`packed_cells` was given.

    Raises:
        ValueError, TypeError: These are not such bytes.
    """
    return tuple([cell if type(cell) is str else _in_body(body, *cell) for cell in unpacked(kept)])


def _in_body(body: bytes | None, begin: int, length: int) -> str:
    if body is None:
        raise ValueError("cells without the body that they lean on")
    return str(orjson.loads(body[begin : begin + length]))


def rewrite(connection: sqlite3.Connection, record: int, change: Callable[[bytes | None], bytes | None]) -> None:
    """Change the body of a record, and with it the cells that lean on it.

    Args:
        connection: The ledger's, inside a transaction.
        record: Whose body.
        change: The old body → the new one.
    """
    kept, body = connection.execute("SELECT cells, body FROM content WHERE record = ?", (record,)).fetchone()
    changed = change(body)
    if kept.startswith(b" "):
        cells = unpacked_cells(kept, body)
        kept = packed_cells(cells, changed, leaning_columns([(cells, changed or b"")]))
    connection.execute("UPDATE content SET cells = ?, body = ? WHERE record = ?", (kept, changed, record))


def packed_errors(errors: Sequence[FieldError]) -> bytes:
    """Field errors as the ledger keeps them."""
    return packed([tuple(error) for error in errors])


def field_errors(text: bytes | None) -> tuple[FieldError, ...]:
    """What :func:`packed_errors` was given; none for None."""
    return tuple(FieldError(*error) for error in unpacked(text)) if text else ()


def packed(value: Any) -> bytes:
    """JSON as the ledger keeps it. Cells may hold halves of characters, which only the slow way can write."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def unpacked(text: bytes) -> Any:
    """What :func:`packed` was given, tuples as lists."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
