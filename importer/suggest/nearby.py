"""Other tables that came with an export and may hold its comments: files in its folder, sheets of its workbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from importer.errors import SourceError
from importer.reader import Reader, open_reader, sheet_names
from importer.suggest.vocabulary import Vocabulary, plain_name

FILES_MAX = 4
_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".gz", ".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})


@dataclass(frozen=True)
class Nearby:
    """A table that may hold comments, by its name.

    Attributes:
        file: The file, as the mapping calls it.
        sheet: The sheet; empty for the one that is read if none is named.
        encoding: What has to be said to read it; empty if nothing.
        open: Opens it.
    """

    file: str
    sheet: str
    encoding: str
    open: Callable[[], Reader]


def nearby(path: Path, source: Reader, vocabulary: Vocabulary, *, encoding: str | None = None) -> Iterator[Nearby]:
    """What lies beside the export at ``path`` and is called like comments, or is another sheet of it.

    Args:
        path: The export.
        source: The same, opened.
        vocabulary: The words.
        encoding: How the export is read, if that had to be said.
    """
    for sheet in _other_sheets(path, source):
        yield Nearby(path.name, sheet, "", partial(open_reader, path, sheet=sheet))
    for file in _files(path, vocabulary):
        text = (file.suffix.lower() in (".csv", ".tsv", ".txt") and encoding) or ""
        yield Nearby(file.name, "", text, partial(open_reader, file, encoding=text or None))


def _other_sheets(path: Path, source: Reader) -> list[str]:
    try:
        names = sheet_names(path)
    except SourceError:
        return []
    return [name for name in names if not source.name.endswith(f"[{name}]")][:FILES_MAX]


def _files(path: Path, vocabulary: Vocabulary) -> list[Path]:
    try:
        beside = sorted(path.absolute().parent.iterdir())
    except OSError:
        return []
    fitting = (
        file
        for file in beside
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith((".", "~"))
        if _is_called(file.name.partition(".")[0], vocabulary) and file.is_file() and not file.samefile(path)
    )
    return list(fitting)[:FILES_MAX]


def _is_called(name: str, vocabulary: Vocabulary) -> bool:
    plain = plain_name(name).replace(" ", "")
    return any(part in plain for part in vocabulary.beside)
