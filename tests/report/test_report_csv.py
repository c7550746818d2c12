"""The files that a person hands over, and feeds in again."""

from __future__ import annotations

import csv
import tempfile
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import COLUMNS, do, invalid, mark_one, memory, settle_one, stage, valid

from importer.errors import SourceError
from importer.failures.columns import REASON_COLUMNS
from importer.failures.read_back import FailuresFile, failures_file_of
from importer.files.whole import ReportFolder
from importer.ledger import Ledger, LedgerView
from importer.ledger.records import Outcome, StagedRow
from importer.models import FieldError, Mapped, Row, State
from importer.reader import open_reader
from importer.report import write_reports
from importer.report.tables import RESULT_COLUMNS, write_results
from importer.verbs.status import report


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_again(path: Path, ledger_id: str) -> list[tuple[int | None, tuple[str, ...]]]:
    """A failures file as a later run reads it: which record each line corrects, and the user's own cells."""
    source = open_reader(path)
    file = failures_file_of(source.columns)
    assert file is not None
    rows = [row for chunk in source.chunks() for row in chunk.rows()]
    return [(file.record(row, ledger_id, name=path.name), file.own_row(row).cells) for row in rows]


# -- results --------------------------------------------------------------------------------------------


def test_results_have_one_line_for_each_row_in_input_order(mixed: Ledger, tmp_path: Path) -> None:
    lines = read(write_reports(mixed.path, tmp_path / "out")[0].results)
    assert [(line["row"], line["key"], line["state"]) for line in lines] == [
        ("2", "A", "created"),
        ("3", "B", "refused"),
        ("4", "C", "unknown"),
        ("5", "D", "duplicate"),
        ("6", "E", "pending"),
        ("7", "A", "skipped"),
        ("8", "", "invalid"),
        ("9", "'=G", "invalid"),
    ]
    assert tuple(lines[0]) == RESULT_COLUMNS
    assert list(lines[0].values()) == ["2", "A", "Ticket A", "created", "77", "", "201", "1", "created", ""]
    assert [line["title"] for line in lines[6:]] == ["", ""], "what cannot be sent has none"
    assert lines[1]["message"] == "no such owner"
    assert (lines[5]["code"], lines[5]["message"], lines[5]["attempts"]) == (
        "duplicate_key",
        "duplicate key: row 2 is sent",
        "0",
    )


def test_results_are_plain_for_scripts(mixed: Ledger, tmp_path: Path) -> None:
    octets = write_reports(mixed.path, tmp_path / "out")[0].results.read_bytes()
    assert octets.startswith(b"row,key,title,state,")
    assert octets.count(b"\n") == 9
    assert b"\r" not in octets


