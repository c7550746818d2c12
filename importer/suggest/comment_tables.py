"""Tables that came with an export and may have its comments: files in its folder, sheets of its workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import SourceError
from importer.reader import Reader, open_reader, sheet_names
from importer.suggest.columns import Column, Kind, describe
from importer.suggest.first_rows import read_first_rows
from importer.suggest.headers import Vocabulary, plain_name, squeezed
from importer.suggest.roles import assign
from importer.suggest.row_names import LEAST_SHARE, Match, Named, matches

TABLES_MAX = 4  #: Sheets that are looked at, and files.
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".gz", ".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_SAME_SHARE = 0.8  #: Of the names of the columns of two sheets for both to have tickets.
_TEXTS = (Kind.LONG, Kind.TEXT)


@dataclass(frozen=True)
class Place:
    """Where a table is."""

    path: Path  #: The file.
    sheet: str = ""  #: The sheet; empty for the one that is read if none is named.
    encoding: str = ""  #: What is needed to read it; empty if nothing.

    @property
    def readings(self) -> tuple[str, ...]:
        """The encodings to try: its own, as a byte order mark or UTF-8 tell it, before that of the export."""
        is_text = self.path.suffix.lower() in (".csv", ".tsv", ".txt")
        return ("", self.encoding) if is_text and self.encoding else ("",)


@dataclass(frozen=True)
class CommentTable:
    """A table with comments."""

    place: Place  #: Where it is.
    match: Match  #: The column that says which ticket a row belongs to.
    body: Column  #: The column with the text.
    author: Column | None = None  #: The column with the name of who wrote it.
    created: Column | None = None  #: The column with the time, if all of its cells can be read.
    public: Column | None = None  #: The column that seems to say whether the requester saw it.


@dataclass(frozen=True)
class Unusable:
    """A table that seems to have comments but cannot be used, and why."""

    place: Place
    reason: str


@dataclass(frozen=True)
class MoreTickets:
    """A sheet with the columns of the one that is read: it seems to have tickets too."""

    sheet: str


def places_near(path: Path, source: Reader, vocabulary: Vocabulary, *, encoding: str | None = None) -> Iterator[Place]:
    """The other sheets of the export at ``path``, and the files next to it that are named like comments.

    Args:
        path: The export.
        source: The same, opened.
        vocabulary: The words.
        encoding: How the export is read, if that had to be said.
    """
    try:
        sheets = [name for name in sheet_names(path) if not source.name.endswith(f"[{name}]")]
    except SourceError:
        sheets = []
    yield from (Place(path, sheet) for sheet in sheets[:TABLES_MAX])
    try:
        near = sorted(path.absolute().parent.iterdir())
    except OSError:
        near = []
    files = [
        file
        for file in near
        if file.suffix.lower() in SUFFIXES and not file.name.startswith((".", "~"))
        if any(part in squeezed(file.name.partition(".")[0]) for part in vocabulary.words["comment_files"])
        if file.is_file() and not file.samefile(path)
    ]
    for file in files[:TABLES_MAX]:
        yield Place(file, encoding=encoding or "")


def find_comments(
    place: Place, columns: Sequence[str], names: Sequence[Named], vocabulary: Vocabulary
) -> CommentTable | Unusable | MoreTickets | None:
    """The comments in a table, if it has some of the export, or more tickets; None if it seems to be something else.

    Args:
        place: The table.
        columns: The header of the export: a table with the same one is another export.
        names: What its rows are named by.
        vocabulary: The words.
    """
    failures = []
    for reading in place.readings:
        try:
            source = open_reader(place.path, sheet=place.sheet or None, encoding=reading or None)
            same = set(source.columns) & set(columns)
            if place.sheet and len(same) >= _SAME_SHARE * len({*source.columns, *columns}):
                return MoreTickets(place.sheet)
            if source.columns == tuple(columns):
                return None
            return _comments(replace(place, encoding=reading), source, names, vocabulary)
        except SourceError as error:
            failures.append(error)
    # most texts of such a name are not tables, nor are most sheets
    if place.sheet or place.path.suffix.lower() == ".txt":
        return None
    return Unusable(place, f"cannot be read: {failures[0].what}; {failures[0].hint}")


def _comments(
    place: Place, source: Reader, names: Sequence[Named], vocabulary: Vocabulary
) -> CommentTable | Unusable | None:
    table = read_first_rows(source)
    columns = describe(table, vocabulary)
    found = [match for column in columns for match in matches(column, names)]
    best = max(found, key=lambda match: _weight(match, vocabulary), default=None)
    if best is None or best.share < LEAST_SHARE:
        return None if place.sheet else _of_other_tickets(place, found, vocabulary)
    others = [column for column in columns if column.profile is not best.column and column.kind is not Kind.EMPTY]
    roles = assign(table, others, vocabulary, None)
    one = {role: pick.column for role, pick in roles.one.items()}
    said = [one["description"]] if "description" in one else list(roles.notes)
    said += [it for it in others if vocabulary.rank(it.names, "note") is not None and it.kind in _TEXTS]
    if not said and not place.sheet:
        texts = [it for it in others if it.kind in _TEXTS and it.profile.share_of("words") >= 0.5]
        said = sorted(texts, key=lambda column: -column.profile.mean)
    if not said:
        return None
    created = one.get("created")
    if created and (
        not created.dates or created.dates.fitting < created.dates.looked_at or created.profile.repeats > 1
    ):
        created = None
    by_name = (
        it
        for it in others
        if it.kind in (Kind.TEXT, Kind.EMAIL) and it.profile.mean <= 60
        if vocabulary.says("authors", it.names[0])
    )
    authors = [one.get("requester_name"), one.get("requester_email"), roles.owner, *by_name]
    author = next(filter(None, authors), None)
    public = next(
        (it for it in others if it.kind is Kind.BOOLEAN and plain_name(it.name) in vocabulary.words["public"]), None
    )
    return CommentTable(place, best, said[0], None if author is said[0] else author, created, public)


def _weight(match: Match, vocabulary: Vocabulary) -> tuple[float, bool]:
    """Numbers of comments may be numbers of tickets by chance: a header that says so, and repeats, prove more."""
    repeats = match.column.distinct < match.column.filled
    proven = 0.5 * _is_about_tickets(match, vocabulary) + 0.25 * repeats
    return match.share + proven * (match.share > 0), match.named.is_key


def _is_about_tickets(match: Match, vocabulary: Vocabulary) -> bool:
    words = plain_name(match.column.name).split()
    same = squeezed(match.named.column.name) == "".join(words)
    return (same and len(words) > 1) or "parent" in words or not set(words).isdisjoint(vocabulary.prefixes)


def _of_other_tickets(place: Place, found: Sequence[Match], vocabulary: Vocabulary) -> Unusable | None:
    """Comments of other tickets are reported: it may be the wrong file."""
    about = [match for match in found if _is_about_tickets(match, vocabulary)]
    best = max(about, key=lambda match: match.share, default=None)
    if best is None:
        return None
    what = f"only {best.matching:,} of {best.cells:,} cells in `{best.column.name}` match a ticket of this export"
    return Unusable(place, what)
