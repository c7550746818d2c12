"""Report files: whole or not at all, for their owner alone, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain, count
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TextIO, TypedDict, Unpack

from importer.errors import ConfigError, ReportError
from importer.files.small import head_of
from importer.text.formulas import escape_formula
from importer.text.safe import UNSAFE_IN_LINES
from importer.text.wording import command_line

#: Seconds after which no process can still be writing a report.
_LEFT_OVER_AFTER = 3600.0
#: What the tables of a folder were when they were written, in the form of sha256sum.
_NOTE = ".reports.sha256"
_NOTE_MAX = 1_000_000
#: Files that LibreOffice and Excel put next to one that is open in them.
_OPEN = (".~lock.{}#", "~${}")


@dataclass(frozen=True, slots=True)
class Reports:
    """Where the reports are; None for those that were not written."""

    results: Path | None = None  #: Every row.
    #: Rows to fix, with the columns of their source: more than one file if columns differ, and none if there are no
    #: such rows.
    failures: tuple[Path, ...] = ()
    summary: Path | None = None  #: For scripts; written last, once it is known how the command ends.
    orphans: tuple[Path, ...] = ()  #: Notes of companion files that match no row.
    #: Case updates that were not delivered, or changed by the server; None if there are none.
    case_updates: Path | None = None
    verified: Path | None = None  #: How the cases compare with what was sent; None if they were not read back.
    page: Path | None = None  #: For people: did everything arrive, what failed and why, what to do next.
    id_map: Path | None = None  #: Which old ticket is which case; None if there is no case yet.
    workbooks: tuple[Path, ...] = ()  #: The rows of ``failures`` as workbooks to fix them in.
    beyond_workbooks: int = 0  #: How many of these rows are not in a workbook, because a sheet has no room for them.
    #: Tables of an earlier run that somebody changed, or has open: they were not replaced, and the new ones have the
    #: next number in their names.
    kept: tuple[Path, ...] = ()


class ReportFolder:
    """The tables in a folder of reports. One that a person changed, or has open, is never replaced or removed.

    A table is ours as long as its SHA-256 is the one that was noted when it was written. The note is a file next to
    the tables, so it is as good after the folder was copied, or the ledger made again. What it does not know is kept.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path)
        self.path = path
        self._written: dict[str, list[Path]] = {}  # name → the tables with it and a number that are written now
        self._note = path / _NOTE
        self._known: dict[str, list[str]] = {}  # name of a file → digests of what was written there, newest last
        with suppress(OSError, ValueError):
            for line in head_of(self._note, _NOTE_MAX).decode().splitlines():
                digest, _, name = line.partition("  ")
                self._known.setdefault(name, []).append(digest)

    @contextmanager
    def table(self, name: str) -> Iterator[tuple[Path, BinaryIO]]:
        """Write a table as :func:`whole_bytes` does: ``failures.csv``, then ``failures-2.csv`` and so on."""
        written = self._written.setdefault(name, [])
        paths = (numbered(self.path, name, number) for number in count(1))
        path = next(path for path in paths if path not in written and not self._is_kept(path))
        with whole_bytes(path, ready=lambda temporary: self._remember(path.name, temporary)) as file:
            yield path, file
        written.append(path)

    def without(self, name: str) -> None:
        """There is nothing to write into tables of this name."""
        self._written.setdefault(name, [])

    def finish(self) -> tuple[Path, ...]:
        """Remove tables of an earlier run that would be empty now; those that are kept instead are returned.

        Raises:
            ConfigError: one cannot be removed.
        """
        kept = []
        for name, written in self._written.items():
            form = Path(name)
            alike = re.compile(rf"{re.escape(form.stem)}(?:-[0-9]+)?{re.escape(form.suffix)}")
            for path in sorted(self.path.iterdir()):
                if not alike.fullmatch(path.name) or path in written:
                    continue
                if self._is_kept(path):
                    kept.append(path)
                else:
                    remove(path)
        return tuple(kept)

    def _is_kept(self, path: Path) -> bool:
        """Whether there is a table that may have a person's work in it. Links are replaced, not what they name."""
        if path.is_symlink() or not path.is_file():
            return False
        if any(path.with_name(lock.format(path.name)).exists() for lock in _OPEN):
            return True
        try:
            with path.open("r+b") as file:  # what is open in Excel on Windows, or write-protected, cannot be
                return hashlib.file_digest(file, "sha256").hexdigest() not in self._known.get(path.name, ())
        except OSError:
            return True

    def _remember(self, name: str, written: Path) -> None:
        """Note a table before it takes the place of an earlier one, whose note stays: the process may die between."""
        with written.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[name] = [*self._known.get(name, [])[-1:], digest]
        with whole_bytes(self._note) as note:
            lines = (f"{each}  {file}\n" for file, known in self._known.items() for each in known)
            note.write("".join(lines).encode())


