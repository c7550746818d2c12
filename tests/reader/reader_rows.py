"""Short ways to say what a source reads."""

from __future__ import annotations

from importer.models import Row
from importer.reader import Reader


def rows_of(source: Reader) -> list[Row]:
    return [row for chunk in source.chunks() for row in chunk.rows()]


def cells_of(source: Reader) -> list[tuple[str, ...]]:
    return [row.cells for row in rows_of(source)]


def numbers_of(source: Reader) -> list[int]:
    return [row.number for row in rows_of(source)]


def problems_of(source: Reader) -> dict[int, list[tuple[str, str | None]]]:
    """By row number: code and column of each problem."""
    return {row.number: [(p.code, p.column) for p in row.problems] for row in rows_of(source) if row.problems}


def blanks_of(source: Reader) -> int:
    return sum(chunk.blank_rows for chunk in source.chunks())
