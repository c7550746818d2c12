"""Comments in a file next to the export, or in another sheet of it, are found by the keys in them."""

import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from program import Program

from importer import Settings, check, preview, run_import
from importer.verbs.suggest import suggest_mapping

TICKETS = [["Ticket ID", "Ref", "Subject"], *([str(100 + n), f"R-{n}", f"Printer {n} burns"] for n in range(12))]
COMMENTS = [
    ["id", "Ticket ID", "Author", "Written at", "Comment"],
    ["100", "101", "Ana", "2024-03-02 10:00", "It burns still, and it smokes as well"],
    ["101", "101", "Bo", "2024-03-01 09:00", "Have you tried water, or a blanket?"],
    ["102", "111", "Bo", "2024-03-05 09:00", "Nobody answers on the phone for days"],
    ["103", "111", "Ana", "2024-03-06 09:00", "Sorry, <b>we</b> were all out with the brigade"],
]

COMMENTS_BY_REF = [["Parent", "Text"], ["R-3", "It burns still, and it smokes"], ["R-9", "Out it is, after all"]]


def save(path: Path, rows: list[list[str]], *, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(";".join(row) for row in rows) + "\n", encoding=encoding)
    return path


def notes_of(export: Path, text: str) -> dict[str, list[dict[str, Any]]]:
    mapping = export.parent / "mapping.yml"
    mapping.write_text(text, encoding="utf-8")
    assert check(export, mapping).exit_code == 0
    rows = preview(export, mapping, count=100)
    bodies = {row.key: row.body if isinstance(row.body, dict) else json.loads(row.body or b"{}") for row in rows}
    return {key: notes for key, body in bodies.items() if (notes := body.get("notes", [])[:9])}


def test_a_file_next_to_the_export_is_joined_and_sorted(tmp_path: Path) -> None:
    """The numbers of the comments are numbers of tickets too, by chance."""
    export = save(tmp_path / "tickets.csv", TICKETS)
    save(tmp_path / "ticket_comments.csv", COMMENTS)
    text = suggest_mapping(export).text
    assert "4 of 4 cells in `Ticket ID` match `Ticket ID` here" in text.replace("\n    #  ", "")
    notes = notes_of(export, text)
    assert [note["note_title"] for note in notes["101"][:2]] == ["Bo, 2024-03-01 09:00", "Ana, 2024-03-02 10:00"]
    assert notes["111"][1]["note_body"] == "Sorry, we were all out with the brigade"
    result = run_import(export, tmp_path / "mapping.yml", out=tmp_path / "out", settings=Settings(sandbox=True))
    assert result.exit_code == 0


def test_a_column_that_is_not_the_key_can_name_the_ticket(tmp_path: Path) -> None:
    export = save(tmp_path / "tickets.csv", TICKETS)
    save(
        tmp_path / "notes.csv",
        [["Parent", "Text"], ["R-3", "It burns still, and it smokes"], ["R-9", "Out it is, after all"]],
    )
    text = suggest_mapping(export).text
    assert "by: Ref" in text
    assert notes_of(export, text)["103"][0]["note_body"] == "It burns still, and it smokes"


def test_another_sheet_of_the_workbook_is_joined(tmp_path: Path) -> None:
    export = tmp_path / "all.xlsx"
    with xlsxwriter.Workbook(export) as book:
        agents = [["Name", "Ticket ID"], ["Ana", "101"]]
        for name, rows in {"Tickets": TICKETS, "Agents": agents, "Comments": COMMENTS}.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    text = suggest_mapping(export).text
    assert ("sheet: Comments" in text, "sheet: Agents" in text) == (True, False)
    assert notes_of(export, text)["101"][1]["note_title"] == "Ana, 2024-03-02 10:00"


def test_what_only_a_person_can_tell_is_marked(tmp_path: Path) -> None:
    """Which of day and month is first; and nobody sees a comment unless a person says so."""
    export = save(tmp_path / "tickets.csv", TICKETS)
    rows = [["Ticket ID", "Written", "Text", "is_public"]]
    rows += [["101", "02/01/2024", "It burns", "true"], ["101", "01/02/2024", "Still", "false"]]
    save(tmp_path / "comments.csv", rows)
    text = suggest_mapping(export).text.replace("\n    #  ", "")
    assert "sorted by `Written`, but day or month could come first; assuming day" in text
    assert [note["public"] for note in notes_of(export, suggest_mapping(export).text)["101"]][:2] == [False, False]