class CsvForm(TypedDict, total=False):
    """How a CSV file is written.

    Attributes:
        for_spreadsheets: With a byte order mark and CR LF, because people open this file in a spreadsheet: the default;
            otherwise plain UTF-8 with LF, because scripts read it.
        is_exact: Keep every character, because the file is read again; otherwise what a terminal would obey is a space.
        delimiter: Between the cells; a semicolon for spreadsheets of countries with a decimal comma.
    """

    for_spreadsheets: bool
    is_exact: bool
    delimiter: str


def write_csv(
    folder: ReportFolder, name: str, columns: Iterable[str], rows: Iterable[Iterable[object]], **form: Unpack[CsvForm]
) -> Path:
    """Write a CSV file as :meth:`ReportFolder.table` does, with ``columns`` as its header. Formulas are escaped.

    Raises:
        ConfigError: it cannot be written.
    """
    for_spreadsheets, is_exact = form.get("for_spreadsheets", True), form.get("is_exact", False)

    def shown(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        if not is_exact and not cell.isprintable():
            cell = UNSAFE_IN_LINES.sub(" ", cell)
        return escape_formula(cell)

    with folder.table(name) as (path, file), _as_text(file, "utf-8-sig" if for_spreadsheets else "utf-8") as text:
        line_end = "\r\n" if for_spreadsheets else "\n"
        writer = csv.writer(text, delimiter=form.get("delimiter", ","), lineterminator=line_end)
        writer.writerows(map(shown, line) for line in chain([columns], rows))
    return path


def write_if_any(
    folder: ReportFolder, name: str, columns: Iterable[str], rows: Iterable[Iterable[object]], **form: Unpack[CsvForm]
) -> Path | None:
    """The same if there are rows; otherwise there is no file, and that of an earlier run is removed."""
    lines = iter(rows)
    for first in lines:
        return write_csv(folder, name, columns, chain([first], lines), **form)
    folder.without(name)
    return None


def numbered(folder: Path, name: str, number: int) -> Path:
    """``failures.csv``, ``failures-2.csv`` and so on."""
    path = folder / name
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write a text as :func:`whole_bytes` does."""
    with whole_bytes(path) as file, _as_text(file, "utf-8") as text:
        yield text


@contextmanager
def _as_text(file: BinaryIO, encoding: str) -> Iterator[TextIO]:
    text = TextIOWrapper(file, encoding=encoding, newline="", errors="surrogatepass")
    try:
        yield text
    finally:
        text.detach()  # which writes what is left of it


@contextmanager
def whole_bytes(path: Path, *, ready: Callable[[Path], object] | None = None) -> Iterator[BinaryIO]:
    """Write ``path`` under another name and rename it when it is complete and on disk.

    A link or pipe at ``path`` is replaced, never written through. ``ready`` is told the other name before that.

    Raises:
        ConfigError: it cannot be written; what was at ``path`` before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    _remove_left_over(path)
    try:
        with _told_if_it_fails(path):
            handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(handle)
            if ready is not None:
                ready(temporary)
            os.replace(temporary, path)
            sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the folder of the reports, for its owner only. Raises ConfigError if it cannot be made."""
    with _told_if_it_fails(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove the report of an earlier run that would be empty now. Raises ConfigError if it cannot be removed."""
    with _told_if_it_fails(path):
        path.unlink(missing_ok=True)


def _remove_left_over(path: Path) -> None:
    """Remove the temporary files of killed processes: they have customers' data, and nobody would look for them."""
    for left in path.parent.glob(f".{path.name}.????????"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER_AFTER:
                left.unlink()


@contextmanager
def _told_if_it_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "free disk space or choose another folder"
        raise ConfigError(f"cannot write the file: {error.strerror}", where=str(path), hint=hint) from error


@contextmanager
def reporting(ledger: Path, folder: Path) -> Iterator[None]:
    """What cannot be written inside is a ReportError that says how the reports are written later."""
    try:
        yield
    except ConfigError as error:
        again = command_line(["case-importer", "report", "--ledger", str(ledger), "--out", str(folder)])
        hint = f"{error.hint}; the ledger is complete, so to write the reports later, run: {again}"
        raise ReportError(error.what, where=error.where, hint=hint) from error


def sync_directory(folder: Path) -> None:
    """Make names in ``folder`` survive a power cut (POSIX; elsewhere directories cannot be synced)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
