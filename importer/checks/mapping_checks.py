"""How the cells of an export suit its mapping: value tables, lengths, filters, companion files, similar keys."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from importer.checks.file_checks import DAY_FIRST, FileIssue, far_dates, file_issues, issue_shapes, sheet_issues
from importer.ledger import LedgerView
from importer.mapping.dates import EPOCHS, parser
from importer.mapping.notes import Companion
from importer.mapping.values import Field
from importer.models import Row
from importer.profile.profile import FileProfile, Tally, ValueCounts, chunk_of
from importer.reader import Reader

_EXAMPLES = 3
_TICKET_YEARS = range(1990, 2061)
_UNMATCHED_NAMED = 5
_NUMBER = re.compile(r"([0-9]+)(?:[.,]0+)?")


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """One column of the export."""

    column: str  #: Its header.
    used: bool  #: Whether the mapping reads it.
    filled: int  #: How many cells are not blank.
    distinct: int  #: How many different texts there are; a lower bound if ``capped``.
    capped: bool  #: Whether there are more than were counted.
    examples: tuple[str, ...]  #: Its most frequent short texts.
    kind: str = ""  #: What its first cells are, such as ``dates``, as ``suggest`` says it; empty if not asked for.


def column_uses(profile: FileProfile, used: Collection[str]) -> Iterator[ColumnUse]:
    """One a column, in the order of the file; ``used`` are those that the mapping reads."""
    for column in profile.columns:
        examples = tuple(text for text, _ in column.values.most_common(_EXAMPLES))
        yield ColumnUse(column.name, column.name in used, column.filled, column.distinct, column.capped, examples)


def open_issues(profile: FileProfile, fields: Collection[Field], *, whole: bool = True) -> Iterator[FileIssue]:
    """The issues of a file, without those about the order of day and month that the formats of ``fields`` settle.

    They settle it if all of them that begin with day and month have the same order, and no cell contradicts it.
    """
    for issue in file_issues(profile, whole=whole):
        if issue.kind in DAY_FIRST:
            forms = [form for field in fields if issue.column in field.columns for form in field.form.format or ()]
            begins = [re.findall("%[dmyYbB]", form)[:2] for form in forms]
            day_first = {begin[0] == "%d" for begin in begins if set(begin) == {"%d", "%m"}}
            if len(day_first) == 1 and DAY_FIRST[issue.kind] in (None, *day_first):
                continue
        yield issue


@dataclass(frozen=True, slots=True)
class FilterUse:
    """One condition by which the mapping filters rows."""

    condition: str  #: The condition, and how it must turn out for a row to be filtered.
    rows: int  #: How many rows it filters.

    def warning(self, rows: int) -> str:
        """What is unusual about it, in an export of so many rows; empty if nothing is."""
        if rows and not self.rows:
            return "filters no row; check its spelling against the cells"
        return "filters every row; check that it is not inverted" if rows and self.rows == rows else ""


@dataclass(frozen=True, slots=True)
class TableUse:
    """A value that takes certain words only, and the words that came."""

    target: str  #: The field that it is for.
    columns: tuple[str, ...]  #: Where its words come from.
    words: dict[str, int]  #: Each different word and how often it came, most frequent first.
    #: Those that the table does not list, in the same order; without a table those that are not allowed.
    unknown: dict[str, int]
    never_hit: tuple[str, ...]  #: Lines of the table that no row asked for.
    policy: str  #: What is done with an unknown word.
    capped: bool  #: Whether there were more different words than are listed.


@dataclass(frozen=True, slots=True)
class LengthUse:
    """A field that takes a limited number of characters."""

    target: str  #: The field.
    columns: tuple[str, ...]  #: Where its text comes from.
    limit: int  #: Most characters that it takes.
    longest: int  #: Characters of the longest text, before it is cut.
    row: int  #: The row with that text; 0 if there was no text.
    over: int  #: How many texts are longer than the limit.
    cuts: bool  #: Whether the mapping cuts these, or else reports them.


class FieldCheck:
    """Counts the words and measures the texts of one field, as they are before they are translated or cut."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._has_words = field.form.values is not None or bool(field.choices)
        self._words = ValueCounts()
        self._limit = field.limit if field.table is None else None
        self._longest = self._row = self._over = 0
        self._counts = [form for form in field.form.format or () if form in EPOCHS]
        self._parsers = [parser(form) for form in self._counts]
        self._far, self._near = Tally(), 0

    def take(self, rows: Sequence[Row]) -> None:
        """Look at the next rows, which have as many cells as the header."""
        if self._parsers and not self._near:
            self._take_dates(rows)
        if not self._has_words and self._limit is None:
            return
        texts = [(row.number, self.field.text(row.cells)) for row in rows]
        if self._has_words:
            for text, times in Counter(text for _, text in texts).items():
                for word in dict.fromkeys(self.field.words(text)):
                    self._words.add(word, times)
        if (limit := self._limit) is None:
            return
        for number, text in texts:
            # tidying only shortens a text: one within the limit that is not the longest needs no closer look
            if len(text) > min(self._longest, limit):
                length = self.field.length(text)
                self._over += length > limit
                if length > self._longest:
                    self._longest, self._row = length, number

    def _take_dates(self, rows: Sequence[Row]) -> None:
        for row in rows:
            text = self.field.text(row.cells).strip()
            moments = [moment for parse in self._parsers if (moment := parse(text))]
            if any(moment.year in _TICKET_YEARS for moment in moments):
                self._near += 1
            elif moments:
                self._far.add(row.number, text)

    def date_issue(self) -> FileIssue | None:
        """What is wrong with counts since 1970, if none of them is a year that a ticket can be of."""
        if self._near or not self._far.count:
            return None
        return far_dates(self.field.columns[0], self._far, self._counts[0])

    def table_use(self) -> TableUse | None:
        """The words that came; None if the field takes any text."""
        if not self._has_words:
            return None
        field, listed = self.field, self.field.table or {}
        words = dict(self._words.most_common())
        known = set(field.choices if field.table is None else map(field.fold, listed))
        came = set(map(field.fold, words))
        return TableUse(
            field.target.name,
            field.columns,
            words,
            unknown={word: count for word, count in words.items() if field.fold(word) not in known},
            never_hit=tuple(word for word in listed if field.fold(word) not in came),
            policy=field.form.unknown,
            capped=self._words.others > 0,
        )

    def length_use(self) -> LengthUse | None:
        """The longest text; None if the field has no limit."""
        if self._limit is None:
            return None
        field, cuts = self.field, self.field.form.overflow != "reject"
        return LengthUse(field.target.name, field.columns, self._limit, self._longest, self._row, self._over, cuts)


