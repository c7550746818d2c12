"""The cells of a column decide as well as its name: a name alone is not enough, and can be wrong."""

import pytest
from suggest_tables import numbers, table

from importer.suggest.suggesting import suggest
from importer.suggest.suggestion import Suggestion

SENTENCES = [f"The number {n} is wrong today" for n in range(12)]
PLACES = [f"Provincia {chr(65 + n)}" for n in range(24)]


def became(suggestion: Suggestion) -> dict[str, tuple[str, str]]:
    return {choice.column: (choice.field, choice.mark) for choice in suggestion.choices}


def of(rows: int = 24, **columns: list[str]) -> dict[str, tuple[str, str]]:
    base = {"Ticket ID": numbers(rows), "Subject": SENTENCES}
    return became(suggest(table(base | {name.replace("_", " "): cells for name, cells in columns.items()}, rows=rows)))


@pytest.mark.parametrize("cells", [PLACES, ["SP", "RJ", "MG"]])
def test_a_state_of_a_country_is_no_status(cells: list[str]) -> None:
    found = of(estado=cells, Situacion=["abierto", "cerrado"])
    assert (found["estado"][0], found["Situacion"]) == ("other", ("status", "GUESS"))


def test_a_column_with_one_value_yields_to_one_with_four() -> None:
    found = of(Priority=["P3"], Severity=["P1", "P2", "P3", "P4"])
    assert (found["Severity"], found["Priority"][0]) == (("priority", "GUESS"), "other")


@pytest.mark.parametrize("name", ["Issue", "Subject", "Problem summary"])
def test_a_title_of_three_texts_is_to_be_checked(name: str) -> None:
    source = {"Ticket ID": numbers(24), name: ["Login problem", "Wrong invoice", "Slow network"]}
    suggestion = suggest(table(source, rows=24))
    assert became(suggestion)[name] == ("title", "CHECK")
    assert "it has only 3 different texts" in " ".join(suggestion.text.replace("#", "").split())


def test_a_title_is_at_least_half_filled() -> None:
    rows = 24
    source = {"Ticket ID": numbers(rows), "Title": ["It burns", *[""] * 23], "Description": SENTENCES}
    suggestion = suggest(table(source, rows=rows))
    assert became(suggestion)["Title"][0] == "other"
    assert "using the start of the description" in suggestion.text


def test_ids_are_no_names_and_most_is_not_all() -> None:
    found = of(Requester=["a3f9c1d2e4", "b81c77d0aa"], VIP=["yes", "no", "ask"])
    assert (found["Requester"][0], found["VIP"][0]) == ("other", "other")


def test_an_answer_is_no_description_because_it_is_longer() -> None:
    found = of(customer_text=SENTENCES, agent_reply=[f"{text}, " * 9 for text in SENTENCES])
    assert (found["customer text"][0], found["agent reply"][0]) == ("description", "note")


def test_the_earliest_date_is_not_the_creation_if_it_is_an_invoice() -> None:
    found = of(Invoice_date=["2020-01-01"], Seen=["2024-01-02", "2024-01-03"])
    assert (found["Invoice date"][0], found["Seen"]) == ("other", ("created", "CHECK"))


def test_a_parent_can_be_named_by_its_title() -> None:
    rows = 24
    titles = [f"Epic {n} of the year" for n in range(rows)]
    source = {"Ticket ID": numbers(rows), "Summary": titles, "Parent title": ["", *[titles[0]] * 23]}
    assert "of: Summary" in suggest(table(source, rows=rows)).text
