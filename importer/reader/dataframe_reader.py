"""A DataFrame as an export: whatever pandas can read can be imported."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from importer.errors import SourceError
from importer.reader.base import Chunk, ChunkBuilder, Header, SheetLayout
from importer.reader.cell_text import (
    duration_text,
    inexact_number,
    is_inexact,
    moment_text,
    number_text,
    truth_text,
)


class DataFrameReader:
    """Rows of a DataFrame, numbered by position from 1. See :class:`importer.reader.base.Reader`.

    Args:
        frame: What to read. Later changes to it have no effect. Its index is not read.
        chunk_rows: Most rows of a chunk.

    Raises:
        SourceError: Its columns have several levels, or there are none.
        TypeError: It is not a DataFrame.
    """

    name = "DataFrame"
    layout = SheetLayout()

    def __init__(self, frame: pd.DataFrame, *, chunk_rows: int) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"a path or a DataFrame is needed, not {type(frame).__name__}")
        if frame.columns.nlevels > 1 or not len(frame.columns):
            hint = "give each column one name: frame.columns = [...]"
            raise SourceError("the DataFrame must have single-level column names", where=self.name, hint=hint)
        self._frame = frame.copy(deep=False)
        self._chunk_rows = chunk_rows
        header = Header([frame_text(label) for label in frame.columns])
        self.columns = header.columns
        self.notes = (*_notes(frame), *header.notes())

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the header and of all rows as text."""
        digest = hashlib.sha256(repr(self.columns).encode())
        for chunk in self.chunks():
            for row in chunk.rows():
                digest.update(repr((row.number, row.cells)).encode())
        return digest.hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most as many rows as was asked for."""
        for start in range(0, len(self._frame), self._chunk_rows):
            part = self._frame.iloc[start : start + self._chunk_rows]
            yield self._filled(part, start + 1).build((start + len(part)) / len(self._frame))

    def _filled(self, part: pd.DataFrame, first: int) -> ChunkBuilder:
        builder = ChunkBuilder(self.columns)
        values = [_values(part.iloc[:, position]) for position in range(len(self.columns))]
        texts = [[frame_text(value) for value in column] for column in values]
        for number, cells in enumerate(zip(*texts, strict=True), first):
            if any(cells):
                builder.add(number, cells)
            else:
                builder.blank_rows += 1
        for column, name, shown in zip(values, self.columns, texts, strict=True):
            for place in (place for place, value in enumerate(column) if is_inexact(value)):
                builder.add_problem(first + place, inexact_number(name, shown[place]))
        return builder


def frame_text(value: Any) -> str:
    """The text of a DataFrame cell: missing values are empty, floats are written in full."""
    if isinstance(value, str):
        return str(value)
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    for types, write in _WRITERS:
        if isinstance(value, types):
            return write(value)
    return str(value)


def _decimal_text(value: Decimal) -> str:
    return "" if value.is_nan() else format(value, "f")


def _moment_text(value: dt.datetime) -> str:
    """A pandas Timestamp may have nanoseconds beside its time of day."""
    return value.isoformat(sep=" ") if getattr(value, "nanosecond", 0) else moment_text(value)


#: In this order: a bool is an int, a datetime is a date.
_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    ((bool, np.bool_), truth_text),
    ((float, np.floating), number_text),
    (Decimal, _decimal_text),
    (dt.datetime, _moment_text),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    (dt.timedelta, duration_text),
)


def _values(column: pd.Series[Any]) -> list[Any]:
    """Python values; those of short floats stay what they are, or 0.1 would turn into 0.10000000149011612."""
    short = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f" and column.dtype.itemsize < 8
    return list(column.to_numpy()) if short else column.tolist()


def _notes(frame: pd.DataFrame) -> Iterator[str]:
    if not len(frame):
        yield "0 rows: the DataFrame is empty"
    names = [str(name) for name in frame.index.names if name is not None]
    if names:
        yield f"the index ({', '.join(names)}) is not imported; use frame.reset_index() to make it a column"
