"""What is imported, opened: an export, its mapping, and its companion files, such as its comments."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from importer.errors import ChangedError, ConfigError, SourceError, WrongMappingError
from importer.ledger.companion_rows import CompanionRow, CompanionRows
from importer.ledger.records import CompanionFile
from importer.ledger.sources import sources
from importer.mapping import Mapping, load_mapping
from importer.mapping.notes import Companion
from importer.models import Row, StrPath, shown
from importer.reader import ReadingOptions, open_named, open_reader, options_for
from importer.report.failures_file import FailuresFile, failures_file_of, is_failures_file
from importer.wording import are, command_line, listed, plural

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.ledger import Ledger
    from importer.mapping.case_schema import EachForm
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


def refuse_misfit(mapping: Mapping, columns: tuple[str, ...], *, name: str, path: Path | None = None) -> None:
    """Refuse a mapping that cannot be meant for the export of this name, which is at ``path``.

    Raises:
        WrongMappingError: the export lacks most of what the mapping reads, or all that an essential field is made of.
    """
    misfit = mapping.misfit(columns)
    if not misfit:
        return
    unread = listed(repr(shown(column)) for column in mapping.unread(columns))
    what = f"{misfit}; your columns that nothing reads: {unread}" if unread else misfit
    looks_like, other = _other_system(mapping, columns)
    draft = command_line(["case-importer", "suggest", str(path or "FILE"), "-o", "mine.yml"])
    copy = f"a copy of it (case-importer mappings copy {mapping.name})" if _is_built_in(mapping) else mapping.name
    hint = f"write a mapping for it with: {draft}; or remove what the export cannot have from {copy}"
    raise WrongMappingError(what, where=name, hint=f"{looks_like}: use --mapping {other}" if other else hint)


def _other_system(mapping: Mapping, columns: tuple[str, ...]) -> tuple[str, str]:
    """The helpdesk that an export looks like, and its mapping, if ``mapping`` is the built-in one of another."""
    if not _is_built_in(mapping):
        return "", ""  # a file, which may be for anything
    from importer.suggest.headers import recognise  # only now: it reads words in many languages

    system = recognise(columns)
    if system is None or not system.mapping or system.mapping == mapping.name:
        return "", ""
    return f"the file looks like an export from {system.name}", system.mapping


def _is_built_in(mapping: Mapping) -> bool:
    return mapping.path_or_name == mapping.name


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


def _refuse_other_file(reader: Reader, mapping: Mapping) -> None:
    """Where the position of a row is its key, another file would give the cases of its tickets to other tickets."""
    if not (found := reader.fingerprint()).startswith(mapping.position or ""):
        what = "the file is not, or no longer, the one whose row numbers are the keys of this mapping"
        hint = (
            f"use the unchanged file; `retry` finishes its rows without it. For a file of other tickets write"
            f" `position: {found[:12]}`, with a new --ledger: all of its rows become cases"
        )
        raise ChangedError(what, where=reader.name, hint=hint)


def folder_of(source: StrPath | DataFrame) -> Path:
    """Where an export is, and its companion files."""
    return Path(source).parent if isinstance(source, str | os.PathLike) else Path()


def columns_mapped(source: Reader) -> tuple[str, ...]:
    """The columns that a mapping is bound to: those of the export, without the reasons of a failures file."""
    failures = failures_file_of(source.columns)
    return failures.user_columns if failures else source.columns


def failures_in(ledger: Ledger, source: Reader) -> FailuresFile | None:
    """How to read a failures file of this ledger; None if it is an ordinary export."""
    failures = failures_file_of(source.columns)
    return failures and failures.named_as(info.columns for info in sources(ledger))


def opened_mapping(mapping: StrPath | Mapping, folders: Iterable[StrPath]) -> Mapping:
    """A mapping that may read files below its own folder and below ``folders``.

    Raises:
        MappingError: it is not valid, or names a file that it may not read.
    """
    if not isinstance(mapping, Mapping):
        return load_mapping(mapping, allow_files=folders)
    return replace(mapping, folders=(*mapping.folders, *(Path(folder).resolve() for folder in folders)))


class OpenedFile:
    """A companion file, opened."""

    def __init__(self, companion: Companion, source: Reader, path: Path) -> None:
        self.companion = companion  #: what the mapping knows of it
        self.source = source
        known = (companion.form.file or "", str(path), source.fingerprint(), source.columns)
        self.info = CompanionFile(*known, 0, None, None)  #: what the ledger keeps; the rows once they are loaded
        self.watch: Callable[[Sequence[Row]], None] = lambda _: None  #: is shown its rows on their way


class Companions:
    """The companion files of one export; few exports have any. ``ledger`` keeps their rows while the export is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.files: list[OpenedFile] = []
        self._rows = CompanionRows(ledger)

    def open(self, form: EachForm, source: Reader, path: Path) -> None:
        """One more file."""
        companion = Companion(form, source.name, source.columns, partial(self._rows.find, len(self.files)))
        self.files.append(OpenedFile(companion, source, path))

    @property
    def tables(self) -> list[Companion]:
        """What a mapping is bound to."""
        return [file.companion for file in self.files]

    def load(self, progress: Callable[[], None]) -> None:
        """Read all of them, once the mapping is bound to them, and report progress now and then.

        Raises:
            SourceError: one of them cannot be read.
        """
        for number, file in enumerate(self.files):
            for chunk in file.source.chunks():
                rows = list(chunk.rows())
                file.watch(rows)
                self._rows.add(number, (_companion_row(file.companion, row) for row in rows))
                file.info = replace(file.info, rows=file.info.rows + len(rows))
                progress()
        self._rows.index()

    def note_keys(self, rows: Iterable[Row]) -> None:
        """These rows of the export were read. If something is wrong with one, its entries still belong to it."""
        rows = list(rows) if self.files else []
        for number, file in enumerate(self.files):
            keys = [file.companion.key_of_row(row.cells) for row in rows]
            self._rows.note_keys(number, [key for key in keys if key is not None])

    def close(self) -> None:
        """Drop what was read."""
        self._rows.close()

    def are_as(self, read: Sequence[CompanionFile]) -> bool:
        """Whether these files have the contents that were read before."""
        return [(now.file, now.sha256) for now in self.as_read()] == [(before.file, before.sha256) for before in read]

    def as_read(self) -> list[CompanionFile]:
        """What the ledger keeps of them."""
        return [file.info for file in self.files]


