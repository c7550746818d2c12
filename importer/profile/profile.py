"""What is in the columns of an export, counted once: `check` finds file issues in it, and `suggest` decides by it.

Only counts, short texts and the first rows of each kind are kept, never the rows: memory does not grow with the file.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from importer.models import FieldError, Row
from importer.reader.base import Chunk, text_frame

if TYPE_CHECKING:
    import pandas as pd

VALUES_MAX = 1_000  #: Different texts that are counted one by one.
VALUE_LENGTH_MAX = 200  #: A longer text is not counted as a value.
ROWS_NAMED = 5  #: Rows that are named of each thing that is counted.
_ERRORS_SHARE = 0.05  # of the cells of a column
LAST_ROWS = 3  #: Rows at the end of the file that are kept, to see whether they are totals.

#: A cell → the names of its shapes, such as ``scientific_notation`` or ``email``.
ShapesOf = Callable[[str], Sequence[str]]


@dataclass(slots=True)
class Tally:
    """A count, the first :data:`ROWS_NAMED` rows, and the text in the first of them."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    example: str = ""

    def add(self, row: int, example: str) -> None:
        """One more."""
        if not self.count:
            self.example = example
        self.count += 1
        if len(self.rows) < ROWS_NAMED:
            self.rows.append(row)


@dataclass(slots=True)
class ValueCounts:
    """How often each text occurs, of the first :data:`VALUES_MAX` different short texts."""

    counts: dict[str, int] = field(default_factory=dict)  #: Text → how often.
    others: int = 0  #: How many texts are not among them.

    def add(self, text: str, times: int = 1) -> None:
        """Count a text."""
        if text in self.counts:
            self.counts[text] += times
        elif len(self.counts) < VALUES_MAX and len(text) <= VALUE_LENGTH_MAX:
            self.counts[text] = times
        else:
            self.others += times

    def most_common(self, most: int | None = None) -> list[tuple[str, int]]:
        """Texts and how often they occur, most frequent first."""
        return Counter(self.counts).most_common(most)


@dataclass(eq=False)
class ColumnProfile:
    """One column, without the spaces around its cells."""

    name: str  #: Its header.
    occurrence: int = 1  #: Which one of the columns with this header it is, 1-based.
    repeats: int = 1  #: How many columns have this header.
    shapes_of: ShapesOf = lambda _: ()  #: Gives the shapes of a cell that are counted.
    blank_words: Collection[str] = ()  #: Texts that may stand for an empty cell.
    distinct_max: int = VALUES_MAX  #: Different texts are counted up to this number.
    filled: int = 0  #: Cells that are not blank.
    longest: int = 0  #: Characters of the longest one.
    characters: int = 0  #: Of all of them.
    values: ValueCounts = field(default_factory=ValueCounts)  #: The short texts, and how often each occurs.
    blanks: Counter[str] = field(default_factory=Counter)  #: How often each of ``blank_words`` occurs.
    shapes: dict[str, Tally] = field(default_factory=dict)  #: Name of a shape → the cells that have it.
    errors: int = 0  #: Cells of which the reader reports problems, such as the error values of a workbook.
    _hashes: set[int] = field(default_factory=set)

    def take(self, cells: pd.Series[str]) -> None:
        """Count more cells; their index has the rows of the file."""
        shaped: dict[str, Sequence[str]] = {}
        counts = cells.value_counts(sort=False)
        for cell, times in zip(counts.index.tolist(), counts.tolist(), strict=True):
            if text := cell.strip():
                self._count(text, times)
                if shapes := self.shapes_of(cell):
                    shaped[cell] = shapes
        if shaped:
            for row, cell in zip(cells.index.tolist(), cells.tolist(), strict=True):
                for shape in shaped.get(cell, ()):
                    self.shapes.setdefault(shape, Tally()).add(row, cell)

    def _count(self, text: str, times: int) -> None:
        self.filled += times
        self.longest = max(self.longest, len(text))
        self.characters += len(text) * times
        self.values.add(text, times)
        if len(self._hashes) <= self.distinct_max:
            self._hashes.add(hash(text))
        if text in self.blank_words:
            self.blanks[text] += times

    @property
    def distinct(self) -> int:
        """How many different texts there are; a lower bound if :attr:`capped`."""
        return min(len(self._hashes), self.distinct_max)

    @property
    def capped(self) -> bool:
        """Whether there are more different texts than are counted."""
        return len(self._hashes) > self.distinct_max

    @property
    def complete(self) -> bool:
        """Whether :attr:`values` has all texts."""
        return not self.values.others

    @property
    def mean(self) -> float:
        """Characters of the average text."""
        return self.share(self.characters)

    @property
    def broken(self) -> bool:
        """Whether more than a few cells have problems, so that the column is of no use."""
        return self.errors > max(1, _ERRORS_SHARE * self.filled)

    def share(self, count: int) -> float:
        """``count`` as a share of the filled cells."""
        return count / self.filled if self.filled else 0.0

    def count(self, shape: str) -> int:
        """How many cells have a shape."""
        return self.shapes[shape].count if shape in self.shapes else 0

    def share_of(self, shape: str) -> float:
        """Share of the filled cells that have a shape."""
        return self.share(self.count(shape))

    def without(self, words: Collection[str]) -> ColumnProfile:
        """The same column, if ``words`` stand for empty cells."""
        gone = {word: times for word, times in self.blanks.items() if word in words}
        if not gone:
            return self
        counts = {text: times for text, times in self.values.counts.items() if text not in gone}
        return replace(
            self,
            filled=self.filled - sum(gone.values()),
            characters=self.characters - sum(len(word) * times for word, times in gone.items()),
            values=ValueCounts(counts, self.values.others),
            blanks=self.blanks - Counter(gone),
            _hashes=self._hashes - set(map(hash, gone)),
        )


