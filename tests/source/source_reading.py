"""Short ways to say what a source reads."""

from __future__ import annotations

from importer.models import Row
from importer.source import Source


def rows_of(source: Source) -> list[Row]:
    return [row for chunk in source.chunks() for row in chunk.rows()]


def cells_of(source: Source) -> list[tuple[str, ...]]:
    return [row.cells for row in rows_of(source)]


def numbers_of(source: Source) -> list[int]:
    return [row.number for row in rows_of(source)]


def problems_of(source: Source) -> dict[int, list[tuple[str, str | None]]]:
    """By row number: code and column of each problem."""
    return {row.number: [(p.code, p.column) for p in row.problems] for row in rows_of(source) if row.problems}


def blanks_of(source: Source) -> int:
    return sum(chunk.blank for chunk in source.chunks())
