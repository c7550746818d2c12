"""The words of the export against the `values:` tables of the mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from importer.mapping.values import Field
from importer.reader.checkup import Batch
from importer.survey.distinct import Distinct


@dataclass(frozen=True, slots=True)
class TableUse:
    """A value that takes certain words only, and the words that came.

    Attributes:
        target: The field that it is for.
        columns: Where its words come from.
        words: Each different word and how often it came, most frequent first.
        unknown: Those that the table does not list, in the same order; without a table those that do not fit.
        never_hit: Lines of the table that no row asked for.
        policy: What becomes of an unknown word.
        capped: Whether there were more different words than are listed.
    """

    target: str
    columns: tuple[str, ...]
    words: dict[str, int]
    unknown: dict[str, int]
    never_hit: tuple[str, ...]
    policy: str
    capped: bool


class TableSurvey:
    """Counts the words that the tables are asked for."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        tables = [field for field in fields if field.form.values is not None or field.choices]
        self._counted = [(field, Distinct()) for field in tables]

    def take(self, batch: Batch) -> None:
        """Count the next rows."""
        for field, distinct in self._counted:
            for text, count in Counter(map(field.text, batch.cells)).items():
                distinct.add(Counter(dict.fromkeys(field.words(text), count)))

    def uses(self) -> Iterator[tuple[Field, TableUse]]:
        """One a value with a table or with few choices, in the order of the mapping."""
        for field, distinct in self._counted:
            yield field, _use(field, distinct)


def _use(field: Field, distinct: Distinct) -> TableUse:
    fold, listed = field.fold, field.table or {}
    words = dict(distinct.counts.most_common())
    known = set(field.choices if field.table is None else map(fold, listed))
    came = set(map(fold, words))
    return TableUse(
        field.target.name,
        field.columns,
        words,
        unknown={word: count for word, count in words.items() if fold(word) not in known},
        never_hit=tuple(word for word in listed if fold(word) not in came),
        policy=field.form.unknown,
        capped=distinct.capped,
    )
