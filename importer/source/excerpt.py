"""The beginning of a large workbook as a workbook of its own, for a first look: calamine loads a sheet whole.

Sheets and shared texts are cut behind the rows that are wanted, as text: nothing is understood of them but where a row
and a text end. Whatever does not look as expected makes no excerpt, and the whole workbook has to be waited for.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from importer.errors import SourceError
from importer.source.scan.package import opened

#: Bytes: a smaller workbook is read as soon as an excerpt of it.
LARGE = 4_000_000
_BLOCK = 1 << 18
#: Bytes of a part that is copied whole, and of one that is cut.
_MOST_COPIED, _MOST_CUT = 4_000_000, 256_000_000
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_TEXTS = "xl/sharedStrings.xml"
_ROW_END, _TEXT_END = re.compile(rb"</row>|<row [^>]*/>"), re.compile(rb"</si>|<si\s*/>")
_TEXT_USED = re.compile(rb't="s"[^>]*><v>(\d+)</v>')


def make_excerpt(path: Path, folder: Path, *, rows: int, large: int = LARGE) -> Path | None:
    """A workbook with the beginning of each sheet of another.

    Args:
        path: The workbook.
        folder: Where the excerpt is written, under the name of the workbook.
        rows: How many rows of each sheet, the header among them.
        large: Bytes that the workbook must have at least to be worth it.

    Returns:
        Where it is; None if ``path`` is no large .xlsx, or not one that can be cut.
    """
    if not zipfile.is_zipfile(path) or path.stat().st_size < large:
        return None
    copy = folder / path.name
    try:
        with opened(path) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as excerpt:
            texts = -1
            for part in archive.infolist():
                if _SHEET.fullmatch(part.filename):
                    begin = _cut(archive, part.filename, _ROW_END, rows, tail=b"</sheetData></worksheet>")
                    texts = max([texts, *map(int, _TEXT_USED.findall(begin))])
                    excerpt.writestr(part.filename, begin)
                elif part.filename.endswith((".xml", ".rels")) and part.filename != _TEXTS:
                    if part.file_size > _MOST_COPIED:
                        return None
                    excerpt.writestr(part.filename, archive.read(part))
            if _TEXTS in archive.namelist():
                excerpt.writestr(_TEXTS, _cut(archive, _TEXTS, _TEXT_END, texts + 1, tail=b"</sst>"))
    except (SourceError, ValueError):
        return None
    return copy


def _cut(archive: zipfile.ZipFile, part: str, end: re.Pattern[bytes], count: int, *, tail: bytes) -> bytes:
    """A part up to the end of its ``count``-th entry, and ``tail`` behind it; the whole part if it has fewer.

    Raises:
        ValueError: It is too large for a part of which nothing was recognised.
    """
    text = bytearray()
    seen = looked = 0
    for block in _blocks(archive, part):
        text += block
        for found in end.finditer(text, looked):
            seen, looked = seen + 1, found.end()
            if seen >= count:
                return bytes(text[:looked]) + tail
        if len(text) > _MOST_CUT or (not seen and len(text) > _MOST_COPIED):
            raise ValueError(part)
    return bytes(text)


def _blocks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            yield block
