"""``check`` and ``preview``: everything but sending, and nothing kept."""

from __future__ import annotations

import json

from program import Program
from tickets import Ticket, write_tickets


def test_check_counts_and_explains_without_leaving_a_trace(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject=""), Ticket("3", subject="x" * 151)])
    ended = local("check", "t.csv", "-m", "m.yml", "--json")
    assert ended.code == 3
    assert ended.counts == {"pending": 1, "invalid": 2}
    assert {(cause["code"], cause["first_row"]) for cause in ended.json["causes"]} == {("missing", 4), ("too_long", 6)}
    assert {path.name for path in local.folder.iterdir()} == {"t.csv", "m.yml"}


def test_check_of_a_good_file_ends_with_0(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("1")])
    ended = local("check", "t.csv", "-m", "m.yml")
    assert (ended.code, ended.err) == (0, "")
    assert "1  pending    ready to be sent" in ended.out
    assert "The books balance: 2 read = 1 skipped + 1 pending" in ended.out


def test_check_names_every_error_of_a_row(local: Program) -> None:
    """A row with three faults is not sent back three times."""
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="", body="", mail="nobody")])
    (cause,) = local("check", "t.csv", "-m", "m.yml", "--json").json["causes"]
    assert all(f"{column}: " in cause["example"] for column in ("Subject", "Body", "Mail"))


def test_preview_shows_the_very_bytes(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="Ω <b>"), Ticket("2", subject=""), Ticket("3")])
    ended = local("preview", "t.csv", "-m", "m.yml", "-n", 2, "--json")
    good, bad = ended.out.splitlines()
    assert ended.code == 0
    assert good == (
        '{"row":2,"key":"1","errors":[],"left_out":null,"body":{"title":"Ω <b>",'
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
    ended = local("preview", "t.csv", "-m", "zendesk")
    assert ended.code == 2
    assert "zendesk" in ended.err
    assert "the export has no column" in ended.err


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
