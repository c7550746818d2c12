"""Which column is what: key, title, description … Each choice comes with its reason, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from importer.suggest.days import middle
from importer.suggest.facts import Table
from importer.suggest.levels import speaks_of_levels
from importer.suggest.looks import Kind, Look
from importer.suggest.vocabulary import Recognised, System, Vocabulary, squeezed

KEY_LENGTH_MAX = 255
SPLIT_SHARE = 0.9  #: Of the cells of a column that hold date;author;text for it to be one of notes.
_TEXTS = frozenset({Kind.TEXT, Kind.LONG})
_CODES = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})


@dataclass(frozen=True)
class Pick:
    """A column for a role.

    Attributes:
        look: The column.
        reason: Why this one, as part of a sentence.
        known: Whether the recognised system calls it so; otherwise it is a guess.
    """

    look: Look
    reason: str
    known: bool


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Attributes:
        system: The system that the export seems to come from.
        one: Role → the column that has it.
        owner: The column that names the agent; it has no role, because that needs the users of the account.
        notes: Columns that hold comments and answers; of repeated ones the first.
        labels: Columns that hold labels; of repeated ones the first.
        flags: Columns of yes and no.
        undated: Columns without a role that are called like the day of creation, but hold no dates that can be read.
        rest: Columns that have no role and are not empty, in file order.
        empty: Columns without any text.
    """

    system: Recognised | None
    one: dict[str, Pick] = field(default_factory=dict)
    owner: Look | None = None
    notes: tuple[Look, ...] = ()
    labels: tuple[Look, ...] = ()
    flags: tuple[Look, ...] = ()
    undated: tuple[Look, ...] = ()
    rest: tuple[Look, ...] = ()
    empty: tuple[Look, ...] = ()


def assign(table: Table, looks: Sequence[Look], vocabulary: Vocabulary, system: Recognised | None) -> Roles:
    """Gives each role to the column that fits it best; no column gets two."""
    chooser = _Chooser(table, looks, vocabulary, system.system if system else None)
    one = {role: pick for role in _FITS if (pick := chooser.choose(role))}
    if "priority" not in one and (pick := chooser.choose_by_levels()):
        one["priority"] = pick
    if "created" not in one and (pick := chooser.choose_earliest()):
        one["created"] = pick
    notes = chooser.all_of("note", _is_note)
    labels = chooser.all_of("label", _is_label)
    owner = chooser.owner()
    flags = chooser.take([look for look in chooser.free if look.kind is Kind.BOOLEAN][:2])
    empty = tuple(look for look in chooser.free if look.kind is Kind.EMPTY)
    rest = tuple(look for look in chooser.free if look.kind is not Kind.EMPTY)
    undated = () if "created" in one else tuple(look for look in rest if chooser.is_called(look, "created"))
    return Roles(
        system, one, owner=owner, notes=notes, labels=labels, flags=flags, undated=undated, rest=rest, empty=empty
    )


