"""A text file as physical lines, decoded strictly, in blocks so that memory stays flat.

Bytes are split into lines before they are decoded: most lines of an export are ASCII, and Python makes short work of
those, while one curly quote makes a whole block wide. In UTF-8 the ends of lines cannot be part of anything else; what
is in another encoding is translated first.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from importer.errors import SourceError
from importer.source.encoding import Encoding, not_decodable
from importer.source.limits import BLOCK_BYTES, LONGEST_CELL
from importer.source.packed import ByteStream, PackedFile

_LINE_END = re.compile(rb"\r\n|\r|\n")
_UTF8 = "utf-8"
_NOT_ASCII = bytes(range(128, 256))
#: Some encodings can say half a character, such as UTF-7.
_HALVES_TOO = "surrogatepass"


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
        self._decoder = None if encoding.codec == _UTF8 else codecs.getincrementaldecoder(encoding.codec)()
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
        pending: list[bytes] = []  # of a line that may lack its end, or the LF after its CR
        data = b"begun"
        while data:
            data = self._stream.read(BLOCK_BYTES)
            self._taken += len(data)
            part = self._translated(data, pending)
            self.nul_seen = self.nul_seen or b"\0" in part
            if data and b"\n" not in part and b"\r" not in part:
                pending.append(part)
                self._refuse_endless(pending)
                continue
            lines = b"".join((*pending, part)).splitlines(keepends=True)
            pending = [lines.pop()] if data and lines else []
            block = self._decoded(lines, pending)
            self._first += len(self._block)
            self._block = block
            yield block
        self.ended = True

    def head(self) -> tuple[list[str], bool]:
        """The first lines, about a block of them, and whether they are all there are."""
        first: list[str] = []
        for block in self.blocks():
            first += block
            if len(first) > 1 and self._taken >= BLOCK_BYTES:
                break
        return first, self.ended

    def _translated(self, data: bytes, pending: list[bytes]) -> bytes:
        """What was read as UTF-8."""
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, final=not data).encode(_UTF8, _HALVES_TOO)
        except UnicodeDecodeError as error:
            before = bytes(error.object[: error.start]).decode(self._encoding.codec, "ignore")
            whole = b"".join((*pending, before.encode(_UTF8, _HALVES_TOO)))
            raise self._not_decodable(error, before=whole) from None

    def _decoded(self, lines: list[bytes], pending: list[bytes]) -> list[str]:
        """The lines as text; what comes before and after them only helps to say what is wrong with them."""
        errors = "strict" if self._decoder is None else _HALVES_TOO
        try:
            return [line.decode(_UTF8, errors) for line in lines]
        except UnicodeDecodeError as error:
            before = b"".join(lines[: lines.index(error.object)]) + error.object[: error.start]
            known, width = "".join(self._block).encode(), error.end - error.start
            data, start = b"".join((known, *lines, *pending)), len(known) + len(before)
            error = UnicodeDecodeError(_UTF8, data, start, start + width, error.reason)
            raise self._not_decodable(error, before=before) from None

    def _not_decodable(self, error: UnicodeDecodeError, *, before: bytes) -> SourceError:
        # A decoder may have held back bytes of the block before: count from the end.
        offset = self._taken - (len(error.object) - error.start)
        number = self._first + len(self._block) + len(_LINE_END.findall(before))
        return not_decodable(error, self._encoding, offset=offset, where=f"{self._name}:{number}")

    def _refuse_endless(self, pending: list[bytes]) -> None:
        if sum(map(len, pending)) > LONGEST_CELL:
            self._decoded(*_whole_characters(b"".join(pending)))  # in the wrong encoding it may only seem endless
            what = f"a line is longer than {LONGEST_CELL / 1024**2:,.0f} MiB"
            where = f"{self._name}:{self._first + len(self._block)}"
            raise SourceError(what, where=where, hint="this is hardly a table: export again")


def _whole_characters(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Bytes of UTF-8 up to an ASCII character, and the rest, which may end inside a character."""
    whole = data.rstrip(_NOT_ASCII)
    return [whole], [data[len(whole) :]]


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
