"""Small exports for the tests of suggest."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from importer.mapping import RowMapper
from importer.models import Mapped
from importer.reader import Reader, open_reader
from importer.suggest.suggesting import bound


def table(columns: Mapping[str, Sequence[str]], *, rows: int = 12) -> Reader:
    """An export of ``rows`` rows; shorter columns begin anew."""
    cells = {name: [texts[row % len(texts)] for row in range(rows)] for name, texts in columns.items()}
    return open_reader(pd.DataFrame(cells, dtype=object))


def repeated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
    """An export whose header may have a name several times."""
    return open_reader(pd.DataFrame(rows, columns=pd.Index(header, dtype=object), dtype=object))


def numbers(count: int = 12) -> list[str]:
    """Keys that are all different."""
    return [f"T-{number:04d}" for number in range(count)]


def mapped(text: str, source: Reader) -> list[Mapped]:
    """What becomes of every row."""
    mapper: RowMapper = bound(text, source.columns)
    return [mapper.apply(row) for chunk in source.chunks() for row in chunk.rows()]


def lines_with(text: str, word: str) -> list[Any]:
    """The lines of a mapping in which ``word`` stands, without indentation."""
    return [line.strip() for line in text.splitlines() if word in line]
