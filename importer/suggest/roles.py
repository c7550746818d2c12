"""Which column is what: key, title, description … Each choice comes with its reason, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.profile.date_formats import middle
from importer.suggest.evidence import SAID, Evidence, looks_like_people, weigh
from importer.suggest.headers import System
from importer.suggest.kinds import Column, Kind

SPLIT_SHARE = 0.9  #: Of the cells of a column that must be date;author;text for it to become notes.
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
_REMARKS_MOST = 2  #: Of the names of a note, the first are those of any remark, the others are of answers.
_CLOSE = 5.0  #: Points by which two columns that are called like a role are nearly as good.


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    system: System | None  #: The system that the export seems to come from.
    one: dict[str, Evidence] = field(default_factory=dict)  #: Role → the column that has it, and why.
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


def assign(rows: int, columns: Sequence[Column], answers: Mapping[Column, str] | None = None) -> Roles:
    """Gives each role to the column that fits it best; no column gets two. What a person answered comes first."""
    said = answers or {}
    free = [column for column in columns if column not in said]
    said_of = {"parent" if field == "parent_id" else field: column for column, field in said.items()}
    one = {role: Evidence(role, column, rows, reason=SAID) for role, column in said_of.items() if role in SINGLE}
    one |= {role: pick for role in SINGLE if role not in one and (pick := _choose(role, free, rows))}
    if "created" not in one and (pick := _choose_earliest(free, rows)):
        one["created"] = pick
    if "description" not in one and (pick := _choose_remarks(free, rows)):
        one["description"] = pick
    if "requester_name" not in one and (pick := _choose_namesake(one.get("requester_email"), free, rows)):
        one["requester_name"] = pick
    _exchange_texts(one)
    _doubt_addresses(one)
    notes = _take_all("note", free, _is_note)
    labels = _take_all("label", free, _is_label)[:LABELS_MAX]
    free += [column for column in columns if said.get(column) == "other"]
    agents = [it for it in free if it.kind in (Kind.EMAIL, Kind.TEXT) and it.called("owner").points]
    flags = [column for column in free if column.kind is Kind.BOOLEAN and column not in said][:FLAGS_MAX]
    rest = [it for it in columns if it in free and it.kind is not Kind.EMPTY and it not in flags]

    def answered(role: str) -> list[Column]:
        return [column for column, answer in said.items() if answer == role]

    return Roles(
        columns[0].system if columns else None,
        one,
        owner=min(agents, key=lambda it: (it.kind is not Kind.EMAIL, -it.called("owner").points), default=None),
        notes=(*answered("note"), *notes),
        labels=(*answered("label"), *labels),
        flags=(*answered("checkbox"), *flags),
        undated=tuple(it for it in rest if it.called("created").points and "created" not in one),
        rest=tuple(rest),
        empty=tuple(column for column in free if column.kind is Kind.EMPTY),
        key=tuple(answered("key")) if len(answered("key")) > 1 else (),
        custom=tuple((column, role) for column, role in said.items() if role[-1:].isdigit()),
        unused=tuple(answered("unused")),
        said=frozenset(said),
    )


def explain(columns: Sequence[Column], rows: int, name: str) -> list[Evidence]:
    """What there is for and against a column (the first with this name) in each role, doubts included."""
    column = next(column for column in columns if column.name == name)
    judged = [weigh(role, column, rows) for role in SINGLE]
    for evidence in judged:
        if other := _spoken_for(column, evidence.role):
            evidence.points = 0.0
            evidence.against.insert(0, f"its name is one for `{other}`")
        evidence.against = list(dict.fromkeys([*evidence.against, *evidence.doubts]))
    return judged


def _spoken_for(column: Column, role: str) -> str:
    """The other role of which the column has a name, if it has none of this one; empty if there is no such.

    A name for what the cells cannot be says nothing: a `Type` of long texts is free for another role.
    """
    own = column.called(role)
    for other in (it for it in _NAMED if it not in (role, _ALSO_SAID_OF.get(role))):
        called = column.called(other)
        if other in ("type", "status", "priority") and column.kind is Kind.LONG:
            continue
        if called.known and not own.known:
            return other
        if called.points and (not own.points or (own.phrase and (called.exact or other == "note"))):
            return other
    return ""


def _choose(role: str, free: list[Column], rows: int) -> Evidence | None:
    """The best of the free columns for a role, which is not free any more; None if none can have it."""
    found = [weigh(role, column, rows) for column in free if not _spoken_for(column, role)]
    ranked = sorted((it for it in found if it.points > 0), key=lambda it: -it.points)
    if not ranked:
        return None
    best, called, column = ranked[0], ranked[0].called, ranked[0].column
    best.reason = "matched by name" if called.points else f"matched by content: {column.kind}"
    if called.known and column.system:
        best.reason = f"standard {column.system.short_name} column"
    for rival in ranked[1:2]:
        if called.points and not called.known and rival.called.points == called.points:
            best.doubts.append(f"`{rival.column.name}` has a name like that too")
        elif not called.points and rival.points > best.points - _CLOSE:
            best.doubts.append(f"`{rival.column.name}` looks like that too")
    free.remove(column)
    return best


def _doubt_addresses(one: Mapping[str, Evidence]) -> None:
    """Addresses below a name such as ``Username`` are somebody else's, maybe, if another column names the requester."""
    email, name = one.get("requester_email"), one.get("requester_name")
    if not email or not name or email.reason == SAID or email.called.points:
        return
    own, other = (column.rank("requester_name") for column in (email.column, name.column))
    if own is not None and other is not None and other <= own:
        doubt = f"`{name.column.name}` is a better name for the requester: these may be the addresses of others"
        email.doubts.append(doubt)


