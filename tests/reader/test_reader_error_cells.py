"""Error values and formulas without a value are no blanks, in workbooks of every kind and manner of writing."""

from __future__ import annotations

from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from odf.office import Annotation
from odf.text import LineBreak, P, Tab
from reader_rows import cells_of, numbers_of, problems_of, rows_of
from reader_workbooks import (
    ErrorCode,
    ods_cell,
    ods_row,
    ods_text,
    write_ods,
    write_raw_xlsx,
    write_sheets,
    write_xls,
    write_xlsb,
    write_xlsx,
)

from importer.errors import SourceError
from importer.reader import limits, open_reader

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>v</t></is></c></row>'
ERRORS = ["#DIV/0!", "#NAME?", "#VALUE!", "#NULL!", "#REF!", "#NUM!", "#N/A"]


def test_each_error_value_is_named_with_its_cell(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write_row(2, 1, ["id", "v"])
        for row, error in enumerate(ERRORS, 3):
            sheet.write_string(row, 1, "x")
            sheet.write_formula(row, 2, "=NA()", None, error)

    rows = rows_of(open_reader(write_xlsx(tmp_path / "t.xlsx", fill)))
    assert [row.problems[0].value for row in rows] == ERRORS
    assert [row.problems[0].column for row in rows] == ["v"] * 7
    assert [row.problems[0].code for row in rows] == ["error_cell"] * 7
    assert "(cell C4)" in rows[0].problems[0].rule
    assert all(row.cells == ("x", "") for row in rows)


def test_problems_are_in_the_chunk_of_their_row(tmp_path, monkeypatch):
    def fill(sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "v"])
        for row in range(1, 31):
            sheet.write_number(row, 0, row)
        sheet.write_formula(14, 1, "=NA()", None, "#N/A")
        sheet.write_formula(25, 1, "=NA()", None, "#N/A")

    monkeypatch.setattr(limits, "CHUNK_ROWS", 10)
    chunks = open_reader(write_xlsx(tmp_path / "t.xlsx", fill)).chunks()
    assert [list(chunk.cell_problems) for chunk in chunks] == [[], [15], [26]]


