"""A text file (plain, .gz, or alone in a .zip) as physical lines; LF, CRLF and bare CR end a line."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from importer.errors import SourceError
from importer.reader.detect import Kind, damage_named, file_name, only_member, refuse_unless_text
from importer.reader.encoding import not_decodable, settle_encoding
from importer.reader.limits import HARMLESS_BYTES, HEAD_BYTES, LONGEST_CELL, refuse_unpacking

_BLOCK_BYTES = 64 * 1024
_LINE_END = re.compile("\r\n|\r|\n")


class _Gzip(gzip.GzipFile):
    """Unpacks in blocks, and refuses to go on when they are out of all proportion to what was packed."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        super().__init__(fileobj=raw)
        self._packed, self._shown = raw, name

    def read1(self, size: int = -1) -> bytes:
        block = super().read1(size)
        refuse_unpacking(self.tell(), self._packed.tell(), self._shown)
        return block


class TextFile:
    """A text file on the disk, packed or not; ``name`` is its name in messages.

    Raises:
        SourceError: It is not text, its encoding cannot be told, a ZIP archive has not one member, or it unpacks to too
            many times its size.
    """

    def __init__(self, path: Path, kind: Kind, encoding: str | None) -> None:
        self.path, self._kind = path, kind
        self._member = only_member(path) if kind is Kind.ZIP else ""
        self.name = f"{file_name(path)} [{self._member}]" if self._member else file_name(path)
        with self._unpacked() as (stream, _), damage_named(self.name):
            head = stream.read(8192)
            if isinstance(stream, _Gzip):  # which says nowhere for certain how much it unpacks to: before a row is read
                while stream.tell() <= 2 * HARMLESS_BYTES and stream.read1(_BLOCK_BYTES):
                    pass
        self.encoding = settle_encoding(head, encoding, self.name)
        text = head[self.encoding.mark :].decode(self.encoding.codec, "ignore")
        refuse_unless_text(head, self.name, codec=self.encoding.codec, text=text)

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """Its lines, from the start.

        Raises:
            SourceError: While they are read: bytes that are not text in the encoding, an endless line, damage.
        """
        with self._unpacked() as (stream, raw):
            stream.read(self.encoding.mark)
            yield Lines(stream, raw, self.encoding.codec, self.name)

    def head(self) -> tuple[list[str], bool]:
        """The first lines, about :data:`HEAD_BYTES` of them, and whether they are all there are."""
        first: list[str] = []
        size = 0
        with self.lines() as lines:
            for line in lines:
                first.append(line)
                size += len(line)
                if size >= HEAD_BYTES and len(first) > 1:
                    break
            return first, lines.ended

    @contextmanager
    def _unpacked(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The unpacked bytes of the file, and the file on the disk beneath them."""
        with ExitStack() as opened:
            raw = opened.enter_context(self.path.open("rb"))
            stream: IO[bytes] = raw
            if self._kind is Kind.GZIP:
                stream = cast(IO[bytes], opened.enter_context(_Gzip(raw, self.name)))
            elif self._kind is Kind.ZIP:
                with damage_named(self.name):
                    archive = opened.enter_context(zipfile.ZipFile(raw))
                    info = archive.getinfo(self._member)
                    refuse_unpacking(info.file_size, info.compress_size, self.name)
                    stream = opened.enter_context(archive.open(info))
            yield stream, raw


class Lines:
    """The lines of one pass over a file, with their ends."""

    def __init__(self, stream: IO[bytes], raw: IO[bytes], codec: str, name: str) -> None:
        self._stream, self._raw = stream, raw
        self._text = io.TextIOWrapper(stream, encoding=codec, newline="")
        self._size = os.fstat(raw.fileno()).st_size
        self._codec = codec
        self._name = name
        self.last = ""  #: The line that was handed out last.
        self.count = 0  #: How many were handed out.
        self.ended = False  #: Whether there are no more.
        self.nul_seen = False  #: Whether a line contained a NUL character.
        self.quote_seen = False  #: Whether a line contained a quote.

    def __iter__(self) -> Iterator[str]:
        with damage_named(self._name):
            try:
                while line := self._text.readline(LONGEST_CELL):
                    self.last = line
                    self.count += 1
                    if "\0" in line:
                        self.nul_seen = True
                    if not self.quote_seen and '"' in line:
                        self.quote_seen = True
                    if len(line) == LONGEST_CELL:
                        what = f"a line is longer than {LONGEST_CELL // 1024**2} MiB"
                        hint = "this does not look like a table; export again"
                        raise SourceError(what, where=f"{self._name}:{self.count}", hint=hint)
                    yield line
            except UnicodeDecodeError as error:
                raise self._not_decodable(error) from None
        self.ended = True

    @property
    def progress(self) -> float:
        """Share of the file on the disk that has been read."""
        return 1.0 if self.ended or not self._size else self._raw.tell() / self._size

    def _not_decodable(self, error: UnicodeDecodeError) -> SourceError:
        """The decoder stopped in the block that was read last, of which no line has been handed out.

        Nor has the last line of the block before, if that ends with a CR, which might be half of an end of line.
        """
        offset = self._stream.tell() - len(error.object) + error.start
        begin = max(0, offset - _BLOCK_BYTES)
        self._stream.seek(begin)
        data, at = self._stream.read(2 * _BLOCK_BYTES), offset - begin
        above, block = (part.decode(self._codec, "ignore") for part in (data[: at - error.start], data[:at]))
        line = self.count + 1 + len(_LINE_END.findall(block)) - len(_LINE_END.findall(above.removesuffix("\r")))
        place = f"{self._name}:{line}"
        return not_decodable(data, at=at, reason=error.reason, codec=self._codec, where=place, offset=offset)
