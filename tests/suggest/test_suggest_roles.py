"""Which column becomes what, by name in several languages, by the recognised system, and by what stands in it."""

import json
from pathlib import Path

import pytest
import xlsxwriter
from suggest_tables import lines_with, mapped, numbers, repeated, table

from importer.reader import open_reader
from importer.suggest.suggesting import suggest

LETTER = ["Hello,\n\nthe machine does not start any more.\n\nMany thanks", "Good morning,\n\nnothing works.\n\nBye"]


@pytest.mark.parametrize(
    ("key", "title", "description", "priority", "created"),
    [
        ("Ticket ID", "Subject", "Description", "Priority", "Created at"),
        ("Ticketnummer", "Betreff", "Beschreibung", "Priorität", "Erstellt am"),
        ("Protocolo", "Assunto", "Descrição", "Prioridade", "Data de abertura"),
        ("Número", "Asunto", "Descripción", "Prioridad", "Fecha de creación"),
        ("Numéro", "Objet", "Contenu", "Priorité", "Date d'ouverture"),
        ("Numero ticket", "Oggetto", "Descrizione", "Priorità", "Data apertura"),
        ("番号", "件名", "内容", "優先度", "作成日時"),
        ("工单编号", "标题", "描述", "优先级", "创建时间"),
        ("CASE_NUMBER", "case_title", "case_description", "casePriority", "DateCreated"),
    ],
)
def test_names_in_many_languages(key: str, title: str, description: str, priority: str, created: str) -> None:
    source = table(
        {
            "Zone": ["A", "B"],
            created: ["2024-01-02 10:00"],
            title: [f"Machine {number} is broken" for number in range(12)],
            key: numbers(),
            priority: ["High", "Low"],
            description: LETTER,
        }
    )
    bodies = [json.loads(row.body or b"{}") for row in mapped(suggest(source).text, source)]
    assert [body["custom_fields"]["text1"] for body in bodies] == numbers()
    assert bodies[3]["title"] == "Machine 3 is broken"
    assert bodies[0]["description"].startswith(LETTER[0])
    assert [body["priority"] for body in bodies[:2]] == ["HIGH", "LOW"]
    assert bodies[0]["custom_fields"]["date1"] == "2024-01-02T10:00:00Z"


def test_without_telling_names_the_cells_decide() -> None:
    source = table(
        {
            "A": ["x", "y"],
            "B": numbers(),
            "C": LETTER,
            "D": ["who@example.com", "me@example.com"],
            "E": [f"The number {n} is wrong today" for n in range(12)],
            "F": ["P1", "P3"],
        }
    )
    body = json.loads(mapped(suggest(source).text, source)[0].body or b"{}")
    assert body["custom_fields"]["text1"] == "T-0000"
    assert body["title"] == "The number 0 is wrong today"
    assert body["description"].startswith(LETTER[0])
    assert body["requester_email"] == "who@example.com"
    assert body["priority"] == "URGENT"


def test_the_address_of_an_agent_is_not_the_requester() -> None:
    source = table({"ID": numbers(), "Assignee email": ["agent@example.com"], "Mail of sender": ["who@example.com"]})
    assert "requester_email: Mail of sender" in suggest(source).text


def test_the_address_in_a_column_of_requesters_is_theirs_by_name() -> None:
    source = table(
        {"Ticket ID": numbers(), "Subject": ["It burns"], "Informador": ["ana@example.com", "bo@example.com"]}
    )
    became = {choice.column: (choice.field, choice.mark) for choice in suggest(source).choices}
    assert became["Informador"] == ("requester_email", "GUESS")


@pytest.mark.parametrize(("name", "field"), [("Descrizione", "description"), ("DescrizioneBreve", "title")])
def test_texts_that_all_tickets_share_are_to_be_checked(name: str, field: str) -> None:
    """As in lists of cities, whose description is the way a report came in."""
    source = table({"Id": numbers(), "Stato": ["aperta", "chiusa"], name: ["App of the town"]})
    became = {choice.column: (choice.field, choice.mark) for choice in suggest(source).choices}
    assert became[name] == (field, "CHECK")


