"""From an export (CSV, Excel, OpenDocument, DataFrame) to DataFrame chunks of text whose index is the row of the file.

Nothing is guessed: every cell is the text that a person sees, and what cannot be read for certain is refused with the
line and a hint, or handed on as a bad row.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from importer.errors import SourceError
from importer.models import ReadingOptions
from importer.reader.base import Chunk, Reader, SheetLayout
from importer.reader.csv_reader import CsvReader
from importer.reader.detect import TEXT_KINDS, Kind, kind_of, renamed_note
from importer.reader.dialect import ALL_SHORT

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Chunk",
    "Reader",
    "ReadingOptions",
    "SheetLayout",
    "open_named",
    "open_reader",
    "options_for",
    "sheet_names",
]


def open_reader(source: str | PathLike[str] | pd.DataFrame, **reading: Unpack[ReadingOptions]) -> Reader:
    """Open an export for reading; its contents, not its name, decide how.

    Args:
        source: A delimited text file (plain, .gz, or alone in a .zip), a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods), or
            a DataFrame.
        reading: How to read it, see :class:`~importer.models.ReadingOptions`. What does not apply earns a note.

    Raises:
        SourceError: The export cannot be read as it is. More may come up while its chunks are read.
    """
    if not isinstance(source, str | PathLike):
        from importer.reader.dataframe_reader import DataFrameReader  # imports pandas

        return DataFrameReader(source)
    path = Path(source)
    kind = kind_of(path)
    fitting = _fitting(kind, reading)
    notes = renamed_note(path, kind)
    for name, value in reading.items():
        if value is not None and name not in fitting:
            notes.append(f"--{name.replace('_', '-')} does not apply to this file ({kind.value})")
    if kind in TEXT_KINDS:
        return CsvReader(path, kind, fitting, notes)
    from importer.reader.excel_reader import ExcelReader  # imports calamine, which a text file does not need

    return ExcelReader(path, kind, fitting, notes)


def open_named(path: Path, **reading: Unpack[ReadingOptions]) -> Reader:
    """Open a file that a mapping names. Nobody looks at its notes, so a doubt about its columns is an error.

    Raises:
        SourceError: See :func:`open_reader`.
    """
    reader = open_reader(path, **reading)
    if doubt := next((note for note in reader.notes if note.startswith(ALL_SHORT)), ""):
        raise SourceError(doubt, where=reader.name, hint="write the missing cell, or remove the column from the header")
    return reader


def options_for(path: Path, options: ReadingOptions) -> ReadingOptions:
    """Those of the ``options`` that apply to a file of this kind.

    Raises:
        SourceError: It cannot be read.
    """
    return _fitting(kind_of(path), options)


def _fitting(kind: Kind, options: ReadingOptions) -> ReadingOptions:
    is_text = kind in TEXT_KINDS
    fitting = {name: value for name, value in options.items() if name == "header_row" or (name == "sheet") != is_text}
    return cast(ReadingOptions, fitting)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook that are shown, in its order; empty for any other file.

    Raises:
        SourceError: It cannot be read.
    """
    kind = kind_of(path)
    if kind in TEXT_KINDS:
        return []
    from importer.reader.excel_reader import shown_sheets

    return shown_sheets(path, kind)
