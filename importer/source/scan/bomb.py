"""Refuses packed workbooks that would unpack to more than a machine can bear."""

from __future__ import annotations

import zipfile
from pathlib import Path

from importer.errors import SourceError
from importer.source.limits import HARMLESS_BYTES, MOST_RATIO, MOST_UNPACKED_BYTES


def refuse_bomb(path: Path) -> None:
    """Refuse the packed workbook at ``path`` if it is out of all proportion, by the sizes it declares.

    A file that declares less than it holds gains nothing: readers stop at the declared size.

    Raises:
        SourceError: It would unpack to more than :data:`MOST_UNPACKED_BYTES`, or by more than :data:`MOST_RATIO`.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    ratio = unpacked / max(path.stat().st_size, 1)
    if unpacked > MOST_UNPACKED_BYTES or (unpacked > HARMLESS_BYTES and ratio > MOST_RATIO):
        size = f"{unpacked / 1024**2:,.0f} MiB, {ratio:,.0f} times its size"
        hint = "do not open it if you do not trust it; otherwise save the sheet as CSV, which has no such limit"
        raise SourceError(f"the workbook would unpack to {size}", where=path.name, hint=hint)
