"""What is imported, opened: an export, its mapping, and its companion files, such as its comments."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ChangedError, ConfigError, SourceError, WrongMappingError
from importer.failures.read_back import FailuresFile, failures_file_of
from importer.ledger.companion_rows import CompanionRow, CompanionRows
from importer.ledger.records import CompanionFile
from importer.ledger.sources import sources
from importer.mapping import Mapping
from importer.mapping.notes import Companion
from importer.models import Row, StrPath
from importer.reader import open_named
from importer.text.safe import shown
from importer.text.wording import command_line, listed

if TYPE_CHECKING:
    from importer.ledger import Ledger
    from importer.mapping.language.case_forms import EachForm
    from importer.reader import Reader


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


def _refuse_other_file(reader: Reader, mapping: Mapping) -> None:
    """Where the position of a row is its key, another file would give the cases of its tickets to other tickets."""
    if not (found := reader.fingerprint()).startswith(mapping.position or ""):
        what = "the file is not, or no longer, the one whose row numbers are the keys of this mapping"
        hint = (
            f"use the unchanged file; `retry` finishes its rows without it. For a file of other tickets write"
            f" `position: {found[:12]}`, with a new --ledger: all of its rows become cases"
        )
        raise ChangedError(what, where=reader.name, hint=hint)


def failures_in(ledger: Ledger, source: Reader) -> FailuresFile | None:
    """How to read a failures file of this ledger; None if it is an ordinary export."""
    failures = failures_file_of(source.columns)
    return failures and failures.named_as(info.columns for info in sources(ledger))


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
