"""What speaks for a column having a role, and what against it: by its name, and by what its cells are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column, Kind
from importer.suggest.headers import Vocabulary, folded, level_of

KEY_LENGTH_MAX = 255
FEW_ROWS = 10  #: Fewer rows prove nothing about a key.
_TEXTS = frozenset({Kind.TEXT, Kind.LONG})
_CODES = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})
_LETTERS = re.compile(r"[A-Z]{2,3}")
_KEY_TEXT_MEAN = 60  #: Characters of the average text that still can be a key.
_STATUSES_MOST = 15  #: A status has few values; with more of them one must be a word of a status.
_PLACES = frozenset({"state", "estado", "estat"})  #: In a name: a status, or a part of a country.
_ONE_VALUE_POINTS = 15.0  #: At most, for a priority that is the same in all rows.
_TITLES_FEW = 3  #: Different texts of a column that are too few for titles.
_IDS_LEAST = 0.3  #: Of the cells of a column that are ids for it to have no names of people.


@dataclass(frozen=True)
class Called:
    """What the name of a column says about a role."""

    rank: int | None  #: Its place in the lists; None if it is in none.
    phrase: bool  #: Whether it only contains a telling word.
    known: bool  #: Whether the recognised system has the column under this name.

    @property
    def points(self) -> float:
        """How much that counts; 0 if the name says nothing."""
        return 200.0 if self.known else 0.0 if self.rank is None else 60.0 - min(self.rank, 40)

    @property
    def exact(self) -> bool:
        """Whether the name as a whole is one for this role."""
        return self.known or (self.rank is not None and not self.phrase)


@dataclass
class Evidence:
    """What was found; a column with no points cannot have the role."""

    role: str
    points: float = 0.0
    speaks_for: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)  #: Why it should be checked although it is the best one.
    refused: bool = False

    def add(self, points: float, reason: str = "") -> None:
        """Something that speaks for it."""
        self.points += points
        if reason and points > 0:
            self.speaks_for.append(reason)
        elif reason and points < 0:
            self.against.append(reason)

    def doubt(self, reason: str) -> None:
        """Something that a person has to look at."""
        self.doubts.append(reason)

    def refuse(self, reason: str) -> None:
        """Something that makes it impossible."""
        self.refused, self.points = True, 0.0
        self.against.append(reason)


def weigh(role: str, column: Column, called: Called, rows: int, vocabulary: Vocabulary) -> Evidence:
    """What there is for and against a role, in an export of so many rows."""
    found = Evidence(role)
    if called.points:
        found.add(called.points, "a column of the recognised system" if called.known else "its name")
    if not rows:
        found.doubt("the export has no rows to check")
        return found
    if column.kind is Kind.EMPTY:
        found.refuse("it is empty in every row read")
        return found
    match role:
        case "key":
            _key(found, column, called, rows)
        case "title":
            _title(found, column, called, rows)
        case "description":
            _description(found, column, called, rows)
        case "requester_email":
            _requester_email(found, column, called)
        case "requester_name":
            _requester_name(found, column, called)
        case "created" | "closed":
            _date(found, column, called, rows)
        case "priority":
            _priority(found, column, called, vocabulary)
        case "status" | "type":
            _word(found, role, column, called, vocabulary)
        case _:  # the parent
            if column.kind not in (Kind.TEXT, Kind.NUMBER) or column.profile.longest > KEY_LENGTH_MAX:
                found.refuse(f"its cells are {column.kind}")
    found.points = 0.0 if found.refused or (role not in _BY_CONTENT and not called.points) else max(found.points, 0.0)
    return found


#: Roles that a column can have whatever its name is.
_BY_CONTENT = frozenset({"key", "title", "description", "requester_email"})


def _key(found: Evidence, column: Column, called: Called, rows: int) -> None:
    profile = column.profile
    if column.kind not in (Kind.TEXT, Kind.NUMBER, Kind.EMAIL):
        found.refuse(f"its cells are {column.kind}")
    if profile.longest > KEY_LENGTH_MAX or profile.mean > _KEY_TEXT_MEAN or profile.share_of("words") > 0.5:
        found.refuse("its cells are texts, which can be corrected")
    if column.measure and not called.exact:
        found.refuse(f"{column.measure!r} in its name says that it measures something")
    if profile.count("decimal"):
        found.refuse(f"it has fractions, such as {profile.shapes['decimal'].example.strip()!r}")
    missing, repeated = rows - profile.filled, profile.filled - profile.distinct
    if not (is_nearly(profile.filled, rows) and is_nearly(profile.distinct, profile.filled)):
        found.refuse(f"{missing:,} rows have none, {repeated:,} an earlier one")
    whole = not missing and not repeated
    is_code = profile.share_of("code") >= 0.9
    if not called.points:
        if not whole or profile.share_of("words") > 0.2:
            found.refuse("nothing says that it identifies a ticket")
        elif not (column.is_id or is_code or (column.first and column.kind is Kind.NUMBER)):
            found.refuse("neither its name nor its cells say that it identifies a ticket")
        elif not is_code:
            found.doubt("its name does not say that it is the number of a ticket")
    if column.of_people and not called.exact:
        found.add(-1.0, f"{column.of_people!r} in its name: it identifies something else than a ticket")
        found.doubt(f"{column.of_people!r} in its name says that it identifies something else than a ticket")
    elif column.is_id:
        found.add(15, "its name says that it is an id")
    if whole:
        found.add(10, f"filled and different in all {rows:,} rows")
    if is_code:
        found.add(10 * profile.share_of("code"), "codes such as " + repr(profile.shapes["code"].example.strip()))
    found.points += max(0.5, 10 - profile.mean / 4)
    if column.of_people and not called.exact:
        found.points = 0.0 if found.refused else min(found.points, 1.0)  # only if there is nothing else


def is_nearly(count: int, whole: int) -> bool:
    """All but a few; in a small export one is few."""
    return count >= 0.95 * whole or (whole >= 5 and count == whole - 1)


def _title(found: Evidence, column: Column, called: Called, rows: int) -> None:
    profile, different = column.profile, column.profile.share(column.profile.distinct)
    if column.kind not in _TEXTS or profile.mean > 400:
        found.refuse("its cells are " + (column.kind if column.kind not in _TEXTS else "too long"))
    if column.of_agents:
        found.refuse("its name is about those who answer")
    if 2 * profile.filled < rows:
        found.refuse(f"it is empty in {rows - profile.filled:,} of {rows:,} rows")
    if column.names_people and looks_like_people(profile):
        found.refuse("its cells are names of people")
    if not called.points:
        if different < 0.5 or profile.share_of("words") < 0.8 or column.kind is Kind.LONG or column.measure:
            found.refuse("its cells are not different short sentences")
        found.doubt("its name does not say that it is a title")
        found.add(10 * different + min(profile.mean, 60) / 4, "short sentences")
        return
    found.add(30 * different, f"{profile.distinct:,} different texts")
    if not called.known and rows >= FEW_ROWS and profile.distinct <= max(_TITLES_FEW, 0.1 * profile.filled):
        found.doubt(f"it has only {profile.distinct:,} different texts")


def _description(found: Evidence, column: Column, called: Called, rows: int) -> None:
    profile = column.profile
    said = profile.mean >= 40 and profile.share_of("words") >= 0.8 and profile.share(profile.distinct) >= 0.15
    if column.kind not in _TEXTS:
        found.refuse(f"its cells are {column.kind}")
    if profile.repeats > 1:
        found.refuse("several columns have this name")
    if column.names[0] == "notes" and profile.filled < 0.8 * rows:
        found.refuse("so a few systems call the description; where it is rare, it is a remark")
    if not called.points:
        if not said:
            found.refuse("its cells are not long sentences")
        found.doubt("its name does not say that it is a description")
    found.add(min(profile.mean, 400) / 20, f"texts of {profile.mean:,.0f} characters on average")
    found.add(10 * (column.kind is Kind.LONG), "long texts")


def _requester_email(found: Evidence, column: Column, called: Called) -> None:
    if column.kind is not Kind.EMAIL:
        found.refuse(f"its cells are {column.kind}")
    elif not called.points and column.of_agents:
        found.refuse("its name is about those who answer")
    elif not called.points:
        found.doubt("its name does not say that these are the requesters")
    found.points = 0.0 if found.refused else max(found.points, 5.0)
    found.add(10 * column.profile.share_of("email"), "e-mail addresses")


def _requester_name(found: Evidence, column: Column, called: Called) -> None:
    profile = column.profile
    if column.kind is not Kind.TEXT or profile.longest > 150:
        found.refuse(f"its cells are {column.kind}")
    elif profile.share_of("opaque") > _IDS_LEAST:
        found.refuse(f"its cells are ids, such as {profile.shapes['opaque'].example.strip()!r}")
    elif called.phrase and not looks_like_people(profile):
        found.doubt("its name only mentions the requester")


def looks_like_people(profile: ColumnProfile) -> bool:
    """Whether most cells may be names of people."""
    return profile.share_of("person") >= 0.7


def _date(found: Evidence, column: Column, called: Called, rows: int) -> None:
    profile = column.profile
    if column.kind is not Kind.DATE:
        found.refuse(f"its cells are {column.kind}")
        return
    found.add(5 * profile.filled / rows, f"dates in {profile.filled:,} of {rows:,} rows")
    if profile.distinct == 1 and rows >= FEW_ROWS and not called.known:
        found.add(-25, "it has the same date in all rows")
        found.doubt("it has the same date in all rows")


def _priority(found: Evidence, column: Column, called: Called, vocabulary: Vocabulary) -> None:
    profile = column.profile
    if not profile.complete or column.kind not in _CODES or profile.distinct > 25 or profile.mean > 40:
        found.refuse("its cells have too many words")
        return
    levels = {level_of(word, vocabulary).priority for word in profile.values.counts}
    if len(levels) > 1:
        found.add(15, f"words of {len(levels)} priorities")
    elif profile.distinct == 1:  # whatever its name is, a column with ranks is better
        found.against.append("it has one value only")
        found.doubt("it has one value only")
        found.points = min(found.points, _ONE_VALUE_POINTS)


def _word(found: Evidence, role: str, column: Column, called: Called, vocabulary: Vocabulary) -> None:
    profile, kind = column.profile, column.kind
    if not profile.complete or kind not in _CODES or profile.distinct > 100 or profile.longest > 120:
        found.refuse("its cells have too many words")
        return
    if kind is Kind.NUMBER:
        found.add(-10, "its cells are numbers")
        found.doubt("its cells are numbers: the words for them are in another table")
    if role != "status":
        return
    words = {text: folded(text) for text in profile.values.counts}
    known = [text for text, word in words.items() if any(part in word for part in vocabulary.words["statuses"])]
    may_be_a_place = not called.known and not _PLACES.isdisjoint(column.names[0].split())
    if known and (3 * len(known) > len(words) or not may_be_a_place):
        found.add(20, f"words of a status, such as {known[0]!r}")
    elif words and all(_LETTERS.fullmatch(text) for text in words):
        found.refuse("its cells are codes of letters, as places have")
    elif len(words) > _STATUSES_MOST:
        found.refuse(f"none of its {len(words):,} different words is known as a status; it may be a place")
    elif kind is not Kind.NUMBER and may_be_a_place:
        found.refuse("too few of its words are known as a status: it may be a part of a country")
    elif kind is not Kind.NUMBER:
        found.add(-20, "none of its words is known as a status")
        found.doubt("none of its words is known as a status")
