"""Report files: whole or not at all, for their owner alone, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TextIO

from importer.errors import ConfigError
from importer.formulas import escape_formula
from importer.ledger.database import sync_directory
from importer.models import UNSAFE_IN_LINES

#: Seconds after which no process can still be writing a report.
_LEFT_OVER_AFTER = 3600.0


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


def write_csv(
    path: Path,
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    for_spreadsheets: bool = True,
    is_exact: bool = False,
    keep_empty: bool = True,
    delimiter: str = ",",
) -> Path | None:
    """Write a CSV file as :func:`whole_file` does. Formulas are escaped.

    Args:
        path: Where it will be.
        columns: The header.
        rows: Their cells.
        for_spreadsheets: With a byte order mark and CR LF, because people open this file in a spreadsheet; otherwise
            plain UTF-8 with LF, because scripts read it.
        is_exact: Keep every character, because the file is read again; otherwise what a terminal would obey is a space.
        keep_empty: Write it without rows as well; otherwise the file of an earlier run is removed.
        delimiter: Between the cells; a semicolon for spreadsheets of countries with a decimal comma.

    Returns:
        The path; None if there is no file.

    Raises:
        ConfigError: it cannot be written.
    """
    lines = iter(rows)
    first = next(lines, None)
    if first is None and not keep_empty:
        remove(path)
        return None

    def shown(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        if not is_exact and not cell.isprintable():
            cell = UNSAFE_IN_LINES.sub(" ", cell)
        return escape_formula(cell)

    with whole_file(path, encoding="utf-8-sig" if for_spreadsheets else "utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n" if for_spreadsheets else "\n")
        writer.writerows(map(shown, line) for line in chain([columns], [first] if first is not None else [], lines))
    return path


def numbered(folder: Path, name: str, number: int) -> Path:
    """``failures.csv``, ``failures-2.csv`` and so on."""
    path = folder / name
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


def remove_numbered(folder: Path, name: str, numbers: Iterable[int]) -> None:
    """Remove those of an earlier run that would be empty now. Raises ConfigError if one cannot be removed."""
    for number in numbers:
        remove(numbered(folder, name, number))


@contextmanager
def whole_file(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Write a text as :func:`whole_bytes` does."""
    with whole_bytes(path) as file:
        text = TextIOWrapper(file, encoding=encoding, newline="", errors="surrogatepass")
        try:
            yield text
        finally:
            text.detach()  # which writes what is left of it


@contextmanager
def whole_bytes(path: Path) -> Iterator[BinaryIO]:
    """Write ``path`` under another name and rename it when it is complete and on disk.

    A link or pipe at ``path`` is replaced, never written through.

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
        hint = "free disk space or choose another folder; to write reports again (nothing is lost), run:"
        hint = f"{hint} case-importer report --ledger LEDGER --out DIR"
        raise ConfigError(f"cannot write the file: {error.strerror}", where=str(path), hint=hint) from error
