"""failures.xlsx: the workbook in which rows are fixed, and that it comes back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import memory, stage
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from importer.failures import workbook
from importer.failures.put_back import put_back
from importer.failures.read_back import failures_file_of, is_failures_file
from importer.ledger import Ledger
from importer.ledger.records import StagedRow
from importer.ledger.sources import originals
from importer.models import FieldError, Mapped, Row
from importer.reader import open_reader
from importer.report import write_reports

HOSTILE = [
    *("=1+1", "'=1+1", "+49 170", "@SUM(1)", "-", "\t=1", "'", "a;=1", "{=1}", "http://x.y", "&lt;<b>&"),
    *("_x000D_", "_x0041_b", "_x005F_x0041_", "a\r\nb\rc\nd", " x ", "\x00a\x0b", "\ud83d", "\ufffe", "\u2028"),
    *("000862", "9007199257041000012", "1e5", "TRUE", "2024-03-01", "#N/A", "", "x" * 40_000, "𝄞" * 20_000),
]


def wrong(column: str | None, code: str = "unknown_value", value: str = "Hig", suggestion: str = "") -> FieldError:
    return FieldError(code, column, value, "is not listed", "add it", "priority", suggestion)


def failing(row: int, cells: tuple[str, ...], *errors: FieldError) -> StagedRow:
    return StagedRow(Row(row, cells), Mapped(f"K{row}", None, errors or (wrong(None, "too_many_fields"),)))


def written(ledger: Ledger, folder: Path) -> Path:
    (path,) = write_reports(ledger.path, folder)[0].workbooks
    return path


def column_of(sheet: Worksheet, name: str) -> int:
    return next(cell.column for cell in sheet[1] if cell.value == name)


def test_a_wrong_cell_is_marked_explained_and_offered_what_is_allowed(ledger: Ledger, tmp_path: Path) -> None:
    columns = ("Id", "Priority", "Mail")
    rows = [
        failing(
            2,
            ("7", "Hig", "a at b.c"),
            wrong("Priority", suggestion="High"),
            wrong("Mail", "not_an_email", "a at b.c", "a@b.c"),
        ),
        failing(5, ("8", "Low", "d@e.f"), wrong(None, "too_many_fields", "{=1}")),
    ]
    allowed = {"Priority": ["High", "Low", "=1", "{=1}", "a,b"]}
    stage(ledger, rows, columns=columns, allowed=allowed)
    book = load_workbook(written(ledger, tmp_path / "out"), rich_text=False)

    assert [(sheet.title, sheet.sheet_state) for sheet in book.worksheets] == [
        ("failures", "visible"),
        ("causes", "visible"),
        ("allowed values", "hidden"),
    ]
    sheet, causes, words = book.worksheets
    header = [cell.value for cell in sheet[1]]
    own = ["Id", "Priority", "importer_suggested: Priority", "Mail", "importer_suggested: Mail"]
    assert header[:4] == ["importer_record", "importer_row", "importer_state", "importer_reason"]
    assert header[4:9] == own
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(3, len(header)).coordinate}"
    hidden = [letter for letter, dimension in sheet.column_dimensions.items() if dimension.hidden]
    assert hidden == ["A"]

    shown = dict(zip(header, sheet[2], strict=True))
    assert {shown[name].data_type for name in own} == {"s"}
    assert {shown[name].number_format for name in own} == {"@"}
    assert (shown["importer_suggested: Priority"].value, shown["importer_suggested: Mail"].value) == ("High", "a@b.c")
    assert {name for name in own if shown[name].fill.fgColor.rgb == "FFFFC7CE"} == {"Priority", "Mail"}
    assert {name for name in own if shown[name].comment} == {"Priority", "Mail"}
    assert shown["Priority"].comment.text == "is not listed\n→ add it"
    assert shown["importer_reason"].value.splitlines() == [
        "Priority: 'Hig' is not listed",
        "Mail: 'a at b.c' is not listed",
    ]
    assert sheet.cell(3, header.index("importer_reason") + 1).fill.fgColor.rgb == "FFFFC7CE", "the whole row is meant"
    assert not any(sheet.cell(3, place).comment for place in range(1, len(header) + 1))

    (rule,) = sheet.data_validations.dataValidation
    assert (rule.type, str(rule.sqref), rule.formula1) == ("list", "F2:F3", "'allowed values'!$A$1:$A$5")
    assert [cell.value for cell in words["A"]] == allowed["Priority"]
    assert {cell.data_type for cell in words["A"]} == {"s"}, "no word is a formula"
    table = [[cell.value for cell in row] for row in causes.iter_rows(min_row=8)]
    assert [cell.value for cell in causes[8]][:4] == ["rows", "state", "code", "column"]
    assert [1, "invalid", "unknown_value", "Priority", "priority", "2", "Hig", "is not listed", "add it"] in table
    assert {cell.data_type for row in causes for cell in row} == {"s", "n"}, "no example is a formula"


def read_again(path: Path, ledger: Ledger) -> tuple[list[tuple[str, ...]], int]:
    """The user's rows as a run reads them, and how many cells it put back."""
    source = open_reader(path)
    file = failures_file_of(source.columns)
    assert file is not None
    rows = [row for chunk in source.chunks() for row in chunk.rows()]
    records = [file.record(row, ledger.id, name=path.name) for row in rows]
    before = originals(ledger, [record for record in records if record])
    assert all(map(file.is_of_workbook, rows))
    fixed = [
        put_back(
            file.own_row(row),
            file.user_columns,
            before[record or 0],
            surplus=file.surplus(row),
            in_workbook=file.is_of_workbook(row),
        )
        for row, record in zip(rows, records, strict=True)
    ]
    return [each.row.cells for each in fixed], sum(each.put_back for each in fixed)