def _choose_earliest(free: list[Column], rows: int) -> Evidence | None:
    """The column with the earliest dates, if nearly every row has one: a ticket is created before all else."""
    dated = [
        (middle(column.profile, column.dates), -column.profile.filled, column)
        for column in free
        if column.dates and column.profile.filled >= 0.9 * rows
        if not column.says("strangers") and not _spoken_for(column, "created")
    ]
    earliest = min(dated, key=lambda entry: entry[:2], default=None)
    if earliest is None:
        return None
    free.remove(earliest[2])
    doubts, reason = (
        ["its name does not say that it is the day of creation"],
        "matched by content: no other dates are earlier",
    )
    return Evidence("created", earliest[2], rows, doubts=doubts, reason=reason)


def _choose_remarks(free: list[Column], rows: int) -> Evidence | None:
    """The column of remarks that nearly every row has, where nothing else says what a ticket is about."""
    remarks = [it for it in free if (rank := it.rank("note")) is not None and rank < _REMARKS_MOST]
    whole = [it for it in remarks if it.profile.filled >= 0.9 * rows and 2 * it.profile.distinct > it.profile.filled]
    found = [weigh("description", column, rows) for column in whole if column.profile.share_of("entry") == 0]
    best = max(found, key=lambda it: it.points, default=None)
    if best is None or not best.points:
        return None
    free.remove(best.column)
    best.reason = "matched by content: no other texts are long"
    best.doubts.append("its name is one for comments")
    return best


def _choose_namesake(email: Evidence | None, free: list[Column], rows: int) -> Evidence | None:
    """The names of people below a header that shares a word with that of the addresses: ``Caller name``."""
    words = {word for word in email.column.names[0].split() if len(word) > 2} if email else set()
    for column in free:
        shared = words.intersection(column.names[0].split())
        if shared and column.kind is Kind.TEXT and looks_like_people(column.profile) and not column.says("agents"):
            free.remove(column)
            reason = f"matched by content: names, and {min(shared)!r} is in the header of the addresses too"
            return Evidence("requester_name", column, rows, reason=reason)
    return None


def _exchange_texts(one: dict[str, Evidence]) -> None:
    """No title is longer than the description: if only one of them was taken by its name, that name says both."""
    title, description = one.get("title"), one.get("description")
    if not title or not description or title.called.points or title.reason == SAID or description.known:
        return
    if title.column.profile.mean > 1.5 * description.column.profile.mean:
        one["title"], one["description"] = replace(description, role="title"), replace(title, role="description")
        doubt = f"`{title.column.name}` and `{description.column.name}` were told apart by their length"
        one["title"].doubts = [doubt]
        one["description"].doubts = [doubt]


def _take_all(role: str, free: list[Column], fits: Callable[[Column, bool], bool]) -> list[Column]:
    """All columns that fit, given whether their names say so; the first of repeated ones is for all."""
    fitting = [column for column in free if fits(column, column.called(role).points > 0)]
    firsts = {column.name: column for column in reversed(fitting)}
    free[:] = [column for column in free if column.name not in firsts]
    return list(reversed(firsts.values()))


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
