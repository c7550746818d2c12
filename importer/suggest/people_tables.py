"""A table of users that came with an export: it has the addresses and names that the export only gives as ids."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.errors import SourceError
from importer.reader import open_reader
from importer.suggest.columns import Column, Kind, describe
from importer.suggest.comment_tables import SUFFIXES, TABLES_MAX, Place
from importer.suggest.first_rows import read_first_rows
from importer.suggest.headers import Vocabulary, squeezed
from importer.suggest.row_names import LEAST_SHARE


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
) -> PeopleTable | None:
    """The table next to the export that knows the requesters; None if there is none.

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
    for file in [it for it in near if _may_have_people(it, path, vocabulary)][:TABLES_MAX]:
        is_text = file.suffix.lower() in (".csv", ".tsv", ".txt")
        place = Place(file, encoding=(is_text and encoding) or "")
        try:
            table = read_first_rows(open_reader(file, encoding=place.encoding or None))
        except SourceError:
            continue
        others = describe(table, vocabulary)
        named = os.path.relpath(file.absolute(), folder.absolute())
        for _, by in sorted(called, key=lambda entry: entry[0]):
            if found := _joined(place, named, by, others, vocabulary):
                return found
    return None


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
