"""What a source hands out: chunks of text rows in a DataFrame, each row knowing where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import repeat
from operator import itemgetter
from typing import Protocol

import numpy as np
import pandas as pd

from importer.records import FieldError, Row
from importer.source.checkup.finding import Finding


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a source.

    Attributes:
        frame: The good rows. Every cell is ``str`` (dtype object), the columns are the header with its repeats,
            the index (``row``) holds the file row numbers in ascending order.
        bad: Rows that are no good as rows, such as one with too many fields: raw cells and the reason.
        cell_problems: By file row number, what is wrong with single cells of ``frame``; the column is named.
        progress: Share of the source (0 to 1) that had been read when this chunk was complete.
        blank: How many wholly blank rows were passed over on the way; they are no rows.
    """

    frame: pd.DataFrame
    bad: list[Row]
    cell_problems: dict[int, tuple[FieldError, ...]]
    progress: float
    blank: int = 0

    def rows(self) -> Iterator[Row]:
        """Good and bad rows in file order. By position, so that repeated column names do no harm."""
        numbers = self.frame.index.tolist()
        problems = map(self.cell_problems.get, numbers, repeat(())) if self.cell_problems else repeat(())
        good = map(Row, numbers, map(tuple, self.frame.to_numpy().tolist()), problems)
        return merge(good, self.bad, key=itemgetter(0)) if self.bad else good


class Source(Protocol):
    """An export that can be read, as often as wanted, in chunks."""

    @property
    def name(self) -> str:
        """What messages call it: ``tickets.csv``, ``incidents.xlsx [Sheet1]``, ``DataFrame``."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The header texts in file order, repeats kept; a blank one is called ``column C`` after its place."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it is read, a sentence each."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what is read: of the file as it lies on the disk, and of the sheet's name if it has one."""
        ...

    def oddities(self) -> Iterator[Finding]:
        """What a person would not see, or see otherwise, in a spreadsheet program: hidden rows, merged cells, …

        Raises:
            SourceError: The file is damaged.
        """
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start.

        Raises:
            SourceError: The file as a whole turns out to be unreadable: encoding, unclosed quote, damage.
        """
        ...


@dataclass
class Draft:
    """A chunk while it is being filled."""

    columns: tuple[str, ...]
    numbers: list[int] = field(default_factory=list)
    rows: list[Sequence[str]] = field(default_factory=list)
    bad: list[Row] = field(default_factory=list)
    cell_problems: dict[int, tuple[FieldError, ...]] = field(default_factory=dict)
    blank: int = 0

    @property
    def taken(self) -> int:
        """How many records went into it, blank ones included."""
        return len(self.rows) + len(self.bad) + self.blank

    def finish(self, progress: float) -> Chunk:
        """The chunk as it goes out."""
        frame = _text_frame(self.columns, self.numbers, self.rows)
        return Chunk(frame, self.bad, self.cell_problems, min(progress, 1.0), self.blank)


def _text_frame(columns: tuple[str, ...], numbers: list[int], rows: list[Sequence[str]]) -> pd.DataFrame:
    """One object block: ``dtype=object`` keeps pandas from turning the texts into its own string type."""
    cells = np.empty((len(rows), len(columns)), dtype=object)
    if rows:
        cells[:] = rows
    index = pd.Index(numbers, dtype="int64", name="row")
    return pd.DataFrame(cells, index=index, columns=pd.Index(columns, dtype=object), dtype=object, copy=False)