def test_a_subject_of_few_words_yields_to_a_better_title() -> None:
    """In city data `subject` is the department; `case_title` says what happened."""
    source = table({"id": numbers(), "subject": ["Parks"], "case_title": [f"Tree {n} fell" for n in range(12)]})
    assert "title: case_title" in suggest(source).text


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Seen by", ["Ana Paz", "Bo Lind", "Cleo Marsh", "Dan Roe", "Eva Stone", "Finn Wolf"]),
        ("OrganisationEntered", [f"Bakery of street {number}" for number in range(12)]),
        ("Órgão", [f"Padaria da rua {number}" for number in range(12)]),
        ("Equipment of user", [f"Laptop with number {number}" for number in range(12)]),
    ],
)
def test_people_and_organisations_are_no_titles(name: str, cells: list[str]) -> None:
    source = table({"Ticket ID": numbers(), "Status": ["open", "closed"], name: cells})
    assert suggest(source).made["title"]


def test_a_rare_text_about_something_else_is_no_description() -> None:
    long = [f"The room behind the second door on floor {number}" for number in range(12)]
    few = [*long[:3], *[""] * 9]
    source = table({"Ticket ID": numbers(), "Subject": ["It burns"], "Setor": long, "Xyz": few})
    assert "no description column found" in suggest(source).text


def test_the_only_long_texts_are_the_description_whoever_is_named_above_them() -> None:
    texts = [f"The printer on floor {number} burns again, and nobody has come to look at it." for number in range(12)]
    source = table({"Id": [f"T-{number}" for number in range(12)], "Customer Complaint": texts})
    assert "# CHECK: `Customer Complaint`, matched by content" in suggest(source).text


def test_a_count_of_the_rows_is_no_key_before_the_number_of_the_ticket() -> None:
    """As in the statistics of OTRS; where nothing else names the ticket, it is the key."""
    counted = [str(number) for number in range(1, 13)]
    source = table({"Number": counted, "Ticket#": [f"2031{number:06}" for number in range(12)], "Title": ["It burns"]})
    assert 'key: "Ticket#"' in suggest(source).text.replace("'", '"')
    for alone in ("Number", "Item", "Lfd"):
        assert f"key: {alone}" in suggest(table({alone: counted, "Title": ["It burns"]})).text


def test_a_key_with_gaps_is_marked() -> None:
    keys = ["", *numbers(60)[1:58], "T-0001", "T-0002"]
    text = suggest(table({"Ticket ID": keys, "Subject": ["Hi there"]}, rows=60)).text
    assert "key: Ticket ID" in text
    assert lines_with(text, "matched by name, but")[0].startswith(
        "# CHECK: `Ticket ID`, matched by name, but 1 row without one"
    )


def test_without_any_id_the_position_is_the_key_and_that_is_the_first_line() -> None:
    """Hours are unique by chance, texts can be corrected; status, priority and the last change are others tomorrow."""
    source = table(
        {
            "Hours": [f"{n}.5" for n in range(12)],
            "Status": ["open", "closed"],
            "Labels": [f"l{n}" for n in range(7)],
            "Priority": ["P1", "P2", "P3", "P4", "P1", "P2", "P3"],
            "Text": LETTER,
            "Updated": [f"2024-01-{n:02} 10:00" for n in range(1, 13)],
            "Mail": [f"w{n}@example.com" for n in range(6)],
            "Customer": [f"C{1000 + n % 4}" for n in range(12)],
        }
    )
    suggestion = suggest(source)
    assert suggestion.text.startswith("# CHECK: no column identifies a ticket, so the row number does")
    assert f'position: "{source.fingerprint()[:12]}"' in suggestion.text
    assert len({row.key for row in mapped(suggestion.text, source)}) == suggestion.trial.sent == 12


