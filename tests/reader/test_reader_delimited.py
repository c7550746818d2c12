"""Delimited text: every cell as written, every row with its line, bad rows told apart."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from reader_rows import blanks_of, cells_of, numbers_of, problems_of, rows_of

from importer.errors import SourceError
from importer.models import Row
from importer.reader import limits, open_reader


def test_no_text_is_taken_for_a_number_a_date_or_a_missing_value(save):
    cells = ["007", "1.0", "NA", "null", "None", "12345678901234567", "1e5", "TRUE", "2024-03-01", "-", " x ", "=1+1"]
    source = open_reader(save("h" + ",h" * 11 + "\n" + ",".join(cells) + "\n"))
    assert cells_of(source) == [tuple(cells)]


def test_chunks_are_object_frames_of_text_with_line_numbers_as_index(save):
    source = open_reader(save('id,text\n1,"two\nlines"\n2,\n'))
    (chunk,) = source.chunks()
    assert chunk.frame.index.tolist() == [2, 4]
    assert chunk.frame.index.name == "row"
    assert list(chunk.frame.columns) == ["id", "text"]
    assert {str(dtype) for dtype in chunk.frame.dtypes} == {"object"}
    assert all(type(cell) is str for cell in chunk.frame.to_numpy().ravel())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_unix_windows_and_old_macs_count_alike(save, end):
    source = open_reader(save(end.join(["a,b", "1,2", f'"x{end}y",3', "4,5"])))
    assert rows_of(source) == [Row(2, ("1", "2")), Row(3, (f"x{end}y", "3")), Row(5, ("4", "5"))]


def test_mixed_line_ends_keep_the_line_numbers_right(save):
    assert numbers_of(open_reader(save("a,b\r\n1,2\n3,4\r5,6\r\n7,8"))) == [2, 3, 4, 5]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_characters_that_only_look_like_line_ends_stay_in_the_cell(save, character):
    assert rows_of(open_reader(save(f"a,b\n1,x{character}y\n2,z\n"))) == [
        Row(2, ("1", f"x{character}y")),
        Row(3, ("2", "z")),
    ]


def test_a_line_end_split_between_two_blocks_is_one_line_end(save):
    """The file is read in blocks of 128 KiB; here each of them ends between CR and LF somewhere along the way."""
    rows = [f"{number:05},{'x' * (number % 97)}" for number in range(20_000)]
    source = open_reader(save("\r\n".join(["id,t", *rows])))
    assert numbers_of(source) == list(range(2, 20_002))
    assert [",".join(cells) for cells in cells_of(source)] == rows


def test_multibyte_characters_split_between_two_blocks_survive(save):
    rows = [f"{number},{'ä€😀' * 5}" for number in range(20_000)]
    assert [",".join(cells) for cells in cells_of(open_reader(save("\n".join(["id,t", *rows]))))] == rows


def test_control_characters_are_kept(save):
    assert cells_of(open_reader(save("a,b\n\x1b[31m,\x07\n"))) == [("\x1b[31m", "\x07")]


def test_too_many_and_too_few_fields_spoil_the_row_and_only_that(save):
    source = open_reader(save("id,name,age\n1,John\n2,Julie,26,Potatoes\n3,Ann,30\n"))
    rows = rows_of(source)
    assert [(row.number, row.cells) for row in rows] == [
        (2, ("1", "John")),
        (3, ("2", "Julie", "26", "Potatoes")),
        (4, ("3", "Ann", "30")),
    ]
    assert problems_of(source) == {2: [("too_few_fields", None)], 3: [("too_many_fields", None)]}
    assert "has 2 fields, but the header has 3" in str(rows[0].problems[0])
    assert "has 4 fields, but the header has 3" in str(rows[1].problems[0])
    assert all(problem.hint for row in rows for problem in row.problems)


def test_a_surplus_empty_field_is_a_bad_row_too_because_cells_may_have_shifted(save):
    assert problems_of(open_reader(save("id,name,mail,phone\n1,Smith, John,,\n2,Ann,a,1\n"))) == {
        2: [("too_many_fields", None)]
    }


def test_a_delimiter_at_the_end_of_every_row_makes_a_column_without_a_name(save):
    source = open_reader(save("id;name\n1;Ann;\n2;Bob;\n3;Eve;x\n"), delimiter=";")
    assert source.columns == ("id", "name")
    source = open_reader(save("id;name\n1;Ann;\n2;Bob;\n"))
    assert source.columns == ("id", "name", "column C")
    assert cells_of(source) == [("1", "Ann", ""), ("2", "Bob", "")]


def test_bad_rows_come_in_file_order_among_the_good_ones(save, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_ROWS", 3)
    source = open_reader(save('"a",b\n1,2\n3\n4,5\n6,7,8\n9,0\n'))
    assert numbers_of(source) == [2, 3, 4, 5, 6]
    assert [len(chunk.bad_rows) for chunk in source.chunks()] == [1, 1]


def test_repeated_columns_are_kept_apart_by_position(save):
    source = open_reader(save("id,name,id\n1101,John,001101\n"))
    assert source.columns == ("id", "name", "id")
    assert cells_of(source) == [("1101", "John", "001101")]
    (chunk,) = source.chunks()
    assert list(chunk.frame.columns) == ["id", "name", "id"]


def test_columns_without_a_name_are_called_by_their_letter_and_told(save):
    source = open_reader(save("id,, ,column B,\n1,2,3,4,5\n"))
    assert source.columns == ("id", "column B (no name)", "column C", "column B", "column E")
    assert any("'column C'" in note for note in source.notes)


def test_header_texts_are_kept_as_they_are(save):
    assert open_reader(save('num, text,"two\nlines"\n1,2,3\n')).columns == ("num", " text", "two\nlines")


def test_columns_named_like_our_own_reports_are_nothing_special(save):
    source = open_reader(save("importer_record,importer_state,id\n5,invalid,1\n"))
    assert source.columns == ("importer_record", "importer_state", "id")
    assert cells_of(source) == [("5", "invalid", "1")]


def test_blank_rows_are_no_rows_but_are_counted(save):
    source = open_reader(save("\n\nid,t\n\n1,2\n,\n  \n3, \n\x1a"))
    assert rows_of(source) == [Row(5, ("1", "2")), Row(8, ("3", " "))]
    assert blanks_of(source) == 4  # an empty line, one comma, two spaces, and the mark that ends a file under DOS


def test_a_header_alone_is_a_source_of_no_rows_and_says_so(save):
    for text in ("id,name\n", "id,name", "\ufeffid,name\r\n"):
        source = open_reader(save(text))
        assert source.columns == ("id", "name")
        assert list(source.chunks()) == []
        assert any(note.startswith("0 rows") for note in source.notes)


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n \n"])
def test_a_file_without_a_header_is_refused(save, text):
    with pytest.raises(SourceError, match=r"tickets\.csv.*(empty|neither a header)"):
        open_reader(save(text))


def test_a_nul_spoils_its_row_only(save, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_ROWS", 10)
    source = open_reader(save("id,t\n1,a\0b\n2,c\n3\n"))
    assert problems_of(source) == {2: [("nul_character", None)], 4: [("too_few_fields", None)]}
    assert cells_of(source)[0] == ("1", "a\0b")


def test_chunks_have_the_asked_size_and_progress_grows_to_one(save, monkeypatch):
    path = save('"id",t\n' + "".join(f"{number},{'x' * 50}\n" for number in range(10_001)))
    monkeypatch.setattr(limits, "CHUNK_ROWS", 1000)
    chunks = list(open_reader(path).chunks())
    assert [len(chunk.frame) for chunk in chunks] == [1000] * 10 + [1]
    progress = [chunk.progress for chunk in chunks]
    assert progress == sorted(progress)
    assert 0 < progress[0] < 0.5
    assert progress[-1] == 1.0


def test_a_source_can_be_read_twice_and_left_half_way(save, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK_ROWS", 10)
    source = open_reader(save('"id",t\n' + "".join(f"{n},x\n" for n in range(100))))
    first = next(iter(source.chunks()))
    assert first.frame.index.tolist() == list(range(2, 12))
    assert rows_of(source) == rows_of(source)
    assert len(rows_of(source)) == 100


def test_rows_reads_the_frame_so_that_a_changed_frame_counts(save):
    (chunk,) = open_reader(save("id,t\n1,a\n")).chunks()
    chunk.frame.iloc[0, 1] = "changed"
    assert list(chunk.rows()) == [Row(2, ("1", "changed"))]


def test_a_cell_of_ten_megabytes_is_read(save):
    text = "x" * 10_000_000
    assert cells_of(open_reader(save(f'id,t\n1,"{text}"\n2,y\n'))) == [("1", text), ("2", "y")]


def test_a_line_without_end_is_refused_instead_of_filling_the_memory(save):
    path = save("id,t\n1," + "x" * 17_000_000)
    with pytest.raises(SourceError, match=r"tickets\.csv:2: a line is longer than"):
        open_reader(path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_rows(save, monkeypatch):
    def peak(rows: int) -> int:
        monkeypatch.setattr(limits, "CHUNK_ROWS", 500)
        source = open_reader(save("id,t,u\n" + f"1,{'x' * 60},y\n" * rows))
        tracemalloc.start()
        try:
            for chunk in source.chunks():
                assert isinstance(chunk.frame, pd.DataFrame)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(60_000) < 1.3 * peak(15_000)


def test_notes_tell_encoding_delimiter_and_header_line(save):
    (note,) = open_reader(save("\nid;t\n1;2\n")).notes
    assert note == "read as UTF-8, 2 columns separated by semicolons, header in line 2; rows are numbered by line"


def test_a_title_above_the_header_is_suspected_when_no_row_fits(save):
    source = open_reader(save("Export, today\nid,name,mail\n1,Ann,a\n"))
    assert any("title" in note for note in source.notes)
    assert len(problems_of(source)) == 2


def test_name_and_fingerprint_are_those_of_the_file(tmp_path: Path):
    contents = b"id,t\n1,2\n"
    path = tmp_path / "some folder"
    path.mkdir()
    (path / "tickets.csv").write_bytes(contents)
    source = open_reader(path / "tickets.csv")
    assert source.name == "tickets.csv"
    assert source.fingerprint() == hashlib.sha256(contents).hexdigest()
