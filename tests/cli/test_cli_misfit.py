"""A mapping that cannot be meant for the export ends every command before anything is sent; columns that nothing reads
are never passed over in silence."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pandas
import pytest
from program import Program
from tickets import Ticket, write_tickets

from importer import Settings, check, preview, run_import
from importer.errors import WrongMappingError

#: What the mapping below reads: a key, a title, and six columns that the export may lack.
MAPPING = """\
version: 1
source:
  key: Id
  columns:
    Body: {optional: true}
    Mail: {also: E-mail, optional: true}
    Name: {optional: true}
    Priority: {optional: true}
    Agent: {optional: true}
    Team: {optional: true}
external_id_field: text1
case:
  title: Subject
  description: {template: "{Body}\\n\\nImported as {Id}."}
  requester_email: Mail
  requester_name: Name
  priority: {column: Priority, values: {High: HIGH}}
  notes: [{title: {value: Old}, body: {template: "{Agent} {Team}"}}]
"""
ALL = ("Id", "Subject", "Body", "Mail", "Name", "Priority", "Agent", "Team")
MOST = ("Id", "Subject", "Body", "Mail")


def export(folder: Path, header: Sequence[str], *, mapping: str = MAPPING) -> None:
    cells = {"Mail": "ana@example.org", "E-mail": "ana@example.org", "Priority": "High"}
    (folder / "m.yml").write_text(mapping, encoding="utf-8")
    rows = [[cells.get(name, f"{name}{number}") for name in header] for number in (1, 2)]
    write_tickets(folder / "t.csv", rows, header=header)


@pytest.mark.parametrize("command", ["check", "preview", "rehearse", "run", "rebuild"])
def test_a_mapping_for_another_export_ends_each_command_before_anything_is_sent(program: Program, command: str) -> None:
    write_tickets(program.folder / "t.csv", [Ticket("1")])
    ended = program.in_sandbox()(command, "t.csv", "-m", "zendesk")
    assert (ended.code, ended.out) == (13, "")
    first, hint = ended.err.splitlines()
    assert first.startswith("error: t.csv: 15 of the 17 columns of zendesk are not in this export: 'Description', ")
    assert first.endswith("; your columns that nothing reads: 'Body', 'Mail'")
    assert "case-importer suggest t.csv -o mine.yml" in hint
    assert [path.name for path in program.folder.iterdir()] == ["t.csv"], "no ledger was begun"


def test_half_of_the_columns_are_a_warning_and_more_an_error(program: Program) -> None:
    export(program.folder, MOST)
    half = program("check", "t.csv", "-m", "m.yml")
    assert half.code == 0, half.err
    names = "'Name', 'Priority', 'Agent', 'Team'"
    lines = " ".join(half.out.split())
    assert f"warning: 4 of the 8 columns of m.yml are not in this export and count as empty: {names}" in lines
    export(program.folder, ("Id", "Subject", "Body", "What", "Who"))
    more = program("check", "t.csv", "-m", "m.yml", "--json")
    assert (more.code, "5 of the 8 columns of m.yml" in more.err) == (13, True)


@pytest.mark.parametrize(
    ("missing", "what"), [(("Body",), "the description are not in"), (("Mail", "Name"), "the requester are not in")]
)
def test_an_export_without_description_or_requester_is_refused(
    program: Program, missing: Sequence[str], what: str
) -> None:
    export(program.folder, [column for column in ALL if column not in missing])
    ended = program("check", "t.csv", "-m", "m.yml")
    assert (ended.code, what in ended.err) == (13, True)


def test_an_export_that_fits_is_no_matter(program: Program) -> None:
    """One of two requester columns, one by its other name, and a description for which the mapping has a default."""
    export(program.folder, ("Id", "Subject", "Body", "E-mail", "Priority", "Agent", "Team"))
    assert program("check", "t.csv", "-m", "m.yml").code == 0
    known = MAPPING.replace('Imported as {Id}."}', 'Imported as {Id}.", default: See the old system}')
    export(program.folder, [column for column in ALL if column != "Body"], mapping=known)
    assert program("check", "t.csv", "-m", "m.yml").code == 0


def test_rows_are_not_mapped_again_by_a_mapping_for_another_export(program: Program) -> None:
    export(program.folder, ALL)
    local = program.in_sandbox()
    local("run", "t.csv", "-m", "m.yml", "--out", "out", "--limit", 1)
    ended = local("retry", "--ledger", "out/ledger.db", "-m", "zendesk")
    assert (ended.code, "14 of the 17 columns of zendesk are not in this export" in ended.err) == (13, True), ended.err
    assert local("status", "--ledger", "out/ledger.db", "--json").counts == {"created": 1, "pending": 1}


def test_a_dataframe_is_held_to_the_same(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"Id": ["1"], "Subject": ["Hello"], "Text": ["?"]})
    for verb in (check, preview):
        with pytest.raises(WrongMappingError, match="15 of the 17 columns of zendesk"):
            verb(frame, "zendesk")
    with pytest.raises(WrongMappingError, match="your columns that nothing reads: 'Text'"):
        run_import(frame, "zendesk", out=tmp_path / "out", settings=Settings(sandbox=True))
    assert not (tmp_path / "out").exists()


def test_lost_columns_are_a_changed_shape_where_there_is_a_baseline(program: Program) -> None:
    export(program.folder, ALL)
    (program.folder / "last.json").write_text(program("check", "t.csv", "-m", "m.yml", "--json").out, "utf-8")
    export(program.folder, ("Id", "Subject", "Text", "From"))
    ended = program("check", "t.csv", "-m", "m.yml", "--baseline", "last.json")
    assert (ended.code, "columns required by the mapping are missing" in ended.err) == (12, True), ended.err


def test_columns_that_nothing_reads_are_always_listed_with_how_full_they_are(program: Program) -> None:
    header = [*MOST, *(f"Extra {number}" for number in range(30))]
    with (program.folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [
            [f"{row}", "S", "B", "a@b.org", *("x" if row <= each else " " for each in range(30))] for row in (1, 2, 3)
        ]
        csv.writer(file).writerows([header, *rows])
    (program.folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    local = program.in_sandbox()
    said = "Extra 3 (3 filled), Extra 4 (3 filled)"
    for command, heading in (("check", "(of 3 rows)"), ("preview", "(of the first 3 rows)")):
        page = " ".join(local(command, "t.csv", "-m", "m.yml").out.split())
        listing = page.partition(f"Columns that the mapping does not read {heading} ")[2]
        assert (listing.startswith(said), " and 18 more" in listing) == (True, True), page
    as_json = local("check", "t.csv", "-m", "m.yml", "--json").json["columns"]
    unread = {column["column"]: column["filled"] for column in as_json if not column["used"]}
    assert (len(unread), unread["Extra 0"], unread["Extra 2"], unread["Extra 3"]) == (30, 0, 2, 3)
    assert len(local("preview", "t.csv", "-m", "m.yml", "--json").out.splitlines()) == 3, "rows and nothing else"
    local("run", "t.csv", "-m", "m.yml", "--out", "out")
    text = " ".join(re.sub("<[^>]+>", "", (program.folder / "out/report.html").read_text("utf-8")).split())
    assert "Columns of t.csv that the mapping does not read: Extra 3 (3 of 3 rows filled), Extra 4 " in text
    assert "and 10 more: see sources in summary.json." in text
    sources = json.loads((program.folder / "out/summary.json").read_bytes())["sources"]
    assert sources[0]["unread"][:3] == [["Extra 0", 0], ["Extra 1", 1], ["Extra 2", 2]]


def test_a_new_mapping_has_other_columns_that_nothing_reads(program: Program) -> None:
    """Of a column that was read before nobody counted how full it is."""
    export(program.folder, (*MOST, "More"))
    local = program.in_sandbox()
    local("run", "t.csv", "-m", "m.yml", "--out", "out", "--limit", 1)
    shorter = MAPPING.replace("  requester_email: Mail\n", "  requester_name: More\n", 1).replace(
        "  requester_name: Name\n", ""
    )
    (program.folder / "n.yml").write_text(shorter, encoding="utf-8")
    retried = local("retry", "--ledger", "out/ledger.db", "-m", "n.yml", "--json")
    assert retried.json["sources"][0]["unread"] == [["Mail", None]]


def test_a_renamed_column_is_known_by_its_words(program: Program) -> None:
    header = ("Ticket ID", "Ticket Subject", "Description of ticket")
    write_tickets(program.folder / "t.csv", [("1", "S", "B")], header=header)
    mapping = "version: 1\nsource: {key: Ticket ID}\ncase: {title: Ticket Subject, description: Ticket Description}\n"
    (program.folder / "m.yml").write_text(mapping, encoding="utf-8")
    assert "did you mean 'Description of ticket'?" in program("check", "t.csv", "-m", "m.yml").err
