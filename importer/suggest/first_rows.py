"""The first rows of an export, read once: all that a suggestion is made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

from importer.models import Row
from importer.quality.file_checks import FileIssue, total_lines
from importer.quality.profile import ColumnProfile, FileProfile
from importer.reader import Reader
from importer.reader.base import Chunk
from importer.suggest.cell_shapes import shapes_of

if TYPE_CHECKING:
    import pandas as pd

ROWS_MAX = 20_000  #: Rows of an export of usual width.
CELLS_MAX = 2_000_000  #: Cells of a very wide one.
ROWS_MIN = 100  #: Rows however wide it is.
CHARACTERS_MAX = 25_000_000  #: Characters, if its texts are very long.

_JOINS = ("/", "|", "::", " + ")


@dataclass(frozen=True, eq=False)
class FirstRows:
    """The rows and what is in their columns.

    Attributes:
        name: What messages call the export.
        columns: The profiles of its columns, in file order.
        frame: The rows that fit the header.
        all_rows: These and the malformed ones.
        whole: Whether that is the whole export.
        total_lines: Totals or remarks at the end of the whole export.
    """

    name: str
    columns: tuple[ColumnProfile, ...]
    frame: pd.DataFrame
    all_rows: Sequence[Row]
    whole: bool
    total_lines: FileIssue | None

    @property
    def rows(self) -> int:
        """How many rows fit the header."""
        return len(self.frame)

    @cached_property
    def _texts(self) -> pd.DataFrame:
        """The cells without the spaces around them; columns are called by their place."""
        texts: pd.DataFrame = self.frame.apply(lambda cells: cells.str.strip())
        return texts.set_axis(range(len(self.columns)), axis=1)

    def texts(self, column: ColumnProfile) -> list[str]:
        """The cells of one column, row by row."""
        texts: list[str] = self._texts[self.columns.index(column)].tolist()
        return texts

    def without(self, words: Collection[str]) -> FirstRows:
        """The same, if ``words`` are for empty cells."""
        return replace(self, columns=tuple(column.without(words) for column in self.columns))

    def tell_rows_apart(self, columns: Sequence[ColumnProfile]) -> bool:
        """Whether the columns together are different in every row."""
        return not self._texts.duplicated([self.columns.index(column) for column in columns]).any()


def rows_to_read(width: int) -> int:
    """How many rows of an export with so many columns are read."""
    return min(ROWS_MAX, max(ROWS_MIN, CELLS_MAX // max(width, 1)))


def read_first_rows(source: Reader, *, blank_words: Collection[str] = (), rows_max: int | None = None) -> FirstRows:
    """Reads the first rows of an export.

    Args:
        source: The export.
        blank_words: Texts that may stand for an empty cell.
        rows_max: How many rows at most; by default what :func:`rows_to_read` gives.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    import pandas as pd

    most = rows_max or rows_to_read(len(source.columns))
    profile = FileProfile(source.columns, shapes_of, blank_words=blank_words, distinct_max=most)
    taken: list[Chunk] = []
    whole = True
    for chunk in source.chunks():
        if profile.rows >= most or sum(column.characters for column in profile.columns) > CHARACTERS_MAX:
            whole = False
            break
        part = replace(chunk, frame=chunk.frame.iloc[: most - profile.rows])
        whole = len(part.frame) == len(chunk.frame)
        profile.take(part)
        taken.append(part)
    return FirstRows(
        source.name,
        profile.columns,
        frame=pd.concat([part.frame for part in taken])
        if taken
        else pd.DataFrame(columns=source.columns, dtype=object),
        all_rows=[row for part in taken for row in part.rows()],
        whole=whole,
        total_lines=total_lines(profile) if whole else None,
    )


@dataclass(frozen=True)
class KeyParts:
    """Columns that are different in every row if taken together.

    Attributes:
        parts: The columns.
        join: What can be between their texts, because none of them contains it.
    """

    parts: tuple[ColumnProfile, ...]
    join: str


def find_parts(table: FirstRows, candidates: Sequence[ColumnProfile]) -> KeyParts | None:
    """Two columns, or else three, that identify each row together; None if there are none."""
    for parts in (*combinations(candidates, 2), *combinations(candidates, 3)):
        if table.tell_rows_apart(parts):
            texts = [text for part in parts[:-1] for text in table.texts(part)]
            if join := next((join for join in _JOINS if not any(join in text for text in texts)), ""):
                return KeyParts(parts, join)
    return None