def test_a_formula_that_was_never_computed_is_a_problem(tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "v"], [1, "=1+1"], [2, "x"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    source = open_reader(tmp_path / "t.xlsx")
    assert problems_of(source) == {2: [("formula_without_value", "v")]}


def test_rows_of_nothing_but_uncomputed_formulas_are_not_lost(tmp_path):
    """The reader stops before such rows at the end of a sheet, as if they were not there."""
    book = openpyxl.Workbook()
    for row in (["id", "v"], [1, "x"], ["=1+1", "=2+2"], ["=1+1", "=2+2"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    source = open_reader(tmp_path / "t.xlsx")
    assert numbers_of(source) == [2, 3, 4]
    assert problems_of(source) == {row: [("formula_without_value", name) for name in ("id", "v")] for row in (3, 4)}


def test_formulas_with_a_value_are_fine_an_empty_text_included(tmp_path):
    cells = [
        '<c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f>""</f><v></v></c>',
        '<c r="A3" t="str"><f>"a"</f><v>a</v></c><c r="B3" t="b"><f>1=1</f><v>1</v></c>',
    ]
    rows = "".join(f'<row r="{number}">{text}</row>' for number, text in enumerate(cells, 2))
    source = open_reader(
        write_raw_xlsx(tmp_path / "t.xlsx", f"<worksheet {MAIN}><sheetData>{HEADER}{rows}</sheetData></worksheet>")
    )
    assert problems_of(source) == {}
    assert cells_of(source) == [("2", ""), ("a", "TRUE")]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c r="B2" t="e"><v>#N/A</v></c>', "error_cell"),
        ("<c r='B2' s='1' t='e'><v>#N/A</v></c>", "error_cell"),
        ('<c t="inlineStr"><is><t>x</t></is></c><c t="e"><v>#N/A</v></c>', "error_cell"),
        ('<c r="B2" t="e"><f>NA()</f><v>#N/A</v></c>', "error_cell"),
        ('<c r="B2"><f>1+1</f></c>', "formula_without_value"),
        ('<c r="B2"><f>1+1</f><v></v></c>', "formula_without_value"),
        ('<c r="B2"><f>1+1</f><v/></c>', "formula_without_value"),
        ('<c r="B2"><f>1+1</f><v /></c>', "formula_without_value"),
        ('<c r="B2"><f t="shared" si="0"/></c>', "formula_without_value"),
        ('<c r="B2">\n  <f>1+1</f>\n  <v/>\n</c>\n', "formula_without_value"),
        ('<c r="B2" t="e">\n  <v>#N/A</v>\n</c>\n', "error_cell"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "x:"])
def test_every_manner_of_writing_a_cell(tmp_path, cell, code, prefix):
    body = f"<worksheet><sheetData>{HEADER}<row>{cell}</row></sheetData></worksheet>"
    if prefix:
        body = body.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")
        space = MAIN.replace("xmlns", "xmlns:x")
    else:
        space = MAIN
    path = write_raw_xlsx(tmp_path / "t.xlsx", body.replace("worksheet>", f"worksheet {space}>", 1))
    assert problems_of(open_reader(path)) == {2: [(code, "v")]}


@pytest.mark.parametrize("target", ["/xl/worksheets/sheet1.xml", "Worksheets/Sheet1.xml"])
def test_the_sheet_is_found_however_its_part_is_referred_to(tmp_path, target):
    xml = (
        f'<worksheet {MAIN}><sheetData>{HEADER}<row r="2"><c r="B2" t="e"><v>#N/A</v></c></row></sheetData></worksheet>'
    )
    source = open_reader(write_raw_xlsx(tmp_path / "t.xlsx", xml, workbook_rels=target))
    assert problems_of(source) == {2: [("error_cell", "v")]}


def test_the_sheet_searched_is_the_one_that_is_read(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        for name in ("Good & fine", "Bad <1>"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["id", "v"])
            sheet.write_row(1, 0, ["1", "x"])
        sheet.write_formula(1, 1, "=NA()", None, "#N/A")
    assert problems_of(open_reader(tmp_path / "t.xlsx", sheet="Good & fine")) == {}
    assert problems_of(open_reader(tmp_path / "t.xlsx", sheet="Bad <1>")) == {2: [("error_cell", "v")]}


def test_an_error_in_the_header_is_told_and_its_column_named_by_place(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write_formula(0, 0, "=NA()", None, "#N/A")
        sheet.write_row(1, 0, ["x", "y"])

    source = open_reader(write_xlsx(tmp_path / "t.xlsx", fill))
    assert source.columns == ("column A", "column B")
    assert any("header cell A1 is a spreadsheet error #N/A" in note for note in source.notes)


def test_words_that_look_like_errors_are_text(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", Tickets=[["id"], ["#N/A"], ['t="e"']])
    assert cells_of(open_reader(path)) == [("#N/A",), ('t="e"',)]
    assert problems_of(open_reader(path)) == {}


@pytest.mark.parametrize("name", ["t.xls", "t.xlsb"])
def test_error_values_in_binary_workbooks_read_as_blank_and_that_is_told(tmp_path, name):
    if name == "t.xls":
        path = write_xls(tmp_path / name, fill_with_error)
    else:
        path = write_xlsb(tmp_path / name, {1: ["id", "v"], 2: ["x", ErrorCode(0x2A)]})
    source = open_reader(path)
    assert cells_of(source) == [("x", "")]
    assert any("#N/A cannot be distinguished from empty cells" in note for note in source.notes)


def fill_with_error(sheet: Any) -> None:
    sheet.write(0, 0, "id"), sheet.write(0, 1, "v"), sheet.write(1, 0, "x")
    sheet.row(1).set_cell_error(1, 0x2A)


def test_error_values_and_uncomputed_formulas_in_ods(tmp_path):
    path = write_ods(
        tmp_path / "t.ods",
        ods_row([ods_cell(numbercolumnsrepeated=3)], numberrowsrepeated=2),
        (ods_cell(numbercolumnsrepeated=2), ods_text("id"), ods_text("v"), ods_text("w")),
        (ods_cell(numbercolumnsrepeated=2), ods_text("a"), ods_cell("#N/A", valuetype="string", error=True)),
        (
            ods_cell(numbercolumnsrepeated=2),
            ods_text("b"),
            ods_cell("#DIV/0!", valuetype="float", value="0", formula="x"),
        ),
        (ods_cell(numbercolumnsrepeated=2), ods_text("c"), ods_cell(formula="of:=1+1")),
        (ods_cell(numbercolumnsrepeated=2), ods_text("d"), ods_cell("2", valuetype="float", value="2", formula="x")),
        ods_row(
            [
                ods_cell(numbercolumnsrepeated=2),
                ods_cell("#N/A", valuetype="string", error=True, numbercolumnsrepeated=2),
                ods_text("e"),
            ],
            numberrowsrepeated=2,
        ),
        (ods_cell(numbercolumnsrepeated=2), ods_text("#N/A"), ods_text("plain text")),
    )
    assert problems_of(open_reader(path)) == {
        4: [("error_cell", "v")],
        5: [("error_cell", "v")],
        6: [("formula_without_value", "v")],
        8: [("error_cell", "id"), ("error_cell", "v")],
        9: [("error_cell", "id"), ("error_cell", "v")],
    }


def test_a_comment_on_a_cell_is_no_part_of_its_value(tmp_path):
    commented = ods_cell(valuetype="float", value="2", formula="x")
    note = Annotation()
    note.addElement(P(text="was #N/A"))
    commented.addElement(note)
    commented.addElement(P(text="2"))
    blank = ods_cell(formula="x")
    blank.addElement(Annotation())
    path = write_ods(
        tmp_path / "t.ods", (ods_text("id"), ods_text("v")), (commented, ods_text("a")), (ods_text("b"), blank)
    )
    assert problems_of(open_reader(path)) == {3: [("formula_without_value", "v")]}


@pytest.mark.parametrize(
    ("code", "is_date"),
    [("yyyy-mm-dd", True), ("hh:mm", True), ("[h]:mm", True), ("[Red]0", False), ('0 "days"', False), ("m/d/yy", True)],
)
def test_a_negative_number_in_a_date_format_is_not_read_as_a_time(tmp_path, code, is_date):
    """Excel shows ##### for it; it was read as 18:00:00."""

    def fill(sheet) -> None:
        shown = sheet.workbook.add_format({"num_format": code})
        sheet.write_row(0, 0, ["id", "v"])
        for row, number in enumerate((-0.25, 45000.25, -2), 1):
            sheet.write_row(row, 0, [f"T-{row}"])
            sheet.write_number(row, 1, number, shown)

    source = open_reader(write_xlsx(tmp_path / "t.xlsx", fill))
    assert problems_of(source) == ({2: [("negative_date", "v")], 4: [("negative_date", "v")]} if is_date else {})


def test_a_formula_whose_result_is_an_empty_text_is_an_empty_cell(tmp_path):
    """As LibreOffice saves it: only an empty paragraph shows that it was computed."""
    computed = ods_cell(formula='of:=IF([.A2]>3;"late";"")')
    computed.addElement(P())
    path = write_ods(tmp_path / "t.ods", (ods_text("id"), ods_text("v")), (ods_text("1"), computed))
    source = open_reader(path)
    assert (problems_of(source), [row.cells for row in rows_of(source)]) == ({}, [("1", "")])


def test_a_document_type_in_a_sheet_is_refused(tmp_path):
    sheet = (
        f"<worksheet {MAIN}><sheetData>{HEADER}<row r='2'><c r='B2' t='e'><v>&a;</v></c></row></sheetData></worksheet>"
    )
    with pytest.raises(SourceError, match="document type"):
        rows_of(open_reader(write_raw_xlsx(tmp_path / "t.xlsx", f'<!DOCTYPE x [<!ENTITY a "b">]>{sheet}')))


def test_a_tab_in_a_cell_of_an_ods_document_is_not_lost_in_silence(tmp_path):
    """Two words would become one. A tab in a remark on a cell is not read, and does no harm."""
    cells = [ods_text("Ana"), ods_cell(valuetype="string"), ods_cell(valuetype="string"), ods_text("Bo")]
    for cell, breaks in ((cells[1], (Tab, Tab)), (cells[2], (LineBreak,))):
        cell.addElement(P(text="Ana"))
        for each in breaks:
            cell.lastChild.addElement(each())
    cells[3].addElement(remark := Annotation())
    remark.addElement(P(text="a"))
    remark.lastChild.addElement(Tab())
    header = [ods_text(name) for name in "abcd"]
    path = write_ods(tmp_path / "t.ods", header, cells, [ods_text("x")])
    assert problems_of(open_reader(path)) == {2: [("lost_break", "b"), ("lost_break", "c")]}


def test_a_text_that_an_ods_document_has_whole_in_an_attribute_loses_nothing(tmp_path):
    """As pandas writes it: that is what is read."""
    pd.DataFrame({"a": ["one\ntwo"], "b": ["x\ty"]}).to_excel(tmp_path / "t.ods", engine="odf", index=False)
    (chunk,) = open_reader(tmp_path / "t.ods").chunks()
    assert (chunk.frame.values.tolist(), chunk.cell_problems) == ([["one\ntwo", "x\ty"]], {})
