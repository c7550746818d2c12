"""Which column is what: key, title, description … Each choice comes with its reason, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.suggest.columns import Column, Kind
from importer.suggest.date_formats import middle
from importer.suggest.evidence import Called, Evidence, weigh
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import System
from importer.suggest.yaml_text import CHECK, GUESS

SPLIT_SHARE = 0.9  #: Of the cells of a column that must be date;author;text for it to become notes.
SAID = "as you answered"  #: The reason of what a person said.
LABELS_MAX = 5
FLAGS_MAX = 2
_TEXTS = frozenset({Kind.TEXT, Kind.LONG})
#: Roles that one column has; the first ones choose first.
SINGLE = (
    *("key", "created", "closed", "description", "title", "priority", "requester_email", "requester_name"),
    *("status", "type", "parent"),
)
#: Roles that a column can have by its name; a column with such a name is nothing else.
_NAMED = (*SINGLE, "updated", "note", "label")
#: A column called like the one may be the other: systems without names of people give their addresses as reporter.
_ALSO_SAID_OF = {"requester_email": "requester_name"}
_CLOSE = 5.0  #: Points by which two columns that are called like a role are nearly as good.


@dataclass(frozen=True)
class Pick:
    """A column for a role."""

    column: Column  #: The column.
    reason: str  #: Why this one, as part of a sentence.
    known: bool  #: Whether that is no guess: the recognised system has it so, or a person said it.
    doubt: str = ""  #: Why it must be checked; empty if nothing speaks against it.

    @property
    def mark(self) -> str:
        """How sure it is: nothing, ``GUESS`` or ``CHECK``."""
        return CHECK if self.doubt else "" if self.known else GUESS


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
    key: tuple[Column, ...] = ()  #: The columns that a person named as the key, if these are several.
    custom: tuple[tuple[Column, str], ...] = ()  #: Columns for which a person named a custom field.
    unused: tuple[Column, ...] = ()  #: Columns that a person does not want.
    said: frozenset[Column] = frozenset()  #: All columns that a person spoke of.

    def without_name(self, column: Column) -> Roles:
        """The same, if ``column`` has no names of requesters, unless a person said that it has."""
        pick = self.one.get("requester_name")
        if pick is None or pick.column is not column or column in self.said:
            return self
        one = {role: it for role, it in self.one.items() if role != "requester_name"}
        return replace(self, one=one, rest=(column, *self.rest))


def assign(
    table: FirstRows,
    columns: Sequence[Column],
    system: System | None,
    *,
    answers: Mapping[Column, str] | None = None,
) -> Roles:
    """Gives each role to the column that fits it best; no column gets two. What a person answered comes first."""
    said = answers or {}
    chooser = Chooser(table, [column for column in columns if column not in said], system)
    key = tuple(column for column, role in said.items() if role == "key")
    said_of = {"parent" if field == "parent_id" else field: column for column, field in said.items()}
    one = {role: Pick(column, SAID, known=True) for role, column in said_of.items() if role in SINGLE}
    one |= {role: pick for role in SINGLE if role not in one and (pick := chooser.choose(role))}
    if "created" not in one and (pick := chooser.choose_earliest()):
        one["created"] = pick

    def with_answers(role: str, found: Sequence[Column]) -> tuple[Column, ...]:
        return (*(column for column, answer in said.items() if answer == role), *found)

    notes = with_answers("note", chooser.all_of("note", _is_note))
    labels = with_answers("label", chooser.all_of("label", _is_label)[:LABELS_MAX])
    chooser.free += [column for column in columns if said.get(column) == "other"]
    owner = chooser.owner()
    flags = [column for column in chooser.free if column.kind is Kind.BOOLEAN and column not in said][:FLAGS_MAX]
    empty = tuple(column for column in chooser.free if column.kind is Kind.EMPTY)
    rest = [it for it in columns if it in chooser.free and it.kind is not Kind.EMPTY and it not in flags]
    undated = [] if "created" in one else [column for column in rest if chooser.is_called(column, "created")]
    return Roles(
        system,
        one,
        owner,
        notes,
        labels,
        with_answers("checkbox", flags),
        tuple(undated),
        tuple(rest),
        empty,
        key=key if len(key) > 1 else (),
        custom=tuple((column, role) for column, role in said.items() if role[-1:].isdigit()),
        unused=tuple(column for column, role in said.items() if role == "unused"),
        said=frozenset(said),
    )


class Chooser:
    """Gives away columns; what is given away is no longer ``free``."""

    def __init__(self, table: FirstRows, columns: Sequence[Column], system: System | None) -> None:
        self.free = list(columns)
        self._table = table
        self._system = system

    def choose(self, role: str) -> Pick | None:
        """The best column for ``role``, or None."""
        found = [(column, self.weigh(column, role)) for column in self.free if not self.spoken_for(column, role)]
        ranked = sorted((it for it in found if it[1].points > 0), key=lambda it: -it[1].points)
        if not ranked:
            return None
        best, evidence = ranked[0]
        called, reason = self._called(best, role), f"matched by content: {best.kind}"
        if called.known and self._system:
            reason = f"standard {self._system.short_name} column"
        elif called.points:
            reason = "matched by name"
        doubts = list(evidence.doubts)
        for rival, others in ranked[1:2]:
            if called.points and not called.known and self._called(rival, role).points == called.points:
                doubts.append(f"`{rival.name}` has a name like that too")
            elif not called.points and others.points > evidence.points - _CLOSE:
                doubts.append(f"`{rival.name}` looks like that too")
        return self._pick(best, reason, known=called.known, doubt="; ".join(doubts))

    def weigh(self, column: Column, role: str) -> Evidence:
        """What there is for and against a role."""
        return weigh(role, column, self._called(column, role), self._table.rows)

    def explain(self, name: str) -> list[Evidence]:
        """What there is for and against a column (the first with this name) in each role, doubts included."""
        column = next(column for column in self.free if column.name == name)
        judged = [self.weigh(column, role) for role in SINGLE]
        for evidence in judged:
            if other := self.spoken_for(column, evidence.role):
                evidence.points = 0.0
                evidence.against.insert(0, f"its name is one for `{other}`")
            evidence.against = list(dict.fromkeys([*evidence.against, *evidence.doubts]))
        return judged

    def choose_earliest(self) -> Pick | None:
        """The column with the earliest dates, if nearly every row has one: a ticket is created before all else."""
        dated = [
            (middle(column.profile, column.dates), -column.profile.filled, column)
            for column in self.free
            if column.dates and column.profile.filled >= 0.9 * self._table.rows
            if not column.says("strangers")
            if not self.spoken_for(column, "created")
        ]
        earliest = min(dated, key=lambda entry: entry[:2], default=None)
        if earliest is None:
            return None
        doubt = "its name does not say that it is the day of creation"
        return self._pick(earliest[2], "matched by content: no other dates are earlier", doubt=doubt)

    def owner(self) -> Column | None:
        """The column that names the agent, an address rather than a name."""
        named = [it for it in self.free if it.kind in (Kind.EMAIL, Kind.TEXT) and self.is_called(it, "owner")]
        return min(named, key=lambda it: (it.kind is not Kind.EMAIL, -self._called(it, "owner").points), default=None)

    def all_of(self, role: str, fits: Callable[[Column, bool], bool]) -> tuple[Column, ...]:
        """All columns that fit, given whether their names say so; the first of repeated ones is for all."""
        fitting = [column for column in self.free if fits(column, self.is_called(column, role))]
        firsts = {column.name: column for column in reversed(fitting)}
        self.free = [column for column in self.free if column.name not in firsts]
        return tuple(reversed(firsts.values()))

    def is_called(self, column: Column, role: str) -> bool:
        """Whether a column has a name for this role."""
        return self._called(column, role).points > 0

    def _pick(self, column: Column, reason: str, *, known: bool = False, doubt: str = "") -> Pick:
        self.free.remove(column)
        return Pick(column, reason, known, doubt)

    def _called(self, column: Column, role: str) -> Called:
        rank = column.rank(role)
        known = self._system is not None and self._system.has(column.names, role)
        return Called(rank, column.vocabulary.is_phrase(rank), known)

    def spoken_for(self, column: Column, role: str) -> str:
        """The other role of which the column has a name, if it has none of this one; empty if there is no such."""
        own = self._called(column, role)
        for other in (it for it in _NAMED if it not in (role, _ALSO_SAID_OF.get(role))):
            called = self._called(column, other)
            if called.known and not own.known:
                return other
            if called.points and (not own.points or (own.phrase and (called.exact or other == "note"))):
                return other
        return ""


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
