"""A table of users that came with an export: it has the addresses and names that the export only gives as ids."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import SourceError
from importer.reader import open_reader
from importer.suggest.columns import Column, Kind, describe
from importer.suggest.comment_tables import SUFFIXES, TABLES_MAX, Place, Unusable
from importer.suggest.first_rows import read_first_rows
from importer.suggest.headers import Vocabulary, squeezed
from importer.suggest.row_names import LEAST_SHARE
from importer.suggest.yaml_text import CHECK, GUESS, Page, counted, named, scalar, shown, value


@dataclass(frozen=True)
class PeopleTable:
    """A table with people, and the column of the export that names them."""

    place: Place  #: Where it is.
    file: str  #: How the mapping calls it.
    by: Column  #: The column of the export with their ids.
    key: Column  #: The column of the table with the same ids.
    email: Column | None
    name: Column | None
    found: int  #: Cells of the export that are in the table.
    cells: int  #: Of how many.

    def lookup(self, value: Column) -> dict[str, str]:
        """The keys of a `lookup:` for a value."""
        encoding = {"encoding": self.place.encoding} if self.place.encoding else {}
        entry = {"file": self.file, "key": self.key.name, "by": self.by.name, "value": value.name, "none": "empty"}
        return entry | encoding


def find_people(
    path: Path, columns: Sequence[Column], vocabulary: Vocabulary, *, folder: Path, encoding: str | None = None
) -> PeopleTable | Unusable | None:
    """The table next to the export that knows the requesters, else one that cannot be read; None if there is none.

    Args:
        path: The export.
        columns: Its columns.
        vocabulary: The words.
        folder: Where the mapping will be: it names the table from there.
        encoding: How the export is read, if that had to be said.
    """
    called = [(rank, column) for column in columns if (rank := _rank(column, vocabulary)) is not None]
    try:
        near = sorted(path.absolute().parent.iterdir()) if called else []
    except OSError:
        near = []
    unusable = None
    for file in [it for it in near if _may_have_people(it, path, vocabulary)][:TABLES_MAX]:
        place = Place(file, encoding=encoding or "")
        failures = []
        for reading in place.readings:
            try:
                table = read_first_rows(open_reader(file, encoding=reading or None))
            except SourceError as error:
                failures.append(error)
                continue
            others = describe(table, vocabulary)
            relative = os.path.relpath(file.absolute(), folder.absolute())
            for _, by in sorted(called, key=lambda entry: entry[0]):
                if found := _joined(replace(place, encoding=reading), relative, by, others, vocabulary):
                    return found
            break
        else:
            unusable = unusable or Unusable(place, f"cannot be read: {failures[0].what}")
    return unusable


def _may_have_people(file: Path, export: Path, vocabulary: Vocabulary) -> bool:
    name = squeezed(file.name.partition(".")[0])
    is_table = file.suffix.lower() in SUFFIXES and not file.name.startswith((".", "~"))
    return is_table and any(part in name for part in vocabulary.words["people_files"]) and not file.samefile(export)


def _rank(column: Column, vocabulary: Vocabulary) -> int | None:
    """How well the name of a column of ids speaks of the requester: ``requester_id`` before ``user_id``."""
    if column.kind not in (Kind.NUMBER, Kind.TEXT) or column.profile.repeats > 1 or not column.is_id:
        return None
    words = [word for word in column.names[0].split() if word not in vocabulary.words["ids"]]
    rank = vocabulary.rank([" ".join(words)], "requester_name")
    return None if vocabulary.is_phrase(rank) else rank


def _joined(
    place: Place, file: str, by: Column, columns: Sequence[Column], vocabulary: Vocabulary
) -> PeopleTable | None:
    """The table, if most cells of ``by`` are in a column of it in which all texts differ."""
    counts = by.profile.values.counts
    cells = sum(counts.values())
    best: tuple[int, Column] | None = None
    for column in columns:
        profile = column.profile
        if column.kind in (Kind.NUMBER, Kind.TEXT) and profile.filled == profile.distinct and profile.complete:
            found = sum(times for text, times in counts.items() if text in profile.values.counts)
            if found and (best is None or found > best[0]):
                best = (found, column)
    email = next((column for column in columns if column.kind is Kind.EMAIL), None)
    people = (it for it in columns if it.kind is Kind.TEXT and vocabulary.rank(it.names, "requester_name") is not None)
    name = next((column for column in people if column.profile.share_of("opaque") < LEAST_SHARE), None)
    if best is None or best[0] < LEAST_SHARE * cells or not (email or name):
        return None
    return PeopleTable(place, file, by, best[1], email, name, best[0], cells)


def write_lookups(page: Page, people: PeopleTable, *, with_name: bool) -> None:
    """Writes the address and the name of a requester of whom the export only has an id."""
    by = people.by.profile
    mark = GUESS if people.found == people.cells else CHECK
    found = f"{people.found:,} of {counted(people.cells, 'cell')} in {named([by])}"
    where = f"`{shown(people.place.path.name)}` next to the export has these people"
    page.comment(f"{where}: {found} match {named([people.key.profile])} there.", 2, mark)
    columns = (("requester_email", people.email), ("requester_name", people.name if with_name else None))
    for name, column in columns:
        if column is not None:
            text = value({"lookup": people.lookup(column)})
            page.line(f"{name}: {text}", 2, of=by, field=name, lookup=people.file)


def write_owner(page: Page, owner: Column | None) -> None:
    """How the agents could be found, as a comment: it needs a file that only the account can give."""
    if owner is None or owner.profile.repeats > 1:
        return
    page.blank()
    text = f"{named([owner.profile])} has the ticket's agent. To keep it as owner, run "
    page.comment(f"{text}`case-importer users --save owners.csv` and uncomment the next line:", 2)
    key = "email" if owner.kind is Kind.EMAIL else "name"
    lookup = f"file: owners.csv, key: {key}, by: {scalar(owner.name)}, value: id, ignore: case, none: empty"
    page.line(f"# owner_id: {{lookup: {{{lookup}}}}}", 2)