def test_an_encoding_that_had_to_be_said_counts_for_both(tmp_path: Path) -> None:
    export = save(tmp_path / "tickets.csv", [*TICKETS, ["200", "R-99", "Café brûlé"]], encoding="cp1252")
    save(tmp_path / "comments.csv", [["Ticket ID", "Text"], ["200", "Déjà brûlé"]], encoding="cp1252")
    assert "encoding: cp1252" in suggest_mapping(export, encoding="cp1252").text


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("ticket_comments.csv", [["ticket_id", "body"], ["999", "Nobody knows this one"]], "only 0 of 1 cells in"),
        ("comments.csv", [["ticket_id", "body"], ["101", "It burns"], ['101;"open']], "cannot be read"),
        ("comments.csv", TICKETS, ""),  # another export of the same kind
        ("notes.txt", [["Dear all"], ["this is no table"]], ""),
        (
            "prices.csv",
            [["id", "what it is"], *([str(n), f"the {n} of all our machines"] for n in range(100, 104))],
            "",
        ),
    ],
)
def test_what_is_no_companion_is_not_joined(tmp_path: Path, name: str, rows: list[list[str]], said: str) -> None:
    export = save(tmp_path / "tickets.csv", TICKETS)
    save(tmp_path / name, rows)
    text = suggest_mapping(export).text
    assert "file:" not in text
    assert (name in text) == bool(said)
    assert said in text


def test_a_dataframe_lies_nowhere(tmp_path: Path) -> None:
    """Nothing is looked for in the folder of the process."""
    import pandas as pd

    save(tmp_path / "comments.csv", COMMENTS)
    assert "file:" not in suggest_mapping(pd.DataFrame(TICKETS[1:], columns=TICKETS[0])).text


