"""What is imported, opened: an export and its mapping."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from importer.failures.read_back import failures_file_of, is_failures_file
from importer.intake.companions import (
    Companions,
    _other_system,
    _refuse_other_file,
    failures_in,
    open_companions,
    refuse_misfit,
)
from importer.ledger.sources import sources
from importer.mapping import Mapping, load_mapping
from importer.models import StrPath
from importer.reader import ReadingOptions, open_reader, options_for
from importer.text.safe import shown
from importer.text.wording import are, listed, plural

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.ledger import Ledger
    from importer.reader import Reader


class ExportOptions(ReadingOptions, total=False):
    """How an export is opened: how it is read, and which files its mapping may read.

    Attributes:
        notes: The companion files that the mapping names, as ``FILE`` or ``NAME=FILE``; by default next to the export.
        allow_files: Folders whose files the mapping may read, besides its own folder and that of the export.
    """

    notes: Iterable[StrPath]
    allow_files: Iterable[StrPath]


@dataclass(frozen=True, slots=True)
class Export:
    """An export and its mapping, opened."""

    reader: Reader
    mapping: Mapping
    reading: ReadingOptions  #: how the user, or else the mapping, wants it to be read
    path: Path | None  #: where it is; None for a DataFrame
    notes: tuple[StrPath, ...]  #: where these are otherwise, as ``FILE`` or ``NAME=FILE``
    columns: tuple[str, ...]  #: that the mapping is bound to, see :func:`columns_mapped`

    @property
    def folder(self) -> Path:
        """Where it is, and its companion files."""
        return self.path.parent if self.path else Path()

    def as_in(self, ledger: Ledger) -> Export:
        """The same; of a failures file with the columns as this ledger has them."""
        failures = failures_in(ledger, self.reader)
        return self if failures is None else replace(self, columns=failures.user_columns)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know about how it is read and mapped."""
        names = [form.file or "" for form, _ in self.mapping.note_files if form.optional]
        absent = [] if self.notes else [name for name in names if not (self.folder / name).exists()]
        gone = [f"{name} was not found next to the export, so there are no notes from it" for name in absent]
        return (*self._doubts(), *self.reader.notes, *self.mapping.notes, *gone)

    def fitting(self) -> Export:
        """Itself, if its mapping can be meant for it.

        Raises:
            WrongMappingError: it lacks most of what the mapping reads, or all that an essential field is made of.
        """
        refuse_misfit(self.mapping, self.columns, name=self.reader.name, path=self.path)
        return self

    def _doubts(self) -> Iterator[str]:
        """Warnings about what may be the wrong mapping."""
        looks_like, other = _other_system(self.mapping, self.columns)
        if other:
            yield f"warning: {looks_like}, but the mapping is for {self.mapping.name}: use --mapping {other}"
        if lacking := self.mapping.lacking(self.columns):
            which = f"{len(lacking)} of the {plural(len(self.mapping.columns_read), 'column')} of {self.mapping.name}"
            names = listed(repr(shown(column)) for column in lacking)
            yield f"warning: {which} {are(len(lacking))} not in this export and count as empty: {names}"

    def companions(self, ledger: Ledger) -> AbstractContextManager[Companions]:
        """Its companion files; those of a failures file, :meth:`as_in` this ledger, are where they were when its rows
        were read.

        Raises:
            MappingError: the mapping does not fit the columns of the export, which is said before all else.
        """
        self.mapping.bind(self.columns)
        infos = sources(ledger) if failures_file_of(self.reader.columns) else []
        known = [file for info in reversed(infos) for file in info.companions]
        return open_companions(ledger, self.mapping, self.folder, self.notes, known=known)


def open_export(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    notes: Iterable[StrPath] = (),
    allow_files: Iterable[StrPath] = (),
    **reading: Unpack[ReadingOptions],
) -> Export:
    """An export and its mapping, which may read files below its folder, that of the export, and ``allow_files``.

    What the mapping says about reading counts where the user says nothing. It is about the export: a failures file is
    read as it is.

    Raises:
        SourceError: the export cannot be read.
        MappingError: the mapping is not valid.
        ChangedError: the mapping is for the rows of another file, by their positions.
    """
    loaded = opened_mapping(mapping, (folder_of(source), *allow_files))
    given = cast(ReadingOptions, {name: value for name, value in reading.items() if value is not None})
    options = given
    if loaded.reading and isinstance(source, str | os.PathLike) and not is_failures_file(Path(source)):
        options = options_for(Path(source), loaded.reading) | given
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    reader = open_reader(source, **options)
    if loaded.position and failures_file_of(reader.columns) is None:
        _refuse_other_file(reader, loaded)
    return Export(reader, loaded, given, path, tuple(notes), columns_mapped(reader))


def folder_of(source: StrPath | DataFrame) -> Path:
    """Where an export is, and its companion files."""
    return Path(source).parent if isinstance(source, str | os.PathLike) else Path()


def columns_mapped(source: Reader) -> tuple[str, ...]:
    """The columns that a mapping is bound to: those of the export, without the reasons of a failures file."""
    failures = failures_file_of(source.columns)
    return failures.user_columns if failures else source.columns


def opened_mapping(mapping: StrPath | Mapping, folders: Iterable[StrPath]) -> Mapping:
    """A mapping that may read files below its own folder and below ``folders``.

    Raises:
        MappingError: it is not valid, or names a file that it may not read.
    """
    if not isinstance(mapping, Mapping):
        return load_mapping(mapping, allow_files=folders)
    return replace(mapping, folders=(*mapping.folders, *(Path(folder).resolve() for folder in folders)))
