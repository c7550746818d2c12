"""The companion files of an export, such as its comments: found, opened, and handed to the mapping by their keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ChangedError, ConfigError, SourceError
from importer.ledger.companions import CompanionRow, CompanionRows
from importer.ledger.values import CompanionFile
from importer.mapping.notes import Companion
from importer.reader import open_reader

if TYPE_CHECKING:
    from importer.ledger import Ledger
    from importer.mapping import Mapping as CaseMapping
    from importer.mapping.case_schema import EachForm
    from importer.models import Row
    from importer.reader import Reader

StrPath = str | os.PathLike[str]


class OpenedFile:
    """A companion file, opened.

    Attributes:
        source: The file.
        path: Where it is.
        sha256: Of what is read.
        companion: What the mapping knows of it.
        rows: How many rows it has, once it is loaded.
        watch: Is shown its rows on their way.
    """

    def __init__(self, companion: Companion, source: Reader, path: Path) -> None:
        self.companion = companion
        self.source = source
        self.path = path
        self.sha256 = source.fingerprint()
        self.rows = 0
        self.watch: Callable[[Sequence[Row]], None] = lambda _: None

    @property
    def name(self) -> str:
        """What the mapping calls it."""
        return self.companion.form.file or ""


class Companions:
    """The companion files of one export; few exports have any.

    Args:
        ledger: Keeps their rows while the export is read.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.files: list[OpenedFile] = []
        self._rows = None if ledger is None else CompanionRows(ledger)
        self._is_loaded = False

    def open(self, form: EachForm, source: Reader, path: Path) -> None:
        """One more file."""
        number = len(self.files)
        companion = Companion(form, source.name, source.columns, partial(self._find, number))
        self.files.append(OpenedFile(companion, source, path))

    @property
    def tables(self) -> list[Companion]:
        """What a mapping is bound to."""
        return [file.companion for file in self.files]

    def _find(self, file: int, key: bytes) -> list[tuple[str, ...]]:
        return self._rows.find(file, key) if self._rows is not None and self._is_loaded else []

    def load(self, progress: Callable[[], None]) -> None:
        """Read all of them, once the mapping is bound to them, telling now and then that it goes on.

        Raises:
            SourceError: one of them cannot be read.
        """
        if self._is_loaded or self._rows is None:
            return
        for number, file in enumerate(self.files):
            for chunk in file.source.chunks():
                rows = list(chunk.rows())
                file.watch(rows)
                self._rows.add(number, (_companion_row(file.companion, row) for row in rows))
                file.rows += len(rows)
                progress()
        self._rows.index()
        self._is_loaded = True

    def note_keys(self, rows: Sequence[Row]) -> None:
        """These rows of the export were read. If something is wrong with one, it has its entries still."""
        if self._rows is not None:
            for number, file in enumerate(self.files):
                keys = [file.companion.key_of_row(row.cells) for row in rows]
                self._rows.note_keys(number, [key for key in keys if key is not None])

    def close(self) -> None:
        """Let go of what was read."""
        if self._rows is not None:
            self._rows.close()

    def are_as(self, read: Sequence[CompanionFile]) -> bool:
        """Whether these files hold what was read before."""
        return [(file.name, file.sha256) for file in self.files] == [(before.file, before.sha256) for before in read]

    def as_read(self) -> list[CompanionFile]:
        """What the ledger keeps of them."""
        return [
            CompanionFile(file.name, str(file.path), file.sha256, file.source.columns, file.rows, None, None)
            for file in self.files
        ]


def _companion_row(companion: Companion, row: Row) -> CompanionRow:
    if row.problems and (problem := companion.spoiling(row.problems)):
        place = f"{problem.column}: " if problem.column else ""
        message = f"{place}{problem.rule}; {problem.hint}"
        return CompanionRow(row.number, row.cells, None, "", problem.code, message)
    key = companion.key_of_entry(row.cells)
    if key is None:
        return CompanionRow(row.number, row.cells, None, "", "no_key", "it does not say which ticket it belongs to")
    return CompanionRow(row.number, row.cells, key, companion.key_shown(row.cells))


class Beside(NamedTuple):
    """Where companion files are.

    Attributes:
        folder: Where the export lies: there they lie too.
        given: Where the user says that they are, as ``FILE`` or ``NAME=FILE``.
    """

    folder: Path
    given: Iterable[StrPath] = ()


@contextmanager
def open_companions(
    ledger: Ledger, mapping: CaseMapping, beside: Beside, *, known: Sequence[CompanionFile] = ()
) -> Iterator[Companions]:
    """The companion files that ``mapping`` names.

    Args:
        ledger: Keeps their rows while the export is read.
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
    companions = Companions(ledger if forms else None)
    for form, place in forms:
        name = form.file or ""
        before = next((read for read in known if read.file == name), None)
        path = said.get(name) or (Path(before.path) if before else beside.folder / name)
        source = _opened(form, path, where=mapping.place((*place, "file")))
        if before and name not in said and source.fingerprint() != before.sha256:
            hint = f"put the old file back, or name the one that counts: --notes {name}=FILE"
            raise ChangedError("the notes have changed since these rows were read", where=str(path), hint=hint)
        companions.open(form, source, path.absolute())
    try:
        yield companions
    finally:
        companions.close()


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
