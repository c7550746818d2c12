"""From an export (CSV, Excel, OpenDocument, DataFrame) to chunks of text rows that know their row number.

Nothing is guessed: every cell is the text that a person sees, and what cannot be read for certain is refused
with the line and the hint, or handed on as a bad row.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from importer.source.chunk import Chunk, Source
from importer.source.delimited import open_delimited
from importer.source.limits import CHUNK_ROWS
from importer.source.sniff import Kind, existing_file, kind_of, renamed_note

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Chunk", "ReadingOptions", "Source", "open_source", "sheet_names"]


class ReadingOptions(TypedDict, total=False):
    """How an export is to be read, where that is not found out: see :func:`open_source`."""

    sheet: str | int | None
    encoding: str | None
    delimiter: str | None


_TEXT_KINDS = (Kind.TEXT, Kind.GZIP, Kind.ZIP)


def open_source(
    path_or_frame: str | PathLike[str] | pd.DataFrame,
    *,
    sheet: str | int | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Source:
    """Open an export for reading; its contents, not its name, decide how.

    Args:
        path_or_frame: A delimited text file (plain, .gz, or alone in a .zip), a workbook (.xlsx, .xlsm, .xlsb, .xls,
            .ods), or a DataFrame.
        sheet: Sheet of a workbook: its name, or its number among the tabs that are shown, 1-based. Without it the
            first one that is shown and holds a table, or at least has cells.
        encoding: Encoding of a text file. Without it a byte order mark, or else UTF-8.
        delimiter: What separates the cells of a text file. Without it comma, semicolon, tab or bar, as the header and
            the rows show.
        chunk_rows: Most rows of a chunk.

    Raises:
        SourceError: The export cannot be read as it is. More may come up while its chunks are read.
        ValueError: ``chunk_rows`` is less than 1.
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows must be at least 1, not {chunk_rows}")
    if not isinstance(path_or_frame, str | PathLike):
        from importer.source.frame import FrameSource  # who has a DataFrame has paid for pandas already

        return FrameSource(path_or_frame, chunk_rows=chunk_rows)
    path = existing_file(Path(path_or_frame))
    kind = kind_of(path)
    notes = [*renamed_note(path, kind), *_needless(kind, sheet=sheet, encoding=encoding, delimiter=delimiter)]
    if kind in _TEXT_KINDS:
        return open_delimited(path, kind, encoding=encoding, delimiter=delimiter, notes=notes, chunk_rows=chunk_rows)
    from importer.source.workbook import open_workbook  # its reader is of no use to a text file

    return open_workbook(path, kind, sheet=sheet, notes=notes, chunk_rows=chunk_rows)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook that are shown, in its order; none if the file is no workbook.

    Raises:
        SourceError: It cannot be read.
    """
    kind = kind_of(existing_file(path))
    if kind in _TEXT_KINDS:
        return []
    from importer.source.workbook import shown_sheets

    return shown_sheets(path, kind)


def _needless(kind: Kind, **options: str | int | None) -> list[str]:
    """Notes about options that have no meaning for a file of this kind."""
    meant = ("encoding", "delimiter") if kind in _TEXT_KINDS else ("sheet",)
    return [
        f"--{option} {value!r} has no meaning for this file, which is of the kind {kind.value!r}"
        for option, value in options.items()
        if value is not None and option not in meant
    ]
