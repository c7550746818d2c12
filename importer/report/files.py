"""Report files: whole or not at all, for their owner alone, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TextIO

from importer.errors import ConfigError
from importer.formulas import escape_formula
from importer.ledger.database import sync_directory
from importer.models import UNSAFE_IN_LINES

#: Seconds after which no process can still be writing a report.
_LEFT_OVER_AFTER = 3600.0

WriteRow = Callable[[Iterable[object]], None]


@contextmanager
def csv_file(
    path: Path,
    columns: Iterable[str],
    *,
    for_spreadsheets: bool = True,
    is_exact: bool = False,
    delimiter: str = ",",
) -> Iterator[WriteRow]:
    """Write a CSV file as :func:`whole_file` does; yields what writes a row. Formulas are escaped.

    Args:
        path: Where it will be.
        columns: The header.
        for_spreadsheets: With a byte order mark and CR LF, because people open this file in a spreadsheet; otherwise
            plain UTF-8 with LF, because scripts read it.
        is_exact: Keep every character, because the file is read again; otherwise what a terminal would obey is a space.
        delimiter: Between the cells; a semicolon for spreadsheets of countries with a decimal comma.

    Raises:
        ConfigError: it cannot be written.
    """
    with whole_file(path, encoding="utf-8-sig" if for_spreadsheets else "utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n" if for_spreadsheets else "\n")

        def shown(cell: str) -> str:
            return cell if is_exact else UNSAFE_IN_LINES.sub(" ", cell)

        def write(cells: Iterable[object]) -> None:
            writer.writerow([escape_formula(shown(cell)) if isinstance(cell, str) else cell for cell in cells])

        write(columns)
        yield write


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
        hint = "free disk space or choose another folder, then run: case-importer report --ledger LEDGER --out DIR"
        what = f"cannot write the report: {error.strerror}"
        raise ConfigError(what, where=str(path), hint=f"{hint} (nothing is lost)") from error
