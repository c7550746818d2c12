"""The beginning of a large workbook is the beginning of its rows, or there is none."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from source_reading import cells_of

from importer.look import check
from importer.source import open_source
from importer.source.excerpt import LARGE, make_excerpt
from importer.survey import Surveyed

MAPPING = """\
version: 1
source: {key: id}
case: {title: title, description: text}
"""


def write(path: Path, rows: int, *, texts: str = "text") -> None:
    """Two sheets, texts shared between them, numbers and blanks among them."""
    with xlsxwriter.Workbook(path) as workbook:
        for name in ("Tickets", "More"):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["id", "title", "text", "count"])
            for row in range(1, rows):
                sheet.write_row(row, 0, [f"T-{row}", f"{name} {row % 7}", f"{texts} {rows - row}", row])


def test_an_excerpt_has_the_first_rows_of_each_sheet(tmp_path: Path) -> None:
    whole = tmp_path / "t.xlsx"
    write(whole, 300)
    (tmp_path / "small").mkdir()
    excerpt = make_excerpt(whole, tmp_path / "small", rows=20, large=0)
    assert excerpt == tmp_path / "small/t.xlsx"
    for sheet in ("Tickets", "More"):
        beginning = cells_of(open_source(excerpt, sheet=sheet))
        assert len(beginning) == 19
        assert beginning == cells_of(open_source(whole, sheet=sheet))[:19]


def test_a_workbook_with_fewer_rows_is_copied(tmp_path: Path) -> None:
    whole = tmp_path / "t.xlsx"
    write(whole, 10)
    (tmp_path / "small").mkdir()
    excerpt = make_excerpt(whole, tmp_path / "small", rows=20, large=0)
    assert excerpt is not None
    assert cells_of(open_source(excerpt)) == cells_of(open_source(whole))


def test_what_is_no_large_workbook_has_no_excerpt(tmp_path: Path) -> None:
    whole = tmp_path / "t.xlsx"
    write(whole, 10)
    (tmp_path / "t.csv").write_text("id\n1\n", encoding="utf-8")
    cut = whole.read_bytes()[:-100]
    (tmp_path / "cut.xlsx").write_bytes(cut)
    assert make_excerpt(whole, tmp_path, rows=5) is None, "it is small"
    for name in ("t.csv", "cut.xlsx"):
        assert make_excerpt(tmp_path / name, tmp_path, rows=5, large=0) is None


def test_a_bomb_is_left_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<sheetData>" + b" " * 50_000_000)
    (tmp_path / "small").mkdir()
    assert make_excerpt(tmp_path / "b.xlsx", tmp_path / "small", rows=5, large=0) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "mapping", [MAPPING, MAPPING.replace("title: title", "title: titel")], ids=["fits", "does not"]
)
def test_check_tells_of_a_large_workbook_what_it_tells_of_its_first_rows(tmp_path: Path, mapping: str) -> None:
    (tmp_path / "m.yml").write_text(mapping, encoding="utf-8")
    generator = random.Random(1)
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as workbook:
        sheet = workbook.add_worksheet("Tickets")
        sheet.write_row(0, 0, ["id", "title", "text"])
        for row in range(1, 6000):
            sheet.write_row(row, 0, [f"T-{row}", "Fire", generator.randbytes(900).hex()])
    assert (tmp_path / "t.xlsx").stat().st_size > LARGE
    seen: list[Surveyed] = []
    if "titel" in mapping:
        with pytest.raises(Exception, match="titel"):
            check(tmp_path / "t.xlsx", tmp_path / "m.yml", first=seen.append)
        assert seen == []
    else:
        assert check(tmp_path / "t.xlsx", tmp_path / "m.yml", first=seen.append).found.rows == 5999
        assert [found.rows for found in seen] == [2000]