class _Chooser:
    """Gives away columns; what is given away is no longer ``free``."""

    def __init__(self, table: Table, looks: Sequence[Look], vocabulary: Vocabulary, system: System | None) -> None:
        self.free = list(looks)
        self._table = table
        self._vocabulary = vocabulary
        self._rank_of = cache(vocabulary.rank)  # for each role it is asked of all others as well
        self._system = system

    def choose(self, role: str) -> Pick | None:
        """The best column for ``role``, or None."""
        free = [look for look in self.free if not self._is_spoken_for(look, role)]
        scored = [(self._score(look, role), -place, look) for place, look in enumerate(free)]
        fitting = [entry for entry in scored if entry[0] > 0]
        if not fitting:
            return None
        _, _, look = max(fitting, key=lambda entry: entry[:2])
        self.take([look])
        known = self._known(look, role)
        return Pick(look, self._reason(look, role), known)

    def choose_by_levels(self) -> Pick | None:
        """The first column of which every word is one of a priority, whatever it is called."""
        for look in self.free:
            facts = look.facts
            if look.kind is Kind.TEXT and facts.complete and speaks_of_levels(facts.values, self._vocabulary):
                self.take([look])
                return Pick(look, "by what stands in it: words of a priority", known=False)
        return None

    def choose_earliest(self) -> Pick | None:
        """The column with the earliest dates, if nearly every row has one: a ticket is created before all else."""
        dated = [
            (middle(look.facts, look.form), -look.facts.filled, place, look)
            for place, look in enumerate(self.free)
            if look.form and look.facts.filled >= 0.9 * self._table.rows
            if not self._is_spoken_for(look, "created") and self._vocabulary.strangers.isdisjoint(look.names[0].split())
        ]
        if not dated:
            return None
        look = min(dated, key=lambda entry: entry[:3])[3]
        self.take([look])
        return Pick(look, "by what stands in it: no other dates are earlier", known=False)

    def owner(self) -> Look | None:
        """The column that names the agent, an address rather than a name."""
        named = [(self._rank(look, "owner"), look) for look in self.free if look.kind in (Kind.EMAIL, Kind.TEXT)]
        ranked = [
            (look.kind is not Kind.EMAIL, rank, place, look)
            for place, (rank, look) in enumerate(named)
            if rank is not None
        ]
        return min(ranked, key=lambda entry: entry[:3])[3] if ranked else None

    def take(self, looks: Iterable[Look]) -> tuple[Look, ...]:
        """Gives these columns away."""
        taken = tuple(looks)
        self.free = [look for look in self.free if not any(look is other for other in taken)]
        return taken

    def all_of(self, role: str, fits: Callable[[Look, bool], bool]) -> tuple[Look, ...]:
        """All columns that fit, given whether they are called so; of repeated ones the first stands for all."""
        fitting = [look for look in self.free if fits(look, self.is_called(look, role))]
        firsts = {look.name: look for look in reversed(fitting)}
        self.take(look for look in self.free if look.name in firsts)
        return tuple(reversed(firsts.values()))

    def is_called(self, look: Look, role: str) -> bool:
        """Whether the name of the column says that it has this role."""
        return self._known(look, role) or self._rank(look, role) is not None

    def _score(self, look: Look, role: str) -> float:
        """How well a column fits; 0 if it does not at all."""
        known, rank = self._known(look, role), self._rank(look, role)
        called = 200.0 if known else 0.0 if rank is None else 60.0 - min(rank, 40)
        if not self._table.rows:
            return called
        if look.kind is Kind.EMPTY:
            return 0
        return _FITS[role](look, self._table.rows, called)

    def _known(self, look: Look, role: str) -> bool:
        return self._system is not None and squeezed(look.names[0]) in self._system.roles.get(role, ())

    def _is_spoken_for(self, look: Look, role: str) -> bool:
        """Whether the column has a name of another role, and none of this one."""
        others = [other for other in _NAMED if other not in (role, _ALSO_SAID_OF.get(role))]
        if self._system is not None and any(self._known(look, other) for other in others):
            return not self._known(look, role)
        return self._rank(look, role) is None and any(self._rank(look, other) is not None for other in others)

    def _rank(self, look: Look, role: str) -> int | None:
        return self._rank_of(look.names, role)

    def _reason(self, look: Look, role: str) -> str:
        if self._known(look, role) and self._system:
            return f"so {self._system.short_name} calls it"
        if self._rank(look, role) is not None:
            return "by its name"
        return f"by what stands in it: {look.kind}"


def _fits_key(look: Look, rows: int, called: float) -> float:
    facts = look.facts
    if look.kind in (Kind.DATE, Kind.BOOLEAN, Kind.LONG) or facts.longest > KEY_LENGTH_MAX:
        return 0
    if not (_is_nearly(facts.filled, rows) and _is_nearly(facts.distinct, facts.filled)):
        return 0
    whole = facts.filled == rows and facts.distinct == facts.filled
    if not called and not whole:
        return 0
    if not called and facts.share(facts.spoken) > 0.2:
        return 0
    ends_in_id = look.names[0].split()[-1] in ("id", "number", "key", "no", "code")
    return called + 15 * ends_in_id + 10 * whole + 10 * facts.share(facts.codes) + max(0.0, 10 - facts.mean / 4)


