"""The file system inside an .xls: long and short streams are found, and chains that lead nowhere are refused."""

from __future__ import annotations

import struct

import pytest
from source_workbooks import compound_bytes

from importer.errors import SourceError
from importer.source.compound import CompoundFile

END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
SECTOR, MINI = 512, 64


def entry(name: str, kind: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded) + 2, kind, 1)
    return head + struct.pack("<III", FREE, FREE, FREE) + bytes(36) + struct.pack("<II", start, size) + bytes(4)


def numbers(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values).ljust(SECTOR, b"\xff")


def short_stream_file(text: bytes, *, mini_fat: tuple[int, ...]) -> bytes:
    """A compound file whose only stream is so short that it lies in the container of short streams.

    Sectors: 0 FAT, 1 directory, 2 FAT of the container, 3 container.
    """
    header = CompoundFile.SIGNATURE + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, 2, 1, END, 0, 0)[:36]
    header += struct.pack("<I", 0) + struct.pack("<108I", *[FREE] * 108)
    directory = entry("Root Entry", 5, 3, SECTOR) + entry("Book", 2, 0, len(text)) + bytes(2 * 128)
    container = text.ljust(SECTOR, b"\0")
    return header + numbers(FAT, END, END, END) + directory + numbers(*mini_fat) + container


def test_a_short_stream():
    text = b"a short stream " * 6
    file = CompoundFile(short_stream_file(text, mini_fat=(1, END)), "t.xls")
    assert file.names() == {"Book"}
    assert file.stream("Workbook", "Book") == text


def test_a_long_stream_whose_table_of_sectors_is_itself_in_several_tables():
    """Beyond 109 sectors of table (7 MB) their list goes on outside of the header."""
    stream = bytes(range(256)) * 32_000
    read = CompoundFile(compound_bytes(stream), "t.xls").stream("Workbook")
    assert read.rstrip(b"\0") == stream.rstrip(b"\0")  # xlwt fills the last sectors up


@pytest.mark.parametrize("mini_fat", [(0, END), (8, END), (END, END), (200, END)])
def test_chains_in_a_circle_or_out_of_the_file_or_too_short_are_refused(mini_fat):
    file = CompoundFile(short_stream_file(b"x" * 100, mini_fat=mini_fat), "t.xls")
    with pytest.raises(SourceError, match="damaged or incomplete"):
        file.stream("Book")


def test_a_stream_that_is_not_there_is_refused():
    with pytest.raises(SourceError, match="damaged or incomplete"):
        CompoundFile(compound_bytes(b"x" * 5000), "t.xls").stream("Book")
    with pytest.raises(SourceError, match="damaged or incomplete"):
        CompoundFile(CompoundFile.SIGNATURE + bytes(600), "t.xls")
