"""Physical lines: whatever the encoding, and wherever a block of the file ends, they are those of the text."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reader_rows import rows_of

from importer.errors import SourceError
from importer.reader import open_reader

#: Ends of lines, what only looks like one, and characters of one to four bytes.
PIECES = ["a", "ü", "\n", "\r", "\r\n", "\x85", "\u2028", "\x0b", "\x0c", "\x1c", "“", "東", "😀"]
CODECS = ["utf-8", "utf-8-sig", "cp1252", "cp037", "utf-16-le", "utf-32-be", "utf-7", "shift_jis", "gb18030"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
#: Decoders take 8 KiB at a time, and the second pass 64 KiB: the text is moved across both of these places.
BEFORE = st.sampled_from([0, *range(8_180, 8_196), *range(65_525, 65_540)])
examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(text=TEXTS, codec=st.sampled_from(CODECS), before=BEFORE)
@examples
def test_a_row_begins_on_the_line_on_which_it_begins_in_the_text(save, text: str, codec: str, before: int) -> None:
    decoded = ("id\n" + "x" * before + text + "\nend").encode(codec, "ignore").decode(codec)
    lines = io.StringIO(decoded, newline="").readlines()
    expected = [(n, line.rstrip("\r\n")) for n, line in enumerate(lines, 1) if n > 1 and line.strip("\r\n")]
    reader = open_reader(save(decoded.encode(codec)), encoding=codec, delimiter="|")
    assert [(row.number, row.cells[0]) for row in rows_of(reader)] == expected


@given(text=TEXTS, before=BEFORE, at=st.integers(0, 60))
@examples
def test_a_bad_byte_is_found_at_its_place(save, text: str, before: int, at: int) -> None:
    """0xFF is nowhere in UTF-8; it stands between two characters here."""
    good = "id\n" + "x" * before + text[:at]
    path = save(good.encode() + b"\xff" + text[at:].encode())
    with pytest.raises(SourceError, match=rf"byte 0xFF at offset {len(good.encode()):,} is not UTF-8") as error:
        rows_of(open_reader(path, delimiter="|"))
    above = [end for end, following in pairwise(f"{good}x") if end == "\n" or (end == "\r" and following != "\n")]
    assert error.value.where == f"tickets.csv:{len(above) + 1}"


@pytest.mark.parametrize("before", range(65_520, 65_540))
def test_a_bad_byte_is_found_where_a_block_ends_inside_of_a_line_end_or_a_character(save, before: int) -> None:
    good = ("id\n" + "x" * before + "\r\n東京").encode()
    with pytest.raises(SourceError, match=rf"byte 0xFF at offset {len(good):,} is not UTF-8") as error:
        rows_of(open_reader(save(good + b"\xff\n")))
    assert error.value.where == "tickets.csv:3"


def test_half_a_character_is_passed_on(save) -> None:
    """Only odd encodings have such; the row is refused later, and not the file."""
    assert rows_of(open_reader(save("id\na\ud800b\n".encode("utf-7")), encoding="utf-7"))[0].cells == ("a\ud800b",)


def test_a_line_without_an_end_is_refused(save) -> None:
    for text in ("x", "1,東"):
        path = save(f"id\n{text * (17_000_000 // len(text))}")
        with pytest.raises(SourceError, match=r"tickets\.csv:2: a line is longer than 16 MiB"):
            open_reader(path)


def test_a_file_in_the_wrong_encoding_only_seems_to_have_no_end(save) -> None:
    """A mainframe ends lines with NEL, which is neither LF nor CR before it is decoded."""
    data = ("id;name\x85" + "1;Müller und Söhne, Lüdenscheid\x85" * 600_000).encode("cp037")
    with pytest.raises(SourceError, match="byte 0x89 at offset 0 is not UTF-8") as error:
        open_reader(save(data))
    assert error.value.where == "tickets.csv:1"
