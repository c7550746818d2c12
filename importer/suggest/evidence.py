"""What speaks for a column having a role, and what against it: by its name, and by what its cells are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from importer.profile.profile import ColumnProfile
from importer.suggest.headers import Called, are_priorities, folded, is_unspaced, level_of, load_vocabulary
from importer.suggest.kinds import Column, Kind
from importer.suggest.yaml_text import CHECK, GUESS
from importer.text.wording import plural

SAID = "as you answered"  #: The reason of what a person said.
FEW_ROWS = 10  #: Fewer rows prove nothing about a key.
_FEW_LEAST = 5  #: From so many rows on, one of them is few.
_KEYLESS_MOST = 0.01  #: Rows without a key, as a share; they are invalid.
_COUNTED_LEAST = 3  #: Rows that a column may count.
_LETTERS = re.compile(r"[A-Z]{2,3}")
_STATUSES_MOST = 15  #: A status has few values; with more of them one must be a word of a status.
_PLACES = frozenset({"state", "estado", "estat"})  #: In a name: a status, or a part of a country.
_ONE_VALUE_SHARE = 0.1  #: Of its points, for a priority that is the same in all rows.
_TITLES_FEW = 3  #: Different texts of a column that are too few for titles.
_IDS_LEAST = 0.3  #: Of the cells of a column that are ids for it to have no names of people.
_SENTENCES_LEAST = 0.3  #: Of the texts of a column that are no names, for it to have titles whatever its name is.
_WIDE = 3.0  #: A letter of a script without spaces says as much as so many others.
#: A number of a house in front, or behind a comma.
_PLACE = re.compile(r"\d+\w?,? [^\W\da-z]|.*, ?\d+\b")


@dataclass
class Evidence:
    """What speaks for a column having a role, and against it; with no points it cannot have it."""

    role: str
    column: Column
    rows: int  #: Rows of the export.
    points: float = 0.0
    speaks_for: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)  #: Why it should be checked although it is the best one.
    reason: str = ""  #: Why it has the role, as part of a sentence.

    @property
    def mark(self) -> str:
        """How sure it is: nothing if the recognised system has it so, or a person said it; ``GUESS`` or ``CHECK``."""
        return CHECK if self.doubts else "" if self.known else GUESS

    @property
    def known(self) -> bool:
        """Whether that is no guess."""
        return self.reason == SAID or self.called.known

    @property
    def doubt(self) -> str:
        """Why it must be checked; empty if nothing speaks against it."""
        return "; ".join(self.doubts)

    @property
    def called(self) -> Called:
        """What the name of the column says about the role."""
        return self.column.called(self.role)

    def add(self, points: float, reason: str = "") -> None:
        """Something that speaks for it, or, with negative points, against it."""
        self.points += points
        if reason and points:
            (self.speaks_for if points > 0 else self.against).append(reason)


def weigh(role: str, column: Column, rows: int) -> Evidence:
    """What there is for and against a role, in an export of so many rows."""
    found, limits = Evidence(role, column, rows), _LIMITS[role]
    if found.called.points:
        found.add(found.called.points, "a column of the recognised system" if found.called.known else "its name")
    if not rows:
        found.doubts.append("the export has no rows to check")
        return found
    refused = _beyond(column.profile, column.kind, limits) or limits.judge(found)
    if refused:
        found.against.append(refused)
    can_be = not refused and (limits.by_content or found.called.points)
    found.points = max(found.points, 0.0) if can_be else 0.0
    return found


# Each of these returns why the column cannot have the role; nothing if it can.


def _key(found: Evidence) -> str:
    column, profile, called, rows = found.column, found.column.profile, found.called, found.rows
    missing, repeated = rows - profile.filled, profile.filled - profile.distinct
    is_code = profile.share_of("code") >= 0.9
    if profile.share_of("words") > 0.5:
        return "its cells are texts, which can be corrected"
    if column.says("measures") and not called.exact:
        return f"{column.says('measures')!r} in its name says that it measures something"
    if profile.count("decimal"):
        return f"it has fractions, such as {profile.shapes['decimal'].example.strip()!r}"
    if missing > max(rows >= _FEW_LEAST, _KEYLESS_MOST * rows) or not _is_nearly(profile.distinct, profile.filled):
        return f"{missing:,} rows have none, {repeated:,} an earlier one"
    if not called.points:
        if missing or repeated or profile.share_of("words") > 0.2:
            return "nothing says that it identifies a ticket"
        if not (column.says("ids") or is_code or (column.first and column.kind is Kind.NUMBER)):
            return "neither its name nor its cells say that it identifies a ticket"
        if not is_code:
            found.doubts.append("its name does not say that it is the number of a ticket")
    if column.says("people") and not called.exact:
        return f"{column.says('people')!r} in its name says that it identifies something else than a ticket"
    if column.says("ids"):
        found.add(15, "its name says that it is an id")
    if not missing and not repeated:
        found.add(10, f"filled and different in all {rows:,} rows")
    if (
        not called.known
        and rows >= _COUNTED_LEAST
        and profile.values.counts.keys() == set(map(str, range(1, rows + 1)))
    ):
        less = min(30, max(found.points - 1, 0))  # it still is a key if nothing else is
        found.add(-less, "it counts the rows, as systems do in front of the number of the ticket")
    if is_code:
        found.add(10 * profile.share_of("code"), "codes such as " + repr(profile.shapes["code"].example.strip()))
    found.add(max(0.5, 10 - profile.mean / 4))
    return ""


def _is_nearly(count: int, whole: int) -> bool:
    """All but a few; in a small export one is few."""
    return count >= 0.95 * whole or (whole >= _FEW_LEAST and count == whole - 1)


def _speaks_of_another(column: Column, *words: str) -> str:
    """Why a column with an unknown name has no texts of the ticket; nothing if its name speaks of nothing else."""
    word = next(filter(None, map(column.says, words)), None)
    return f"{word!r} in its name says that it is about something else" if word else ""


def _doubt_few_texts(found: Evidence) -> None:
    """A name says that these are texts of tickets, but most tickets share a few: they may be kinds or channels."""
    profile = found.column.profile
    few = profile.distinct <= max(_TITLES_FEW, 0.1 * profile.filled)
    if few and not found.called.known and found.rows >= FEW_ROWS:
        found.doubts.append(f"it has only {plural(profile.distinct, 'different text')}")


def _title(found: Evidence) -> str:
    column, profile, called, rows = found.column, found.column.profile, found.called, found.rows
    different = profile.share(profile.distinct)
    if column.says("agents"):
        return "its name is about those who answer"
    if 2 * profile.filled < rows:
        return f"it is empty in {rows - profile.filled:,} of {rows:,} rows"
    if not called.points and (other := _speaks_of_another(column, "people", "strangers", "places")):
        return other
    if looks_like_people(profile) and (not called.points or column.rank("requester_name") is not None):
        return "its cells are names of people"
    if called.points:
        found.add(30 * different, f"{profile.distinct:,} different texts")
        _doubt_few_texts(found)
        if found.doubts and column.called("type").exact:
            return "its few texts are kinds, of which its name speaks too"
        return ""
    if different < 0.5 or profile.share_of("words") < 0.8 or column.kind is Kind.LONG or column.says("measures"):
        return "its cells are not different short sentences"
    if _are_names(profile):
        return "its cells are names of companies, places or products"
    found.doubts.append("its name does not say that it is a title")
    found.add(10 * different + min(profile.mean, 60) / 4, "short sentences")
    return ""


def _are_names(profile: ColumnProfile) -> bool:
    """Whether the short texts of a column name something: an address, or no word but the name begins small."""
    texts = [text for text in profile.values.counts if not is_unspaced(text)]
    places = sum(_PLACE.match(text) is not None for text in texts)
    said = sum(text.isupper() or any(word[0].islower() for word in text.split()) for text in texts)
    return bool(texts) and (2 * places > len(texts) or said < _SENTENCES_LEAST * len(texts))


def _length(profile: ColumnProfile) -> float:
    """Characters of the average text, as a script with spaces would need them."""
    texts = profile.values.counts
    return profile.mean * (_WIDE if 2 * sum(map(is_unspaced, texts)) > len(texts) else 1)


def _description(found: Evidence) -> str:
    column, profile, called, rows = found.column, found.column.profile, found.called, found.rows
    if profile.repeats > 1:
        return "several columns have this name"
    if column.names[0] == "notes" and profile.filled < 0.8 * rows:
        return "so a few systems call the description; where it is rare, it is a remark"
    if not called.points:
        rare = 2 * profile.filled < rows
        few = profile.share(profile.distinct) < 0.15 or (rare and column.kind is not Kind.LONG)
        if few or _length(profile) < 40 or profile.share_of("words") < 0.8:
            return "its cells are not different long sentences in most rows"
        if other := _speaks_of_another(column, "places"):
            return other
        found.doubts.append("its name does not say that it is a description")
        if other := _speaks_of_another(column, "strangers"):
            found.add(-20, other)
        if rare:
            found.add(-10, f"it is empty in {rows - profile.filled:,} of {rows:,} rows")
    else:
        _doubt_few_texts(found)
    found.add(min(_length(profile), 400) / 20, f"texts of {profile.mean:,.0f} characters on average")
    found.add(10 * (column.kind is Kind.LONG), "long texts")
    if called.points and 2 * profile.filled <= rows and not called.known:  # only if none is always there
        found.add(1 - found.points, f"it is empty in {rows - profile.filled:,} of {rows:,} rows")
    return ""


def _requester_email(found: Evidence) -> str:
    column, called = found.column, found.called
    if not called.points:
        if column.says("agents"):
            return "its name is about those who answer"
        if column.rank("requester_name") is None:
            found.doubts.append("its name does not say that these are the requesters")
    found.add(max(0.0, 5 - found.points) + 10 * column.profile.share_of("email"), "e-mail addresses")
    return ""


def _requester_name(found: Evidence) -> str:
    column, called = found.column, found.called
    profile = column.profile
    if profile.share_of("opaque") > _IDS_LEAST:
        return f"its cells are ids, such as {profile.shapes['opaque'].example.strip()!r}"
    if called.phrase and (other := _speaks_of_another(column, "agents", "places")):
        return other
    if called.phrase and not looks_like_people(profile):
        found.doubts.append("its name only mentions the requester")
    return ""


def looks_like_people(profile: ColumnProfile) -> bool:
    """Whether most cells may be names of people."""
    return profile.share_of("person") >= 0.7


def _date(found: Evidence) -> str:
    profile, rows = found.column.profile, found.rows
    if (word := found.column.says("strangers")) and not found.called.known and found.role == "created":
        found.points = 1.0  # only if there is nothing else
        found.doubts.append(f"{word!r} in its name says that it is the day of something else")
    found.add(5 * profile.filled / rows, f"dates in {profile.filled:,} of {rows:,} rows")
    if profile.distinct == 1 and rows >= FEW_ROWS and not found.called.known:
        found.add(-25, "it has the same date in all rows")
        found.doubts.append("it has the same date in all rows")
    return ""


def _priority(found: Evidence) -> str:
    column, called = found.column, found.called
    words = column.profile.values.counts
    if column.kind is Kind.BOOLEAN:
        return "its cells are yes or no"
    if not called.points:
        if not are_priorities(words):
            return "its words are not all those of a priority"
        found.doubts.append("its name does not say that it is a priority")
    levels = {level_of(word).priority for word in words}
    if len(levels) > 1:
        found.add(15, f"words of {len(levels)} priorities")
    elif len(words) > 1:  # a better name counts more than words that are known
        found.add(10.5, f"{len(words)} different words")
    elif words:  # whatever its name is, a column with ranks is better
        found.doubts.append("it has one value only")
        found.points *= _ONE_VALUE_SHARE
    return ""


def _word(found: Evidence) -> str:
    """A status or a type: a status has words that are known as such, and may be confused with a part of a country."""
    column, called = found.column, found.called
    is_number = column.kind is Kind.NUMBER
    if is_number:
        found.add(-10, "its cells are numbers")
        found.doubts.append("its cells are numbers: the words for them are in another table")
    words = {text: folded(text) for text in column.profile.values.counts}
    if found.role == "type" and called.phrase:
        if other := _speaks_of_another(column, "people", "agents"):
            return other
        found.doubts.append("its name only mentions a kind")
    if found.role != "status" or not words:
        return ""
    known = [text for text, word in words.items() if any(part in word for part in load_vocabulary().words["statuses"])]
    may_be_a_place = not called.known and not _PLACES.isdisjoint(column.names[0].split())
    if known and (3 * len(known) > len(words) or not may_be_a_place):
        found.add(20, f"words of a status, such as {known[0]!r}")
        return ""
    if may_be_a_place and all(_LETTERS.fullmatch(text) for text in words):
        return "its cells are codes of letters, as places have"
    if len(words) > _STATUSES_MOST:
        return f"none of its {len(words):,} different words is known as a status; it may be a place"
    if may_be_a_place and not is_number:
        return "too few of its words are known as a status: it may be a part of a country"
    if not is_number:
        found.add(-min(20, found.points - 1), "none of its words is known as a status")
        found.doubts.append("none of its words is known as a status")
    return ""


def _any(_: Evidence) -> str:
    return ""


def _beyond(profile: ColumnProfile, kind: Kind, limits: Limits) -> str:
    if kind is Kind.EMPTY:
        return "it is empty in every row read"
    if kind not in limits.kinds:
        return f"its cells are {kind}"
    if profile.longest > limits.longest or profile.mean > limits.mean:
        return "its cells are too long"
    many = limits.distinct is not None and (profile.distinct > limits.distinct or not profile.complete)
    return "its cells have too many words" if many else ""


@dataclass(frozen=True)
class Limits:
    """What the cells of a column can be at most for a role."""

    judge: Callable[[Evidence], str]  #: Weighs what is within the limits.
    kinds: frozenset[Kind]
    by_content: bool = False  #: Whether a column can have the role whatever its name is.
    mean: float = inf  #: Characters of the average text.
    longest: float = inf  #: Characters of the longest text.
    distinct: int | None = None  #: Different texts.


_TEXTS, _CODES = frozenset({Kind.TEXT, Kind.LONG}), frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})
_LIMITS = {
    "key": Limits(_key, frozenset({Kind.TEXT, Kind.NUMBER, Kind.EMAIL}), by_content=True, mean=60, longest=255),
    "title": Limits(_title, _TEXTS, by_content=True, mean=400),
    "description": Limits(_description, _TEXTS, by_content=True),
    "requester_email": Limits(_requester_email, frozenset({Kind.EMAIL}), by_content=True),
    "requester_name": Limits(_requester_name, frozenset({Kind.TEXT}), longest=150),
    "created": Limits(_date, frozenset({Kind.DATE})),
    "closed": Limits(_date, frozenset({Kind.DATE})),
    "priority": Limits(_priority, _CODES, by_content=True, mean=40, distinct=25),
    "status": Limits(_word, _CODES, longest=120, distinct=100),
    "type": Limits(_word, _CODES, longest=120, distinct=100),
    "parent": Limits(_any, frozenset({Kind.TEXT, Kind.NUMBER}), longest=255),
}
