"""Counts what stands in the columns of an export. At most a bounded number of rows is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.reader import Reader
from importer.suggest.shapes import has_html, head_of, is_address, is_code, is_email, is_number, is_spoken

ROWS_MAX = 20_000  #: Rows read for the statistics of an export of usual width.
CELLS_MAX = 2_000_000  #: Cells read of a very wide one.
ROWS_MIN = 100  #: Rows read however wide it is.
VALUES_MAX = 500  #: Different short texts of a column that are remembered with their number.
HEADS_MAX = 100  #: Different first parts of cells such as ``date;author;text`` that are remembered.
VALUE_LENGTH_MAX = 120  #: What counts as a short text.


@dataclass(frozen=True)
class Facts:
    """What is known about one column.

    Attributes:
        name: Its header.
        occurrence: Which one of the columns with this header it is, 1-based.
        repeats: How many columns have this header.
        filled: Cells with a text.
        distinct: Different texts.
        longest: Characters of the longest one.
        total: Characters of all of them.
        multi_line: How many have a line break.
        spoken: How many have several words, or letters of a script that puts no blanks between them.
        html: How many have HTML in them.
        emails: How many are an e-mail address.
        numbers: How many are a number.
        addresses: How many are a web address.
        codes: How many are letters, a dash and a number, as keys of tickets are.
        headed: How many may be a date, a name and more, with semicolons between them.
        heads: The first :data:`HEADS_MAX` different first parts of those, and how often each occurs.
        values: The first :data:`VALUES_MAX` different short texts, and how often each occurs.
        complete: Whether ``values`` has all of them.
        blanks: How often each text occurs that may stand for an empty cell.
        broken: Cells that the reader says something against, such as the error cells of a workbook.
    """

    name: str
    occurrence: int
    repeats: int
    filled: int = 0
    distinct: int = 0
    longest: int = 0
    total: int = 0
    multi_line: int = 0
    spoken: int = 0
    html: int = 0
    emails: int = 0
    numbers: int = 0
    addresses: int = 0
    codes: int = 0
    headed: int = 0
    heads: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    blanks: Mapping[str, int] = field(default_factory=dict)
    broken: int = 0

    def share(self, count: int) -> float:
        """``count`` as a share of the filled cells."""
        return count / self.filled if self.filled else 0.0

    @property
    def mean(self) -> float:
        """Characters of the average text."""
        return self.share(self.total)

    def without(self, words: Collection[str]) -> Facts:
        """The same column, if ``words`` are no texts but stand for empty cells."""
        gone = {word: count for word, count in self.blanks.items() if word in words}
        if not gone:
            return self
        return replace(
            self,
            filled=self.filled - sum(gone.values()),
            distinct=self.distinct - len(gone),
            total=self.total - sum(len(word) * count for word, count in gone.items()),
            values={text: count for text, count in self.values.items() if text not in gone},
            blanks={word: count for word, count in self.blanks.items() if word not in gone},
        )


@dataclass(frozen=True)
class Table:
    """What is known about an export.

    Attributes:
        name: What messages call it.
        columns: Its columns in file order.
        rows: Rows that were counted.
        bad: Rows among those read that are no good as rows, and were not counted.
        whole: Whether that is all of it.
    """

    name: str
    columns: tuple[Facts, ...]
    rows: int
    bad: int
    whole: bool

    def without(self, words: Collection[str]) -> Table:
        """The same export, if ``words`` stand for empty cells."""
        return replace(self, columns=tuple(column.without(words) for column in self.columns))


def rows_to_read(width: int) -> int:
    """How many rows of an export with so many columns are read."""
    return min(ROWS_MAX, max(ROWS_MIN, CELLS_MAX // max(width, 1)))


def count(source: Reader, *, blanks: Collection[str], rows_max: int | None = None) -> Table:
    """Counts the first rows of an export.

    Args:
        source: The export.
        blanks: Texts that may stand for an empty cell.
        rows_max: How many rows at most; by default what :func:`rows_to_read` says.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    most = rows_max or rows_to_read(len(source.columns))
    tallies = [_Tally(blanks) for _ in source.columns]
    broken: Counter[str] = Counter()
    rows = bad = 0
    whole = True
    for chunk in source.chunks():
        if rows >= most:
            whole = False
            break
        frame = chunk.frame.iloc[: most - rows]
        for position, tally in enumerate(tallies):
            tally.take(frame.iloc[:, position].tolist())
        whole = len(frame) == len(chunk.frame)
        rows += len(frame)
        bad += len(chunk.bad_rows)
        broken.update(error.column for errors in chunk.cell_problems.values() for error in errors if error.column)
    return Table(source.name, tuple(_facts(source.columns, tallies, broken)), rows, bad, whole)


def _facts(columns: Sequence[str], tallies: Iterable[_Tally], broken: Mapping[str, int]) -> Iterable[Facts]:
    repeats = Counter(columns)
    seen: Counter[str] = Counter()
    for name, tally in zip(columns, tallies, strict=True):
        seen[name] += 1
        yield replace(tally.facts(name, occurrence=seen[name], repeats=repeats[name]), broken=broken.get(name, 0))


class _Tally:
    """Counts one column."""

    def __init__(self, blanks: Collection[str]) -> None:
        self._maybe_blank = blanks
        self._blanks: Counter[str] = Counter()
        self._heads: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._hashes: set[int] = set()
        self._sums: Counter[str] = Counter()
        self._longest = 0
        self._complete = True

    def take(self, cells: Iterable[str]) -> None:
        for text in map(str.strip, cells):
            if text:
                self._take(text)

    def _take(self, text: str) -> None:
        length, sums = len(text), self._sums
        sums["filled"] += 1
        sums["total"] += length
        sums["multi_line"] += "\n" in text or "\r" in text
        sums["spoken"] += is_spoken(text)
        sums["html"] += has_html(text)
        if head := head_of(text):
            sums["headed"] += 1
            if head in self._heads or len(self._heads) < HEADS_MAX:
                self._heads[head] += 1
        self._longest = max(self._longest, length)
        self._hashes.add(hash(text))
        if length > VALUE_LENGTH_MAX:
            self._complete = False
            return
        sums["emails"] += is_email(text)
        sums["numbers"] += is_number(text)
        sums["addresses"] += is_address(text)
        sums["codes"] += is_code(text)
        if text in self._maybe_blank:
            self._blanks[text] += 1
        if text in self._values or len(self._values) < VALUES_MAX:
            self._values[text] += 1
        else:
            self._complete = False

    def facts(self, name: str, *, occurrence: int, repeats: int) -> Facts:
        return Facts(
            name,
            occurrence,
            repeats,
            distinct=len(self._hashes),
            longest=self._longest,
            heads=dict(self._heads),
            values=dict(self._values),
            complete=self._complete,
            blanks=dict(self._blanks),
            **self._sums,
        )