class OpenFile(Protocol):
    """A companion file that is about to be read."""

    companion: Companion
    source: Reader
    watch: Callable[[Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class UnmatchedNote:
    """A note that matches no row of the export: where it is in its file, the key it has, and why."""

    row: int
    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NotesUse:
    """A companion file with notes."""

    file: str  #: What messages call it.
    rows: int  #: How many rows it has.
    without_row: int | None  #: How many of them match no row of the export; None if that was not counted.
    orphans: tuple[UnmatchedNote, ...]  #: The first of these.
    rows_without: int | None  #: How many rows of the export have no note in it; None likewise.
    columns: tuple[ColumnUse, ...]  #: Its columns.
    file_issues: tuple[FileIssue, ...]  #: What happened to the file before.


class NotesCheck:
    """Profiles a companion file while it is loaded; the file is told to show its rows."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._profile = FileProfile(file.source.columns, issue_shapes)
        file.watch = lambda rows: self._profile.take(chunk_of(rows, file.source.columns))

    def use(self, view: LedgerView, place: int) -> NotesUse:
        """What was found, once the source in view is staged; the file is number ``place`` of its companion files."""
        read = view.sources()[0].companions[place]
        first = view.orphans(file=place, most=_UNMATCHED_NAMED)
        companion = self._file.companion
        return NotesUse(
            companion.name,
            rows=read.rows,
            without_row=read.without_row,
            orphans=tuple(UnmatchedNote(note.row, note.key, note.code, note.message) for note in first),
            rows_without=read.rows_without,
            columns=tuple(column_uses(self._profile, companion.used)),
            file_issues=(*open_issues(self._profile, companion.fields), *sheet_issues(self._file.source.layout)),
        )


def key_as_seen(key: str) -> str:
    """What a person sees in ``key``: different keys for which this is the same are similar.

    ``ABC-1`` looks like ``abc - 1``, ``é`` like ``e`` with an accent behind it, ``7`` like ``007`` and ``7.0``.
    """
    text = "".join(unicodedata.normalize("NFKC", key).casefold().split())
    number = _NUMBER.fullmatch(text)
    return number[1].lstrip("0") or "0" if number else text
