"""Ids that a spreadsheet took for numbers: rounded, in scientific notation, without their leading zeros."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import compress

from importer.reader.checkup.finding import ROWS_NAMED, Batch, Finding, Tally

#: Digits of a number that Excel keeps. Source: Microsoft, "Excel specifications and limits".
EXCEL_DIGITS = 15

_SCIENTIFIC = re.compile(r"\s*[+-]?\d(?:[.,]\d+)?E\+\d+\s*", re.IGNORECASE)


class ScientificCheck:
    """``1.23E+11``: what Excel shows of a long number, and writes into a CSV."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._tallies = [Tally() for _ in columns]

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for tally, cells, joined in zip(self._tallies, batch.columns, batch.joined, strict=True):
            if "E+" not in joined and "e+" not in joined:
                continue
            for number, cell in zip(batch.numbers, cells, strict=True):
                if len(cell) < 30 and _SCIENTIFIC.fullmatch(cell):
                    tally.add(number, cell)

    def findings(self) -> Iterator[Finding]:
        """One a column."""
        for column, tally in zip(self._columns, self._tallies, strict=True):
            if tally.count:
                what = "numbers are written like 1.23E+11; the digits that are not shown are lost"
                yield tally.finding("scientific_notation", column, what=what, hint="export this column as text")


class RoundedCheck:
    """Whole numbers of 16 digits and more whose last digits are zeros: Excel keeps 15 digits.

    A column is only suspected if at least half of its long numbers look like that.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._tallies = [Tally() for _ in columns]
        self._long = [0] * len(columns)

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for position, cells in enumerate(batch.columns):
            if max(map(len, cells), default=0) <= EXCEL_DIGITS:
                continue
            for number, cell in zip(batch.numbers, cells, strict=True):
                if EXCEL_DIGITS < len(cell) < 40 and cell.isdecimal():
                    self._long[position] += 1
                    if not cell[EXCEL_DIGITS:].strip("0"):
                        self._tallies[position].add(number, cell)

    def findings(self) -> Iterator[Finding]:
        """One a column."""
        for column, tally, numbers in zip(self._columns, self._tallies, self._long, strict=True):
            if tally.count and tally.count * 2 >= numbers:
                what = f"numbers have only zeros after their {EXCEL_DIGITS}th digit, where Excel rounds"
                yield tally.finding("rounded_number", column, what=what, hint="export this column as text")


class LeadingZeroCheck:
    """A column of codes of one length with leading zeros, in which some are shorter and have none.

    What tells: most values have the full length, some of these begin with a zero, and no shorter one does.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._lengths: list[Counter[int]] = [Counter() for _ in columns]
        self._zeros: list[Counter[int]] = [Counter() for _ in columns]
        self._first: list[dict[int, list[tuple[int, str]]]] = [{} for _ in columns]

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for position, cells in enumerate(batch.columns):
            digits = list(compress(cells, map(str.isdecimal, cells)))
            if not digits:
                continue
            lengths = Counter(map(len, digits))
            self._lengths[position].update(lengths)
            self._zeros[position].update(len(cell) for cell in digits if cell[0] == "0" and cell != "0")
            self._remember(position, lengths, batch)

    def _remember(self, position: int, lengths: Counter[int], batch: Batch) -> None:
        """The first rows of each length."""
        first = self._first[position]
        wanted = {length for length in lengths if length < 40 and len(first.get(length, ())) < ROWS_NAMED}
        if not wanted:
            return
        for number, cell in zip(batch.numbers, batch.columns[position], strict=True):
            if len(cell) in wanted and cell.isdecimal():
                rows = first.setdefault(len(cell), [])
                rows.append((number, cell))
                if len(rows) == ROWS_NAMED:
                    wanted.discard(len(cell))

    def findings(self) -> Iterator[Finding]:
        """One a column."""
        for column, lengths, zeros, first in zip(self._columns, self._lengths, self._zeros, self._first, strict=True):
            full = max(lengths, default=0)
            shorter = lengths.total() - lengths[full]
            if not shorter or shorter >= lengths[full] or zeros[full] < 2 or zeros.total() != zeros[full]:
                continue
            rows = sorted(pair for length, pairs in first.items() if length < full for pair in pairs)[:ROWS_NAMED]
            what = f"values are shorter than the {full} digits of the others, which have leading zeros"
            hint = f"leading zeros were lost: export the column as text, or fill it up to {full} digits"
            numbers = tuple(number for number, _ in rows)
            yield Finding("lost_leading_zeros", column, shorter, "cell", numbers, rows[0][1], what, hint)
