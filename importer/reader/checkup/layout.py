"""Rows and columns that are no tickets: headers in the middle, totals at the end, columns of nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from importer.models import Row
from importer.reader.checkup.finding import Batch, Finding, Tally

_TAIL = 3
#: First words of a line of totals, folded. English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech,
#: Swedish, Danish, Russian.
_TOTALS = frozenset(
    (
        *("total", "totals", "grand total", "sum", "count", "summe", "gesamt", "gesamtsumme", "gesamtergebnis"),
        *("anzahl", "total général", "somme", "total general", "suma", "soma", "total geral", "totale", "somma"),
        *("totaal", "som", "eindtotaal", "razem", "suma końcowa", "celkem", "summa", "i alt", "итого", "всего"),
    )
)


class HeaderCheck:
    """The header once more between the rows, as files have that were put together from several."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._folded = tuple(map(_folded, columns))
        self._tally = Tally()

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        first = self._folded[0]
        for row in batch.rows:
            cells = row[1]
            if _folded(cells[0] if cells else "") == first and tuple(map(_folded, cells)) == self._folded:
                self._tally.add(row[0], " | ".join(cells))

    def findings(self) -> Iterator[Finding]:
        """At most one; a table of one column may well have a row like its header."""
        if self._tally.count and len(self._columns) > 1:
            hint = "delete these rows: they would become cases"
            yield self._tally.finding(
                "repeated_header", None, what="the header comes again between the rows", hint=hint
            )


class TotalCheck:
    """Lines of totals or remarks at the very end."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._width = len(columns)
        self._tail: deque[Row] = deque(maxlen=_TAIL)

    def take(self, batch: Batch) -> None:
        """Remember the last rows."""
        self._tail.extend(batch.rows[-_TAIL:])

    def findings(self) -> Iterator[Finding]:
        """At most one, about an unbroken run of such lines that ends with the file."""
        tally = Tally()
        last = list(self._tail)
        while last and self._is_no_ticket(last[-1].cells):
            row = last.pop()
            tally.add(row.number, " | ".join(filter(None, row.cells)))
        if tally.count:
            tally.rows.reverse()
            what = "lines at the end look like a total or a remark, not like a ticket"
            yield tally.finding("total_line", None, what=what, hint="delete them: they would become cases")

    def _is_no_ticket(self, cells: tuple[str, ...]) -> bool:
        filled = [cell for cell in cells if cell.strip()]
        if not filled:
            return False
        return _folded(filled[0]).rstrip(": ") in _TOTALS or (self._width > 2 and len(filled) == 1)


class EmptyColumnCheck:
    """Columns on the right in which nothing stands."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._empty = set(range(len(columns)))
        self._rows = 0

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        self._rows += len(batch.numbers)
        self._empty = {position for position in self._empty if not batch.joined[position].strip()}

    def findings(self) -> Iterator[Finding]:
        """At most one."""
        trailing: list[str] = []
        for position in reversed(range(len(self._columns))):
            if position not in self._empty:
                break
            trailing.insert(0, self._columns[position])
        if trailing and self._rows and len(trailing) < len(self._columns):
            what = "columns at the right end are empty in all rows"
            hint = "nothing, if that is as it should be; else export again"
            names = ", ".join(trailing[:8])
            yield Finding("empty_columns", None, len(trailing), "column", (), names, what, hint)


def _folded(text: str) -> str:
    return text.strip().casefold()
