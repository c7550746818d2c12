"""The files of notes that lie beside an export: found, opened, and counted while the rows go by."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ChangedError, ConfigError, SourceError
from importer.ledger.values import NotesRead
from importer.mapping.notes_file import NotesFile
from importer.reader import open_reader

if TYPE_CHECKING:
    from importer.mapping import Mapping as CaseMapping
    from importer.mapping.case_schema import EachForm
    from importer.models import Row
    from importer.reader import Reader

StrPath = str | os.PathLike[str]


class Notes:
    """The opened files of notes of one export; few exports have any.

    Args:
        files: One for each that the mapping names.
        paths: Where they lie.
    """

    def __init__(self, files: Sequence[NotesFile] = (), paths: Sequence[Path] = ()) -> None:
        self.files = tuple(files)
        self._digests = tuple(file.source.fingerprint() for file in files)
        self._paths = tuple(paths)

    def load(self, progress: Callable[[], None]) -> None:
        """Read all of them, telling now and then that it goes on.

        Raises:
            SourceError: one of them cannot be read.
        """
        for file in self.files:
            file.load(progress)

    def is_as(self, read: Sequence[NotesRead]) -> bool:
        """Whether these files hold what was read before."""
        return [(file.form.file, digest) for file, digest in zip(self.files, self._digests, strict=True)] == [
            (notes.file, notes.sha256) for notes in read
        ]

    def counting(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows of the export, each counted once whoever takes them has mapped it."""
        return self._counting(rows) if self.files else rows

    def _counting(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            yield row
            for file in self.files:
                file.count(row.cells)

    def as_read(self, orphans: Sequence[int] | None) -> list[NotesRead]:
        """What the ledger keeps of them.

        Args:
            orphans: How many notes of each belong to no row; None if the rows were not those of a whole export.
        """
        lost: Sequence[int | None] = orphans or [None] * len(self.files)
        return [
            NotesRead(
                file.form.file or "",
                path=str(path),
                sha256=digest,
                columns=file.source.columns,
                rows=file.read,
                without_row=without_row,
                rows_without=None if without_row is None else file.bare,
            )
            for file, path, digest, without_row in zip(self.files, self._paths, self._digests, lost, strict=True)
        ]

    def as_read_again(self, before: Sequence[NotesRead]) -> list[NotesRead]:
        """The same after some rows of a source were mapped anew: its orphans are those of the whole source."""
        return [
            next((read for read in before if (read.file, read.sha256) == (again.file, again.sha256)), again)
            for again in self.as_read(None)
        ]


class Beside(NamedTuple):
    """Where files of notes are.

    Attributes:
        folder: Where the export lies: there its notes lie too.
        given: Where the user says that they are, as ``FILE`` or ``NAME=FILE``.
    """

    folder: Path
    given: Iterable[StrPath] = ()


@contextmanager
def open_notes(mapping: CaseMapping, beside: Beside, *, known: Sequence[NotesRead] = ()) -> Iterator[Notes]:
    """The files of notes that ``mapping`` names.

    Args:
        mapping: The mapping.
        beside: Where they are.
        known: Where they were when the same rows were read before.

    Raises:
        ConfigError: what was given does not fit the mapping.
        ChangedError: a file that was read before has changed since.
        SourceError: a file is missing or cannot be read.
    """
    forms = mapping.note_files
    said = _said([form.file or "" for form, _ in forms], [os.fspath(text) for text in beside.given])
    files, paths = [], []
    for form, place in forms:
        name = form.file or ""
        before = next((notes for notes in known if notes.file == name), None)
        path = said.get(name) or (Path(before.path) if before else beside.folder / name)
        file = NotesFile(form, _opened(form, path, where=mapping.place((*place, "file"))))
        if before and name not in said and file.source.fingerprint() != before.sha256:
            hint = f"put the old file back, or name the one that counts: --notes {name}=FILE"
            raise ChangedError("the notes have changed since these rows were read", where=str(path), hint=hint)
        files.append(file)
        paths.append(path.absolute())
    try:
        yield Notes(files, paths)
    finally:
        for file in files:
            file.close()


def _opened(form: EachForm, path: Path, *, where: str) -> Reader:
    if not path.exists():
        hint = (
            f"put it there, or say where it is: --notes FILE; if there are none, remove the note that stands at {where}"
        )
        raise SourceError("there is no such file of notes", where=str(path), hint=hint)
    return open_reader(path, sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)


def _said(names: list[str], given: list[str]) -> Mapping[str, Path]:
    """Name in the mapping → file."""
    names = list(dict.fromkeys(names))
    said: dict[str, Path] = {}
    for text in given:
        name, _, file = text.partition("=")
        if name not in names or not file:
            name, file = _only(names, text), text
        if name in said:
            raise ConfigError(f"--notes says twice where {name} is", hint="give each file once")
        said[name] = Path(file)
    return said


def _only(names: list[str], text: str) -> str:
    if not names:
        raise ConfigError("--notes: this mapping takes no notes from a file", hint="see `each: {file: …}` in the docs")
    if len(names) > 1:
        hint = f"say which one it is: {' '.join(f'--notes {name}=FILE' for name in names)}"
        raise ConfigError(f"--notes {text}: this mapping takes notes from {len(names)} files", hint=hint)
    return names[0]
