"""From an export (CSV, Excel, OpenDocument, DataFrame) to DataFrame chunks of text whose index is the row of the file.

Nothing is guessed: every cell is the text that a person sees, and what cannot be read for certain is refused with the
line and a hint, or handed on as a bad row.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from importer.models import ReadingOptions
from importer.reader.base import Chunk, Reader, SheetLayout
from importer.reader.csv_reader import CsvReader
from importer.reader.detect import TEXT_KINDS, existing_file, kind_of, renamed_note
from importer.reader.limits import CHUNK_ROWS, MOST_RATIO

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Chunk", "Reader", "ReadingOptions", "SheetLayout", "open_reader", "options_for", "sheet_names"]


def open_reader(
    path_or_frame: str | PathLike[str] | pd.DataFrame,
    *,
    sheet: str | int | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    max_ratio: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Reader:
    """Open an export for reading; its contents, not its name, decide how.

    Args:
        path_or_frame: A delimited text file (plain, .gz, or alone in a .zip), a workbook (.xlsx, .xlsm, .xlsb, .xls,
            .ods), or a DataFrame.
        sheet: Sheet of a workbook: its name, or its number among the tabs that are shown, 1-based. Without it the
            one that is shown and looks most like tickets, or at least has cells.
        encoding: Encoding of a text file. Without it a byte order mark, or else UTF-8.
        delimiter: What separates the cells of a text file. Without it comma, semicolon, tab or bar, as the header and
            the rows show.
        header_row: Line of a text file, or row of a sheet, with the header, 1-based; 0 if there is none, and the
            columns are called by their place. Without it the first one, below titles.
        max_ratio: How many times its size a packed text may unpack to; 200 without it.
        chunk_rows: Most rows of a chunk.

    Raises:
        SourceError: The export cannot be read as it is. More may come up while its chunks are read.
        ValueError: ``chunk_rows`` is less than 1.
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows must be at least 1, not {chunk_rows}")
    if not isinstance(path_or_frame, str | PathLike):
        from importer.reader.dataframe_reader import DataFrameReader  # imports pandas

        return DataFrameReader(path_or_frame, chunk_rows=chunk_rows)
    path = existing_file(Path(path_or_frame))
    kind = kind_of(path)
    notes = renamed_note(path, kind)
    for option, value in {
        "sheet": sheet,
        "encoding": encoding,
        "delimiter": delimiter,
        "max-ratio": max_ratio,
    }.items():
        if value is not None and (option == "sheet") == (kind in TEXT_KINDS):
            notes.append(f"--{option} does not apply to this file ({kind.value})")
    if kind in TEXT_KINDS:
        return CsvReader(
            path,
            kind,
            encoding=encoding,
            delimiter=delimiter,
            header_row=header_row,
            max_ratio=max_ratio or MOST_RATIO,
            notes=notes,
            chunk_rows=chunk_rows,
        )
    from importer.reader.excel_reader import open_workbook  # imports calamine, which a text file does not need

    return open_workbook(path, kind, sheet=sheet, header_row=header_row, notes=notes, chunk_rows=chunk_rows)


def options_for(path: Path, options: ReadingOptions) -> ReadingOptions:
    """Those of the ``options`` that apply to a file of this kind.

    Raises:
        SourceError: It cannot be read.
    """
    is_text = kind_of(existing_file(path)) in TEXT_KINDS
    fitting = {name: value for name, value in options.items() if name == "header_row" or (name == "sheet") != is_text}
    return cast(ReadingOptions, fitting)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook that are shown, in its order; empty for any other file.

    Raises:
        SourceError: It cannot be read.
    """
    kind = kind_of(existing_file(path))
    if kind in TEXT_KINDS:
        return []
    from importer.reader.excel_reader import shown_sheets

    return shown_sheets(path, kind)
