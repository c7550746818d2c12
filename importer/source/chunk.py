"""What a source hands out: chunks of text rows, each row knowing where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from heapq import merge
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from importer.models import FieldError, Row
from importer.source.checkup.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

#: ``Row`` from its three values, without the Python function that a named tuple has for it.
_row = partial(tuple.__new__, Row)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a source.

    Attributes:
        columns: The header with its repeats.
        numbers: The file row numbers of the good rows, in ascending order.
        cells: Their cells, as many in each row as there are columns; all ``str``.
        bad: Rows that are no good as rows, such as one with too many fields: raw cells and the reason.
        cell_problems: By file row number, what is wrong with single good cells; the column is named.
        progress: Share of the source (0 to 1) that had been read when this chunk was complete.
        blank: How many wholly blank rows were passed over on the way; they are no rows.
    """

    columns: tuple[str, ...]
    numbers: list[int]
    cells: list[Sequence[str]]
    bad: list[Row]
    cell_problems: dict[int, tuple[FieldError, ...]]
    progress: float
    blank: int = 0

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The good rows as a DataFrame, made when it is first asked for: what is changed in it changes :meth:`rows`.

        Every cell is ``str`` (dtype object), the columns are the header, the index (``row``) has the row numbers.
        """
        return _text_frame(self.columns, self.numbers, self.cells)

    def rows(self) -> Iterator[Row]:
        """Good and bad rows in file order. By position, so that repeated column names do no harm."""
        cells = self.frame.to_numpy().tolist() if "frame" in self.__dict__ else self.cells
        problems = map(self.cell_problems.get, self.numbers, repeat(())) if self.cell_problems else repeat(())
        good = map(_row, zip(self.numbers, map(tuple, cells), problems, strict=False))
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
        progress = min(progress, 1.0)
        return Chunk(self.columns, self.numbers, self.rows, self.bad, self.cell_problems, progress, self.blank)


def _text_frame(columns: tuple[str, ...], numbers: list[int], rows: list[Sequence[str]]) -> pd.DataFrame:
    """One object block: ``dtype=object`` keeps pandas from turning the texts into its own string type."""
    import numpy as np  # a quarter of a second and 50 MB, and only who wants a DataFrame pays
    import pandas as pd

    cells = np.empty((len(rows), len(columns)), dtype=object)
    if rows:
        cells[:] = rows
    index = pd.Index(numbers, dtype="int64", name="row")
    return pd.DataFrame(cells, index=index, columns=pd.Index(columns, dtype=object), dtype=object, copy=False)
