"""The main job as a script sees it: exit codes, what is printed, which files are there afterwards."""

from __future__ import annotations

import json
import shlex
import stat
from collections import Counter

from ended import counts_of
from openpyxl import load_workbook
from pages import Page
from program import Program, SandboxProcess, closed_address
from scenery import Import
from tickets import Ticket, read_csv, tickets, write_tickets


def test_a_run_with_bad_rows_ends_with_3_and_true_totals(imported: Import) -> None:
    ended = imported.run
    assert (ended.code, ended.err) == (3, "")
    assert ended.counts == {"created": 2, "invalid": 1, "skipped": 1}
    assert +Counter(ended.json["moved"]) == {"created": 2}
    assert ended.json["requests"] == 2
    assert (ended.json["error"], ended.json["exit_code"]) == (None, 3)


def test_the_books_of_a_run_are_those_of_all_its_reports(imported: Import) -> None:
    shape = imported.run.json
    summary = json.loads((imported.folder / shape["reports"]["summary"]).read_text(encoding="utf-8"))
    status = imported.program("status", "--ledger", shape["ledger"], "--json")
    assert shape["totals"] == summary["totals"] == status.json["totals"]
    assert status.code == 0
    assert summary == shape, "one form"


def test_results_have_every_row_in_the_order_of_the_file(imported: Import) -> None:
    results = read_csv(imported.folder / "out/results.csv")
    columns = ["row", "key", "title", "state", "case_id", "link", "http_status", "attempts", "code", "message"]
    assert list(results[0]) == columns
    assert [(line["row"], line["key"], line["state"], line["code"]) for line in results] == [
        ("2", "A1", "created", "created"),
        ("4", "A2", "invalid", "missing"),
        ("6", "A1", "skipped", "duplicate_key"),
        ("8", "A3", "created", "created"),
    ]


def test_failures_have_only_rows_to_correct_and_the_users_own_columns(imported: Import) -> None:
    (failure,) = read_csv(imported.folder / "out/failures.csv")
    assert (failure["importer_state"], failure["importer_column"]) == ("invalid", "Subject")
    assert (failure["Id"], failure["Subject"], failure["Body"]) == ("A2", "", "Smoke was seen\nbehind it.")


def test_ledger_and_reports_are_for_their_owner_only(imported: Import) -> None:
    folder = imported.folder / "out"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        path.name: 0o600 for path in folder.iterdir()
    }


def test_reports_from_the_ledger_alone_are_the_same_bytes(imported: Import) -> None:
    again = imported.program("report", "--ledger", "out/ledger.db", "--out", "again", "--json")
    assert again.code == 0
    assert counts_of(again.json["totals"]) == imported.run.counts
    for name in ("results.csv", "failures.csv"):
        assert (imported.folder / "again" / name).read_bytes() == (imported.folder / "out" / name).read_bytes()


def test_words_for_people_have_books_causes_and_places(imported: Import) -> None:
    text = imported.program("status", "--ledger", "out/ledger.db").out
    assert "4 rows = 2 created + 1 invalid + 1 skipped" in text
    assert "invalid   Subject → title · missing · first: row 4" in text
    assert "skipped   duplicate key in this file" in text


def test_the_same_command_again_sends_nothing(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(3, prefix="again-"))
    first = online("run", "t.csv", "-m", "m.yml", "--json")
    before = server.creates()
    second = online("run", "t.csv", "-m", "m.yml", "--json")
    assert (first.code, second.code) == (0, 0)
    assert second.counts == {"created": 3}
    assert second.json["moved"] == {}
    assert server.creates() == before


def test_the_default_folder_is_named_after_the_export(local: Program) -> None:
    write_tickets(local.folder / "last week.csv", tickets(1))
    ended = local("run", "last week.csv", "-m", "m.yml")
    assert ended.code == 0
    assert "last week-import/ledger.db     state of the import" in ended.out
    assert {path.name for path in (local.folder / "last week-import").iterdir()} >= {"results.csv", "ledger.db"}


def test_a_limit_leaves_the_rest_for_the_next_run(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(5))
    first = local("run", "t.csv", "-m", "m.yml", "--limit", 2, "--json")
    assert (first.code, first.counts) == (0, {"created": 2, "pending": 3})
    rest = local("run", "t.csv", "-m", "m.yml", "--json")
    assert (rest.code, rest.counts) == (0, {"created": 5})
    assert rest.json["requests"] == 5


def test_the_same_command_again_says_what_it_did_and_what_was_there_before(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(7), Ticket("bad", subject="")])
    run = ("run", "t.csv", "-m", "m.yml", "--sandbox")
    limited = local(*run, "--limit", 2)
    step = "1. Run the same command again, without --limit: 5 rows are not sent yet"
    assert step in limited.out
    assert step[3:] in Page(local.folder / "t-import/report.html").text
    assert "7  created   trial: cases in the sandbox, not in Talkdesk (5 now, 2 before)" in local(*run).out
    assert "7  created   trial: cases in the sandbox, not in Talkdesk (0 now, 7 before)" in local(*run).out