def test_repeated_comments_become_notes_and_repeated_labels_one_text() -> None:
    source = repeated(
        ["Issue key", "Summary", "Labels", "Labels", "Comment", "Comment"],
        [[key, "Hi there", "net", "vip", "12/Jul;ana;It does not work", "13/Jul;bo;It does"] for key in numbers()],
    )
    body = json.loads(mapped(suggest(source).text, source)[0].body or b"{}")
    assert [note["note_body"] for note in body["notes"]] == ["12/Jul;ana;It does not work", "13/Jul;bo;It does"]
    assert body["custom_fields"]["text2"] == "net, vip"


def test_of_three_columns_with_one_name_the_mapping_says_which() -> None:
    text = suggest(repeated(["id", "name", "id"], [["1", "a", "01"], ["2", "b", "02"]])).text
    assert "key: {column: id, occurrence: 1}" in text
    assert "# CHECK: 2 columns have this name; this is number 1." in text


def test_yes_and_no_become_a_checkbox() -> None:
    text = suggest(table({"ID": numbers(), "Subject": ["Hello there"], "VIP": ["Sim", "Não", ""]})).text
    assert "checkbox1: {column: VIP, type: boolean}" in text


def test_columns_with_error_cells_are_left_out(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["ID", "Subject", "Region"])
        for row, key in enumerate(numbers(), start=1):
            sheet.write_row(row, 0, [key, f"Machine {key} is broken"])
            sheet.write_formula(row, 2, "=NA()", value="#N/A")
    source = open_reader(tmp_path / "t.xlsx")
    suggestion = suggest(source)
    assert suggestion.trial.sent == len(numbers())


def test_without_a_subject_the_description_begins_the_title() -> None:
    source = table({"id": numbers(), "author_id": [f"65b0{n:08x}" for n in range(12)], "message": LETTER})
    body = json.loads(mapped(suggest(source).text, source)[0].body or b"{}")
    assert body["title"] == "Hello, the machine does not start any more. Many thanks"


def test_a_date_that_cannot_be_read_is_pointed_out() -> None:
    """Weeks are no form of the mapping language."""
    text = suggest(table({"id": numbers(), "Subject": ["Hi there"], "created_at": ["2024-W11", "2024-W12"]})).text
    assert "# CHECK: `created_at` is named like a date, but its format is not recognised." in text
    assert "created_at: {created_at}" in text


