"""A text file (plain, .gz, or alone in a .zip) as physical lines; LF, CRLF and bare CR end a line."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from importer.errors import SourceError
from importer.reader.detect import UNPACKING_ERRORS, Kind, damaged, file_name, only_member, refuse_unless_text
from importer.reader.encoding import Encoding, not_decodable, settle_encoding
from importer.reader.limits import HARMLESS_BYTES, HEAD_BYTES, LONGEST_CELL, refuse_unpacking

_BLOCK_BYTES = 64 * 1024


class _Gzip(gzip.GzipFile):
    """Unpacks in blocks, and refuses to go on when they are out of all proportion to what was packed."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        super().__init__(fileobj=raw)
        self._packed = raw
        self._shown = name

    def read1(self, size: int = -1) -> bytes:
        block = super().read1(size)
        refuse_unpacking(self.tell(), self._packed.tell(), self._shown)
        return block


class Lines:
    """The lines of one pass over a file, with their ends.

    Attributes:
        last: The line that was handed out last.
        ended: Whether there are no more.
        nul_seen: Whether a line contained a NUL character.
    """

    def __init__(self, text: io.TextIOWrapper, raw: IO[bytes], name: str) -> None:
        self._text = text
        self._raw = raw
        self._size = os.fstat(raw.fileno()).st_size
        self._name = name
        self.last = ""
        self.ended = False
        self.nul_seen = False

    def __iter__(self) -> Iterator[str]:
        with _damage_named(self._name):
            for number, line in enumerate(iter(partial(self._text.readline, LONGEST_CELL), ""), 1):
                self.last = line
                if "\0" in line:
                    self.nul_seen = True
                if len(line) == LONGEST_CELL:
                    what = f"a line is longer than {LONGEST_CELL // 1024**2} MiB"
                    hint = "this does not look like a table; export again"
                    raise SourceError(what, where=f"{self._name}:{number}", hint=hint)
                yield line
        self.ended = True

    @property
    def progress(self) -> float:
        """Share of the file on the disk that has been read."""
        return 1.0 if self.ended or not self._size else self._raw.tell() / self._size


@dataclass(frozen=True)
class TextFile:
    """A text file on the disk, packed or not.

    Attributes:
        path: The file on the disk.
        kind: TEXT, GZIP or ZIP.
        member: The member of the ZIP archive that is read.
        name: Its name in messages.
        encoding: How its bytes become text.
    """

    path: Path
    kind: Kind
    member: str
    name: str
    encoding: Encoding

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """Its lines, from the start.

        Raises:
            SourceError: While they are read: bytes that are not text in the encoding, an endless line, damage.
        """
        try:
            with _unpacked(self.path, self.kind, self.member, self.name) as (stream, raw):
                stream.read(self.encoding.mark)
                with io.TextIOWrapper(stream, encoding=self.encoding.codec, newline="") as text:
                    yield Lines(text, raw, self.name)
        except UnicodeDecodeError as error:
            raise self._not_decodable(error) from None

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

    def _not_decodable(self, error: UnicodeDecodeError) -> SourceError:
        """The error with offset and line, found in a second pass so that the first one is plain and fast."""
        decoder = codecs.getincrementaldecoder(self.encoding.codec)()
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        offset, line, previous, block = self.encoding.mark, 1, b"", b"to begin with"
        with _unpacked(self.path, self.kind, self.member, self.name) as (stream, _):
            stream.read(offset)
            while block:
                block = stream.read(_BLOCK_BYTES)
                held_back = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeDecodeError as found:
                    error = found
                    break
                line += newlines.decode(text).count("\n")
                offset += len(block)
                previous = block
        before = error.object[: error.start]
        line += newlines.decode(before.decode(self.encoding.codec, "ignore"), final=True).count("\n")
        previous = previous[: len(previous) - held_back]
        return not_decodable(
            previous + error.object,
            at=len(previous) + error.start,
            reason=error.reason,
            codec=self.encoding.codec,
            place=(f"{self.name}:{line}", offset + error.start - held_back),
        )


def open_text(path: Path, kind: Kind, encoding: str | None) -> TextFile:
    """The text file at ``path``.

    Raises:
        SourceError: It is not text, its encoding cannot be told, a ZIP archive has not one member, or it unpacks to too
            many times its size.
    """
    member = only_member(path) if kind is Kind.ZIP else ""
    name = f"{file_name(path)} [{member}]" if member else file_name(path)
    with _unpacked(path, kind, member, name) as (stream, _), _damage_named(name):
        head = stream.read(8192)
        if isinstance(stream, _Gzip):  # which says nowhere for certain how much it unpacks to: before a row is read
            while stream.tell() <= 2 * HARMLESS_BYTES and stream.read1(_BLOCK_BYTES):
                pass
    settled = settle_encoding(head, encoding, name)
    text = head[settled.mark :].decode(settled.codec, "ignore")
    refuse_unless_text(head, name, wide=settled.wide, text=text)
    return TextFile(path, kind, member, name, settled)


@contextmanager
def _unpacked(path: Path, kind: Kind, member: str, name: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The unpacked bytes of a file, and the file on the disk beneath them."""
    with ExitStack() as opened:
        raw = opened.enter_context(path.open("rb"))
        stream: IO[bytes] = raw
        if kind is Kind.GZIP:
            stream = cast(IO[bytes], opened.enter_context(_Gzip(raw, name)))
        elif kind is Kind.ZIP:
            with _damage_named(name):
                archive = opened.enter_context(zipfile.ZipFile(raw))
                info = archive.getinfo(member)
                refuse_unpacking(info.file_size, info.compress_size, name)
                stream = opened.enter_context(archive.open(info))
        yield stream, raw


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    """What reading a broken file raises becomes a SourceError."""
    try:
        yield
    except UnicodeDecodeError:  # of the text, not of the file
        raise
    except NotImplementedError as error:
        hint = "unpack it and give the file inside"
        raise SourceError(f"cannot unpack the archive ({error})", where=name, hint=hint) from None
    except UNPACKING_ERRORS as error:
        raise damaged(name, error) from None
