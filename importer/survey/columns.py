"""What stands in the columns: how many cells are filled, how many are different, and which column is not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from importer.reader.checkup import Batch
from importer.survey.distinct import Distinct

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """One column of the export.

    Attributes:
        column: Its header.
        used: Whether the mapping reads it.
        filled: How many cells are not empty.
        distinct: How many different texts there are; a lower bound if ``capped``.
        capped: Whether there are more than were counted.
        examples: Its most frequent texts.
    """

    column: str
    used: bool
    filled: int
    distinct: int
    capped: bool
    examples: tuple[str, ...]


class ColumnSurvey:
    """Counts the cells of all columns, and the different ones while they are few."""

    def __init__(self, columns: tuple[str, ...], used: Collection[str]) -> None:
        self._columns = columns
        self._used = used
        self._filled = [0] * len(columns)
        self._distinct = [Distinct() for _ in columns]

    def take(self, batch: Batch) -> None:
        """Count the next rows. A column that holds too many different texts is only looked at for its filled cells."""
        for position, (cells, distinct) in enumerate(zip(batch.columns, self._distinct, strict=True)):
            empty = cells.count("")
            self._filled[position] += len(cells) - empty
            if empty < len(cells) and not distinct.capped:
                counts = Counter(cells)
                counts.pop("", None)
                distinct.add(counts)

    def uses(self) -> Iterator[ColumnUse]:
        """One a column, in the order of the file."""
        for column, filled, distinct in zip(self._columns, self._filled, self._distinct, strict=True):
            examples = tuple(text for text, _ in distinct.counts.most_common(_EXAMPLES))
            yield ColumnUse(column, column in self._used, filled, len(distinct.counts), distinct.capped, examples)
