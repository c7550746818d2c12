"""Bytes of a text file that may be packed: plain, .gz, or the only member of a .zip."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from importer.errors import EmptySourceError, SourceError
from importer.source.damage import UNPACKING_ERRORS, damaged, password_protected
from importer.source.sniff import Kind, shown_name

_ENCRYPTED = 0x1  # bit of ZipInfo.flag_bits


class ByteStream:
    """Unpacked bytes, and how far the file itself has been read.

    Args:
        stream: Where the bytes come from.
        raw: The file on the disk beneath it.
        name: How messages call it.
    """

    def __init__(self, stream: IO[bytes], raw: IO[bytes], name: str) -> None:
        self._stream = stream
        self._raw = raw
        self._size = os.fstat(raw.fileno()).st_size
        self._name = name

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, none at the end.

        Raises:
            SourceError: The file is cut off or broken.
        """
        try:
            return self._stream.read(size)
        except UNPACKING_ERRORS as error:
            raise damaged(self._name, error) from None

    @property
    def progress(self) -> float:
        """Share of the file on the disk that has been read."""
        return self._raw.tell() / self._size if self._size else 1.0


@dataclass(frozen=True)
class PackedFile:
    """A text file on the disk, packed or not.

    Attributes:
        path: The file on the disk.
        kind: TEXT, GZIP or ZIP.
        member: The member of the ZIP archive that is read.
    """

    path: Path
    kind: Kind
    member: str | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        name = shown_name(self.path)
        return f"{name} [{self.member}]" if self.member else name

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """The unpacked bytes from the start."""
        with self.path.open("rb", buffering=0) as raw:
            if self.kind is Kind.GZIP:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield ByteStream(cast(IO[bytes], stream), raw, self.name)
            elif self.kind is Kind.ZIP:
                with self._open_member(raw) as member:
                    yield ByteStream(member, raw, self.name)
            else:
                yield ByteStream(raw, raw, self.name)

    def _open_member(self, raw: IO[bytes]) -> IO[bytes]:
        try:
            return zipfile.ZipFile(raw).open(self.member or "")
        except NotImplementedError as error:
            hint = "unpack it and give the file inside"
            raise SourceError(f"the archive cannot be unpacked here ({error})", where=self.name, hint=hint) from None
        except UNPACKING_ERRORS as error:
            raise damaged(self.name, error) from None


def packed_file(path: Path, kind: Kind) -> PackedFile:
    """The text file at ``path``.

    Raises:
        SourceError: A ZIP archive has no member, several, or one with a password.
    """
    return PackedFile(path, kind, _only_member(path) if kind is Kind.ZIP else None)


def _only_member(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not _is_clutter(info)]
    if not members:
        raise EmptySourceError("the archive is empty", where=path.name, hint="export again")
    if len(members) > 1:
        names = ", ".join(repr(info.filename) for info in members[:10]) + (", …" if len(members) > 10 else "")
        hint = f"unpack it and give the file to import, such as {members[0].filename!r}"
        raise SourceError(f"the archive holds {len(members)} files: {names}", where=path.name, hint=hint)
    if members[0].flag_bits & _ENCRYPTED:
        raise password_protected(path.name)
    return members[0].filename


def _is_clutter(info: zipfile.ZipInfo) -> bool:
    """Folders, and what macOS adds to every archive."""
    base = info.filename.rsplit("/", 1)[-1]
    return info.is_dir() or info.filename.startswith("__MACOSX/") or base in (".DS_Store", "Thumbs.db")


def file_digest(path: Path, sheet: str = "") -> str:
    """SHA-256 (hex) of the file as it lies on the disk; with a sheet, of the file and the sheet's name.

    Without a sheet it is what ``sha256sum`` prints.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    if sheet:
        digest.update(b"\0" + sheet.encode())
    return digest.hexdigest()
