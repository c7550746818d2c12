"""By what other tables, and other rows, may call the rows of an export: its columns in which all texts differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from importer.reader import Reader
from importer.suggest.facts import Facts, Table
from importer.suggest.keys import read_cells
from importer.suggest.looks import Kind, Look

_MOST = 8
_LEAST_FILLED = 0.95


@dataclass(frozen=True)
class Named:
    """What the rows of the export are called by.

    Attributes:
        facts: The column.
        is_key: Whether it is `source.key`.
        texts: All of its texts that were read.
    """

    facts: Facts
    is_key: bool
    texts: frozenset[str]


def find_names(source: Reader, table: Table, looks: Sequence[Look], key: Facts | None) -> list[Named]:
    """The columns that are different in nearly every row, and what stands in them; the key first.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    fitting = [(look.facts is not key, position) for position, look in enumerate(looks) if _is_a_name(look, table, key)]
    positions = [position for _, position in sorted(fitting)[:_MOST]]
    rows = list(islice(read_cells(source, positions), table.rows)) if positions else []
    texts = zip(*rows, strict=True)
    return [
        Named(looks[position].facts, looks[position].facts is key, frozenset(filter(None, column)))
        for position, column in zip(positions, texts, strict=False)
    ]


def _is_a_name(look: Look, table: Table, key: Facts | None) -> bool:
    facts = look.facts
    if facts is key:
        return True
    filled = facts.filled >= _LEAST_FILLED * table.rows
    different = facts.distinct == facts.filled
    short = facts.mean <= 40 and facts.share(facts.spoken) <= 0.2 and facts.repeats == 1
    return look.kind in (Kind.TEXT, Kind.NUMBER) and filled and different and short and table.rows > 1