@pytest.mark.parametrize("is_named", [False, True], ids=["other", "named"])
def test_hostile_cells_stay_text_and_come_back_as_they_were(ledger: Ledger, tmp_path: Path, is_named: bool) -> None:
    rows = [failing(at, (f"K{at}", cell), *([wrong("Subject")] * is_named)) for at, cell in enumerate(HOSTILE, 2)]
    stage(ledger, rows)
    path = written(ledger, tmp_path / "out")
    assert read_again(path, ledger) == ([(f"K{at}", cell) for at, cell in enumerate(HOSTILE, 2)], 0)
    cells = [cell for row in load_workbook(path)["failures"].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}


@settings(max_examples=10)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=30))
def test_any_cells_come_back_from_the_workbook(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory(dir=memory()) as folder, Ledger(Path(folder, "ledger.db"), verb="run") as ledger:
        stage(ledger, [failing(number, cells) for number, cells in enumerate(rows, 2)])
        assert read_again(written(ledger, Path(folder)), ledger)[0] == rows


def test_a_row_with_too_many_or_too_few_cells_keeps_them(ledger: Ledger, tmp_path: Path) -> None:
    few, many = FieldError("too_few_fields", None, "", "1", ""), FieldError("too_many_fields", None, "", "4", "")
    stage(ledger, [failing(2, ("A", "x", "y", "z"), many), failing(3, ("B",), few)])
    path = written(ledger, tmp_path / "out")
    assert read_again(path, ledger)[0] == [("A", "x", "y", "z"), ("B",)]
    sheet = load_workbook(path)["failures"]
    assert sheet.cell(2, sheet.max_column).value == "z"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(3, sheet.max_column).coordinate}", "they are sorted with their row"


def test_sources_with_other_columns_have_a_workbook_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    stage(ledger, [failing(2, ("A", "x"))])
    stage(ledger, [failing(2, ("B", "y"))], columns=("Other", "Subject"), sha256="2" * 64)
    reports, _ = write_reports(ledger.path, tmp_path)
    assert [path.name for path in reports.workbooks] == ["failures.xlsx", "failures-2.xlsx"]
    assert load_workbook(reports.workbooks[1])["failures"]["E1"].value == "Other"
    assert [path.stem for path in reports.failures] == [path.stem for path in reports.workbooks]


