"""Dates that can be read day first or month first: what the other rows of the column say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from importer.reader.checkup.finding import Batch, Finding, Tally

_DATE = re.compile(r"\s*(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})\b")
_TIME = re.compile(r"(,? |T)\d{1,2}:\d{2}(:\d{2})?(?:( ?)([AP]M))?\s*", re.IGNORECASE)
_LOOKED_AT = 20
_MONTHS = 12


def pattern_of(example: str, *, day_first: bool) -> str:
    """The `format:` of a mapping that reads ``example``, a text with a date of numbers at its begin."""
    match = _DATE.match(example)
    if match is None:
        return ""
    day_month = ("%d", "%m") if day_first else ("%m", "%d")
    date = match[2].join((*day_month, "%Y" if len(match[4]) == 4 else "%y"))
    time = _TIME.fullmatch(example, match.end())
    if time is None:
        return date
    hour, afternoon = ("%I", f"{time[3]}%p") if time[4] else ("%H", "")
    return f"{date}{time[1]}{hour}:%M{':%S' if time[2] else ''}{afternoon}"


@dataclass(slots=True)
class DayMonth:
    """The dates of one column.

    Attributes:
        both: Dates that can be read both ways, such as 01/02/2024.
        day_first: Dates whose first number is no month.
        month_first: Dates whose second number is no month.
    """

    both: Tally = field(default_factory=Tally)
    day_first: Tally = field(default_factory=Tally)
    month_first: Tally = field(default_factory=Tally)

    def add(self, number: int, cell: str) -> None:
        """One more cell."""
        match = _DATE.match(cell)
        if match is None:
            return
        first, second = int(match[1]), int(match[3])
        if first > _MONTHS >= second:
            self.day_first.add(number, cell)
        elif second > _MONTHS >= first:
            self.month_first.add(number, cell)
        elif first != second:
            self.both.add(number, cell)

    def finding(self, column: str) -> Finding | None:
        """What the column's own statistics say; None if there is no doubt."""
        if self.day_first.count and self.month_first.count:
            return self._mixed(column)
        if not self.both.count:
            return None
        for forced, order in ((self.day_first, "day"), (self.month_first, "month")):
            if forced.count:
                what = (
                    f"dates can be read both ways; {forced.count:,} others, such as {forced.example!r}"
                    f" in row {forced.rows[0]}, force the {order} first"
                )
                pattern = pattern_of(self.both.example, day_first=order == "day")
                hint = f"let the `format:` of this column have the {order} first, such as '{pattern}'"
                return self.both.finding(f"{order}_first_dates", column, what=what, hint=hint)
        hint = "ask whoever made the export, and say it in `format:`, such as %d/%m/%Y"
        what = "dates can be read day first or month first, and no other row tells which"
        return self.both.finding("ambiguous_dates", column, what=what, hint=hint)

    def _mixed(self, column: str) -> Finding:
        days, months = self.day_first, self.month_first
        rare, other = (days, months) if days.count <= months.count else (months, days)
        order = "day" if rare is days else "month"
        what = (
            f"dates have the {order} first, and {other.count:,} others, such as {other.example!r} in row"
            f" {other.rows[0]}, the other way round; {self.both.count:,} more can be read both ways"
        )
        hint = "the column mixes two forms, often since Excel read some of them: export again in ISO form"
        return rare.finding("mixed_dates", column, what=what, hint=hint)


class DateCheck:
    """Day and month, column by column."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._dates = [DayMonth() for _ in columns]

    def take(self, batch: Batch) -> None:
        """Look at the next rows; a column whose first filled cells are no dates is passed over."""
        for dates, cells in zip(self._dates, batch.columns, strict=True):
            if any(_DATE.match(cell) for cell in islice(filter(None, cells), _LOOKED_AT)):
                for number, cell in zip(batch.numbers, cells, strict=True):
                    dates.add(number, cell)

    def findings(self) -> Iterator[Finding]:
        """At most one a column."""
        for column, dates in zip(self._columns, self._dates, strict=True):
            if found := dates.finding(column):
                yield found
