"""The compound file format (OLE2) that wraps an Excel 97 workbook: a small FAT file system inside a file.

Source: [MS-CFB] Compound File Binary File Format, sections 2.2 to 2.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from importer.errors import SourceError

_LAST_SECTOR = 0xFFFFFFFA  # this and greater numbers mark free sectors and ends of chains
_DIRECTORY_ENTRY = 128
_STREAM, _ROOT = 2, 5


class _Entry(NamedTuple):
    name: str
    kind: int
    start: int
    size: int


class CompoundFile:
    """The streams of a compound file, every chain checked to lie inside the file.

    Args:
        data: The whole file.
        name: How messages call it.

    Raises:
        SourceError: The file is cut off, or its chains lead nowhere.
    """

    SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        if len(data) < 512:
            raise self._broken()
        sector_shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if sector_shift not in (9, 12) or mini_shift != 6:
            raise self._broken()
        self._sector = 1 << sector_shift
        self._mini_sector = 1 << mini_shift
        first_directory, self._cutoff, first_mini_fat = struct.unpack_from("<I4xII", data, 48)
        self._fat = self._numbers(b"".join(map(self._sector_at, self._fat_sectors())))
        self._entries = list(self._directory(self._chain(first_directory)))
        self._mini_fat = self._numbers(self._chain(first_mini_fat))

    def names(self) -> set[str]:
        """Names of all streams."""
        return {entry.name for entry in self._entries if entry.kind == _STREAM}

    def stream(self, *names: str) -> bytes:
        """Contents of the first stream that has one of the ``names``."""
        entry = next((e for e in self._entries if e.kind == _STREAM and e.name in names), None)
        if entry is None:
            raise self._broken()
        data = self._chain(entry.start) if entry.size >= self._cutoff else self._mini_chain(entry.start)
        if len(data) < entry.size:
            raise self._broken()
        return data[: entry.size]

    def _fat_sectors(self) -> Iterator[int]:
        yield from (n for n in struct.unpack_from("<109I", self._data, 76) if n < _LAST_SECTOR)
        following, count = struct.unpack_from("<II", self._data, 68)
        for _ in range(min(count, len(self._data) // self._sector)):
            *numbers, following = self._numbers(self._sector_at(following))
            yield from (n for n in numbers if n < _LAST_SECTOR)

    def _directory(self, data: bytes) -> Iterator[_Entry]:
        for at in range(0, len(data), _DIRECTORY_ENTRY):
            length, kind = struct.unpack_from("<HB", data, at + 64)
            start, size = struct.unpack_from("<II", data, at + 116)
            name = data[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
            yield _Entry(name, kind, start, size)

    def _chain(self, start: int) -> bytes:
        return b"".join(map(self._sector_at, self._follow(start, self._fat)))

    def _mini_chain(self, start: int) -> bytes:
        root = next((e for e in self._entries if e.kind == _ROOT), None)
        if root is None:
            raise self._broken()
        container, size = self._chain(root.start), self._mini_sector
        return b"".join(container[n * size : (n + 1) * size] for n in self._follow(start, self._mini_fat))

    def _follow(self, number: int, fat: tuple[int, ...]) -> Iterator[int]:
        for _ in range(len(fat) + 1):
            if number >= _LAST_SECTOR:
                return
            if number >= len(fat):
                raise self._broken()
            yield number
            number = fat[number]
        raise self._broken()  # the chain bites its own tail

    def _sector_at(self, number: int) -> bytes:
        start = (number + 1) * self._sector
        data = self._data[start : start + self._sector]
        if len(data) < self._sector:
            raise self._broken()
        return data

    def _numbers(self, data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data)

    def _broken(self) -> SourceError:
        hint = "copy or download it again, and check that it opens in Excel"
        return SourceError("the workbook is damaged or incomplete", where=self._name, hint=hint)