def test_no_words_of_a_server_are_a_formula(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever answers can choose code and message freely."""
    stage(ledger, [valid("A")])
    do(ledger, lambda: mark_one(ledger, 1))
    evil = Outcome(State.REFUSED, None, 422, "=cmd|'/c calc'!A1", "@SUM(1+1)")
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, evil))
    reports, _ = write_reports(ledger.path, tmp_path / "out")
    for path in (reports.results, *reports.failures):
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("key", ["a\nb", "a\r\nb", 'a"b', "a,b", "a;b", "\ufeffa", " a ", "ａ"])
def test_any_key_survives_in_the_results(ledger: Ledger, tmp_path: Path, key: str) -> None:
    stage(ledger, [valid(key)])
    (line,) = read(write_reports(ledger.path, tmp_path / "out")[0].results)
    assert line["key"] == key


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\r", "\x7f", "\x9b", "\u202e", "\u2028"])
def test_tables_to_look_at_have_nothing_that_a_terminal_obeys(ledger: Ledger, tmp_path: Path, character: str) -> None:
    """failures.csv is exact, because it is read again."""
    text = f"a{character}]0;b\tc\nd"
    stage(ledger, [valid(text, body=orjson.dumps({"title": text})), invalid(f"{text}2")])
    do(ledger, lambda: mark_one(ledger, 1))
    do(ledger, lambda: settle_one(ledger, 1, State.SENDING, Outcome(State.CREATED, "77", 201)))
    reports, _ = write_reports(ledger.path, tmp_path / "out")
    shown = "a ]0;b\tc\nd"
    assert [read(path)[0]["key"] for path in (reports.results, reports.id_map)] == [shown] * 2
    assert read(reports.results)[0]["title"] == shown
    assert f'"{text}2"' in reports.failures[0].read_bytes().decode("utf-8-sig")


def test_results_of_many_rows_need_no_more_memory_than_of_few(ledger: Ledger, tmp_path: Path) -> None:
    """P11: straight from the ledger into the file."""
    stage(ledger, [valid(f"K{number}", row=number) for number in range(2, 10_002)])
    tracemalloc.start()
    try:
        with LedgerView(ledger.path) as view:
            write_results(view, ReportFolder(tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000
    assert len(read(tmp_path / "results.csv")) == 10_000


# -- which ticket is which case -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "link"),
    [
        ("https://api.talkdeskapp.eu (account acme)", "https://api.talkdeskapp.eu/cm/core/va/cases/7%2F7"),
        ("http://127.0.0.1:8080", ""),
        ("sandbox:12ab", ""),
    ],
)
def test_the_id_map_says_which_ticket_is_which_case_since_when(
    ledger: Ledger, tmp_path: Path, target: str, link: str
) -> None:
    stage(ledger, [valid("=B", row=2), valid("A", row=3), valid("C", row=4)])
    ledger.pin_target(target)
    assert write_reports(ledger.path, tmp_path)[0].id_map is None
    for record, case_id in ((2, "20"), (1, "7/7")):
        do(ledger, lambda record=record: mark_one(ledger, record))
        created = Outcome(State.CREATED, case_id, 201, "created")
        do(ledger, lambda record=record, to=created: settle_one(ledger, record, State.SENDING, to))
    reports, _ = write_reports(ledger.path, tmp_path)
    assert reports.id_map is not None
    lines = read(reports.id_map)
    assert [(line["key"], line["case_id"]) for line in lines] == [("'=B", "7/7"), ("A", "20")]
    assert lines[0]["link"] == read(reports.results)[0]["link"] == link
    age = datetime.now(UTC) - datetime.fromisoformat(lines[0]["created_at"])
    assert timedelta(seconds=-2) < age < timedelta(minutes=10)


# -- failures -------------------------------------------------------------------------------------------


def test_failures_name_what_a_person_must_do(mixed: Ledger, tmp_path: Path) -> None:
    lines = read(write_reports(mixed.path, tmp_path / "out")[0].failures[0])
    assert list(lines[0]) == [*REASON_COLUMNS, *COLUMNS]
    shown = {line["importer_row"]: line for line in lines}
    assert {row: line["importer_retry"] for row, line in shown.items()} == {
        "3": "after the fix",
        "4": "no: run reconcile first",
        "5": "no: run resolve first",
        "8": "after the fix",
        "9": "after the fix",
    }
    assert shown["3"]["importer_record"] == f"{mixed.id}_2"
    assert (shown["3"]["importer_code"], shown["3"]["importer_reason"]) == ("0900001", "no such owner")
    assert shown["8"]["importer_column"] == "Subject"
    assert shown["8"]["importer_hint"] == "shorten it"
    assert (shown["9"]["Ticket"], shown["9"]["Subject"]) == ("'=G", "It burns …")


def test_all_errors_of_a_row_are_in_its_line(ledger: Ledger, tmp_path: Path) -> None:
    errors = (
        FieldError("too_long", "Subject", "Häh …", "at most 150 characters", "shorten it"),
        FieldError("too_many_fields", None, "", "2 fields", "quote the comma"),
    )
    stage(ledger, [StagedRow(Row(2, ("A", "x", "y")), Mapped("A", None, errors))])
    (line,) = read(write_reports(ledger.path, tmp_path / "out")[0].failures[0])
    assert line["importer_code"] == "too_long | too_many_fields"
    assert line["importer_column"] == "Subject"
    assert line["importer_reason"] == "'Häh …' at most 150 characters | 2 fields"
    assert line["importer_hint"] == "shorten it | quote the comma"


def test_spreadsheets_see_that_failures_are_utf_8(mixed: Ledger, tmp_path: Path) -> None:
    assert (
        write_reports(mixed.path, tmp_path / "out")[0]
        .failures[0]
        .read_bytes()
        .startswith(b"\xef\xbb\xbfimporter_record,")
    )


def test_without_failures_there_is_no_file_and_none_of_an_earlier_run(ledger: Ledger, tmp_path: Path) -> None:
    """It would be about rows that have arrived since. What a person saved next to it stays."""
    folder = tmp_path / "out"
    stage(ledger, [invalid("A")])
    stage(ledger, [StagedRow(Row(2, ("x",)), invalid("B").mapped)], columns=("Other",), sha256="2")
    assert [path.name for path in write_reports(ledger.path, folder)[0].failures] == ["failures.csv", "failures-2.csv"]
    (folder / "failures-corrected.csv").touch()
    stage(ledger, [valid("A", replaces=1)], sha256="3")
    stage(ledger, [valid("B", replaces=2)], sha256="4")
    assert write_reports(ledger.path, folder)[0].failures == ()
    files = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert files == {"report.html", "results.csv", "failures-corrected.csv"}


def test_the_first_failures_file_is_always_called_the_same(ledger: Ledger, tmp_path: Path) -> None:
    """Of two files with different columns, only the second one has rows to correct."""
    stage(ledger, [valid("A")])
    stage(ledger, [StagedRow(Row(2, ("x",)), invalid("B").mapped)], columns=("Other",), sha256="2")
    (path,) = write_reports(ledger.path, tmp_path / "out")[0].failures
    assert (path.name, [line["Other"] for line in read(path)]) == ("failures.csv", ["x"])


def test_sources_with_other_columns_have_a_file_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    stage(ledger, [invalid("A", row=2)])
    stage(ledger, [StagedRow(Row(2, ("x",)), invalid("B").mapped)], columns=("Other",), sha256="2")
    stage(ledger, [invalid("C", row=7)], sha256="3")
    first, second = write_reports(ledger.path, tmp_path / "out")[0].failures
    assert (first.name, second.name) == ("failures.csv", "failures-2.csv")
    assert [line["importer_row"] for line in read(first)] == ["2", "7"]
    assert [line["Other"] for line in read(second)] == ["x"]


def test_reports_of_one_source_hold_nothing_else(ledger: Ledger, tmp_path: Path) -> None:
    stage(ledger, [invalid("A"), valid("B")])
    other = stage(ledger, [invalid("C")], sha256="2", name="second.csv")
    reports, summary = write_reports(ledger.path, tmp_path / "out", source=other)
    assert len(read(reports.results)) == 1
    assert [line["Ticket"] for line in read(reports.failures[0])] == ["C"]
    assert [source.name for source in summary.sources] == ["second.csv"]
    assert summary.totals.read == 1


# -- and in again ---------------------------------------------------------------------------------------


def test_a_failures_file_is_the_users_rows_again(mixed: Ledger, tmp_path: Path) -> None:
    """As it is, without a hand laid on it."""
    (path,) = write_reports(mixed.path, tmp_path / "out")[0].failures
    assert read_again(path, mixed.id) == [
        (2, ("B", "Subject of B")),
        (3, ("C", "Subject of C")),
        (4, ("D", "Subject of D")),
        (7, ("", "It burns …")),
        (8, ("=G", "It burns …")),
    ]


CELL = st.text(
    st.sampled_from("'=+-@\t\r\n ,;\"|＝é1")
    | st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"),
    max_size=8,
)


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=5))
def test_any_cells_come_back_as_they_were(rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory(dir=memory()) as folder, Ledger(Path(folder, "l.db"), verb="run") as ledger:
        error = invalid("").mapped
        stage(ledger, [StagedRow(Row(number, tuple(cells)), error) for number, cells in enumerate(rows, 2)])
        (path,) = write_reports(ledger.path, Path(folder, "out"))[0].failures
        expected = [(number, tuple(cells)) for number, cells in enumerate(rows, 1)]
        assert read_again(path, ledger.id) == expected


@pytest.mark.parametrize(
    "columns", [("Comment", "Comment"), ("=Ticket", "'Subject"), ("Größe", "a;b"), ("Zeile\n2", '"quoted"')]
)
def test_any_header_comes_back_as_it_was(ledger: Ledger, tmp_path: Path, columns: tuple[str, str]) -> None:
    stage(ledger, [invalid("A")], columns=columns)
    (path,) = write_reports(ledger.path, tmp_path / "out")[0].failures
    file = failures_file_of(open_reader(path).columns)
    assert file is not None
    assert file.user_columns == columns


@pytest.mark.parametrize("cells", [("A",), ("A", "x", "y"), ("A", "x", "y", "z")])
def test_a_row_with_too_few_or_too_many_fields_keeps_them(
    ledger: Ledger, tmp_path: Path, cells: tuple[str, ...]
) -> None:
    stage(ledger, [StagedRow(Row(2, cells), invalid("A").mapped)])
    (path,) = write_reports(ledger.path, tmp_path / "out")[0].failures
    assert read_again(path, ledger.id) == [(1, cells)]


def test_an_ordinary_export_is_no_failures_file() -> None:
    assert failures_file_of(("Ticket", "Subject", "importer_row")) is None


ALL_COLUMNS = (*REASON_COLUMNS, "Ticket")


def line_for(record: str, *own: str) -> Row:
    return Row(7, (record, *[""] * (len(REASON_COLUMNS) - 1), *own))


def file_with(*columns: str) -> FailuresFile:
    file = failures_file_of(columns or ALL_COLUMNS)
    assert file is not None
    return file


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("0a1b2c3d_17", 17),
        (" 0a1b2c3d_17 ", 17),
        ("", None),
    ],
)
def test_which_record_a_line_corrects(text: str, record: int | None) -> None:
    """A line that names none is one that the user added."""
    assert file_with().record(line_for(text, "A"), "0a1b2c3d", name="failures.csv") == record


@pytest.mark.parametrize(
    "text",
    [
        "17",
        "0a1b2c3d_0",
        "0a1b2c3d_017",
        "0a1b2c3d-1",
        "0a1b2c3d__1",
        "0A1B2C3D_17",
        "0a1b2c3d_1٧",
        "0a1b2c3d_" + "9" * 30,
    ],
)
def test_a_line_that_has_lost_its_record_is_refused(text: str) -> None:
    """Taken for a line that the user added, it could bring a second case."""
    with pytest.raises(SourceError, match="is not a record") as refusal:
        file_with().record(line_for(text, "A"), "0a1b2c3d", name="failures.csv")
    assert refusal.value.where == "failures.csv:7"


def test_a_line_of_another_ledger_is_refused() -> None:
    """Its record numbers mean other rows here: what succeeded there could be sent again."""
    with pytest.raises(SourceError, match="another ledger") as refusal:
        file_with().record(line_for("ffffffff_1", "A"), "0a1b2c3d", name="failures.csv")
    assert refusal.value.where == "failures.csv:7"


def test_columns_may_be_moved_and_reasons_deleted() -> None:
    """People tidy up before they send something back."""
    file = file_with("Subject", "importer_code", "Ticket", "importer_record")
    row = Row(2, ("It burns", "too_long", "'=A", "0a1b2c3d_3"))
    assert file.user_columns == ("Subject", "Ticket")
    assert file.own_row(row).cells == ("It burns", "=A")
    assert file.record(row, "0a1b2c3d", name="f.csv") == 3


# -- summary --------------------------------------------------------------------------------------------


def test_the_summary_adds_up(mixed: Ledger, tmp_path: Path) -> None:
    result = report(mixed.path, tmp_path / "out")
    summary = orjson.loads(result.reports.summary.read_bytes())
    states = {name: count for name, count in summary["totals"].items() if name not in ("read", "match")}
    assert summary["totals"]["match"] is True
    assert summary["totals"]["read"] == sum(states.values()) == 8
    assert sum(cause["rows"] for cause in summary["causes"]) == 8 - states["created"]
    assert sum(source["rows"] for source in summary["sources"]) == 8
    assert (summary["version"], summary["command"], summary["requests"]) == (1, "report", 4)
    assert (summary["ledger"], summary["ledger_id"]) == (str(mixed.path), mixed.id)


def test_all_reports_say_the_same(mixed: Ledger, tmp_path: Path) -> None:
    reports, summary = write_reports(mixed.path, tmp_path / "out")
    results = read(reports.results)
    assert summary.totals.counts == Counter(State(line["state"]) for line in results)
    assert sum(int(line["attempts"]) for line in results) == summary.requests


def test_reports_again_are_the_same_bytes(mixed: Ledger, tmp_path: Path) -> None:
    """They come from the ledger alone."""
    for folder in ("one", "two"):
        write_reports(mixed.path, tmp_path / folder)
    for name in ("results.csv", "failures.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
