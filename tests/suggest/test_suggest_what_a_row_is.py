"""What a row of an export is: a ticket, one of several rows of a ticket, or no row at all but the header."""

import json
from pathlib import Path

from suggest_tables import numbers, table

from importer import preview, suggest_mapping
from importer.suggest.suggesting import suggest


def test_ids_behind_letters_of_other_scripts_and_codes_of_several_parts_are_keys() -> None:
    for name, codes in (
        ("相談ID", [f"ASK-202405-{n:05}" for n in range(12)]),
        ("접수ID", [str(7000 + 3 * n) for n in range(12)]),
        ("Ref", [f"WEB_DESK-{n + 40}" for n in range(12)]),
    ):
        text = suggest(table({"Gruppe": ["A", "B"], name: codes, "Subject": ["It burns"]})).text
        assert f"key: {name}" in text or f'key: "{name}"' in text, name


def test_one_order_in_two_rows_is_a_history() -> None:
    text = suggest(table({"工单ID": [*numbers(11), numbers()[3]], "标题": [f"打印机坏了 {n}" for n in range(12)]})).text
    assert "key: 工单ID" in text
    assert "position:" not in text


def test_an_id_that_many_rows_lack_is_no_key() -> None:
    cells = {"id": [*numbers(8), "", "", "", ""], "place": ["A", "B", "C"], "note": ["x y"]}
    suggestion = suggest(table(cells))
    assert "position:" in suggestion.text
    assert suggestion.trial.sent == 12


def test_events_of_a_process_are_one_case_for_each_ticket() -> None:
    cells = {
        "concept:name": ["Register", "Triage", "Close"],
        "time:timestamp": [f"2024-02-{n + 1:02}T10:00:00Z" for n in range(12)],
        "case:concept:name": [str(900 + n // 3) for n in range(12)],
    }
    suggestion = suggest(table(cells))
    assert 'key: "case:concept:name"' in suggestion.text
    assert suggestion.trial.sent == 4


def test_one_column_of_codes_does_not_keep_a_sign_a_text_everywhere() -> None:
    rows = {"ID": numbers(), "Subject": ["Hi there"], "Prov": ["MI", "RM", "ND", "TO"]}
    more = {name: ["ND", "x 1", "y 2"] for name in ("Cause", "Damage", "Invoice")}
    assert 'empty: ["", "ND"]' in suggest(table(rows | more)).text
    assert 'empty: ["", "ND"]' not in suggest(table(rows)).text


def test_a_header_of_ids_and_one_without_names_are_said(tmp_path: Path) -> None:
    export = tmp_path / "x.csv"
    export.write_text("SUP-101,Printer broken,open\nSUP-102,No paper,new\nSUP-103,No ink,new\n", encoding="utf-8")
    assert "CHECK: the header looks like data" in suggest_mapping(export).text
    export.write_text("Id,,,\n1,a b,c d,e\n2,f g,h i,j\n", encoding="utf-8")
    text = " ".join(suggest_mapping(export).text.replace("#", "").split())
    assert "CHECK: the header has no name for most of its 4 columns" in text


def test_the_steps_of_a_ticket_become_its_notes(tmp_path: Path) -> None:
    rows = "".join(f"{900 + n // 3},Step {n},2024-02-{n + 1:02}\n" for n in range(12))
    (tmp_path / "log.csv").write_text(f"Case ID,Activity,Date\n{rows}", encoding="utf-8")
    (tmp_path / "m.yml").write_text(suggest_mapping(tmp_path / "log.csv").text, encoding="utf-8")
    shown = preview(tmp_path / "log.csv", tmp_path / "m.yml", count=9)
    notes = [[note["note_body"] for note in json.loads(row.body or b"{}")["notes"]] for row in shown]
    assert [sum("Activity: Step" in note for note in each) for each in notes] == [3, 3, 3, 3]
