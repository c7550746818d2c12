"""Files as systems and people leave them: cut off, with cells left out, in other encodings, without a header."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xlsxwriter
from program import Program

from importer import check, preview, suggest_mapping
from importer.errors import SourceError
from importer.reader import open_reader

ROWS = [f"A{n},Printer {n},It is broken,open" for n in range(1, 22)]
HEADER = "id,subject,body,status"
MAPPING = "version: 1\nsource: {key: id}\ncase: {title: subject, description: body}\n"


def written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def test_cells_that_are_left_out_at_the_end_are_empty(program: Program, tmp_path: Path) -> None:
    """Six of seven rows lack the same last cells, as some systems write them. Another short row is a damaged one."""
    rows = [row + ",2024-01-02,5" * (n % 7 == 6) for n, row in enumerate(ROWS)]
    rows[9] = "A10,Printer"
    written(tmp_path, "\n".join([f"{HEADER},closed,rating", *rows, ""]))
    written(tmp_path, MAPPING.replace("case:", "external_id_field: text1\ncase:"), "m.yml")
    found = json.loads(program("check", "t.csv", "-m", "m.yml", "--json").out)
    assert "most rows end before the columns 'closed', 'rating', which are empty there" in found["notes"]
    assert (found["totals"]["pending"], found["totals"]["invalid"]) == (20, 1)
    rows = "1,2,3,4,5,6,7,8\n" * 20
    broken = written(
        tmp_path, f"a,b,c,address, street,d,e,f,g\n{rows}", "broken.csv"
    )  # no row is as wide as the header
    assert not any("most rows" in note for note in open_reader(broken).notes)
    assert all(row.problems for chunk in open_reader(broken).chunks() for row in chunk.rows())
    whole = written(tmp_path, "\n".join([HEADER, *ROWS, ROWS[0][:9]]), "whole.csv")
    assert not any("most rows" in note for note in open_reader(whole).notes)


def test_cells_that_every_row_leaves_out_are_empty_and_to_be_checked(program: Program, tmp_path: Path) -> None:
    """Nothing proves that it is the last cell that is missing: it is said, and another short row is a damaged one."""
    path = written(tmp_path, "\n".join([f"{HEADER},rating", *ROWS, "A99,open", ""]))
    written(tmp_path, MAPPING.replace("case:", "external_id_field: text1\ncase:"), "m.yml")
    found = json.loads(program("check", "t.csv", "-m", "m.yml", "--json").out)
    assert any(note.startswith("every row ends before the column 'rating'") for note in found["notes"])
    assert (found["totals"]["pending"], found["totals"]["invalid"]) == (21, 1)
    text = " ".join(suggest_mapping(path).text.replace("\n#  ", "").split())
    assert "CHECK: every row ends before the column 'rating', which is empty there: look at a row" in text
    said = " ".join(program("suggest", "t.csv", "-o", "new.yml").out.split())
    assert said.count("Check: every row ends before") == said.count("every row ends before") == 1


def test_one_row_with_a_stray_comma_does_not_prove_which_cell_the_others_lack(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join([f"{HEADER},rating", *ROWS, "A22,Printer 22,It is broken, again,open", ""]))
    found = [row for chunk in open_reader(path).chunks() for row in chunk.rows()]
    assert sum(bool(row.problems) for row in found) == len(ROWS)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_one_row_alone_does_not_say_that_a_cell_was_left_out(tmp_path: Path, rows: int) -> None:
    path = written(tmp_path, "\n".join([f"{HEADER},rating", *ROWS[:rows], ""]))
    found = [row for chunk in open_reader(path).chunks() for row in chunk.rows()]
    assert [bool(row.problems) for row in found] == [rows == 1] * rows


def test_rows_that_all_lack_several_cells_are_not_mended(tmp_path: Path) -> None:
    """The first ones of a category may stand where the time of creation should be."""
    rows = "\n".join(f"A{n},Printer {n},open,hardware" for n in range(9))
    reader = open_reader(written(tmp_path, f"id,subject,status,created_at,updated_at,category\n{rows}\n"))
    assert all(row.problems for chunk in reader.chunks() for row in chunk.rows())


def test_a_delimiter_at_the_end_of_the_header_is_no_column_that_rows_lack(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path, "\n".join([f"{HEADER},", *ROWS[:2]])))
    assert [row.cells for chunk in reader.chunks() for row in chunk.rows()] == [
        (f"A{n}", f"Printer {n}", "It is broken", "open", "") for n in (1, 2)
    ]
    assert not any("row" in note for note in reader.notes if "rows are numbered" not in note)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("A22,Prin", "the file ends inside this row: it is cut off"),
        ("A2", "the file ends inside this row: it is cut off"),
    ],
    ids=["in-a-cell", "in-the-key"],
)
def test_a_file_that_is_cut_off_is_called_so(tmp_path: Path, end: str, said: str) -> None:
    """And what is left of its last row is not called a line of totals, which should be deleted."""
    path = written(tmp_path, "\n".join([HEADER, *ROWS, end]))
    (row,) = (row for row in preview(path, written(tmp_path, MAPPING, "m.yml"), count=99) if row.errors)
    assert (row.errors[0].code, said in row.errors[0].hint) == ("too_few_fields", True)
    assert not any(found.kind == "total_line" for found in check(path, tmp_path / "m.yml").file_issues)
    assert "probably not tickets" not in suggest_mapping(path).text


def test_a_file_that_is_cut_off_in_quotes_is_called_so(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join([HEADER, *ROWS, 'A22,Printer,"It is bro']))
    with pytest.raises(SourceError, match=r"never closed\n.*if the file is cut off, export again"):
        check(path, written(tmp_path, MAPPING, "m.yml"))


@pytest.mark.parametrize(
    ("text", "codec", "word"),
    [
        ("© 2024 Acme", "latin-1", 'cp1252 ("©")'),
        ("Λάθος", "cp1253", 'cp1253 ("Λάθος")'),
        ("Ναι;Όχι", "iso8859-7", "cp1253 ("),
        ("שלום", "cp1255", 'cp1255 ("שלום")'),
        ("Zażółć", "cp1250", 'cp1250 ("Zażółć")'),
        ("Принтер", "koi8-r", 'koi8-r ("Принтер")'),
    ],
    ids=["copyright", "greek", "greek-iso", "hebrew", "polish", "russian"],
)
def test_the_right_code_page_is_among_those_that_are_shown(tmp_path: Path, text: str, codec: str, word: str) -> None:
    path = written(tmp_path, f"id;subject\n1;{text}\n".encode(codec))
    with pytest.raises(SourceError) as refused:
        open_reader(path)
    assert word in refused.value.hint


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_proposed_in_any_script(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path, "id;тема;статус\n1;Принтер не работает;открыт\n".encode(codec))
    with pytest.raises(SourceError, match=f"add --encoding {codec}"):
        open_reader(path)
    assert open_reader(path, encoding=codec).columns == ("id", "тема", "статус")


def test_a_header_that_is_a_row_needs_a_check(tmp_path: Path) -> None:
    path = written(tmp_path, "\n".join(f"A{n},Printer {n} is broken,open,Ana" for n in range(1, 12)))
    assert "# CHECK: the header looks like data: `A1`," in suggest_mapping(path).text
    drafted = suggest_mapping(path, header_row=0)
    assert "the header looks like data" not in drafted.text
    assert drafted.trial.sent == 11


def test_titles_and_names_of_groups_above_the_header_are_no_header(tmp_path: Path) -> None:
    table = [HEADER, *ROWS]
    titled = open_reader(written(tmp_path, "\n".join(["Report:,Tickets", "Date:,2024-03-01", "", *table])))
    assert titled.columns == ("id", "subject", "body", "status")
    groups = ["Ticket,,,Customer,,", "id,subject,opened,name,mail,place"]
    rows = [f"A{n},Printer {n},2024-01-0{n},Ana,a{n}@example.com,Lisbon" for n in range(1, 9)]
    grouped = open_reader(written(tmp_path, "\n".join([*groups, *rows]), "g.csv"))
    assert (grouped.columns[0], sum(len(chunk.frame) for chunk in grouped.chunks())) == ("id", 8)
    words = ["id,text,,", "one,two,three,four", "five,six,seven,eight", "nine,ten,eleven,twelve"]
    assert open_reader(written(tmp_path, "\n".join(words), "w.csv")).columns[0] == "id"


def test_zeros_that_excel_shows_by_a_number_format_are_kept(tmp_path: Path) -> None:
    """And a cell with an error takes no other cell of the sheet with it."""
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as workbook:
        sheet = workbook.add_worksheet("T")
        sheet.write_row(0, 0, ["id", "customer", "n"])
        for row, (digits, number) in enumerate([("000000", 417), ("000000", 1417), ("00000", 27), ("0.00", 27)], 1):
            sheet.write_row(row, 0, [f"A{row}"])
            sheet.write_number(row, 1, number, workbook.add_format({"num_format": digits}))
        sheet.write_number(1, 2, 1.5, workbook.add_format({"num_format": "000000"}))
        sheet.write_formula(2, 2, "=NA()", None, "#N/A")
    rows = [row for chunk in open_reader(tmp_path / "t.xlsx").chunks() for row in chunk.rows()]
    assert [row.cells for row in rows] == [
        ("A1", "000417", "1.5"),
        ("A2", "001417", ""),
        ("A3", "00027", ""),
        ("A4", "27", ""),
    ]
    assert [problem.column for row in rows for problem in row.problems] == ["n"]
