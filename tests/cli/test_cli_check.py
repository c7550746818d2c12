"""``check`` and ``preview``: everything but sending, and nothing kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from program import Program
from tickets import MAPPING, Ticket, write_tickets

SAMPLE = Path(__file__).parents[2] / "sample_data/zendesk-tickets.csv"


def test_check_counts_and_explains_without_leaving_a_trace(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject=""), Ticket("3", subject="x" * 151)])
    ended = local("check", "t.csv", "-m", "m.yml", "--json")
    assert ended.code == 3
    assert ended.counts == {"pending": 1, "invalid": 2}
    assert {(cause["code"], *cause["first_rows"]) for cause in ended.json["causes"]} == {
        ("missing", 4),
        ("too_long", 6),
    }
    assert {path.name for path in local.folder.iterdir()} == {"t.csv", "m.yml"}


def test_check_of_a_good_file_ends_with_0(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("1")])
    ended = local("check", "t.csv", "-m", "m.yml")
    assert (ended.code, ended.err) == (0, "")
    assert "1  pending   ready to send" in ended.out
    assert "2 rows = 1 pending + 1 skipped" in ended.out


def test_a_file_without_rows_has_no_next_command(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [])
    ended = local("check", "t.csv", "-m", "m.yml")
    assert (ended.code, ended.out.endswith("0 of 0 rows are ready to send\n\n0 rows\n")) == (0, True), ended.out


def test_fix_again_says_that_the_lines_wait_for_a_decision(local: Program) -> None:
    table = "  priority: {column: Subject, values: {Low: LOW}}\n"
    (local.folder / "my map.yml").write_text(MAPPING.replace("case:\n", f"case:\n{table}"), encoding="utf-8")
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="Blocker")])
    fix = ("check", "t.csv", "-m", "my map.yml", "--fix")
    first, again = local(*fix), local(*fix)
    asked = "1 value still needs a translation: in `values:`, replace each … and remove the # in front (line 5), then"
    assert f"Wrote my map.yml; backup: my map.yml.bak\n{asked}" in first.out
    assert f"The mapping has these lines already.\n{asked}" in again.out
    assert "Nothing to fix" not in again.out


def test_check_names_every_error_of_a_row(local: Program) -> None:
    """A row with three faults is not sent back three times."""
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="", body="", mail="nobody")])
    causes = local("check", "t.csv", "-m", "m.yml", "--json").json["causes"]
    assert [(cause["column"], cause["rows"]) for cause in causes] == [("Subject", 1), ("Body", 1), ("Mail", 1)]


def test_preview_shows_the_very_bytes(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="Ω <b>"), Ticket("2", subject=""), Ticket("3")])
    ended = local("preview", "t.csv", "-m", "m.yml", "-n", 2, "--json")
    good, bad = ended.out.splitlines()
    assert ended.code == 0
    assert good == (
        '{"row":2,"key":"1","errors":[],"filtered":null,"body":{"title":"Ω <b>",'
        '"description":"Smoke was seen\\nbehind it.",'
        '"custom_fields":{"text1":"1"},"requester_email":"ana@example.com"}}'
    )
    assert json.loads(bad)["body"] is None
    assert [error["column"] for error in json.loads(bad)["errors"]] == ["Subject"]


def test_preview_for_people_shows_json_or_what_is_wrong(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject="")])
    text = local("preview", "t.csv", "-m", "m.yml").out
    assert '"title": "The printer is on fire"' in text
    assert "row 4 · key 2 · invalid\n  Subject: is empty" in text


def test_preview_of_a_bundled_mapping_works_by_name(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1")])
    shutil.copy(SAMPLE, local.folder)
    ended = local("preview", SAMPLE.name, "-m", "zendesk", "-n", 1)
    assert (ended.code, '"title": "Błędna kwota na fakturze: Quillpad reader"' in ended.out) == (0, True), ended.out
    other = local("preview", "t.csv", "-m", "intercom")
    assert (other.code, "14 of the 14 columns of intercom are not in this export" in other.err) == (13, True)


def test_the_last_screen_has_the_verdict_the_counts_the_causes_and_the_next_command(program: Program) -> None:
    """80 columns and 24 lines, and a file with eighteen invalid rows: what matters must not have scrolled away."""
    shutil.copy(SAMPLE, program.folder)
    shutil.copy(SAMPLE.with_name("zendesk.yml"), program.folder)
    shown = program.watched("check", "zendesk-tickets.csv", "-m", "zendesk.yml", columns=80)
    assert shown.code == 3
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown.out.replace("\r\n", "\n")).splitlines()
    assert [line for line in lines if not line.startswith("Reading") and len(line) > 80] == []
    last = "\n".join(lines[-23:])  # the prompt has one
    for said in (
        "18 of 1,000 rows are invalid\n",
        "1,000 rows = 980 pending + 18 invalid + 2 skipped",
        "980  pending   ready to send",
        "18  invalid   would not be sent",
        "2  skipped   duplicate key in this file",
        "3  Created at → custom_fields.date1 · not_a_date · rows 5846, 6929, …",
        "3  Requester email → requester_email · not_an_email",
        "2  Id → source.key · missing_key · rows 2177, 2898",
        "case-importer check zendesk-tickets.csv --mapping zendesk.yml",
        "Exit code 3: 18 of 1,000 rows are invalid",
    ):
        assert said in last
    assert "failures.csv" not in shown.out, "check writes none"


def test_statistics_of_columns_are_shown_when_they_are_asked_for(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2")])
    check = ("check", "t.csv", "-m", "m.yml")
    statistics = "Subject: short texts, 2 of 2 rows filled, 1 different value"
    assert statistics not in local(*check).out
    assert statistics in local(*check, "--columns").out
    assert local(*check, "--json").json["columns"][1]["filled"] == 2


def test_a_good_file_ends_with_the_command_that_imports_it(local: Program) -> None:
    write_tickets(local.folder / "my tickets.csv", [Ticket("1")])
    ended = local("check", "my tickets.csv", "-m", "m.yml", "--delimiter", ",", "--columns")
    assert ended.out.endswith("Next\n  case-importer run 'my tickets.csv' --mapping m.yml --delimiter ,\n")


LOOKUP = """\
version: 1
source: {key: Id}
case:
  title: Subject
  description: Body
  requester_email: {lookup: {file: people.csv, key: id, by: Mail, value: email}}