def test_a_limit_is_not_blamed_for_a_run_that_could_not_connect(local: Program, online: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(5))
    with closed_address() as address:
        ended = online.having(CASE_IMPORTER_API_URL=address)("run", "t.csv", "-m", "m.yml", "--limit", 2)
    assert ended.code == 5
    assert "1. Run the same command again: 5 rows are not sent yet" in ended.out
    assert "without --limit" not in Page(local.folder / "t-import/report.html").text


def test_a_retry_leads_to_the_rows_that_are_still_invalid(local: Program) -> None:
    (local.folder / "maps").mkdir()
    (local.folder / "m.yml").rename(local.folder / "maps/m.yml")
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="")])
    local("run", "t.csv", "-m", "maps/m.yml", "--sandbox")
    command = next_command(local("retry", "--ledger", "t-import/ledger.db", "--sandbox").out)
    assert command[:3] == ["case-importer", "run", "t-import/failures.xlsx"]
    assert command[command.index("--mapping") + 1].endswith("maps/m.yml")
    assert local(*command[1:], "--json").counts == {"invalid": 1}


def next_command(page: str) -> list[str]:
    """The words of the command that imports the fixed rows."""
    said = page.partition("save it, and import it:\n")[2].partition("\n\nFiles")[0]
    return shlex.split(said.replace("\\\n", " "))


def test_the_next_step_is_a_command_that_works_as_it_stands(local: Program) -> None:
    (local.folder / "maps").mkdir()
    (local.folder / "m.yml").rename(local.folder / "maps/my own.yml")
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="")])
    (local.folder / "second-import").mkdir()  # of another import
    words = next_command(local("run", "t.csv", "-m", "maps/my own.yml", "--sandbox").out)
    assert words[words.index("--out") + 1] == "import-3"
    (local.folder / "second-import").rmdir()
    words = next_command(local("run", "t.csv", "-m", "maps/my own.yml", "--sandbox").out)
    assert words[:3] == ["case-importer", "run", "t-import/failures.xlsx"]
    for before, after in (("second-import", "import-3"), ("import-3", "import-4")):  # nothing is fixed in these rounds
        words = next_command(local(*words[1:]).out)
        assert words[2] == f"{before}/failures.xlsx"
        assert words[words.index("--out") + 1] == after
    book = load_workbook(local.folder / words[2])
    sheet = book["failures"]
    (place,) = (cell.column for cell in sheet[1] if cell.value == "Subject")
    assert "is empty" in sheet.cell(2, place).comment.text
    sheet.cell(2, place).value = "fixed"
    book.save(local.folder / words[2])
    assert local(*words[1:], "--json").counts == {"created": 1}
    again = local(*words[1:], "--json")
    assert (again.counts, again.json["moved"]) == ({"created": 1}, {}), "it is a case already"


def test_a_dry_run_sends_nothing_and_leaves_nothing(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(2, prefix="dry-"))
    before = server.creates()
    ended = online("run", "t.csv", "-m", "m.yml", "--dry-run", "--json")
    assert (ended.code, ended.counts) == (0, {"pending": 2})
    assert server.creates() == before
    assert {path.name for path in online.folder.iterdir()} == {"t.csv", "m.yml"}


def test_a_dry_run_knows_what_the_ledger_has_created(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    local("run", "t.csv", "-m", "m.yml", "--out", "out")
    write_tickets(local.folder / "next.csv", tickets(3))
    ended = local("run", "next.csv", "-m", "m.yml", "--dry-run", "--ledger", "out/ledger.db", "--json")
    assert (ended.code, ended.counts) == (0, {"pending": 1, "skipped": 2})


def test_the_command_after_a_dry_run_goes_to_the_same_place(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local("run", "t.csv", "-m", "m.yml", "--dry-run", "--sandbox", "--out", "o")
    assert "case-importer run t.csv --mapping m.yml --out o --sandbox\n" in ended.out


def test_a_later_file_sends_only_what_is_new(local: Program) -> None:
    """The nightly load: another file, the same ledger."""
    write_tickets(local.folder / "monday.csv", tickets(2))
    write_tickets(local.folder / "tuesday.csv", tickets(4))
    local("run", "monday.csv", "-m", "m.yml", "--ledger", "l.db")
    tuesday = local("run", "tuesday.csv", "-m", "m.yml", "--ledger", "l.db", "--json")
    assert (tuesday.code, tuesday.counts) == (0, {"created": 2, "skipped": 2})
    assert +Counter(tuesday.json["moved"]) == {"created": 2}


def test_ledger_and_reports_may_live_apart(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local("run", "t.csv", "-m", "m.yml", "--ledger", "deep/down/l.db", "--out", "reports", "--json")
    assert ended.code == 0
    assert (local.folder / "deep/down/l.db").is_file()
    assert {path.name for path in (local.folder / "reports").iterdir()} == {
        ".reports.sha256",
        "id_map.csv",
        "report.html",
        "results.csv",
        "summary.json",
    }
