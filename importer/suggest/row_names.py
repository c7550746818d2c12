"""By what other rows and other tables name the rows of an export, and the column that names a parent row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column, Kind
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import System, Vocabulary

LEVELS_MAX = 100  #: Rows above a row that are looked at.
LEAST_SHARE = 0.5  #: Of the cells that name a row, those that name one of this export.
_NAMES_MAX = 8
_LEAST_FILLED = 0.95
_CANDIDATES = 7
_ORDER = (Kind.NUMBER, Kind.TEXT, Kind.EMAIL, Kind.DATE)


@dataclass(frozen=True, eq=False)
class Named:
    """A column by which rows are named.

    Attributes:
        column: The column.
        is_key: Whether it is `source.key`.
        texts: All of its texts that were read.
    """

    column: ColumnProfile
    is_key: bool
    texts: frozenset[str]

    def share_in(self, column: ColumnProfile) -> float:
        """Share of the cells of another column that name a row here."""
        return self.matching(column) / (sum(column.values.counts.values()) or 1)

    def matching(self, column: ColumnProfile) -> int:
        """How many cells of another column name a row here, of those that are remembered."""
        return sum(times for text, times in column.values.counts.items() if text in self.texts)


def find_names(table: FirstRows, columns: Sequence[Column], key: ColumnProfile | None) -> list[Named]:
    """The columns that are different in nearly every row; the key first."""
    fitting = [column.profile for column in columns if _is_a_name(column, table) and column.profile is not key]
    names = [*([key] if key else []), *fitting][:_NAMES_MAX]
    return [Named(each, each is key, frozenset(table.texts(each)) - {""}) for each in names]


def _is_a_name(column: Column, table: FirstRows) -> bool:
    profile = column.profile
    filled = table.rows > 1 and profile.filled >= _LEAST_FILLED * table.rows
    short = profile.mean <= 40 and profile.share_of("words") <= 0.2 and profile.repeats == 1
    return column.kind in (Kind.TEXT, Kind.NUMBER) and filled and profile.distinct == profile.filled and short


def parts_of_keys(table: FirstRows, columns: Sequence[Column]) -> list[ColumnProfile]:
    """Short columns that are filled in every row and not always the same: codes before dates, sentences last."""
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
    return [column.profile for column in sorted(fitting, key=preference)[:_CANDIDATES]]


@dataclass(frozen=True)
class Parents:
    """A column that names the parent row.

    Attributes:
        column: The column.
        named: What the rows are named by in it.
        found: How many cells name a row that was read.
        missing: How many name none.
        example: One of those.
        itself: How many rows are their own parent, at once or in a circle.
        deep: How many rows have a parent that has one itself.
    """

    column: ColumnProfile
    named: Named
    found: int
    missing: int
    example: str
    itself: int
    deep: int


def find_parents(
    table: FirstRows, columns: Sequence[Column], names: Sequence[Named], vocabulary: Vocabulary, system: System | None
) -> Parents | None:
    """The column that names the parent, if most of its cells are names of rows; None if there is none.

    Its header must say so: rows name each other for other reasons too, as duplicates or as causes.
    """
    called = [
        column.profile
        for column in columns
        if column.kind in (Kind.TEXT, Kind.NUMBER)
        if (system and system.has(column.names, "parent")) or vocabulary.rank(column.names, "parent") is not None
    ]
    pairs = [(column, name) for column in called for name in names if name.column is not column]
    best = max(pairs, key=lambda pair: (pair[1].share_in(pair[0]), pair[1].is_key), default=None)
    if best is None or best[1].share_in(best[0]) < LEAST_SHARE:
        return None
    column, name = best
    rows = zip(table.texts(name.column), table.texts(column), strict=True)
    parent_of = {own: parent for own, parent in rows if parent}
    missing = [parent for parent in parent_of.values() if parent not in name.texts]
    circular = {own for own in parent_of if own in islice(_ancestors(parent_of, own), LEVELS_MAX)}
    deep = sum(parent_of.get(parent, "") in name.texts for own, parent in parent_of.items() if own not in circular)
    example = next(iter(missing), "")
    return Parents(column, name, len(parent_of) - len(missing), len(missing), example, len(circular), deep)


def _ancestors(parent_of: Mapping[str, str], own: str) -> Iterator[str]:
    """The rows above a row, up to the first that has none, or that was there already."""
    seen: set[str] = set()
    while (own := parent_of.get(own, "")) and own not in seen:
        seen.add(own)
        yield own
