"""A DataFrame as an export: whatever pandas can read can be imported."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from importer.errors import SourceError
from importer.models import ReadingOptions
from importer.reader import limits
from importer.reader.base import (
    Chunk,
    ChunkBuilder,
    SheetLayout,
    cell_text,
    named_columns,
    number_text,
)


class DataFrameReader:
    """Rows of a DataFrame, numbered by position from 1. See :class:`importer.reader.base.Reader`.

    Later changes to the frame have no effect; its index is not read.

    Raises:
        SourceError: Its columns have several levels, or there are none.
        TypeError: It is not a DataFrame.
    """

    name = "DataFrame"
    layout = SheetLayout()

    def __init__(self, frame: pd.DataFrame) -> None:
        self.reading = ReadingOptions()
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"a path or a DataFrame is needed, not {type(frame).__name__}")
        if frame.columns.nlevels > 1 or not len(frame.columns):
            hint = "give each column one name: frame.columns = [...]"
            raise SourceError("the DataFrame must have single-level column names", where=self.name, hint=hint)
        self._frame = frame.copy(deep=False)
        self.columns, unnamed = named_columns([frame_text(label) for label in frame.columns])
        notes = [] if len(frame) else ["0 rows: the DataFrame is empty"]
        if index := [str(name) for name in frame.index.names if name is not None]:
            notes.append(f"the index ({', '.join(index)}) is not imported; use frame.reset_index() to make it a column")
        self.notes = (*notes, *unnamed)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the header and of all rows as text."""
        digest = hashlib.sha256(repr(self.columns).encode())
        for chunk in self.chunks():
            for row in chunk.rows():
                digest.update(repr((row.number, row.cells)).encode())
        return digest.hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most :data:`~importer.reader.limits.CHUNK_ROWS`."""
        for start in range(0, len(self._frame), limits.CHUNK_ROWS):
            part = self._frame.iloc[start : start + limits.CHUNK_ROWS]
            builder = ChunkBuilder(self.columns)
            values = [_python_values(part.iloc[:, position]) for position in range(len(self.columns))]
            texts = [[frame_text(value) for value in column] for column in values]
            rows = zip(zip(*values, strict=True), zip(*texts, strict=True), strict=True)
            for number, (row, cells) in enumerate(rows, start + 1):
                if any(cells):
                    builder.add(number, cells)
                    builder.add_inexact(number, row, cells)
                else:
                    builder.blank_rows += 1
            yield builder.build((start + len(part)) / len(self._frame))


def frame_text(value: Any) -> str:
    """The text of a DataFrame cell: missing values are empty, floats are written in full."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    match value:
        case str():  # of NumPy perhaps
            return str(value)
        case bytes():
            return value.decode("utf-8", "surrogateescape")  # what is not UTF-8 is refused with its row
        case np.floating():
            return number_text(value)  # type: ignore[arg-type]  # of any width
        case np.bool_():
            return cell_text(bool(value))
        case Decimal():
            return "" if value.is_nan() else format(value, "f")
        case dt.datetime() if getattr(value, "nanosecond", 0):
            return value.isoformat(sep=" ")
    return cell_text(value)


def _python_values(column: pd.Series[Any]) -> list[Any]:
    """Python values; those of short floats stay what they are, or 0.1 would turn into 0.10000000149011612."""
    short = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f" and column.dtype.itemsize < 8
    return list(column.to_numpy()) if short else column.tolist()
