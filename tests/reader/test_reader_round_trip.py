"""Whatever a CSV writer writes comes back equal, each record with the line on which it begins."""

from __future__ import annotations

import csv
import gzip
import io
import re

from hypothesis import given
from hypothesis import strategies as st
from reader_rows import rows_of

from importer.reader import limits, open_reader

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.text(
    "\",;\t|\r\n 'a\ufeff\u2028\x85\x0b=", max_size=12
)
LINE_END = re.compile(r"\r\n|\r|\n")


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    header = draw(st.lists(CELL.map("h".__add__), min_size=width, max_size=width))
    row = st.lists(CELL, min_size=width, max_size=width).filter(any)
    return [header, *draw(st.lists(row, max_size=8))]


def written(rows: list[list[str]], **dialect: object) -> tuple[str, list[int]]:
    """The text, and the line on which each record begins."""
    buffer, starts = io.StringIO(newline=""), []
    writer = csv.writer(buffer, **dialect)
    for row in rows:
        starts.append(len(LINE_END.findall(buffer.getvalue())) + 1)
        writer.writerow(row)
    return buffer.getvalue(), starts


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packed=st.booleans(),
    chunk_rows=st.integers(1, 4),
)
def test_any_table_comes_back_equal(save, table, delimiter, end, quoting, codec, packed, chunk_rows, monkeypatch):
    if end != "\r\n" and any("\r" in cell or "\n" in cell for row in table for cell in row):
        quoting = csv.QUOTE_ALL  # csv.writer leaves the line end bare that is not its own, and nobody could read that
    text, starts = written(table, delimiter=delimiter, lineterminator=end, quoting=quoting)
    data = text.encode(codec)
    monkeypatch.setattr(limits, "CHUNK_ROWS", chunk_rows)
    source = open_reader(save(gzip.compress(data) if packed else data), delimiter=delimiter)
    header, *rows = table
    assert source.columns == tuple(header)
    assert [(row.number, list(row.cells), row.problems) for row in rows_of(source)] == [
        (start, row, ()) for start, row in zip(starts[1:], rows, strict=True)
    ]
    assert all(len(chunk.frame) <= chunk_rows for chunk in source.chunks())
