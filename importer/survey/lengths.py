"""The longest texts against the limits of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from importer.mapping.values import Field
from importer.reader.checkup import Batch


@dataclass(frozen=True, slots=True)
class LengthUse:
    """A field that takes a limited number of characters.

    Attributes:
        target: The field.
        columns: Where its text comes from.
        limit: Most characters that it takes.
        longest: Characters of the longest text.
        row: The row that it stands in; 0 if there was no text.
        over: How many texts are longer than the limit.
        cuts: Whether the mapping cuts these, or else reports them.
    """

    target: str
    columns: tuple[str, ...]
    limit: int
    longest: int
    row: int
    over: int
    cuts: bool


class LengthSurvey:
    """Measures the texts of all fields with a limit, as they are before they are cut."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._fields = [field for field in fields if field.limit is not None and field.table is None]
        self._longest = [(0, 0)] * len(self._fields)
        self._over = [0] * len(self._fields)

    def take(self, batch: Batch) -> None:
        """Measure the next rows."""
        for place, field in enumerate(self._fields):
            self._measure(place, field, zip(batch.numbers, map(field.text, batch.cells), strict=True))

    def _measure(self, place: int, field: Field, texts: Iterator[tuple[int, str]]) -> None:
        """Tidying only shortens a text: one that is short enough, and not the longest, needs no closer look."""
        longest, row = self._longest[place]
        least = min(longest, field.limit or 0)
        for number, text in texts:
            if len(text) > least:
                length = field.length(text)
                self._over[place] += length > (field.limit or 0)
                if length > longest:
                    longest, row = length, number
                    least = min(longest, field.limit or 0)
        self._longest[place] = longest, row

    def uses(self) -> Iterator[LengthUse]:
        """One a field with a limit, in the order of the mapping."""
        for field, (longest, row), over in zip(self._fields, self._longest, self._over, strict=True):
            cuts = field.form.overflow != "reject"
            yield LengthUse(field.target.name, field.columns, field.limit or 0, longest, row, over, cuts)
