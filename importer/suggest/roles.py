"""Which column is what: key, title, description … Each choice comes with its reason, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from importer.suggest.columns import Column, Kind
from importer.suggest.date_formats import middle
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import System, Vocabulary, are_priorities

KEY_LENGTH_MAX = 255
SPLIT_SHARE = 0.9  #: Of the cells of a column that must be date;author;text for it to become notes.
_TEXTS = frozenset({Kind.TEXT, Kind.LONG})
_CODES = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})
#: Roles that one column has; the first ones choose first.
_SINGLE = (
    *("key", "created", "closed", "description", "title", "priority", "requester_email", "requester_name"),
    *("status", "type", "parent"),
)
#: Roles that a column can have by its name; a column with such a name is nothing else.
_NAMED = (*_SINGLE, "note", "label")
#: A column called like the one may be the other: systems without names of people give their addresses as reporter.
_ALSO_SAID_OF = {"requester_email": "requester_name"}


@dataclass(frozen=True)
class Pick:
    """A column for a role."""

    column: Column  #: The column.
    reason: str  #: Why this one, as part of a sentence.
    known: bool  #: Whether the recognised system has it under this name; otherwise it is a guess.


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    system: System | None  #: The system that the export seems to come from.
    one: dict[str, Pick] = field(default_factory=dict)  #: Role → the column that has it.
    #: The column that names the agent; it has no role, because that needs the users of the account.
    owner: Column | None = None
    notes: tuple[Column, ...] = ()  #: Columns of comments and answers; of repeated ones the first.
    labels: tuple[Column, ...] = ()  #: Columns of labels; of repeated ones the first.
    flags: tuple[Column, ...] = ()  #: Columns of yes and no.
    #: Columns without a role that are named like the day of creation, but whose dates cannot be read.
    undated: tuple[Column, ...] = ()
    rest: tuple[Column, ...] = ()  #: Columns that have no role and are not empty, in file order.
    empty: tuple[Column, ...] = ()  #: Columns without any text.


def assign(table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary, system: System | None) -> Roles:
    """Gives each role to the column that fits it best; no column gets two."""
    chooser = _Chooser(table, columns, vocabulary, system)
    one = {role: pick for role in _SINGLE if (pick := chooser.choose(role))}
    if "priority" not in one and (pick := chooser.choose_by_levels()):
        one["priority"] = pick
    if "created" not in one and (pick := chooser.choose_earliest()):
        one["created"] = pick
    notes = chooser.all_of("note", _is_note)
    labels = chooser.all_of("label", _is_label)
    owner = chooser.owner()
    flags = tuple(column for column in chooser.free if column.kind is Kind.BOOLEAN)[:2]
    empty = tuple(column for column in chooser.free if column.kind is Kind.EMPTY)
    rest = tuple(column for column in chooser.free if column.kind is not Kind.EMPTY and column not in flags)
    undated = () if "created" in one else tuple(column for column in rest if chooser.is_called(column, "created"))
    return Roles(system, one, owner, notes, labels, flags, undated, rest, empty)


class _Chooser:
    """Gives away columns; what is given away is no longer ``free``."""

    def __init__(
        self, table: FirstRows, columns: Sequence[Column], vocabulary: Vocabulary, system: System | None
    ) -> None:
        self.free = list(columns)
        self._table = table
        self._vocabulary = vocabulary
        self._rank_of = cache(vocabulary.rank)  # for each role it is asked of all others as well
        self._system = system

    def choose(self, role: str) -> Pick | None:
        """The best column for ``role``, or None."""
        free = [column for column in self.free if not self._is_spoken_for(column, role)]
        best = max(free, key=lambda column: self._score(column, role), default=None)
        if best is None or self._score(best, role) <= 0:
            return None
        known, reason = self._known(best, role), f"matched by content: {best.kind}"
        if known and self._system:
            reason = f"standard {self._system.short_name} column"
        elif self._rank(best, role) is not None:
            reason = "matched by name"
        return self._pick(best, reason, known=known)

    def choose_by_levels(self) -> Pick | None:
        """The first column of which every word is one of a priority, whatever its name is."""
        for column in self.free:
            words = column.profile.values.counts
            if column.kind is Kind.TEXT and column.profile.complete and are_priorities(words, self._vocabulary):
                return self._pick(column, "matched by content: words of a priority")
        return None

    def choose_earliest(self) -> Pick | None:
        """The column with the earliest dates, if nearly every row has one: a ticket is created before all else."""
        dated = [
            (middle(column.profile, column.dates), -column.profile.filled, column)
            for column in self.free
            if column.dates and column.profile.filled >= 0.9 * self._table.rows
            if self._vocabulary.strangers.isdisjoint(column.names[0].split())
            if not self._is_spoken_for(column, "created")
        ]
        earliest = min(dated, key=lambda entry: entry[:2], default=None)
        return self._pick(earliest[2], "matched by content: no other dates are earlier") if earliest else None

    def owner(self) -> Column | None:
        """The column that names the agent, an address rather than a name."""
        ranked = [
            (column.kind is not Kind.EMAIL, rank, column)
            for column in self.free
            if column.kind in (Kind.EMAIL, Kind.TEXT) and (rank := self._rank(column, "owner")) is not None
        ]
        return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None

    def all_of(self, role: str, fits: Callable[[Column, bool], bool]) -> tuple[Column, ...]:
        """All columns that fit, given whether their names say so; the first of repeated ones is for all."""
        fitting = [column for column in self.free if fits(column, self.is_called(column, role))]
        firsts = {column.name: column for column in reversed(fitting)}
        self.free = [column for column in self.free if column.name not in firsts]
        return tuple(reversed(firsts.values()))

    def is_called(self, column: Column, role: str) -> bool:
        return self._known(column, role) or self._rank(column, role) is not None

    def _pick(self, column: Column, reason: str, *, known: bool = False) -> Pick:
        self.free.remove(column)
        return Pick(column, reason, known)

    def _score(self, column: Column, role: str) -> float:
        """How well a column fits; 0 if it does not at all."""
        known, rank = self._known(column, role), self._rank(column, role)
        called = 200.0 if known else 0.0 if rank is None else 60.0 - min(rank, 40)
        if not self._table.rows:
            return called
        return 0 if column.kind is Kind.EMPTY else _points(role, column, self._table.rows, called)

    def _known(self, column: Column, role: str) -> bool:
        return self._system is not None and self._system.has(column.names, role)

    def _is_spoken_for(self, column: Column, role: str) -> bool:
        """Whether the column has a name of another role, and none of this one."""
        others = [other for other in _NAMED if other not in (role, _ALSO_SAID_OF.get(role))]
        if self._system is not None and any(self._known(column, other) for other in others):
            return not self._known(column, role)
        return self._rank(column, role) is None and any(self._rank(column, other) is not None for other in others)

    def _rank(self, column: Column, role: str) -> int | None:
        return self._rank_of(column.names, role)


def _points(role: str, column: Column, rows: int, called: float) -> float:
    """How well a column fits a role, of which its name gives ``called`` points; 0 if not at all."""
    profile, kind = column.profile, column.kind
    few = profile.complete and kind in _CODES
    match role:
        case "key":
            return _points_of_key(column, rows, called)
        case "description":
            return _points_of_description(column, rows, called)
        case "title":
            different = profile.share(profile.distinct)
            if kind not in _TEXTS or profile.mean > 400 or column.of_agents:
                return 0
            if not called and (different < 0.5 or profile.share_of("words") < 0.8 or kind is Kind.LONG):
                return 0
            return called + 30 * different if called else 10 * different + min(profile.mean, 60) / 4
        case "requester_email":
            fits = kind is Kind.EMAIL and (called or not column.of_agents)
            return max(called, 5.0) + 10 * profile.share_of("email") if fits else 0
        case "requester_name":
            return called if kind is Kind.TEXT and profile.longest <= 150 else 0
        case "created" | "closed":
            return called if kind is Kind.DATE else 0
        case "priority":
            return called if few and profile.distinct <= 25 and profile.mean <= 40 else 0
        case "status" | "type":
            return called if few and profile.distinct <= 100 and profile.longest <= 120 else 0
    return called if kind in _CODES and profile.longest <= 120 else 0  # the parent


def _points_of_key(column: Column, rows: int, called: float) -> float:
    profile = column.profile
    if column.kind in (Kind.DATE, Kind.BOOLEAN, Kind.LONG) or profile.longest > KEY_LENGTH_MAX:
        return 0
    if not (_is_nearly(profile.filled, rows) and _is_nearly(profile.distinct, profile.filled)):
        return 0
    whole = profile.filled == rows and profile.distinct == profile.filled
    if not called and (not whole or profile.share_of("words") > 0.2):
        return 0
    ends_in_id = column.names[0].split()[-1] in ("id", "number", "key", "no", "code")
    return called + 15 * ends_in_id + 10 * whole + 10 * profile.share_of("code") + max(0.0, 10 - profile.mean / 4)


def _is_nearly(count: int, whole: int) -> bool:
    """All but a few; in a small export one is few."""
    return count >= 0.95 * whole or (whole >= 5 and count == whole - 1)


def _points_of_description(column: Column, rows: int, called: float) -> float:
    profile = column.profile
    said = profile.mean >= 40 and profile.share_of("words") >= 0.8 and profile.share(profile.distinct) >= 0.15
    if column.kind not in _TEXTS or (not called and not said) or profile.repeats > 1:
        return 0
    if column.names[0] == "notes" and profile.filled < 0.8 * rows:
        return 0  # so a few systems call the description; where it is rare, it is a remark
    return called + min(profile.mean, 400) / 20 + 10 * (column.kind is Kind.LONG)


def _is_note(column: Column, called: bool) -> bool:
    """Something that was said: by its name and more than a few fixed words, or long and repeated."""
    profile = column.profile
    said = column.kind is Kind.LONG or (column.kind is Kind.TEXT and profile.mean >= 20 and profile.distinct > 3)
    if profile.broken or column.kind not in _TEXTS:
        return False
    if profile.share_of("entry") >= SPLIT_SHARE:
        return True
    return (said or profile.repeats > 1) if called else (column.kind is Kind.LONG and profile.repeats > 1)


def _is_label(column: Column, called: bool) -> bool:
    return column.kind is Kind.TEXT and not column.profile.broken and (called or column.profile.repeats > 1)