"""


def test_check_and_dry_run_take_a_lookup(program: Program) -> None:
    (program.folder / "people.csv").write_text("id,email\n1,ana@example.com\n", encoding="utf-8")
    (program.folder / "m.yml").write_text(LOOKUP, encoding="utf-8")
    write_tickets(program.folder / "t.csv", [Ticket("1", mail="1"), Ticket("2", mail="2")])
    for ended in (
        program("check", "t.csv", "-m", "m.yml", "--json"),
        program("run", "t.csv", "-m", "m.yml", "--dry-run", "--json"),
    ):
        assert (ended.code, ended.err, ended.counts) == (3, "", {"pending": 1, "invalid": 1})
        assert [cause["code"] for cause in ended.json["causes"]] == ["not_found"]


def test_rows_are_named_by_their_keys_too(local: Program) -> None:
    """A row with line breaks takes several lines of the file, and one in a spreadsheet program."""
    rows = [
        Ticket("T-1", body="a\n\nb"),
        Ticket("T-2", subject=""),
        Ticket("T-3", subject=""),
        Ticket("", body="CafÃ©"),
    ]
    write_tickets(local.folder / "t.csv", rows)
    page = local("check", "t.csv", "-m", "m.yml").out
    assert "Subject → title · missing · rows 5, 7 · keys T-2, T-3\n" in page
    assert "Id → source.key · missing_key · row 9\n" in page, "it has none"
    assert "1 cell · row 9 · 'CafÃ©'" in page
    run = local("run", "t.csv", "-m", "m.yml", "--out", "out").out
    assert "missing · first: row 5 · key T-2\n" in run
    text = (local.folder / "out/report.html").read_text(encoding="utf-8")
    assert "first in row 5, key <bdi>T-2</bdi>" in text