@pytest.mark.parametrize("known", [12, 9])
def test_a_table_of_users_gives_the_addresses(known: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents have ids in it too; the mapping is somewhere else than the export."""
    folder = tmp_path / "export"
    folder.mkdir()
    tickets = [[f"T-{n}", f"Printer {n} burns", str(70 + n), "99"] for n in range(12)]
    export = save(folder / "tickets.csv", [["id", "subject", "requester_id", "assignee_id"], *tickets])
    users = [[str(70 + n), f"u{n}@example.com", "Ana Paz"] for n in range(known)]
    save(folder / "user_data.csv", [["id", "email", "name"], *users, ["99", "agent@example.com", "Tom Ray"]])
    monkeypatch.chdir(tmp_path)
    suggestion = suggest_mapping(export)
    mark = "GUESS" if known == 12 else "CHECK"
    assert f"{mark}: `user_data.csv` next to the export has these people: {known} of 12 cells" in suggestion.text
    assert suggestion.trial.sent == 12
    (tmp_path / "mapping.yml").write_text(suggestion.text, encoding="utf-8")
    assert check(export, "mapping.yml").exit_code == 0
    bodies = [json.loads(row.body or b"{}") for row in preview(export, "mapping.yml", count=12)]
    assert bodies[3]["requester_email"] == "u3@example.com"
    assert bodies[3]["requester_name"] == "Ana Paz"
    assert ("requester_email" in bodies[11]) is (known == 12)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le"])
def test_a_table_of_users_has_its_own_encoding(encoding: str, tmp_path: Path) -> None:
    tickets = [[f"T-{n}", f"Café {n} burns", str(70 + n)] for n in range(12)]
    header = ["id", "subject", "requester_id"]
    export = save(tmp_path / "tickets.csv", [header, *tickets], encoding="cp1252")
    users = [["id", "email", "name"], *([str(70 + n), f"u{n}@example.com", "José Müller"] for n in range(12))]
    save(tmp_path / "users.csv", users, encoding=encoding)
    text = suggest_mapping(export, encoding="cp1252", folder=tmp_path).text
    assert ("file: users.csv, key: id" in text) == (encoding != "utf-16-le")
    if encoding == "utf-16-le":
        assert "CHECK: `users.csv` next to the export may have the requesters, but cannot be read" in text
        return
    (tmp_path / "mapping.yml").write_text(text, encoding="utf-8")
    assert json.loads(preview(export, tmp_path / "mapping.yml")[0].body or b"")["requester_name"] == "José Müller"


def test_a_short_id_is_looked_up_and_is_no_name(tmp_path: Path, program: Program) -> None:
    tickets = [
        [f"T-{n}", f"u{n}", f"The fan {n} in the hall is loud, and nobody comes to look at it"] for n in range(12)
    ]
    save(tmp_path / "tickets.csv", [["id", "requester_id", "description"], *tickets])
    save(tmp_path / "users.csv", [["id", "email", "name"], *([f"u{n}", f"u{n}@example.com", "Ana"] for n in range(12))])
    suggestion = suggest_mapping(tmp_path / "tickets.csv", folder=tmp_path)
    assert "requester_name: {lookup:" in suggestion.text
    assert "requester_id: {requester_id}" in suggestion.text, "the id itself is in the note with the rest"
    said = program("suggest", "tickets.csv", "--explain", "requester_id").out
    assert said.startswith("requester_id → requester_email, ")
    table = program("suggest", "tickets.csv", "-o", "mapping.yml").out
    assert "(no subject column)  title              check  the start of the description" in table


@pytest.mark.parametrize("name", ["storico.csv", "histórico de atendimento.csv", "处理记录.csv", "stg_2024_part.csv"])
@pytest.mark.parametrize("header", ["Ticket ID", "chamado_id", "parent_ticket_id"])
def test_a_table_with_any_name_is_joined_by_its_keys(name: str, header: str, tmp_path: Path) -> None:
    export = save(tmp_path / "export.csv", TICKETS)
    rows = [
        [str(900 + n), str(100 + n // 2), f"2024-03-{n:02} 10:00", f"We have been there {n} times"]
        for n in range(1, 13)
    ]
    save(tmp_path / name, [["no", header, "day", "said"], *rows])
    text = suggest_mapping(export).text
    assert f"key: {header}\n" in text
    assert "body: said\n" in text
    assert [note["note_body"] for note in notes_of(export, text)["101"][:2]] == [rows[1][3], rows[2][3]]


def test_a_table_that_names_no_ticket_again_is_not_joined(tmp_path: Path) -> None:
    """Its own numbers are those of tickets by chance."""
    export = save(tmp_path / "export.csv", TICKETS)
    machines = [[str(n), f"the big machine number {n} in the hall"] for n in range(100, 112)]
    save(tmp_path / "machines.csv", [["Ticket ID", "what it is"], *machines])
    orders = [[str(n), str(100 + n // 2), f"some screws for machine number {n}"] for n in range(12)]
    save(tmp_path / "orders.csv", [["id", "machine", "what"], *orders])
    assert "file:" not in suggest_mapping(export).text


def test_addresses_of_users_that_are_none_are_left_out(tmp_path: Path) -> None:
    """They are not in the export, so nobody could fix them in the file of failures."""
    tickets = [[f"T-{n}", f"Printer {n} burns", str(70 + n)] for n in range(12)]
    export = save(tmp_path / "tickets.csv", [["id", "subject", "requester_id"], *tickets])
    addresses = ["heloísa..silva@example.com", "ana@", *(f"u{n}@example.com" for n in range(2, 12))]
    users = [[str(70 + n), address, "Ana Paz"] for n, address in enumerate(addresses)]
    save(tmp_path / "clientes.csv", [["id", "email", "nome"], *users])
    suggestion = suggest_mapping(export, folder=tmp_path)
    assert suggestion.trial.sent == 12
    said = "CHECK: 2 of the addresses are not valid, such as 'heloísa..silva@example.com'; these requesters get none."
    assert said in suggestion.text
    (tmp_path / "m.yml").write_text(suggestion.text, encoding="utf-8")
    bodies = [json.loads(row.body or b"{}") for row in preview(export, tmp_path / "m.yml", count=3)]
    assert [body.get("requester_email") for body in bodies] == [None, None, "u2@example.com"]
