"""The longest texts against the limits of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from importer.mapping.outline import Outline
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

    def __init__(self, outlines: tuple[Outline, ...]) -> None:
        self._outlines = [outline for outline in outlines if outline.limit is not None and outline.table is None]
        self._longest = [(0, 0)] * len(self._outlines)
        self._over = [0] * len(self._outlines)

    def take(self, batch: Batch) -> None:
        """Measure the next rows."""
        for place, outline in enumerate(self._outlines):
            whole = map(outline.text, batch.cells) if outline.position is None else batch.columns[outline.position]
            self._measure(place, outline, zip(batch.numbers, whole, strict=True))

    def _measure(self, place: int, outline: Outline, texts: Iterator[tuple[int, str]]) -> None:
        """Tidying only shortens a text: one that is short enough, and not the longest, needs no closer look."""
        longest, row = self._longest[place]
        least = min(longest, outline.limit or 0)
        for number, text in texts:
            if len(text) > least:
                length = outline.length(outline.filled(text))
                self._over[place] += length > (outline.limit or 0)
                if length > longest:
                    longest, row = length, number
                    least = min(longest, outline.limit or 0)
        self._longest[place] = longest, row

    def uses(self) -> Iterator[LengthUse]:
        """One a field with a limit, in the order of the mapping."""
        for outline, (longest, row), over in zip(self._outlines, self._longest, self._over, strict=True):
            yield LengthUse(outline.target, outline.columns, outline.limit or 0, longest, row, over, outline.cuts)
