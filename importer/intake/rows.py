"""Single rows of an export: the first ones, or those with a name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from importer.failures.read_back import failures_file_of
from importer.intake.companions import Companions
from importer.intake.export import columns_mapped
from importer.models import Mapped, Row

if TYPE_CHECKING:
    from importer.mapping import Mapping
    from importer.reader import Reader


def preview_rows(source: Reader, mapping: Mapping, count: int, *, companions: Companions) -> list[tuple[Row, Mapped]]:
    """The first ``count`` rows and what the mapping makes of them.

    Raises:
        MappingError: the mapping does not fit the columns.
        SourceError: the file cannot be read.
    """
    mapper = mapping.bind(columns_mapped(source), companions.tables)
    companions.load(lambda: None)
    rows = rows_of(source)
    if mapping.keep_last:
        last = {mapper.key(row): row.number for row in rows_of(source)}
        rows = (row for row in rows if not (key := mapper.key(row)) or last[key] == row.number)
    return [(row, mapper.apply(row)) for row in islice(rows, count)]


def rows_named(source: Reader, mapping: Mapping, names: Collection[str]) -> dict[str, int]:
    """Row numbers of the rows that other rows refer to by these names; reads until all of them are found.

    Raises:
        SourceError: the file cannot be read.
    """
    found: dict[str, int] = {}
    mapper = mapping.bind(columns_mapped(source))
    rows = rows_of(source)
    while len(found) < len(names) and (row := next(rows, None)) is not None:
        if (link := mapper.link(row)) is not None:
            name = mapper.key(row) if link.name is None else link.name
            if name in names:
                found.setdefault(name, row.number)
    return found


def rows_of(source: Reader) -> Iterator[Row]:
    """The rows of an export, or the user's own part of the rows of a failures file."""
    failures = failures_file_of(source.columns)
    return (failures.own_row(row) if failures else row for chunk in source.chunks() for row in chunk.rows())