def _companion_row(companion: Companion, row: Row) -> CompanionRow:
    if row.problems and (problem := companion.spoiling(row.problems)):
        place = f"{problem.column}: " if problem.column else ""
        message = f"{place}{problem.rule}; {problem.hint}"
        return CompanionRow(row.number, row.cells, None, "", problem.code, message)
    key = companion.key_of_entry(row.cells)
    if key is None:
        return CompanionRow(row.number, row.cells, None, "", "no_key", "does not name the ticket it belongs to")
    return CompanionRow(row.number, row.cells, key, companion.key_shown(row.cells))


@contextmanager
def open_companions(
    ledger: Ledger,
    mapping: Mapping,
    folder: Path,
    given: Iterable[StrPath] = (),
    *,
    known: Sequence[CompanionFile] = (),
) -> Iterator[Companions]:
    """The companion files that ``mapping`` names.

    Args:
        ledger: Keeps their rows while the export is read.
        mapping: The mapping.
        folder: Where the export is; by default they are next to it.
        given: Where they are otherwise, as ``FILE`` or ``NAME=FILE``.
        known: Where they were when the same rows were read before.

    Raises:
        ConfigError: what was given does not fit the mapping.
        MappingError: the mapping may not read a file.
        ChangedError: a file that was read before has changed since.
        SourceError: a file is missing or cannot be read.
    """
    forms = mapping.note_files
    paths = _given_paths(list(dict.fromkeys(form.file or "" for form, _ in forms)), given)
    companions = Companions(ledger)
    for form, place in forms:
        name = form.file or ""
        before = next((read for read in known if read.file == name), None)
        path = paths.get(name) or (Path(before.path) if before else folder / name)
        if name not in paths and not before:
            mapping.refuse_outside(path, (*place, "file"), [folder])
        if not path.exists() and form.optional and name not in paths and not before:
            continue
        if not path.exists():
            note = mapping.place((*place, "file"))
            hint = f"put it there, or pass --notes FILE; if you have no notes, remove the note at {note}"
            raise SourceError("companion file with notes not found", where=str(path), hint=hint)
        source = open_named(path, sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)
        if before and name not in paths and source.fingerprint() != before.sha256:
            hint = f"restore the old file, or choose the file to use with --notes {name}=FILE"
            raise ChangedError("the companion file changed since these rows were read", where=str(path), hint=hint)
        companions.open(form, source, path.absolute())
    try:
        yield companions
    finally:
        companions.close()


def _given_paths(names: Sequence[str], given: Iterable[StrPath]) -> dict[str, Path]:
    """Name in the mapping → file; a mapping with one companion file needs no names."""
    paths: dict[str, Path] = {}
    for path in given:
        text = os.fspath(path)
        name, _, file = text.partition("=")
        if name not in names or not file:
            if len(names) != 1:
                hint = f"choose one: {' '.join(f'--notes {name}=FILE' for name in names)}"
                what = f"--notes {text}: this mapping uses {len(names) or 'no'} companion file{'s' * bool(names)}"
                raise ConfigError(what, hint=hint if names else "see `each: {file: …}` in the docs")
            name, file = names[0], text
        if name in paths:
            raise ConfigError(f"--notes is given twice for {name}", hint="give each file once")
        paths[name] = Path(file)
    return paths