def test_the_workbook_is_known_under_any_name(ledger: Ledger, tmp_path: Path) -> None:
    """What a mapping says about reading is about the export, and not about this file."""
    stage(ledger, [failing(2, ("A", "x"))])
    renamed = written(ledger, tmp_path).rename(tmp_path / "mended.xlsx")
    assert is_failures_file(renamed)
    other = Workbook()
    other.save(tmp_path / "export.xlsx")
    assert not is_failures_file(tmp_path / "export.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_file_with_a_name_like_ours_is_known_by_its_header(tmp_path: Path, encoding: str) -> None:
    """What the mapping says about reading an export counts for one that is merely called so."""
    path = tmp_path / "failures.csv"
    path.write_text("Id;Größe\n1;2\n", encoding=encoding)
    assert not is_failures_file(path)
    path.write_text("importer_record;Id;Größe\n01234567_1;1;2\n", encoding=encoding)
    assert is_failures_file(path)


def test_a_csv_file_that_was_saved_as_a_workbook_is_known_by_its_header(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["importer_record", "Id"])
    book.active.append(["01234567_1", "1"])
    book.save(tmp_path / "failures.xlsx")
    assert is_failures_file(tmp_path / "failures.xlsx")
    book.active["A1"] = "Number"
    book.save(tmp_path / "failures.xlsx")
    assert not is_failures_file(tmp_path / "failures.xlsx")


def test_the_rows_are_read_however_much_the_causes_look_like_tickets(ledger: Ledger, tmp_path: Path) -> None:
    errors = [wrong("Lippu", f"code_{number}") for number in range(12)]
    stage(ledger, [failing(2, ("7", "x"), *errors)], columns=("Viite", "Lippu"))
    source = open_reader(written(ledger, tmp_path))
    assert source.columns[0] == "importer_record"


def test_our_own_sheets_are_no_news_when_the_rows_are_read_again(ledger: Ledger, tmp_path: Path) -> None:
    stage(
        ledger,
        [failing(2, ("7", "Hig"), wrong("Priority"))],
        columns=("Id", "Priority"),
        allowed={"Priority": ["High"]},
    )
    path = written(ledger, tmp_path)
    book = load_workbook(path)
    assert book.sheetnames == ["failures", "causes", "allowed values"]
    source = open_reader(path)
    assert [note for note in source.notes if "not read" in note] == []
    assert list(source.layout.hidden_sheets) == []
    book.create_sheet("mine").append(["Id", "Priority"])
    book.save(path)
    notes = [note for note in open_reader(path).notes if "not read" in note]
    assert notes == ["reading sheet 'failures' only, not read: 'mine' (choose with --sheet)"]


def test_rows_for_which_a_workbook_has_no_room_are_in_the_next_ones(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    monkeypatch.setattr(workbook, "MOST_COMMENTS", 2)
    stage(ledger, [failing(row, (f"K{row}", "x"), wrong("Subject")) for row in range(2, 9)])
    reports, _ = write_reports(ledger.path, tmp_path)
    assert [path.name for path in reports.workbooks] == ["failures.xlsx", "failures-2.xlsx", "failures-3.xlsx"]
    books = [load_workbook(path) for path in reports.workbooks]
    keys = [[row[4] for row in book["failures"].iter_rows(2, values_only=True)] for book in books]
    assert (keys, reports.beyond_workbooks) == ([["K2", "K3", "K4"], ["K5", "K6", "K7"], ["K8"]], 0)
    sheet = books[0]["failures"]
    place = column_of(sheet, "Subject")
    assert [bool(sheet.cell(row, place).comment) for row in range(2, 5)] == [True, True, False]
    steps = [book["causes"].cell(7, 1).value or "" for book in books]
    assert [text.partition(" more are in")[0] for text in steps] == [
        "This workbook has 3 rows. 4",
        "This workbook has 3 rows. 1",
        "",
    ]
    monkeypatch.setattr(workbook, "MOST_WORKBOOKS", 2)
    monkeypatch.setattr(workbook, "MOST_CHARACTERS", 2 * len("K2x"))
    reports, _ = write_reports(ledger.path, tmp_path)
    assert ([path.name for path in reports.workbooks], reports.beyond_workbooks) == (
        ["failures.xlsx", "failures-2.xlsx"],
        3,
    )
    assert not (tmp_path / "failures-3.xlsx").exists()