class FileProfile:
    """The columns of an export, each a :class:`ColumnProfile`, and its rows as far as they are not cells."""

    def __init__(
        self,
        columns: Sequence[str],
        shapes_of: ShapesOf,
        *,
        blank_words: Collection[str] = (),
        distinct_max: int = VALUES_MAX,
    ) -> None:
        repeats, seen = Counter(columns), Counter[str]()
        profiles = []
        for name in columns:
            seen[name] += 1
            profiles.append(ColumnProfile(name, seen[name], repeats[name], shapes_of, blank_words, distinct_max))
        self.columns: tuple[ColumnProfile, ...] = tuple(profiles)  #: In file order.
        self.rows = 0  #: Rows that fit the header.
        #: (code, column) → the first problem of the reader with a cell there, and all of the cells.
        self.cell_problems: dict[tuple[str, str], tuple[FieldError, Tally]] = {}
        self.repeated_header = Tally()  #: Rows that are the header again.
        self.last_rows: deque[Row] = deque(maxlen=LAST_ROWS)  #: Malformed ones included.
        self._header = [_folded(name) for name in columns]

    def take(self, chunk: Chunk) -> None:
        """Count the next rows."""
        frame = chunk.frame
        self.rows += len(frame)
        for place, column in enumerate(self.columns):
            column.take(frame.iloc[:, place])
        self._count_problems(chunk.cell_problems)
        alike = frame[frame.iloc[:, 0].map(_folded) == self._header[0]]
        for row, cells in zip(alike.index, alike.to_numpy().tolist(), strict=True):
            if list(map(_folded, cells)) == self._header:
                self.repeated_header.add(row, " | ".join(cells))
        end = replace(chunk, frame=frame.tail(LAST_ROWS), bad_rows=chunk.bad_rows[-LAST_ROWS:])
        self.last_rows.extend(end.rows())

    def _count_problems(self, problems: Mapping[int, Sequence[FieldError]]) -> None:
        for row, found in problems.items():
            for problem in found:
                if problem.column is not None:
                    place = (problem.code, problem.column)
                    if place not in self.cell_problems:
                        self.cell_problems[place] = (problem, Tally())
                    for column in self.columns:
                        column.errors += column.name == problem.column
                    self.cell_problems[place][1].add(row, problem.value)


def chunk_of(rows: Sequence[Row], columns: Sequence[str]) -> Chunk:
    """Rows that were taken from a reader, as a chunk again."""
    fitting = [row for row in rows if len(row.cells) == len(columns)]
    return Chunk(
        text_frame(columns, [row.number for row in fitting], [row.cells for row in fitting]),
        [row for row in rows if len(row.cells) != len(columns)],
        {row.number: row.problems for row in rows if row.problems},
        progress=0.0,
    )


def _folded(text: str) -> str:
    return text.strip().casefold()
