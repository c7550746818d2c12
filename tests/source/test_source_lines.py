"""Physical lines: whatever the encoding, and wherever a block of the file ends, they are those of the text."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.source import text_file
from importer.source.encoding import Encoding
from importer.source.packed import ByteStream
from importer.source.text_file import Lines

#: Ends of lines, what only looks like one, and characters of one to four bytes.
PIECES = ["a", "ü", "\n", "\r", "\r\n", "\x85", "\u2028", "\x0b", "\x0c", "\x1c", "“", "東", "😀", '"', "\0"]
CODECS = ["utf-8", "utf-8-sig", "ascii", "cp1252", "cp037", "utf-16-le", "utf-32-be", "utf-7", "shift_jis", "gb18030"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


class Stream(ByteStream):
    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


def lines_of(data: bytes, codec: str, mark: int = 0) -> Lines:
    return Lines(Stream(data), Encoding(codec, mark), "tickets.csv")


@given(text=TEXTS, codec=st.sampled_from(CODECS), block=st.integers(1, 20))
def test_lines_end_where_they_end_in_the_text(
    text: str, codec: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "BLOCK_BYTES", block)
    data = text.encode(codec, "ignore")
    lines = lines_of(data, codec)
    assert list(lines) == io.StringIO(data.decode(codec), newline="").readlines()
    assert lines.nul_seen == ("\0" in text)
    assert lines.ended


@given(text=TEXTS, block=st.integers(1, 20), at=st.integers(0, 60))
def test_a_bad_byte_is_found_at_its_place(text: str, block: int, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """0xFF is nowhere in UTF-8; it stands between two characters here."""
    monkeypatch.setattr(text_file, "BLOCK_BYTES", block)
    before = text[:at].encode()
    with pytest.raises(SourceError, match=rf"byte 0xFF at offset {len(before):,} is not UTF-8") as error:
        list(lines_of(before + b"\xff" + text[at:].encode(), "utf-8"))
    above = [end for end, following in pairwise(f"{text[:at]}x") if end == "\n" or (end == "\r" and following != "\n")]
    assert error.value.where == f"tickets.csv:{len(above) + 1}"


def test_half_a_character_is_passed_on() -> None:
    """Only odd encodings have such; the row is refused later, and not the file."""
    assert list(lines_of("a\ud800b\n".encode("utf-7"), "utf-7")) == ["a\ud800b\n"]


def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "LONGEST_CELL", 1024**2)
    for text in ("x", "1,東"):  # a block ends inside of one of these
        with pytest.raises(SourceError, match="a line is longer than 1 MiB"):
            list(lines_of(f"id\n{text * 2 * 1024**2}".encode(), "utf-8"))


def test_a_file_in_the_wrong_encoding_only_seems_to_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mainframe ends lines with NEL, which is neither LF nor CR before it is decoded."""
    monkeypatch.setattr(text_file, "LONGEST_CELL", 100_000)
    data = ("id;name\x85" + "1;Müller\x85" * 20_000).encode("cp037")
    with pytest.raises(SourceError, match="byte 0x89 at offset 0 is not UTF-8") as error:
        list(lines_of(data, "utf-8"))
    assert error.value.where == "tickets.csv:1"
