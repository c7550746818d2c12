"""What each column of an export contains, whatever its name is: dates, yes and no, addresses, long texts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from importer.mapping.converters import BOOLEAN_WORDS
from importer.profile.date_formats import DateForm, date_form, epoch_form
from importer.profile.profile import ColumnProfile
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import Called, System, load_vocabulary

_MOSTLY = 0.95
_ADDRESSES_LEAST = 0.9  #: Of the cells of a column that are e-mail addresses, for it to have these; or half, by name.
_YES, _NO = (frozenset(word for pair in BOOLEAN_WORDS.values() for word in pair[side]) for side in (0, 1))
#: A word is taken for empty from so many cells on that are a share of one column, or in so many columns.
_WORD_TIMES, _WORD_SHARE, _WORD_COLUMNS = 10, 0.3, 3
_CODE = re.compile(r"[A-Z]{2,3}")


class Kind(StrEnum):
    """What the cells of a column are."""

    EMPTY = "empty"
    EMAIL = "e-mail addresses"
    DATE = "dates"
    TIME = "times of day or durations"
    BOOLEAN = "yes or no"
    NUMBER = "numbers"
    ADDRESS = "web addresses"
    LONG = "long texts"
    TEXT = "short texts"


@dataclass(frozen=True, eq=False)
class Column:
    """One column: what was counted, and what that makes of it."""

    profile: ColumnProfile  #: What was counted.
    system: System | None  #: The system that the export seems to come from.
    names: tuple[str, ...]  #: What its header may be in the word lists.
    kind: Kind  #: What its cells are.
    dates: DateForm | None  #: How its dates are written, if they are dates.
    first: bool  #: Whether it is the first column of the export.
    _called: dict[str, Called] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its header."""
        return self.profile.name

    def called(self, role: str) -> Called:
        """What its header says about a role."""
        if role not in self._called:
            self._called[role] = load_vocabulary().called(self.names, role, self.system)
        return self._called[role]

    def rank(self, role: str) -> int | None:
        """How well its header fits a role in the lists, 0 being best; None if not at all."""
        return self.called(role).rank

    def says(self, about: str) -> str:
        """The word of its header that speaks of ``agents``, ``measures``, ``ids`` …; empty if none does."""
        return load_vocabulary().says(about, self.names[0])


def describe(table: FirstRows, system: System | None = None) -> list[Column]:
    """All columns. What one column of dates proves about day and month counts for the others too."""
    vocabulary = load_vocabulary()
    forms = [date_form(profile) for profile in table.columns]
    proven = {form.order.way for form in forms if form and form.order.proof and not form.order.against}
    order = proven.pop() if len(proven) == 1 else ""
    columns = []
    for profile, form in zip(table.columns, forms, strict=True):
        names = vocabulary.names_of(profile.name)
        if form and form.order.open and order:
            form = date_form(profile, order=order)
        elif form is None and any(part in names[0] for part in vocabulary.words["times"]):
            form = epoch_form(profile)
        least = 0.5 if vocabulary.called(names, "requester_email", system).points else _ADDRESSES_LEAST
        kind = _kind(profile, form, is_measure=bool(vocabulary.says("measures", names[0])), least_addresses=least)
        dates = form if kind is Kind.DATE else None
        columns.append(Column(profile, system, names, kind, dates, first=profile is table.columns[0]))
    return columns


def _kind(profile: ColumnProfile, form: DateForm | None, *, is_measure: bool, least_addresses: float) -> Kind:
    if not profile.filled:
        return Kind.EMPTY
    if profile.share_of("email") + profile.share_of("address_cell") >= least_addresses:
        return Kind.EMAIL
    if form is not None:
        return Kind.DATE
    if profile.share_of("clock") >= _MOSTLY:
        return Kind.TIME
    if not is_measure and _is_boolean(profile):
        return Kind.BOOLEAN
    if profile.share_of("number") >= _MOSTLY:
        return Kind.NUMBER
    if profile.share_of("address") >= _MOSTLY:
        return Kind.ADDRESS
    return Kind.LONG if profile.share_of("multi_line") >= 0.1 or profile.mean >= 120 else Kind.TEXT


def _is_boolean(profile: ColumnProfile) -> bool:
    """Whether all cells are words for yes and no that the mapping knows."""
    if not profile.complete or profile.distinct > 8:
        return False
    known = {text: times for text, times in profile.values.counts.items() if text.casefold() in _YES | _NO}
    folded = {text.casefold() for text in known}
    is_word = bool(folded & _YES and folded & _NO) or any(len(text) > 1 for text in known)
    return is_word and sum(known.values()) == profile.filled


@dataclass(frozen=True)
class Blanks:
    """Texts that may stand for an empty cell, with the number of cells and columns."""

    taken: dict[str, tuple[int, int]] = field(default_factory=dict)  #: Those that are taken for empty.
    #: Those that are kept as texts, because they are too rare to decide.
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)


def find_blanks(table: FirstRows) -> Blanks:
    """Takes signs such as ``-`` and ``N/D`` for empty, and words such as ``null`` that are everywhere.

    A word here and there may be the name of a person or a value like any other: people are called NA and Null, and
    between ``NY`` and ``CA`` even the sign ``ND`` is a place, unless most columns that have it have no such codes.
    """
    cells, columns = Counter[str](), Counter[str]()
    for column in table.columns:
        cells.update(column.blanks)
        columns.update(column.blanks.keys())
    blanks = Blanks()
    for text, times in cells.most_common():
        largest = max(column.share(column.blanks[text]) for column in table.columns)
        if text in load_vocabulary().words["blank_signs"]:
            code = _CODE.fullmatch(text)
            of_codes = sum(text in column.blanks and _is_of_codes(column) for column in table.columns)
            is_blank = not code or 2 * of_codes < columns[text]
        else:
            is_blank = times >= _WORD_TIMES and (columns[text] >= _WORD_COLUMNS or largest >= _WORD_SHARE)
        (blanks.taken if is_blank else blanks.kept)[text] = (times, columns[text])
    return blanks


def _is_of_codes(column: ColumnProfile) -> bool:
    """Whether its cells are two or three large letters, and not all of them one sign."""
    codes = [text for text in column.values.counts if _CODE.fullmatch(text)]
    return len(codes) > 1 and 2 * len(codes) > len(column.values.counts)
