"""Which texts stand for an empty cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from importer.suggest.facts import Table
from importer.suggest.vocabulary import Vocabulary

_SIGN_TIMES = 3
_WORD_TIMES = 10
_WORD_COLUMNS = 3
_WORD_SHARE = 0.3


@dataclass(frozen=True)
class Blanks:
    """Texts that may stand for an empty cell, with the number of cells and columns.

    Attributes:
        taken: Those that are taken for empty.
        kept: Those that are kept as texts, because they are too few to tell.
    """

    taken: dict[str, tuple[int, int]] = field(default_factory=dict)
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)


def find_blanks(table: Table, vocabulary: Vocabulary) -> Blanks:
    """Takes signs such as ``-`` for empty that occur a few times, and words such as ``null`` that are everywhere.

    A word here and there may be somebody's name or a value like any other: people are called NA and Null.
    """
    cells: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for column in table.columns:
        cells.update(column.blanks)
        columns.update(column.blanks.keys())
    found = {text: (count, columns[text]) for text, count in cells.most_common()}
    taken = {text: seen for text, seen in found.items() if _is_blank(text, *seen, table, vocabulary)}
    return Blanks(taken, {text: seen for text, seen in found.items() if text not in taken})


def _is_blank(text: str, cells: int, columns: int, table: Table, vocabulary: Vocabulary) -> bool:
    if text in vocabulary.blank_signs:
        return cells >= _SIGN_TIMES
    if cells < _WORD_TIMES:
        return False
    largest = max(column.share(column.blanks.get(text, 0)) for column in table.columns)
    return columns >= _WORD_COLUMNS or largest >= _WORD_SHARE
