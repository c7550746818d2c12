"""Tables that came with an export: files in its folder and sheets of its workbook, with its comments or requesters."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import SourceError
from importer.mapping.email_addresses import is_email
from importer.reader import Reader, open_reader, sheet_names
from importer.suggest.evidence import looks_like_people
from importer.suggest.first_rows import FirstRows, read_first_rows
from importer.suggest.headers import load_vocabulary, plain_name, squeezed
from importer.suggest.kinds import Column, Kind, describe
from importer.suggest.roles import Roles, assign
from importer.suggest.row_names import LEAST_SHARE, Match, Named, matches

TABLES_MAX = 4  #: Sheets that are looked at, and files of each kind.
_OTHERS_MAX = 8  #: Files with a name that says nothing.
_CERTAIN = 0.9  #: Of the cells of a table with such a name, those that name a ticket.
_PLAIN = (".csv", ".tsv", ".txt")
_SUFFIXES = frozenset({*_PLAIN, ".gz", ".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_SAME_SHARE = 0.8  #: Of the names of the columns of two tables for both to have tickets.
_TEXTS = (Kind.LONG, Kind.TEXT)


@dataclass(frozen=True)
class Place:
    """Where a table is."""

    path: Path  #: The file.
    sheet: str = ""  #: The sheet; empty for the one that is read if none is named.
    encoding: str = ""  #: What is needed to read it; empty if nothing.


@dataclass(frozen=True)
class CommentTable:
    """A table with comments."""

    place: Place
    match: Match  #: The column that says which ticket a row belongs to.
    is_named: bool  #: Whether the name of the table says what it has.
    body: Column  #: The column with the text.
    author: Column | None = None  #: The column with the name of who wrote it.
    created: Column | None = None  #: The column with the time, if all of its cells can be read.


@dataclass(frozen=True)
class PeopleTable:
    """A table with people, and the column of the export that names them."""

    place: Place
    file: str  #: How the mapping calls it.
    by: Column  #: The column of the export with their ids.
    key: Column  #: The column of the table with the same ids.
    email: Column | None
    name: Column | None
    found: int  #: Cells of the export that are in the table.
    cells: int  #: Of how many.
    invalid: tuple[str, ...] = ()  #: Texts of the column of addresses that are none, of those people.

    def lookup(self, value: Column) -> dict[str, str]:
        """The keys of a `lookup:` for a value."""
        encoding = {"encoding": self.place.encoding} if self.place.encoding else {}
        entry = {"file": self.file, "key": self.key.name, "by": self.by.name, "value": value.name, "none": "empty"}
        return entry | encoding


@dataclass(frozen=True)
class Unusable:
    """A table that seems to belong to the export but cannot be used, and why."""

    place: Place
    reason: str


def _files(path: Path, kind: str, source: Reader, *, named: bool = True) -> list[Place]:
    """The tables next to the export at ``path`` that have a name of this kind; else those that have none."""
    try:
        near = sorted(path.absolute().parent.iterdir())
    except OSError:
        return []
    files = [
        file
        for file in near
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith((".", "~"))
        if named == any(word in squeezed(file.name.partition(".")[0]) for word in load_vocabulary().words[kind])
        if file.is_file() and not file.samefile(path)
    ]
    most = TABLES_MAX if named else _OTHERS_MAX
    return [Place(file, encoding=source.reading.get("encoding") or "") for file in files[:most]]


def _read(place: Place, export: Reader) -> tuple[Place, FirstRows] | Unusable | None:
    """A table, and what it was read with: its own encoding, as a byte order mark or UTF-8 tell it, before that.

    None if it has the columns of the export, or most of them: it is another one.
    """
    encodings = ("", place.encoding) if place.path.suffix.lower() in _PLAIN and place.encoding else ("",)
    failures = []
    for encoding in encodings:
        try:
            source = open_reader(place.path, sheet=place.sheet or None, encoding=encoding or None)
            same, all_names = {*source.columns} & {*export.columns}, {*source.columns} | {*export.columns}
            if len(same) >= _SAME_SHARE * len(all_names):
                return None
            return replace(place, encoding=encoding), read_first_rows(source)
        except SourceError as error:
            failures.append(error)
    return Unusable(place, f"cannot be read: {failures[0].what}; {failures[0].hint}")


def find_comments(
    path: Path, source: Reader, names: Sequence[Named]
) -> tuple[list[CommentTable | Unusable], list[str]]:
    """The comments in other sheets and in files next to an export, and the sheets that seem to have more tickets.

    ``names`` is what its rows are named by. A table with the same columns is another export.
    """
    comments: list[CommentTable | Unusable] = []
    more: list[str] = []
    files = _files(path, "comment_files", source)
    for place in (*_sheets(path, source), *files):
        table = _read(place, source)
        if table is None:
            more += [place.sheet] if place.sheet else []
        elif not isinstance(table, Unusable):
            found = _comments(*table, names)
            comments += [found] if found else []
        elif not place.sheet and place.path.suffix.lower() != ".txt":  # most texts and sheets are no comments
            comments.append(table)
    if not any(isinstance(found, CommentTable) for found in comments):
        comments += list(_unnamed(path, source, names))
    return comments, more


def _unnamed(path: Path, source: Reader, names: Sequence[Named]) -> Iterator[CommentTable]:
    """The comments in tables whose names say nothing, known by a column that names tickets again and again."""
    for place in _files(path, "comment_files", source, named=False):
        table = _read(place, source)
        if isinstance(table, tuple):
            found = _comments(*table, names, is_named=False)
            if isinstance(found, CommentTable) and _is_certain(found.match):
                yield found


def _is_certain(match: Match) -> bool:
    """Whether the cells name tickets, and not by chance: under a header that says so, or as codes."""
    same = squeezed(match.column.name) == squeezed(match.named.column.name)
    telling = _is_about_tickets(match) or same or match.column.share_of("code") >= _CERTAIN
    return telling and match.share >= _CERTAIN and match.column.distinct < match.column.filled


def _sheets(path: Path, source: Reader) -> Iterator[Place]:
    try:
        sheets = [name for name in sheet_names(path) if not source.name.endswith(f"[{name}]")]
    except SourceError:
        return
    yield from (Place(path, sheet) for sheet in sheets[:TABLES_MAX])


def _comments(
    place: Place, table: FirstRows, names: Sequence[Named], *, is_named: bool = True
) -> CommentTable | Unusable | None:
    """The comments of a table, if it has some; of other tickets they are reported, as it may be the wrong file."""
    columns = describe(table)
    found = [match for column in columns for match in matches(column, names)]
    best = max(found, key=_weight, default=None)
    if best is None or best.share < LEAST_SHARE:
        about = [match for match in found if _is_about_tickets(match)]
        if place.sheet or not about:
            return None
        best = max(about, key=lambda match: match.share)
        what = f"only {best.matching:,} of {best.cells:,} cells in `{best.column.name}` match a ticket of this export"
        return Unusable(place, what)
    others = [column for column in columns if column.profile is not best.column and column.kind is not Kind.EMPTY]
    roles = assign(table.rows, others)
    if (body := _body(others, roles, is_sheet=bool(place.sheet))) is None:
        return None
    one = {role: pick.column for role, pick in roles.one.items()}
    dated = [column for column in others if column.dates]
    created = one.get("created") or (dated[0] if len(dated) == 1 else None)
    is_time = created and created.dates and created.dates.fitting == created.dates.looked_at
    by_name = [
        it for it in others if it.kind in (Kind.TEXT, Kind.EMAIL) and it.profile.mean <= 60 and it.says("authors")
    ]
    people = [it for it in others if it.kind is Kind.TEXT and looks_like_people(it.profile)]
    authors = [one.get("requester_name"), one.get("requester_email"), roles.owner, *by_name, *people]
    author = next(filter(None, authors), None)
    return CommentTable(
        place,
        best,
        is_named,
        body,
        author=None if author is body else author,
        created=created if created and is_time and created.profile.repeats == 1 else None,
    )


def _body(columns: Sequence[Column], roles: Roles, *, is_sheet: bool) -> Column | None:
    """The column with the text: by its role, by its name, and, in a file that is named so, by its sentences."""
    if "description" in roles.one:
        return roles.one["description"].column
    texts = [it for it in columns if it.kind in _TEXTS]
    said = [*roles.notes, *(it for it in texts if it.rank("note") is not None)]
    if not said and not is_sheet:
        said = [it for it in texts if it.profile.share_of("words") >= 0.5]
        said.sort(key=lambda column: -column.profile.mean)
    return said[0] if said else None


def _weight(match: Match) -> tuple[float, bool]:
    """Numbers of comments may be numbers of tickets by chance: a header that says so, and repeats, prove more."""
    repeats = match.column.distinct < match.column.filled
    proven = 0.5 * _is_about_tickets(match) + 0.25 * repeats
    return match.share + proven * (match.share > 0), match.named.is_key


def _is_about_tickets(match: Match) -> bool:
    words = plain_name(match.column.name).split()
    same = squeezed(match.named.column.name) == "".join(words)
    return (same and len(words) > 1) or "parent" in words or not set(words).isdisjoint(load_vocabulary().prefixes)


def find_people(
    path: Path, source: Reader, columns: Sequence[Column], *, folder: Path
) -> PeopleTable | Unusable | None:
    """The table next to the export that knows the requesters, else one that cannot be read; None if there is none.

    ``folder`` is where the mapping will be: it names the table from there.
    """
    called = [(rank, column) for column in columns if (rank := _rank(column)) is not None]
    if not called:
        return None
    unusable = None
    for place in _files(path, "people_files", source):
        table = _read(place, source)
        if table is None or isinstance(table, Unusable):
            unusable = unusable or table
            continue
        for _, by in sorted(called, key=lambda entry: entry[0]):
            if found := _people(*table, folder, by):
                return found
    return unusable


def _rank(column: Column) -> int | None:
    """How well the name of a column of ids speaks of the requester: ``requester_id`` before ``user_id``."""
    if column.kind not in (Kind.NUMBER, Kind.TEXT) or column.profile.repeats > 1 or not column.says("ids"):
        return None
    words = [word for word in column.names[0].split() if word not in load_vocabulary().words["ids"]]
    called = load_vocabulary().called([" ".join(words)], "requester_name")
    return called.rank if called.exact else None


def _people(place: Place, table: FirstRows, folder: Path, by: Column) -> PeopleTable | None:
    """The table, if most cells of ``by`` are in a column of it in which all texts differ."""
    counts, columns = by.profile.values.counts, describe(table)
    keys = [it for it in columns if it.kind in (Kind.NUMBER, Kind.TEXT) and it.profile.complete]
    found = {
        key: sum(times for text, times in counts.items() if text in key.profile.values.counts)
        for key in keys
        if key.profile.filled == key.profile.distinct
    }
    best = max(found, key=found.__getitem__, default=None)
    email = next((column for column in columns if column.kind is Kind.EMAIL), None)
    people = (it for it in columns if it.kind is Kind.TEXT and it.rank("requester_name") is not None)
    name = next((column for column in people if column.profile.share_of("opaque") < LEAST_SHARE), None)
    cells = sum(counts.values())
    if best is None or not found[best] or found[best] < LEAST_SHARE * cells or not (email or name):
        return None
    file = os.path.relpath(place.path.absolute(), folder.absolute())
    pairs = zip(table.texts(best.profile), table.texts(email.profile), strict=True) if email else ()
    invalid = dict.fromkeys(text for key, text in pairs if key in counts and text and not is_email(text))
    return PeopleTable(place, file, by, best, email, name, found[best], cells, tuple(invalid))
