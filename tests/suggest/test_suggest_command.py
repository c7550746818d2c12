"""``case-importer suggest``: prints or writes, never loses a file, and its mapping goes through check and preview."""

from pathlib import Path

import pytest
import xlsxwriter
from program import Program
from tqdm.utils import disp_len

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data" / "zendesk-tickets.csv"


def test_it_prints_the_mapping_and_nothing_else(program: Program, tmp_path: Path) -> None:
    done = program("suggest", SAMPLE)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# Draft mapping for zendesk-tickets.csv → Talkdesk cases.")
    assert list(tmp_path.iterdir()) == []


def test_suggest_check_preview(program: Program, tmp_path: Path) -> None:
    written = program("suggest", SAMPLE, "-o", "mapping.yml")
    assert written.code == 0
    assert written.out.startswith("Wrote mapping.yml: ")
    checked = program("check", SAMPLE, "--mapping", "mapping.yml")
    assert checked.code == 3
    assert "1,000 rows = 988 pending + 10 invalid + 2 skipped" in checked.out
    assert program("preview", SAMPLE, "--mapping", "mapping.yml").code == 0


def test_a_file_is_only_overwritten_by_force(program: Program, tmp_path: Path) -> None:
    target = tmp_path / "mapping.yml"
    target.write_text("precious", encoding="utf-8")
    refused = program("suggest", SAMPLE, "-o", target)
    assert refused.code == 2
    assert "already exists" in refused.err
    assert target.read_text(encoding="utf-8") == "precious"
    assert program("suggest", SAMPLE, "-o", target, "--force").code == 0
    assert "version: 1" in target.read_text(encoding="utf-8")


def test_not_even_force_overwrites_the_export(program: Program, tmp_path: Path) -> None:
    export = tmp_path / "tickets.csv"
    export.write_text("ID,Subject\n1,Hi\n", encoding="utf-8")
    done = program("suggest", export, "-o", export, "--force")
    assert (done.code, export.read_text(encoding="utf-8")) == (2, "ID,Subject\n1,Hi\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.csv",), "file not found"),
        ((str(SAMPLE), "-o", "no/such/folder/m.yml"), "cannot be written"),
        ((str(SAMPLE), "--encoding", "klingon"), "klingon"),
    ],
)
def test_mistakes_end_in_a_message(arguments: tuple[str, ...], message: str, program: Program, tmp_path: Path) -> None:
    done = program("suggest", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_what_to_do_next_can_be_pasted(program: Program, tmp_path: Path) -> None:
    """In quotes where the shell wants them; the mapping says how the export is to be read."""
    export = tmp_path / "my tickets.csv"
    export.write_bytes("num;Betreff\n1;Gerät kaputt\n2;Gerät fehlt\n".encode("cp1252"))
    done = program("suggest", export.name, "--encoding", "cp1252", "-o", "m.yml")
    assert "case-importer check 'my tickets.csv' --mapping m.yml\n" in done.out
    checked = program("check", export.name, "--mapping", "m.yml")
    assert (checked.code, "read as CP1252, 2 columns separated by semicolons" in checked.out) == (0, True)


def test_the_old_status_is_proposed_as_it_can_be_used(program: Program, tmp_path: Path) -> None:
    export = tmp_path / "t.csv"
    rows = "".join(
        f"T-{number},Printer {number},It is on fire,{word}\n" for number, word in enumerate(["Open", "Closed", "Neu"])
    )
    export.write_text(f"Id,Subject,Description,Status\n{rows}", encoding="utf-8")
    assert program("suggest", export, "-o", "m.yml").code == 0
    before, _, commented = (tmp_path / "m.yml").read_text(encoding="utf-8").partition("# after_create:\n")
    used = "".join(line.removeprefix("# ") for line in commented.splitlines(keepends=True))
    assert "Neu: OPEN  # CHECK" in used
    (tmp_path / "m.yml").write_text(f"{before}after_create:\n{used}", encoding="utf-8")
    assert program("check", export, "--mapping", "m.yml").code == 0
    shown = program("preview", export, "--mapping", "m.yml").out
    assert '"status": "CLOSED"' in shown


def test_sheets_that_are_left_out_are_named(program: Program, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "tickets.xlsx") as book:
        for name in ("Notes", "Year 2023", "Year 2024"):
            sheet = book.add_worksheet(name)
            rows = [
                ["Ticket ID", "Subject", "Status"],
                *([f"{name[-1]}-{n}", f"Fan {n} is loud", "open"] for n in "123"),
            ]
            for number, row in enumerate(rows if name != "Notes" else [["Made by Ana"]]):
                sheet.write_row(number, 0, row)
    done = program("suggest", "tickets.xlsx", "-o", "mapping.yml")
    said = " ".join(done.out.split())
    assert "Reading sheet 'Year 2023' only" in said
    assert "not read: 'Notes', 'Year 2024'" in said
    assert "Check: more tickets in 'Year 2024'?" in said
    assert "header in row 1." in said
    assert max(map(len, done.out.splitlines()[:5])) < 80
    assert "CHECK: more tickets in 'Year 2024'?" in (tmp_path / "mapping.yml").read_text(encoding="utf-8")


def test_a_header_that_looks_like_data_is_said_before_the_table(program: Program, tmp_path: Path) -> None:
    burns = "It burns in the cellar behind the third door"
    (tmp_path / "t.csv").write_text(f"1001,2021-01-01,{burns}\n1002,2021-01-02,It smokes\n", encoding="utf-8")
    said = " ".join(program("suggest", "t.csv", "-o", "m.yml").out.split())
    assert "Check: the header looks like data: `1001`, `2021-01-01`, `It burns in" in said
    assert "draft again with --header-row 0: the columns are `column A`, `column B` … then." in said


def test_the_table_is_straight_in_wide_scripts_too(program: Program, tmp_path: Path) -> None:
    rows = "".join(f"T-{n},プリンタ{n}が動きません,高\n" for n in range(12))
    (tmp_path / "t.csv").write_text(f"受付番号,件名,Priority\n{rows}", encoding="utf-8")
    lines = program("suggest", "t.csv", "-o", "m.yml").out.splitlines()
    fields = [line for line in lines if line.startswith("  ") and "guess" in line]
    assert [disp_len(line[: line.index("guess")]) for line in fields] == [46, 46]
