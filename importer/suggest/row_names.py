"""By what rows are named: the key of the mapping, what other rows and tables call a row, the column of the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

from importer.profile.date_formats import moment_of
from importer.profile.profile import ColumnProfile
from importer.suggest.evidence import FEW_ROWS, SAID, Evidence
from importer.suggest.first_rows import FirstRows
from importer.suggest.kinds import Column, Kind
from importer.suggest.roles import Roles
from importer.suggest.yaml_text import CHECK, GUESS, Entry, named, reference, shown
from importer.text.wording import plural

LEAST_SHARE = 0.5  #: Of the cells that name a row, those that name one of this export.
_NAMES_MAX = 8
_LEAST_FILLED = 0.95
_STATES_LEAST = 1.3  #: Rows of a ticket in a history, on average.
_ONE_WAY = 0.9  #: Of the steps within tickets that lead back, or else forth, in time for them to be sorted.
_PARTS_MAX = 200  #: Characters of a key of several columns.
_JOINS = ("/", "|", "::", " + ")
#: Roles of columns that do not change while a ticket lives.
_LASTING = ("created", "requester_email", "requester_name", "title", "description")


@dataclass(frozen=True)
class RowKey:
    """The key of the mapping, and why."""

    columns: tuple[ColumnProfile, ...]
    remarks: tuple[tuple[str, str], ...]  #: Marks and sentences.
    join: str = ""  #: What is between the texts of several columns, because none of them contains it.
    is_hash: bool = False  #: Whether it is a hash of the columns.
    keep: str = ""  #: ``first`` or ``last`` if each row is a state of a ticket: the row that counts.
    steps: tuple[ColumnProfile, ...] = ()  #: The columns in which the rows of one ticket differ.

    @property
    def is_position(self) -> bool:
        """Whether no column identifies a ticket, so that the row number has to do it."""
        return not self.columns


def find_row_key(table: FirstRows, columns: Sequence[Column], roles: Roles) -> RowKey:
    """What a person said; else one column; else a history, a few columns together, or the position of the row.

    No row may be lost: a key that some rows lack, or that merges different rows, is worse than the position.
    """
    if roles.key:
        return _said(table, [column.profile for column in roles.key])
    pick = roles.one.get("key")
    if table.rows and not (pick and pick.known):
        numbers = _numbers(columns)
        repeating = next((it for it in numbers if _repeats(it, table.rows) and (not pick or len(it.names) > 1)), None)
        if pick is not None and (repeating is None or _is_of_tickets(pick.column)):
            return _single(table, pick.column.profile, pick, repeating)
        if pick is None and (parts := _find_parts(table, columns)):
            return parts
        repeating = repeating or _unnamed_number(table, columns, roles) or _often_unique(numbers, table.rows)
        if repeating is not None:  # that `id` is different in each row proves nothing: states have ids too
            return _history(repeating, table, columns)
        return _when_and_who(table, columns, roles) or _position(table, columns, roles)
    closest = max(table.columns, key=lambda column: (column.filled and column.distinct, column.filled))
    return _single(table, pick.column.profile if pick else closest, pick)


def _is_of_tickets(key: Column) -> bool:
    """Whether a column that is different in each row has tickets by its name: events and states have ids too."""
    return key.called("key").exact and (len(key.names) > 1 or key.names[0] != "id")


def _numbers(columns: Sequence[Column]) -> list[Column]:
    """The columns that are named as the number of a ticket, the best name first."""
    called = [
        column
        for column in columns
        if column.kind in (Kind.TEXT, Kind.NUMBER) and column.profile.share_of("words") <= 0.2
        if column.called("key").exact
    ]
    return sorted(called, key=lambda column: -column.called("key").points)


def _repeats(number: Column, rows: int) -> bool:
    """Whether it is there in nearly every row, but so often the same that each row is a state or step of a ticket."""
    profile = number.profile
    filled = profile.filled >= _LEAST_FILLED * rows and profile.repeats == 1
    return filled and 1 < profile.distinct <= profile.filled / _STATES_LEAST


def _often_unique(numbers: Sequence[Column], rows: int) -> Column | None:
    """The number of a ticket that is there in every row, but of which some tickets have several rows."""
    most = (it for it in numbers if it.profile.filled == rows and 2 * it.profile.distinct > rows)
    return next((it for it in most if it.profile.repeats == 1 and not it.says("measures")), None)


def _unnamed_number(table: FirstRows, columns: Sequence[Column], roles: Roles) -> Column | None:
    """A column of numbers in front, or of ids, that repeats, if all rows of one, but of no other, were filed alike."""
    lasting = [pick.column.profile for role in _LASTING if (pick := roles.one.get(role))]
    apart = table.rows - table.alike(lasting) if len(lasting) > 1 else 0
    for column in columns:
        number = column.profile
        is_id = (column.first and column.kind is Kind.NUMBER) or number.share_of("opaque") > _LEAST_FILLED
        if not is_id or number in lasting or column.kind not in (Kind.TEXT, Kind.NUMBER):
            continue
        if not apart or not _repeats(column, table.rows) or apart < _LEAST_FILLED * number.distinct:
            continue
        if table.alike([number, *lasting]) == table.alike([number]):
            return column
    return None


def _said(table: FirstRows, parts: Sequence[ColumnProfile]) -> RowKey:
    join, alike = _join_of(table, parts), table.alike(parts)
    if not join:
        gaps = f" {plural(alike, 'row')} are like an earlier one (skipped)." if alike else ""
        return RowKey(tuple(parts), (("", f"a hash of {named(parts)}, {SAID}.{gaps}"),), is_hash=True)
    together = f"{named(parts)}, {SAID}; together unique in every row."
    text = f"no single column is unique, but {named(parts)} together are."
    return RowKey(tuple(parts), ((CHECK, text) if alike else ("", together),), join)


def _join_of(table: FirstRows, parts: Sequence[ColumnProfile]) -> str:
    """What can be between the texts of columns, because no text but the last contains it."""
    texts = [text for part in parts[:-1] for text in table.texts(part)]
    return next((join for join in _JOINS if not any(join in text for text in texts)), "")


def _single(table: FirstRows, column: ColumnProfile, pick: Evidence | None, events_of: Column | None = None) -> RowKey:
    """One column; ``events_of`` is the number of the ticket, if the column may name what happened to it."""
    rows, name, mark = table.rows, named([column]), CHECK
    missing, repeated = rows - column.filled, column.filled - column.distinct
    gaps = f"{plural(missing, 'row')} without one (invalid), {plural(repeated, 'row')} with an earlier one (skipped)"
    if not rows:
        text = f"{name}; the export has no rows to check"
    elif pick is None:
        text = f"no column is filled and unique in every row; {name} is closest: {gaps}"
    elif missing or repeated:
        text = f"{name}, {pick.reason}, but {gaps}"
    else:
        text = f"{name}, {pick.reason}; filled and unique in {plural(rows, 'row')}"
        text += f"; {pick.doubt}" if pick.doubt else ""
        mark = "" if pick.known else GUESS if rows >= FEW_ROWS and not pick.doubt else CHECK
    remarks = [(mark, f"{text}.")]
    if events_of is not None:
        ticket = events_of.profile
        seen = f"{named([ticket])} repeats: {plural(ticket.distinct, 'ticket')} in {plural(rows, 'row')}"
        remarks.append((CHECK, f"{seen}. If each row is an event of a ticket, use it as the key, with `keep: last`."))
    if column.repeats > 1:
        text = f"{column.repeats} columns have this name; this is number {column.occurrence}."
        remarks.append((CHECK, text))
    return RowKey((column,), tuple(remarks))


def _history(number: Column, table: FirstRows, columns: Sequence[Column]) -> RowKey:
    """The number of a ticket, of which each row is a state; dates tell whether the newest is the first or the last."""
    profile = number.profile
    time, falling = _order_in_time(number, table, columns)
    keep = "first" if falling > _ONE_WAY else "last"
    text = f"a history: {plural(profile.distinct, 'ticket')} in {plural(profile.filled, 'row')}, since"
    text += f" {named([profile])} repeats. The {keep} row of each ticket counts, in the order of the file."
    remarks = [(CHECK, text)]
    if not number.called("key").exact:
        remarks.append((CHECK, "its name does not say that it is the number of a ticket."))
    if keep == "first":
        remarks.append((CHECK, f"{time} shows that the newest state comes first."))
    elif falling >= 1 - _ONE_WAY:
        remarks.append(
            (CHECK, f"the rows of a ticket are in no order of {time}: sort the file by it, or an old state may count.")
        )
    alike = table.alike([profile])
    steps = [it for it in table.columns if it is not profile and it.repeats == 1 and not it.broken]
    steps = [it for it in steps if it.filled and table.alike([profile, it]) < alike]
    return RowKey((profile,), tuple(remarks), keep=keep, steps=tuple(steps))


def _order_in_time(number: Column, table: FirstRows, columns: Sequence[Column]) -> tuple[str, float]:
    """The dates that differ within tickets, those of the last change first; and how many steps of them lead back."""
    dated = [column for column in columns if column.dates and column.profile.repeats == 1]
    for time in sorted(dated, key=lambda column: column.rank("updated") is None):
        assert time.dates is not None
        moments: dict[str, list[float]] = {}
        for ticket, text in zip(table.texts(number.profile), table.texts(time.profile), strict=True):
            if (moment := moment_of(text, time.dates)) is not None:
                moments.setdefault(ticket, []).append(moment)
        steps = [one > other for each in moments.values() for one, other in pairwise(each) if one != other]
        if steps:
            return named([time.profile]), sum(steps) / len(steps)
    return "", 0.0


def _find_parts(table: FirstRows, columns: Sequence[Column]) -> RowKey | None:
    """The columns that identify each row together: a number within a project, a queue …

    None if there are none: columns that can change, times, and what is different in each row together by chance name
    nothing.
    """
    whole = [it for it in columns if it.profile.filled == table.rows and it.profile.distinct > 1]
    whole = [it for it in whole if it.kind in (Kind.NUMBER, Kind.TEXT)]
    numbers = [
        column
        for column in whole
        if column.profile.share_of("words") <= 0.2 and not column.says("measures") and not column.says("people")
        if column.says("ids") or column.rank("key") is not None
    ]
    within = [
        column
        for column in whole
        if column.profile.mean <= 40 and column not in numbers and not column.says("agents")
        if column.says("containers")
    ]
    for parts in (*product(within, numbers), *product(within, within, numbers)):
        profiles = tuple(column.profile for column in parts)
        if len(set(parts)) == len(parts) and table.alike(profiles) == 0 and (join := _join_of(table, profiles)):
            text = f"no single column is unique, but {named(profiles)} together are."
            return RowKey(profiles, ((CHECK, text),), join)
    return None


def _when_and_who(table: FirstRows, columns: Sequence[Column], roles: Roles) -> RowKey | None:
    """The time of creation with one or two columns that say who asked; None if they do not identify every row.

    A day is not enough, nor are a few rows: these differ by chance. Texts are never part of a key: they are corrected.
    """
    created = roles.one.get("created")
    is_time = created and created.column.dates and created.column.dates.has_time
    if not created or not is_time or table.rows < FEW_ROWS:
        return None
    picks = [pick.column for role in ("requester_email", "requester_name") if (pick := roles.one.get(role))]
    others = [it for it in columns if it.says("people") and it.says("ids") and it not in picks]
    people = [it.profile for it in (*picks, *others) if it.kind in (Kind.EMAIL, Kind.TEXT, Kind.NUMBER)]
    whole = [it for it in people if it.filled == table.rows and it.repeats == 1 and not it.broken]
    when = created.column.profile
    for who in (*([it] for it in whole), *(list(pair) for pair in combinations(whole, 2))):
        parts = (when, *who)
        fits = when.filled == table.rows and sum(it.longest for it in parts) <= _PARTS_MAX
        if fits and table.alike(parts) == 0 and (join := _join_of(table, parts)):
            text = f"no id column, but {named(parts)} together are unique in every row. If a column identifies a ticket"
            return RowKey(parts, ((CHECK, f"{text} after all, use that column."),), join)
    return None


def _position(table: FirstRows, columns: Sequence[Column], roles: Roles) -> RowKey:
    """The row number, with a column that may be the number of tickets of which there are several rows."""
    text = "no id column: the row number is the key, so keep this file unchanged, and use it again for this import."
    remarks = [(CHECK, f"{text} If a column identifies a ticket after all, use that column.")]
    lasting = [pick.column.profile for role in _LASTING if (pick := roles.one.get(role))]
    alike = table.alike(lasting) if lasting else 0
    same = [  # one text for all rows of a ticket, and another for each ticket
        column
        for column in (it.profile for it in columns if alike and it.kind in (Kind.TEXT, Kind.NUMBER))
        if column not in lasting and column.filled == table.rows and column.distinct == table.rows - alike > 1
        if table.alike([*lasting, column]) == alike
    ]
    if same and table.alike(table.columns) < alike:  # the rows of a ticket are not just doubled
        what = f"{named(same[:1])} repeats in the same rows. If it is the number of a ticket, use it as the key"
        remarks.append((CHECK, f"{what}, and set `keep:` to the state that counts: only one is sent."))
    return RowKey((), tuple(remarks))


@dataclass(frozen=True, eq=False)
class Named:
    """A column by which rows are named, whether it is `source.key`, and all of its texts that were read."""

    column: ColumnProfile
    is_key: bool
    texts: frozenset[str]


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
    profile, counts = column.profile, column.profile.values.counts
    if column.kind not in (Kind.TEXT, Kind.NUMBER) or not counts:
        return []
    found = {each: sum(times for text, times in counts.items() if text in each.texts) for each in names}
    return [Match(profile, it, found[it], sum(counts.values())) for it in names if it.column is not profile]


@dataclass(frozen=True)
class Parents:
    """A column that names the parent row."""

    column: ColumnProfile
    value: dict[str, Entry]  #: The link, as the mapping writes it.
    remarks: tuple[tuple[str, str], ...]  #: Marks and sentences.


def find_parents(table: FirstRows, columns: Sequence[Column], names: Sequence[Named], roles: Roles) -> Parents | None:
    """The column that names the parent, if most of its cells are names of rows; None if there is none.

    Its header must say so, or a person: rows name each other for other reasons too, as duplicates.
    """
    pick = roles.one.get("parent")
    called = [column for column in columns if column.called("parent").points]
    called = [pick.column] if pick and pick.column in roles.said else called
    found = [match for column in called for match in matches(column, names)]
    best = max(found, key=lambda match: (match.share, match.named.is_key), default=None)
    if best is None or best.share < LEAST_SHARE:
        return None
    return _linked(table, best)


def _linked(table: FirstRows, match: Match) -> Parents:
    """The link to the parent row, with what is done with links that cannot be made."""
    column, own_names = match.column, match.named.column
    seen = f"{match.matching:,} of {plural(match.cells, 'cell')} match {named([own_names])}"
    remarks = [
        (GUESS, f"{named([column])} is the parent: {seen}."),
        ("", "Talkdesk allows two levels: deeper rows are attached to their top-level row."),
    ]
    parts: dict[str, Entry] = {"record": column.name if column.repeats == 1 else reference(column)}
    parts |= {} if match.named.is_key else {"of": own_names.name}  # which is unique
    parts["deep"] = "root"
    links = zip(table.texts(own_names), table.texts(column), strict=True)
    if circular := sum(own == parent != "" for own, parent in links):  # longer circles are for `check` to find
        remarks.append((CHECK, f"no parent for {plural(circular, 'row')} that would be its own."))
        parts["cycle"] = "drop"
    if missing := match.cells - match.matching:
        example = next(parent for parent in column.values.counts if parent not in match.named.texts)
        what = f"no row read for {plural(missing, 'cell')}, such as {shown(example, 40)!r}"
        remarks.append((CHECK, f"{what}; without its row there is no parent."))
        parts["missing"] = "drop"
    return Parents(column, parts, tuple(remarks))
