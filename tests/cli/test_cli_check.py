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
    assert "row 4 · key 2 · invalid\n  Subject: has no value" in text


def test_preview_of_a_bundled_mapping_works_by_name(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1")])
    ended = local("preview", "t.csv", "-m", "zendesk")
    assert ended.code == 2
    assert "zendesk" in ended.err
    assert "the export has no column" in ended.err
