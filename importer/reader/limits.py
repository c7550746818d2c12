"""How much an export may ask of the machine, and what refuses a workbook that asks for more."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from importer.errors import SourceError
from importer.reader.detect import damage_named, damaged

#: Rows of a chunk unless told otherwise: enough to spread the cost of a DataFrame, few enough to stay in the caches.
CHUNK_ROWS = 500
#: Bytes of a text file that are read to find its delimiter and header.
HEAD_BYTES = 64 * 1024
#: Characters of one cell, and of one line of a text file. More is an unclosed quote, or not a table at all.
LONGEST_CELL = 16 * 1024**2
#: Bytes that a workbook may unpack to.
MOST_UNPACKED_BYTES = 4 * 1024**3
#: How many times its size a packed text may unpack to. Repeated texts and short lines reach some tens; what is made to
#: exhaust a machine comes close to 1,000.
MOST_RATIO = 200
#: How many times its size a part of a workbook may unpack to, and how many bytes all of them may exceed that: texts
#: that differ in one word reach more.
WORKBOOK_RATIO = 100
HARMLESS_BYTES = 16 * 1024**2
#: The same for a packed text, whose short lines take more time than the parts of a workbook.
HARMLESS_TEXT_BYTES = 2 * 1024**2
#: Characters that the repeats of rows, cells and spaces of an .ods document may add to it.
MOST_REPEATED = 8 * 1024**2
#: Cells in the rectangle from the first to the last cell of a sheet, and in a small workbook: so many, and so many more
#: for each byte of it. calamine needs 32 bytes for a blank one and 70 for another. Full sheets have half a cell a byte.
MOST_SPANNED_CELLS = 128 * 1024**2
HARMLESS_CELLS = 512 * 1024
CELLS_PER_BYTE = 2
#: Rows and columns of the largest sheets there are.
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
#: Bytes of one tag of a workbook's XML; a longer one would be parsed again and again while it arrives.
LONGEST_TAG = 1024**2
#: Bytes of memory and seconds in which a child process must be able to read an .xls or .xlsb workbook; a small one has
#: so many bytes, and so many times its size.
TRIAL_MEMORY_BYTES = 6 * 1024**3
TRIAL_LEAST_BYTES, TRIAL_RATIO = 512 * 1024**2, 200
TRIAL_SECONDS = 300

_UNTRUSTED = "do not open it unless you trust its source; if you do, save the sheet as CSV, which has no such limit"
_TAGS_OF_TEXT = 4  # <si><t>…</t></si>
_ANNOUNCED_TEXTS = re.compile(rb"uniqueCount\s*=\s*[\"'](\d{1,20})")

#: What calamine raises is told later, by the process that reads: here it only matters whether the child survives.
_TRIAL = """\
import contextlib, sys
with contextlib.suppress(ImportError, ValueError):
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from python_calamine import load_workbook
with contextlib.suppress(BaseException), open(sys.argv[1], "rb") as file, load_workbook(file) as workbook:
    for name in workbook.sheet_names:
        workbook.get_sheet_by_name(name)
"""


def refuse_bomb(path: Path) -> None:
    """Refuse a zipped workbook with parts out of all proportion, by the sizes they declare: readers stop at these.

    Raises:
        SourceError: It would unpack to too much, or has more texts than cells, or announces more than it has: calamine
            makes room for all.
    """
    with damage_named(path.name), zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        excess = sum(max(part.file_size - WORKBOOK_RATIO * part.compress_size, 0) for part in parts)
        texts = [part for part in parts if part.filename.lower().endswith("sharedstrings.xml")]
        if unpacked > MOST_UNPACKED_BYTES or excess > HARMLESS_BYTES:
            ratio = unpacked / max(path.stat().st_size, 1)
            what = f"the workbook would unpack to {unpacked / 1024**2:,.0f} MiB, {ratio:,.0f} times its size"
            raise SourceError(what, where=path.name, hint=_UNTRUSTED)
        if any(_tags_in(archive, part, path.name) > _TAGS_OF_TEXT * most_cells(path) for part in texts):
            what = "the workbook has more texts than a file of its size can need"
            raise SourceError(what, where=path.name, hint=_UNTRUSTED)


def _tags_in(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> int:
    """How many tags the part with the texts has; a text has one at least."""
    with archive.open(part) as file:
        block = file.read(LONGEST_TAG)
        announced = _ANNOUNCED_TEXTS.search(block)
        if announced and int(announced[1]) > part.file_size:
            raise damaged(name, "more texts announced than there are")
        tags = block.count(b"<")
        while block := file.read(LONGEST_TAG):
            tags += block.count(b"<")
    return tags


def most_cells(path: Path) -> int:
    """How many cells the rectangle of a sheet may have in a workbook of this size."""
    return min(MOST_SPANNED_CELLS, HARMLESS_CELLS + CELLS_PER_BYTE * path.stat().st_size)


def refuse_unpacking(unpacked: int, packed: int, name: str) -> None:
    """Refuse a packed text that is out of all proportion, by the bytes of it so far.

    Raises:
        SourceError: It unpacks to too many times its size.
    """
    if unpacked > HARMLESS_TEXT_BYTES and unpacked > MOST_RATIO * packed:
        what = f"unpacks to more than {MOST_RATIO} times its size"
        hint = "do not import it unless you trust its source; if you do, unpack it and give the file inside"
        raise SourceError(what, where=name, hint=hint)


def try_in_child(path: Path) -> None:
    """Open a binary workbook (.xls, .xlsb) in a child process first, whose memory is limited.

    It may announce so many cells or texts that calamine runs out of memory, which no Python code can catch.

    Raises:
        SourceError: The child did not survive.
    """
    memory = min(TRIAL_MEMORY_BYTES, TRIAL_LEAST_BYTES + TRIAL_RATIO * path.stat().st_size)
    command = [sys.executable, "-P", "-c", _TRIAL, str(path), str(memory)]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_SECONDS, check=True)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        hint = "if you trust its source, save it as .xlsx or CSV"
        raise SourceError("the workbook is damaged, or too large to be read", where=path.name, hint=hint) from None
