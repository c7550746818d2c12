"""What the check-up of a file found: one kind of damage in one column, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from importer.models import Row, shown

#: How many rows of a finding are named.
ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of damage. A warning: it makes no row invalid.

    Attributes:
        kind: Stable word for machines, such as ``cut_cell``.
        column: The column; None if it is about rows or the file.
        times: How many.
        unit: What is counted, in the singular: ``cell``, ``row``, ``column``, …
        rows: The first of them, as file row numbers.
        example: One of them, shortened.
        what: What it is, for a person: "texts end at 32,767 characters, where Excel cuts them".
        hint: What the person can do.
    """

    kind: str
    column: str | None
    times: int
    unit: str
    rows: tuple[int, ...]
    example: str
    what: str
    hint: str


class Batch(NamedTuple):
    """Some consecutive rows, by column.

    Attributes:
        numbers: File row numbers of the rows that have as many cells as the header.
        cells: Their cells, one tuple a row.
        columns: The same cells, one tuple a column; empty tuples if there are no such rows.
        joined: All cells of each column in one text: a quick way to see that there is nothing to see.
        rows: All rows, also those of another width.
    """

    numbers: tuple[int, ...]
    cells: Sequence[tuple[str, ...]]
    columns: tuple[tuple[str, ...], ...]
    joined: tuple[str, ...]
    rows: Sequence[Row]


def batch_of(rows: Sequence[Row], width: int) -> Batch:
    """``rows`` of a file with ``width`` columns."""
    fitting = [row for row in rows if len(row[1]) == width]
    cells = [row[1] for row in fitting]
    columns = tuple(zip(*cells, strict=True)) if cells else ((),) * width
    return Batch(tuple([row[0] for row in fitting]), cells, columns, tuple(map("".join, columns)), rows)


class Check(Protocol):
    """Looks for one topic of damage while the rows come by."""

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        ...

    def findings(self) -> Iterator[Finding]:
        """What has been found so far."""
        ...


@dataclass(slots=True)
class Tally:
    """A count, the first rows, and the first example."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    example: str = ""

    def add(self, row: int, example: str) -> None:
        """One more."""
        if not self.count:
            self.example = shown(example)
        self.count += 1
        if len(self.rows) < ROWS_NAMED:
            self.rows.append(row)

    def finding(self, kind: str, column: str | None, *, what: str, hint: str) -> Finding:
        """The same as a finding: about cells of a column, or about rows."""
        unit = "row" if column is None else "cell"
        return Finding(kind, column, self.count, unit, tuple(self.rows), self.example, what, hint)
