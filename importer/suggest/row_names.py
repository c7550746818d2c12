"""By what rows are named: the columns of a key, what other rows and tables call a row, and the column of the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column, Kind
from importer.suggest.date_formats import moment_of
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import Vocabulary
from importer.suggest.roles import Roles

LEVELS_MAX = 100  #: Rows above a row that are looked at.
LEAST_SHARE = 0.5  #: Of the cells that name a row, those that name one of this export.
_NAMES_MAX = 8
_LEAST_FILLED = 0.95
_STATES_LEAST = 1.3  #: Rows of a ticket in a history, on average.
_ONE_WAY = 0.9  #: Of the steps within tickets that lead back, or else forth, in time for them to be sorted.
_JOINS = ("/", "|", "::", " + ")
#: Roles of columns that do not change while a ticket lives; a hash of them names it best.
_LASTING = ("created", "requester_email", "requester_name", "title", "description")
_CHANGING = ("priority", "status", "label", "owner", "updated", "closed", "note")


@dataclass(frozen=True)
class KeyParts:
    """Columns that are different in every row if taken together."""

    parts: tuple[ColumnProfile, ...]  #: The columns.
    join: str  #: What can be between their texts, because none of them contains it; empty for a hash of them.
    alike: int = 0  #: Rows that are not told apart by them.
    said: bool = False  #: Whether a person chose them.


@dataclass(frozen=True)
class History:
    """An export in which each row is a state of a ticket."""

    number: Column  #: The number of the ticket, which repeats.
    time: Column | None = None  #: The dates by which the rows of a ticket have an order.
    falling: float = 0.0  #: The share of the steps from a row of a ticket to the next that lead back in time.

    @property
    def newest_first(self) -> bool:
        """Whether the first row of a ticket is its newest state."""
        return self.falling > _ONE_WAY

    @property
    def is_mixed(self) -> bool:
        """Whether the rows of tickets are in no order."""
        return 1 - _ONE_WAY <= self.falling <= _ONE_WAY


@dataclass(frozen=True)
class RowKey:
    """What names the rows if no column is different in each of them."""

    parts: KeyParts | None = None  #: Several columns together, or a hash of them.
    history: History | None = None  #: The number of the ticket, of which each row is a state.
    events_of: Column | None = None  #: The number of the ticket, if a column that may name events is the key.
    near: Column | None = None  #: A column named as the key that is different in most rows.


def find_row_key(table: FirstRows, columns: Sequence[Column], roles: Roles, vocabulary: Vocabulary) -> RowKey:
    """What names the rows; nothing of it where one column is the key."""
    key = roles.one["key"].column if "key" in roles.one else None
    if roles.key:
        profiles = tuple(column.profile for column in roles.key)
        texts = [text for part in profiles[:-1] for text in table.texts(part)]
        join = next((join for join in _JOINS if not any(join in text for text in texts)), "")
        return RowKey(parts=KeyParts(profiles, join, alike=table.alike(profiles), said=True))
    if not table.rows or (key is not None and roles.one["key"].known):
        return RowKey()
    history = find_history(table, columns, vocabulary, key)
    parts = None if key else find_parts(table, columns, vocabulary)
    if key is not None and history is None:
        return RowKey(events_of=_repeating_number(table, columns, vocabulary, is_whole=True))
    if key is not None or parts is not None or history is not None:
        return RowKey(
            parts=parts, history=None if parts or history is None else _in_time(history, table, columns, vocabulary)
        )
    near = nearest_key(columns, table.rows, vocabulary)
    return RowKey(near=near, parts=None if near else hash_parts(table, columns, roles, vocabulary))


def find_history(
    table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary, key: Column | None
) -> Column | None:
    """The column with the number of the ticket, if it repeats so often that each row is a state of a ticket.

    That ``key`` is different in each row proves nothing if its name does not speak of tickets: states have ids too.
    """
    if key is not None and (len(key.names) > 1 or key.names[0] != "id"):
        return None
    return _repeating_number(table, columns, vocabulary, is_whole=key is not None)


def _repeating_number(
    table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary, *, is_whole: bool
) -> Column | None:
    """The column that is named as the number of a ticket, and repeats; ``is_whole`` if its name must say so in full."""
    numbers = [
        (rank, column)
        for column in columns
        if column.kind in (Kind.TEXT, Kind.NUMBER) and column.profile.share_of("words") <= 0.2
        if column.profile.filled >= _LEAST_FILLED * table.rows and column.profile.repeats == 1
        if 1 < column.profile.distinct <= column.profile.filled / _STATES_LEAST
        if (rank := vocabulary.rank(column.names, "key")) is not None and not vocabulary.is_phrase(rank)
        if not is_whole or len(column.names) > 1
    ]
    return min(numbers, key=lambda number: number[0])[1] if numbers else None


def _in_time(number: Column, table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary) -> History:
    """The history with the dates that differ within its tickets, those of the last change first, and their order."""
    dated = [column for column in columns if column.dates and column.profile.repeats == 1]
    for time in sorted(dated, key=lambda column: vocabulary.rank(column.names, "updated") is None):
        assert time.dates is not None
        before: dict[str, float] = {}
        steps = []
        for ticket, text in zip(table.texts(number.profile), table.texts(time.profile), strict=True):
            if (moment := moment_of(text, time.dates)) is None:
                continue
            if ticket in before and moment != before[ticket]:
                steps.append(moment < before[ticket])
            before[ticket] = moment
        if steps:
            return History(number, time, sum(steps) / len(steps))
    return History(number)


def nearest_key(columns: Sequence[Column], rows: int, vocabulary: Vocabulary) -> Column | None:
    """The column that is named as the number of a ticket and is different in most rows, if not in all."""
    called = [
        (rank, column)
        for column in columns
        if column.kind in (Kind.TEXT, Kind.NUMBER) and column.profile.share_of("words") <= 0.2 and not column.measure
        if 2 * column.profile.distinct > rows
        if (rank := vocabulary.rank(column.names, "key")) is not None and not vocabulary.is_phrase(rank)
    ]
    return min(called, key=lambda it: it[0])[1] if called else None


def find_parts(table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary) -> KeyParts | None:
    """The columns that identify each row together: a number within a project, a queue …

    None if there are none: columns that can change, times, and what is different in each row together by chance name
    nothing.
    """
    whole = [it for it in columns if it.profile.filled == table.rows and it.profile.distinct > 1]
    numbers = [
        column
        for column in whole
        if column.kind in (Kind.NUMBER, Kind.TEXT) and column.profile.share_of("words") <= 0.2
        if not column.measure and not column.of_people
        if column.is_id or vocabulary.rank(column.names, "key") is not None
    ]
    within = [
        column
        for column in whole
        if column.kind in (Kind.NUMBER, Kind.TEXT) and column.profile.mean <= 40 and column not in numbers
        if vocabulary.says("containers", column.names[0]) and not vocabulary.says("agents", column.names[0])
    ]
    for parts in (*product(within, numbers), *product(within, within, numbers)):
        profiles = tuple(column.profile for column in parts)
        if len(set(parts)) == len(parts) and table.alike(profiles) == 0:
            texts = [text for part in profiles[:-1] for text in table.texts(part)]
            if join := next((join for join in _JOINS if not any(join in text for text in texts)), ""):
                return KeyParts(profiles, join)
    return None


def hash_parts(table: FirstRows, columns: Sequence[Column], roles: Roles, vocabulary: Vocabulary) -> KeyParts | None:
    """The columns whose hash names a row where nothing else does: what was said, by whom and when, and more if needed.

    Never one that can change while the ticket lives. None if there is no such column.
    """
    lasting = [pick.column for role in _LASTING if (pick := roles.one.get(role))]
    others = [
        column
        for column in sorted(columns, key=lambda it: bool(it.of_people))  # ids of customers come last
        if column not in lasting and column.kind in (Kind.TEXT, Kind.LONG, Kind.NUMBER, Kind.EMAIL)
        if column.profile.repeats == 1 and not column.measure and not column.profile.broken
        if not any(vocabulary.rank(column.names, role) is not None for role in _CHANGING)
    ]
    parts = [column.profile for column in lasting if column.profile.repeats == 1 and not column.profile.broken]
    for column in others:
        if parts and table.alike(parts) == 0:
            break
        if not parts or table.alike([*parts, column.profile]) < table.alike(parts):
            parts.append(column.profile)
    return KeyParts(tuple(parts), "", alike=table.alike(parts)) if parts else None


@dataclass(frozen=True, eq=False)
class Named:
    """A column by which rows are named, whether it is `source.key`, and all of its texts that were read."""

    column: ColumnProfile
    is_key: bool
    texts: frozenset[str]

    def matching(self, column: ColumnProfile) -> int:
        """How many cells of another column name a row here, of those that are remembered."""
        return sum(times for text, times in column.values.counts.items() if text in self.texts)


def find_names(table: FirstRows, columns: Sequence[Column], roles: Roles) -> list[Named]:
    """The columns that are different in nearly every row; the key first. Parents are also named by their title."""
    key, title = (pick.column.profile if (pick := roles.one.get(role)) else None for role in ("key", "title"))
    names = [key] if key else []
    for column in columns:
        profile = column.profile
        filled = table.rows > 1 and profile.filled >= _LEAST_FILLED * table.rows
        short = profile.mean <= 40 and profile.share_of("words") <= 0.2 and profile.repeats == 1
        unique = column.kind in (Kind.TEXT, Kind.NUMBER) and profile.distinct == profile.filled
        if filled and short and unique and profile is not key:
            names.append(profile)
    if title is not None and title.distinct == title.filled and title.repeats == 1 and title not in names:
        names = [*names[: _NAMES_MAX - 1], title]
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
    table: FirstRows,
    columns: Sequence[Column],
    names: Sequence[Named],
    vocabulary: Vocabulary,
    roles: Roles,
) -> Parents | None:
    """The column that names the parent, if most of its cells are names of rows; None if there is none.

    Its header must say so, or a person: rows name each other for other reasons too, as duplicates.
    """
    pick, system = roles.one.get("parent"), roles.system
    said = pick.column if pick and pick.column in roles.said else None
    called = [
        column
        for column in ([said] if said else columns)
        if said
        or (system and system.has(column.names, "parent"))
        or vocabulary.rank(column.names, "parent") is not None
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