def test_a_number_within_a_project_is_a_key() -> None:
    numbers = [str(n // 2) for n in range(12)]
    source = table({"Project": ["A/x", "B/x"], "No": numbers, "Summary": [f"It burns {n}" for n in range(12)]})
    suggestion = suggest(source)
    assert "key: [Project, No]" in suggestion.text
    assert 'join: "|"' in suggestion.text  # which is in none of them
    assert len({row.key for row in mapped(suggestion.text, source)}) == suggestion.trial.sent == 12


def test_columns_that_are_different_together_by_chance_are_no_key() -> None:
    suggestion = suggest(
        table({"Labels": ["1", "2", "3", "4"], "Priority": ["P1", "P2", "P3"], "Subject": ["It burns"]})
    )
    assert "position: " in suggestion.text


def test_when_and_who_are_a_key_together_but_not_a_day_or_a_place() -> None:
    opened = [f"2024-01-{1 + n // 2:02} 10:{n:02}" for n in range(12)]
    customers = [f"C-{n % 5}" for n in range(12)]
    text = suggest(table({"date_opened": opened, "requester_id": customers, "status": ["open", "closed"]})).text
    assert "key: [date_opened, requester_id]" in text
    text = suggest(table({"requester_id": customers, "place": ["A", "B", "C"], "status": ["open", "closed"]})).text
    assert "position: " in text
    days, places = ["2024-01-01", "2024-01-02", "2024-01-03"], ["A", "B", "C", "D"]
    text = suggest(table({"requester_id": customers, "created_at": days, "place": places})).text
    assert "position: " in text  # the day and the place differ by chance


def test_a_column_that_counts_the_rows_is_no_key_next_to_the_number_of_the_ticket() -> None:
    for rows in (5, 40):
        counted, tickets = [str(n + 1) for n in range(rows)], [str(2024081510000161 + 7 * n) for n in range(rows)]
        for name in ("Number", "Número"):
            text = suggest(table({name: counted, "Ticket#": tickets, "Title": ["It burns"]}, rows=rows)).text
            assert 'key: "Ticket#"' in text


def test_addresses_of_users_are_doubted_where_another_column_names_the_requester() -> None:
    """In a worklog the user is whoever worked."""
    people = {"Username": ["ana@example.com", "bob@example.com"], "Reporter": ["Carla Diaz", "Dan Egger"]}
    text = suggest(table({"Issue Key": numbers(), "Summary": ["It burns"]} | people)).text
    assert lines_with(text, "`Username`")[0].startswith("# CHECK: `Username`")
    del people["Reporter"]
    text = suggest(table({"Issue Key": numbers(), "Summary": ["It burns"]} | people)).text
    assert lines_with(text, "`Username`")[0].startswith("# GUESS: `Username`")


def test_a_number_that_repeats_is_a_history_and_no_key_with_something_else() -> None:
    """Its own ids say nothing about tickets; the time of a change is none of theirs."""
    numbers = [f"T-{n // 3}" for n in range(12)]
    times = [f"2024-01-{n:02} 10:00" for n in range(1, 13)]
    ids = [str(n) for n in range(70, 82)]
    for more in ({}, {"id": ids}):
        text = suggest(
            table(more | {"Ticket ID": numbers, "Changed": times, "Status": ["open", "closed", "open"]})
        ).text
        assert "key: Ticket ID" in text
        said = " ".join(line.strip(" #") for line in text.splitlines())
        assert "CHECK: a history: 4 tickets in 12 rows, since `Ticket ID` repeats." in said


@pytest.mark.parametrize("ranked", ["bug_severity", "priority code", "Zone", None])
def test_a_priority_with_one_value_is_the_last_choice(ranked: str | None) -> None:
    columns = {"id": numbers(), "subject": [f"Machine {n} is broken" for n in range(12)], "priority": ["Medium"]}
    text = suggest(table(columns | ({ranked: ["P1", "P2", "P3", "P4"]} if ranked else {}))).text
    assert f"column: {ranked or 'priority'}\n" in text
    text = " ".join(text.replace("#", "").split())
    assert ("it has one value only" in text) == (ranked is None)
    assert ("CHECK: `priority`, matched by name" in text) == (ranked is None)


@pytest.mark.parametrize(("step", "keep"), [(1, "last"), (-1, "first")])
def test_the_dates_of_a_history_tell_which_row_is_the_newest(step: int, keep: str) -> None:
    days = [f"2024-03-{day:02} 10:00" for day in range(1, 13)][::step]
    tickets = [f"T-{number // 3}" for number in range(12)]
    source = table({"Ticket ID": tickets, "Subject": [f"Fan {it} is loud" for it in tickets], "Modified": days})
    suggestion = suggest(source)
    assert f"keep: {keep}" in suggestion.text
    assert ("`Modified` shows that the newest state comes first" in suggestion.text) == (keep == "first")
    assert (suggestion.trial.sent, suggestion.trial.superseded + suggestion.trial.repeated) == (4, 8)
    mixed = [days[it] for it in (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10)]
    text = suggest(table({"Ticket ID": tickets, "Subject": ["Fan is loud"], "Modified": mixed})).text
    assert "in no order of `Modified`" in text


def test_numbers_in_front_that_repeat_are_a_history_if_one_person_filed_each_at_one_time() -> None:
    """The other rows of a ticket, one for each of its categories or comments, would become cases of their own."""
    tickets = [str(40857 - n // 3) for n in range(12)]
    cells = {
        "Ticker": tickets,
        "Requerente": [f"Ana {'ABCD'[n // 3]}" for n in range(12)],
        "Data Abertura": [f"0{1 + n // 3}/08/2021 23:05" for n in range(12)],
        "Categoria": [f"Rede {n}" for n in range(12)],
    }
    suggestion = suggest(table(cells))
    assert "CHECK: a history: 4 tickets in 12 rows, since `Ticker` repeats." in suggestion.text
    assert (suggestion.trial.sent, suggestion.trial.superseded) == (4, 8)
    several = {"Requerente": [f"Ana {'ABCDEFGHIJKL'[n]}" for n in range(12)]}
    for others in (several, {"Requerente": ["Ana A"], "Data Abertura": ["01/08/2021 23:05"]}):
        assert "CHECK: no id column" in suggest(table(cells | others)).text


def test_events_with_ids_of_their_own_name_the_ticket_that_repeats() -> None:
    tickets = [f"{100 + number // 3}" for number in range(12)]
    text = suggest(table({"event_id": numbers(), "ticket_id": tickets, "Subject": ["Fan is loud", "Fan is off"]})).text
    assert "CHECK: a history: 4 tickets in 12 rows, since `ticket_id` repeats." in text


def test_rows_with_an_earlier_key_are_not_counted_as_ready() -> None:
    keys = [*numbers(11), numbers()[3]]
    trial = suggest(table({"Ticket ID": keys, "Subject": [f"Fan {n} is loud" for n in range(12)]})).trial
    assert trial.fared == "11 ready to send, 1 skipped (key of an earlier row), 0 invalid"


@pytest.mark.parametrize(
    ("words", "is_status"),
    [
        (["Jalisco", "Sonora", "Puebla", "Oaxaca", "Nuevo León"], False),
        (["São Paulo", "Bahia", "Minas Gerais"], False),
        (["Abierto", "Cerrado", "Con el proveedor"], True),
    ],
)
def test_a_part_of_a_country_is_no_status(words: list[str], is_status: bool) -> None:
    subjects = [f"Machine {n} is broken" for n in range(12)]
    text = suggest(table({"id": numbers(), "asunto": subjects, "Estado": words})).text
    assert ("# after_create:" in text, "text2: Estado" in text) == (is_status, is_status)


def test_a_history_whose_number_has_no_known_name_is_said() -> None:
    cells = {
        "Tckt": [f"T-{n}" for n in range(6) for _ in range(2)],
        "Subject": [f"Fan {n} is loud" for n in range(6) for _ in range(2)],
        "Status": ["open", "closed"],
        "Room": [f"R{n // 2}" for n in range(6) for _ in range(2)],
    }
    text = " ".join(suggest(table(cells)).text.replace("#", " ").split())
    assert "CHECK: `Tckt` repeats in the same rows. If it is the number of a ticket" in text
    more = cells | {"Subject": [f"Fan {n} is loud" for n in range(12)]}
    assert "repeats in the same rows" not in suggest(table(more)).text


def test_names_of_people_are_found_by_a_word_that_they_share_with_their_addresses() -> None:
    cells = {"ID": numbers(), "Subject": ["It burns"], "Flarn mail": ["ana@example.org", "bo@example.org"]}
    text = suggest(table(cells | {"Agent": ["Kim Vale", "Lou Ward"], "Flarn full": ["Ana Lee", "Bo Stone"]})).text
    assert "requester_name: Flarn full" in text
    assert "requester_name:" not in suggest(table(cells | {"Agent for flarn": ["Kim Vale", "Lou Ward"]})).text


def test_remarks_in_every_row_are_the_description_if_nothing_else_is() -> None:
    texts = [f"The printer on floor {n} is out of paper since Monday" for n in range(12)]
    cells = {"ID": numbers(), "Subject": ["It burns"], "Comments": texts}
    lines = suggest(table(cells)).text
    assert 'description: {template: "{Comments}' in lines
    assert "its name is one for comments" in " ".join(lines.replace("#", "").split())
    beside = suggest(table(cells | {"Description": texts[::-1], "Comments": texts})).text
    assert "body: Comments" in beside


def test_a_description_that_half_of_the_rows_lack_yields_to_one_that_is_always_there() -> None:
    always = [f"The printer on floor {n} is out of paper since Monday" for n in range(12)]
    rows = {"ID": numbers(), "Subject": ["It burns"], "Details": [always[0], ""], "Describe your request": always}
    assert "Describe your request" in next(
        line for line in suggest(table(rows)).text.splitlines() if line.startswith("  description:")
    )
