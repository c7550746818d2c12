"""Tries a suggested mapping on the rows that it was made from, the way the import itself would."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from importer.mapping import RowMapper, load_mapping
from importer.models import Row
from importer.reader import Reader


@dataclass(frozen=True)
class Trial:
    """How a mapping fared.

    Attributes:
        rows: Rows that it was tried on.
        sent: Rows that would be sent.
        left_out: Rows that the mapping leaves out on purpose.
        errors: Code of a field error and its column → how many rows have it.
    """

    rows: int
    sent: int
    left_out: int
    errors: tuple[tuple[str, str, int], ...]

    @property
    def fared(self) -> str:
        """The same in words."""
        left_out = f", {self.left_out:,} left out" if self.left_out else ""
        return f"{self.sent:,} would be sent{left_out}, {self.rows - self.sent - self.left_out:,} would not"


def bound(text: str, columns: tuple[str, ...]) -> RowMapper:
    """The mapper of a mapping that stands in no file yet.

    Raises:
        MappingError: It does not load, or does not fit the columns.
    """
    with tempfile.TemporaryDirectory(prefix="case-importer-") as folder:
        path = Path(folder, "mapping.yml")
        path.write_text(text, encoding="utf-8")
        return load_mapping(path).bind(columns)


def attempt(mapper: RowMapper, source: Reader, *, rows_max: int) -> Trial:
    """Maps the first ``rows_max`` rows of the export; nothing of it is kept but numbers."""
    errors: Counter[tuple[str, str]] = Counter()
    rows = sent = left_out = 0
    for row in islice(_rows(source), rows_max):
        mapped = mapper.apply(row)
        rows += 1
        sent += mapped.body is not None
        left_out += mapped.left_out is not None
        errors.update({(error.code, error.column or "") for error in mapped.errors})
    return Trial(rows, sent, left_out, tuple((code, column, count) for (code, column), count in errors.most_common()))


def _rows(source: Reader) -> Iterator[Row]:
    for chunk in source.chunks():
        yield from chunk.rows()
