"""Several columns that identify a row together, where no column does alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from importer.reader import Reader
from importer.suggest.facts import Facts, Table
from importer.suggest.looks import Kind, Look

_CANDIDATES = 7
_JOINS = ("/", "|", "::", " + ")
_ORDER = (Kind.NUMBER, Kind.TEXT, Kind.EMAIL, Kind.DATE)


@dataclass(frozen=True)
class KeyParts:
    """Columns that are different in every row if taken together.

    Attributes:
        parts: The columns, the one with the most different texts first.
        join: What can stand between their texts, because none of them has it inside.
    """

    parts: tuple[Facts, ...]
    join: str


def find_parts(source: Reader, table: Table, looks: Sequence[Look]) -> KeyParts | None:
    """Two columns, or else three, that are filled and different in every row; None if there are none.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    candidates = _candidates(table, looks)
    rows = list(islice(read_cells(source, [position for position, _ in candidates]), table.rows))
    places = range(len(candidates))
    for chosen in (*combinations(places, 2), *combinations(places, 3)):
        if len({tuple(row[place] for place in chosen) for row in rows}) == len(rows):
            first = [row[place] for row in rows for place in chosen[:-1]]
            if join := next((join for join in _JOINS if not any(join in text for text in first)), ""):
                return KeyParts(tuple(candidates[place][1] for place in chosen), join)
    return None


def _candidates(table: Table, looks: Sequence[Look]) -> list[tuple[int, Facts]]:
    """Short columns that are filled in every row and not always the same: codes before dates, sentences last."""
    numbered = any(look.kind is Kind.NUMBER for look in looks)
    fitting = [
        (
            look.facts.share(look.facts.spoken) > 0.2 and look.kind is Kind.TEXT,
            _preference(look, numbered=numbered),
            -look.facts.distinct,
            position,
        )
        for position, look in enumerate(looks)
        if look.kind in _ORDER and look.facts.filled == table.rows and look.facts.distinct > 1 and look.facts.mean <= 40
    ]
    return [(position, looks[position].facts) for *_, position in sorted(fitting)[:_CANDIDATES]]


def _preference(look: Look, *, numbered: bool) -> int:
    """Codes before dates; but where nothing is numbered, who wrote at what time tells more than a word does."""
    facts = look.facts
    if not numbered and (
        look.kind is Kind.EMAIL or (look.form and look.form.has_time and facts.distinct >= 0.9 * facts.filled)
    ):
        return _ORDER.index(Kind.NUMBER)
    return _ORDER.index(look.kind)


def read_cells(source: Reader, positions: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The cells of some columns, row by row, without the blanks around them."""
    for chunk in source.chunks():
        columns = [[text.strip() for text in chunk.frame.iloc[:, position].tolist()] for position in positions]
        yield from zip(*columns, strict=True)