def _is_nearly(count: int, whole: int) -> bool:
    """All but a few; in a small export one is few."""
    return count >= 0.95 * whole or (whole >= 5 and count == whole - 1)


def _fits_title(look: Look, _: int, called: float) -> float:
    facts = look.facts
    different = facts.share(facts.distinct)
    if look.kind not in _TEXTS or facts.mean > 400 or look.of_agents:
        return 0
    if not called and (different < 0.5 or facts.share(facts.spoken) < 0.8 or look.kind is Kind.LONG):
        return 0
    return called + 30 * different if called else 10 * different + min(facts.mean, 60) / 4


def _fits_description(look: Look, rows: int, called: float) -> float:
    facts, is_long = look.facts, look.kind is Kind.LONG
    said = facts.mean >= 40 and facts.share(facts.spoken) >= 0.8 and facts.share(facts.distinct) >= 0.15
    if look.kind not in _TEXTS or (not called and not said) or facts.repeats > 1:
        return 0
    if look.names[0] == "notes" and facts.filled < 0.8 * rows:
        return 0  # so a few systems call the description; where it is rare, it is a remark
    return called + min(facts.mean, 400) / 20 + 10 * is_long


def _fits_priority(look: Look, _: int, called: float) -> float:
    facts = look.facts
    few = facts.complete and facts.distinct <= 25 and facts.mean <= 40
    return called if few and look.kind in _CODES else 0


def _fits_email(look: Look, _: int, called: float) -> float:
    if look.kind is not Kind.EMAIL or (look.of_agents and not called):
        return 0
    return max(called, 5.0) + 10 * look.facts.share(look.facts.emails)


def _fits_name(look: Look, _: int, called: float) -> float:
    return called if look.kind is Kind.TEXT and look.facts.longest <= 150 else 0


def _fits_date(look: Look, _: int, called: float) -> float:
    return called if look.kind is Kind.DATE else 0


def _fits_code(look: Look, _: int, called: float) -> float:
    few = look.facts.complete and look.facts.distinct <= 100 and look.facts.longest <= 120
    return called if few and look.kind in _CODES else 0


def _fits_reference(look: Look, _: int, called: float) -> float:
    return called if look.kind in _CODES and look.facts.longest <= 120 else 0


def _is_note(look: Look, called: bool) -> bool:
    """Something that was said: called so and more than a few fixed words, or long and there several times."""
    facts = look.facts
    said = look.kind is Kind.LONG or (look.kind is Kind.TEXT and facts.mean >= 20 and facts.distinct > 3)
    if facts.broken or look.kind not in _TEXTS:
        return False
    if facts.headed and facts.share(facts.headed) >= SPLIT_SHARE:
        return True
    return (said or facts.repeats > 1) if called else (look.kind is Kind.LONG and facts.repeats > 1)


def _is_label(look: Look, called: bool) -> bool:
    return look.kind is Kind.TEXT and not look.facts.broken and (called or look.facts.repeats > 1)


#: Role → how well a column fits: (column, rows, how well its name fits) → points, 0 for not at all. The order counts.
_FITS: dict[str, Callable[[Look, int, float], float]] = {
    "key": _fits_key,
    "created": _fits_date,
    "closed": _fits_date,
    "description": _fits_description,
    "title": _fits_title,
    "priority": _fits_priority,
    "requester_email": _fits_email,
    "requester_name": _fits_name,
    "status": _fits_code,
    "type": _fits_code,
    "parent": _fits_reference,
}
#: A column called like the one may be the other: systems without names of people give their addresses as reporter.
_ALSO_SAID_OF = {"requester_email": "requester_name"}
#: Roles that a column can have by its name; a column with such a name is nothing else.
_NAMED = (*_FITS, "note", "label")
