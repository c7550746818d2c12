"""`explain`: the whole story of one row."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import Program, SandboxProcess
from scenery import LOST_AFTER, REFUSED
from tickets import Ticket, read_csv, write_tickets

LEDGER = ("--ledger", "t-import/ledger.db")


@pytest.fixture
def told(online: Program) -> Program:
    """An import of rows that are a case, a case after all, refused, and invalid; and a later file with one of them."""
    titles = ("Fine", LOST_AFTER, REFUSED)
    rows = [Ticket(f"why-{number}", subject=title, body="Smoke") for number, title in enumerate(titles, 1)]
    write_tickets(online.folder / "t.csv", [*rows, Ticket("why-4", subject="", body="\x1b[31mred\nalert")])
    online("run", "t.csv", "-m", "m.yml", "--quiet")
    write_tickets(online.folder / "next.csv", rows[:1])
    online("run", "next.csv", "-m", "m.yml", *LEDGER, "--out", "second", "--quiet")
    return online.having(COLUMNS="80")


def test_the_story_of_a_row_is_told_to_its_end(told: Program, server: SandboxProcess) -> None:
    (lost,) = told("explain", "why-2", *LEDGER, "--json").json["rows"]
    case = next(case for case in server.cases() if case["custom_fields"].get("text1") == "why-2")
    assert (lost["row"], lost["state"], lost["case_id"], lost["attempts"]) == (3, "created", str(case["id"]), 1)
    assert [step["what"] for step in lost["history"]] == ["sending", "unknown", "search", "created"]
    assert (lost["history"][2]["code"], lost["history"][3]["code"]) == ("found", "found")
    assert lost["body"]["title"] == LOST_AFTER
    origin = {value["field"]: (value["columns"], value["place"]) for value in lost["values"]}
    lines = (told.folder / "m.yml").read_text(encoding="utf-8").splitlines()
    columns, place = origin["title"]
    file, line, _ = place.rsplit(":", 2)
    assert (file, columns) == ("m.yml", ["Subject"])
    assert "title" in lines[int(line) - 1]
    assert origin["custom_fields.text1"][0] == ["Id"]

    page = told("explain", "why-2", *LEDGER).out
    assert f"Row 3 of t.csv · key why-2 · created · case {case['id']}\n" in page
    assert "attempt 1 is sent by run (run 1)" in page
    assert "searched for by external id in text1: found" in page
    assert "← from 'Subject', m.yml:" in page

    refused = told("explain", "4", *LEDGER).out
    by_row = "info: no row has the key '4'; shown by its row number\n"
    assert refused.startswith(f"{by_row}Row 4 of t.csv · key why-3 · refused\n")
    assert "refused: HTTP 422" in refused
    assert "what to do  fix it in the failures file" in refused

    _tells_what_is_wrong(told)


def _tells_what_is_wrong(told: Program) -> None:
    page = told("explain", "why-4", *LEDGER).out
    assert "missing · Subject: is empty, but a value is required" in page
    assert "← title, m.yml:" in page
    assert "\x1b" not in page, "a cell cannot colour the screen"
    assert max(map(len, page.splitlines())) <= 80
    # Of a key that is in a later file again, the row that became the case is shown.
    (row,) = told("explain", "why-1", *LEDGER, "--json").json["rows"]
    assert (row["file"], row["state"], row["others"]) == ("t.csv", "created", ["same key: row 2 of next.csv (skipped)"])
    assert [row["file"] for row in told("explain", "2", *LEDGER, "--json").json["rows"]] == ["t.csv", "next.csv"]

    mapping: Path = told.folder / "m.yml"
    mapping.write_text(mapping.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    (row,) = told("explain", "why-4", *LEDGER, "--json").json["rows"]
    assert (row["mapping_note"], row["error_places"]) == ("the mapping has changed since the row was read", [None])
    mapping.unlink()
    assert "m.yml" not in told("explain", "why-4", *LEDGER).out.partition("Errors")[2], "the ledger alone is enough"

    unknown = told("explain", "nothing", *LEDGER)
    assert (unknown.code, unknown.out) == (2, "")
    assert "no row has the key, the row number or the case id 'nothing'" in unknown.err
    told("forget", *LEDGER, "--yes")
    (row,) = told("explain", "why-1", *LEDGER, "--json").json["rows"]
    assert (row["cells"], row["body"], row["state"]) == (None, None, "created")
    assert [line["title"] for line in read_csv(told.folder / "t-import/results.csv")][:1] != [""]


def test_every_line_that_a_note_may_come_from_is_named(local: Program) -> None:
    mapping = "version: 1\nsource: {key: Id}\ncase:\n  title: T\n  description: T\n  requester_email: Mail\n"
    later = "after_create:\n  status: {value: OPEN}\n"
    notes = "  notes:\n    - {body: One}\n    - {body: Two}\n"
    (local.folder / "m.yml").write_text(mapping + notes + later, encoding="utf-8")
    (local.folder / "t.csv").write_text("Id,T,Mail,One,Two\n1,Smoke,a@acme.example,,seen\n", encoding="utf-8")
    local("run", "t.csv", "-m", "m.yml", "--quiet", "--yes")
    page = local("explain", "1", *LEDGER).out
    assert "← from 'One', 'Two', m.yml:8:14, or of the note at m.yml:9:14" in page
    assert "requests    1 to create it, 1 for case updates" in page


def test_an_update_that_waits_for_its_row_is_not_to_be_looked_up(local: Program) -> None:
    """It is not in case-updates.csv, which is about cases that exist."""
    mapping = local.folder / "m.yml"
    later = "after_create:\n  status: {value: OPEN}\n"
    mapping.write_text(mapping.read_text(encoding="utf-8") + later, encoding="utf-8")
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2")])
    local("run", "t.csv", "-m", "m.yml", "--limit", 1, "--quiet")
    assert not (local.folder / "t-import/case-updates.csv").exists()
    stories = [local("explain", key, *LEDGER, "--json").json["rows"][0] for key in "12"]
    assert [story["updates"][0]["state"] for story in stories] == ["done", "pending"]
    assert [story["what_to_do"] for story in stories] == ["nothing to do", "run the same command again"]


def test_a_cell_with_half_a_character_is_shown_written_out(local: Program) -> None:
    text = "Id,Subject,Body,Mail\n1,half \ud83d,b,ana@example.com\n"
    (local.folder / "t.csv").write_bytes(text.encode("utf-7"))
    checked = local("check", "t.csv", "-m", "m.yml", "--encoding", "utf-7", "--json").json
    assert checked["columns"][1]["examples"] == ["half \\ud83d"]
    assert local("run", "t.csv", "-m", "m.yml", "--encoding", "utf-7", "--quiet").code == 3
    (row,) = local("explain", "1", *LEDGER, "--json").json["rows"]
    assert [cell["value"] for cell in row["cells"]] == ["1", "half \\ud83d", "b", "ana@example.com"]
