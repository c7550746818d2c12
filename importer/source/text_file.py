"""A text file as physical lines, decoded strictly, in blocks so that memory stays flat."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from importer.errors import SourceError
from importer.source.encoding import Encoding, not_decodable
from importer.source.limits import BLOCK_BYTES, LONGEST_CELL
from importer.source.packed import ByteStream, PackedFile

_LINE_END = re.compile(r"\r\n|\r|\n")


class Lines:
    """The physical lines of one pass over a file, ends included; LF, CRLF and bare CR end a line, nothing else does.

    Attributes:
        nul_seen: Whether a NUL character has come by so far.
        ended: Whether the last line was handed out and another one asked for.

    Raises:
        SourceError: While iterating: bytes that are no text in the encoding, an endless line, a damaged file.
    """

    def __init__(self, stream: ByteStream, encoding: Encoding, name: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._name = name
        self._decoder = codecs.getincrementaldecoder(encoding.codec)()
        self._taken = len(stream.read(encoding.mark)) if encoding.mark else 0
        self._block: list[str] = []
        self._first = 1
        self.nul_seen = False
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.blocks())

    @property
    def progress(self) -> float:
        """Share of the file on the disk that has been read."""
        return 1.0 if self.ended else self._stream.progress

    def line(self, number: int) -> str:
        """The line with this number (1-based), if it is among the last few that were handed out."""
        return self._block[number - self._first]

    def blocks(self) -> Iterator[list[str]]:
        """The lines, many at a time."""
        pending: list[str] = []  # of a line that may lack its end, or the LF after its CR
        data = b"begun"
        while data:
            data = self._stream.read(BLOCK_BYTES)
            text = self._decode(data, pending)
            self.nul_seen = self.nul_seen or "\0" in text
            if data and "\n" not in text and "\r" not in text:
                pending.append(text)
                self._refuse_endless(pending)
                continue
            lines = io.StringIO("".join((*pending, text)), newline="").readlines()
            pending = [lines.pop()] if data and lines else []
            self._first += len(self._block)
            self._block = lines
            yield lines
        self.ended = True

    def head(self) -> tuple[list[str], bool]:
        """The first lines, about a block of them, and whether they are all there are."""
        first: list[str] = []
        for block in self.blocks():
            first += block
            if len(first) > 1 and self._taken >= BLOCK_BYTES:
                break
        return first, self.ended

    def _decode(self, data: bytes, pending: list[str]) -> str:
        self._taken += len(data)
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # The decoder may have held back bytes of the block before: count from the end.
            offset = self._taken - (len(error.object) - error.start)
            before = bytes(error.object[: error.start]).decode(self._encoding.codec, "ignore")
            number = self._first + len(self._block) + len(_LINE_END.findall("".join((*pending, before))))
            where = f"{self._name}:{number}"
            raise not_decodable(error, self._encoding, offset=offset, where=where) from None

    def _refuse_endless(self, pending: list[str]) -> None:
        if sum(map(len, pending)) > LONGEST_CELL:
            what = f"a line is longer than {LONGEST_CELL:,} characters"
            where = f"{self._name}:{self._first + len(self._block)}"
            raise SourceError(what, where=where, cure="this is hardly a table: export again")


@dataclass(frozen=True)
class TextFile:
    """A text file on the disk, packed or not, and its encoding."""

    file: PackedFile
    encoding: Encoding

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.file.name

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """Its lines, from the start."""
        with self.file.open() as stream:
            yield Lines(stream, self.encoding, self.name)
