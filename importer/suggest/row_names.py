"""By what rows are named: the columns of a key, what other rows and tables call a row, and the column of the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column, Kind
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import System, Vocabulary

LEVELS_MAX = 100  #: Rows above a row that are looked at.
LEAST_SHARE = 0.5  #: Of the cells that name a row, those that name one of this export.
_NAMES_MAX = 8
_LEAST_FILLED = 0.95
_STATES_LEAST = 1.3  #: Rows of a ticket in a history, on average.
_CANDIDATES = 7
_ORDER = (Kind.NUMBER, Kind.TEXT, Kind.EMAIL, Kind.DATE)
_JOINS = ("/", "|", "::", " + ")


@dataclass(frozen=True)
class KeyParts:
    """Columns that are different in every row if taken together."""

    parts: tuple[ColumnProfile, ...]  #: The columns.
    join: str  #: What can be between their texts, because none of them contains it.


def find_history(table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary) -> ColumnProfile | None:
    """The column with the number of the ticket, if it repeats so often that each row is a state of a ticket."""
    numbers = [
        (rank, column.profile)
        for column in columns
        if column.kind in (Kind.TEXT, Kind.NUMBER) and column.profile.share_of("words") <= 0.2
        if column.profile.filled >= _LEAST_FILLED * table.rows and column.profile.repeats == 1
        if 1 < column.profile.distinct <= column.profile.filled / _STATES_LEAST
        if (rank := vocabulary.exact_rank(column.names, "key")) is not None
    ]
    return min(numbers, key=lambda number: number[0])[1] if numbers else None


def find_parts(table: FirstRows, columns: Sequence[Column]) -> KeyParts | None:
    """Two columns, or else three, that identify each row together; None if there are none.

    They are short, filled in every row and not always the same: codes come before dates, sentences last.
    """
    is_numbered = any(column.kind is Kind.NUMBER for column in columns)

    def preference(column: Column) -> tuple[bool, int, int]:
        profile = column.profile
        is_sentence = profile.share_of("words") > 0.2 and column.kind is Kind.TEXT
        # where nothing is numbered, who wrote at what time tells more than a word does
        is_moment = column.dates and column.dates.has_time and profile.distinct >= 0.9 * profile.filled
        kind = Kind.NUMBER if not is_numbered and (column.kind is Kind.EMAIL or is_moment) else column.kind
        return is_sentence, _ORDER.index(kind), -profile.distinct

    fitting = [
        column
        for column in columns
        if column.kind in _ORDER and column.profile.filled == table.rows
        if column.profile.distinct > 1 and column.profile.mean <= 40
    ]
    candidates = [column.profile for column in sorted(fitting, key=preference)[:_CANDIDATES]]
    for parts in (*combinations(candidates, 2), *combinations(candidates, 3)):
        if table.tell_rows_apart(parts):
            texts = [text for part in parts[:-1] for text in table.texts(part)]
            if join := next((join for join in _JOINS if not any(join in text for text in texts)), ""):
                return KeyParts(parts, join)
    return None


@dataclass(frozen=True, eq=False)
class Named:
    """A column by which rows are named, whether it is `source.key`, and all of its texts that were read."""

    column: ColumnProfile
    is_key: bool
    texts: frozenset[str]

    def matching(self, column: ColumnProfile) -> int:
        """How many cells of another column name a row here, of those that are remembered."""
        return sum(times for text, times in column.values.counts.items() if text in self.texts)


def find_names(table: FirstRows, columns: Sequence[Column], key: ColumnProfile | None) -> list[Named]:
    """The columns that are different in nearly every row; the key first."""
    names = [key] if key else []
    for column in columns:
        profile = column.profile
        filled = table.rows > 1 and profile.filled >= _LEAST_FILLED * table.rows
        short = profile.mean <= 40 and profile.share_of("words") <= 0.2 and profile.repeats == 1
        unique = column.kind in (Kind.TEXT, Kind.NUMBER) and profile.distinct == profile.filled
        if filled and short and unique and profile is not key:
            names.append(profile)
    return [Named(each, each is key, frozenset(table.texts(each)) - {""}) for each in names[:_NAMES_MAX]]


@dataclass(frozen=True)
class Match:
    """A column whose cells are names of rows of the export."""

    column: ColumnProfile  #: The column.
    named: Named  #: What the rows of the export are named by.
    matching: int  #: How many of its cells are such a name.
    cells: int  #: Of how many.

    @property
    def share(self) -> float:
        """How many of them, as a share."""
        return self.matching / self.cells


def matches(column: Column, names: Sequence[Named]) -> list[Match]:
    """How well the cells of a column fit each of ``names``; nothing if they cannot name a row."""
    profile = column.profile
    cells = sum(profile.values.counts.values())
    if column.kind not in (Kind.TEXT, Kind.NUMBER) or not cells:
        return []
    return [Match(profile, named, named.matching(profile), cells) for named in names if named.column is not profile]


@dataclass(frozen=True)
class Parents:
    """A column that names the parent row."""

    column: ColumnProfile  #: The column.
    named: Named  #: What the rows are named by in it.
    found: int  #: How many cells name a row that was read.
    missing: int  #: How many name none.
    example: str  #: One of those.
    itself: int  #: How many rows are their own parent, at once or in a circle.
    deep: int  #: How many rows have a parent that has one itself.


def find_parents(
    table: FirstRows, columns: Sequence[Column], names: Sequence[Named], vocabulary: Vocabulary, system: System | None
) -> Parents | None:
    """The column that names the parent, if most of its cells are names of rows; None if there is none.

    Its header must say so: rows name each other for other reasons too, as duplicates or as causes.
    """
    called = [
        column
        for column in columns
        if (system and system.has(column.names, "parent")) or vocabulary.rank(column.names, "parent") is not None
    ]
    found = [match for column in called for match in matches(column, names)]
    best = max(found, key=lambda match: (match.share, match.named.is_key), default=None)
    if best is None or best.share < LEAST_SHARE:
        return None
    texts = best.named.texts
    rows = zip(table.texts(best.named.column), table.texts(best.column), strict=True)
    parent_of = {own: parent for own, parent in rows if parent}
    missing = [parent for parent in parent_of.values() if parent not in texts]
    circular = {own for own in parent_of if _is_above_itself(own, parent_of)}
    deep = sum(parent_of.get(parent, "") in texts for own, parent in parent_of.items() if own not in circular)
    count, example = len(missing), next(iter(missing), "")
    return Parents(best.column, best.named, len(parent_of) - count, count, example, len(circular), deep)


def _is_above_itself(row: str, parent_of: dict[str, str]) -> bool:
    above = row
    for _ in range(LEVELS_MAX):
        above = parent_of.get(above, "")
        if above in ("", row):
            break
    return bool(above) and above == row
