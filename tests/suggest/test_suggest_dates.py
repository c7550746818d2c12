"""Which of day and month comes first is proven by the column, borrowed from another one, or marked as open."""

import pandas as pd
import pytest
from suggest_tables import lines_with, numbers, table

from importer.profile.date_formats import date_form, readings_of
from importer.profile.profile import ColumnProfile
from importer.suggest.suggesting import suggest


def column(*texts: str) -> ColumnProfile:
    profile = ColumnProfile("Created")
    profile.take(pd.Series(texts, dtype=object))
    return profile


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["2024-07-12T09:41:00Z", "2024-01-02 10:00"], ("iso",)),
        (["05/Jun/23 9:04 AM", "17/Dec/23 11:59 PM"], ("%d/%b/%y %I:%M %p",)),
        (["12.07.2024 09:41", "31.12.2024 10:00"], ("%d.%m.%Y %H:%M",)),
        (["07/31/2024", "01/02/2024"], ("%m/%d/%Y",)),
        (["Jul 12, 2024 9:41 AM", "Aug 1, 2024 10:00 PM"], ("%b %d, %Y %I:%M %p",)),
        (["12 July 2024", "1 August 2024"], ("%d %B %Y",)),
        (["Fri, 12 Jul 2024 09:41:07 +0000"], ("%a, %d %b %Y %H:%M:%S %z",)),
        (["2024/07/12 09:41:07", "2024/7/2 10:00:00"], ("%Y/%m/%d %H:%M:%S",)),
        (["12.07.24, 09:41"], ("%d.%m.%y, %H:%M",)),
    ],
)
def test_the_format_is_found(texts: list[str], formats: tuple[str, ...]) -> None:
    form = date_form(column(*texts))
    assert form is not None
    assert form.formats == formats
    assert form.fitting == len(texts)


def test_a_day_above_twelve_proves_the_order() -> None:
    form = date_form(column("01/02/2024", "25/02/2024"))
    assert form is not None
    assert (form.order.way, form.order.proof, form.order.open) == ("day", "25/02/2024", ())


def test_without_proof_the_order_is_unknown() -> None:
    form = date_form(column("01/02/2024", "03/04/2024"))
    assert form is not None
    assert form.order.open


@pytest.mark.parametrize(
    ("texts", "written", "order"),
    [
        (["24/3/1", "24/03/11"], "%y/%m/%d", "year"),  # nobody writes a year with one digit
        (["98/03/11", "01/03/11"], "%y/%m/%d", "year"),  # no month has so many days
        ([f"24/0{month}/{day}" for month in (1, 2) for day in range(10, 29)], "%y/%m/%d", "year"),
        ([f"{day}/0{month}/24" for month in (1, 2) for day in range(10, 29)], "%d/%m/%y", "day"),
        ([f"0{month}/{day}/24" for month in (1, 2) for day in range(10, 29)], "%m/%d/%y", "month"),
        (["1/2/24", "25/2/24"], "%d/%m/%y", "day"),
    ],
)
def test_the_place_of_two_digit_years_is_proven(texts: list[str], written: str, order: str) -> None:
    form = date_form(column(*texts))
    assert form is not None
    assert (form.formats, form.order.way, form.order.open) == ((written,), order, ())


def test_two_digit_years_without_proof_are_unknown() -> None:
    """25/12/23 is the day before Christmas Eve of 2025, or Christmas of 2023."""
    form = date_form(column("25/12/23", "24/11/22"))
    assert form is not None
    assert form.order.open == ("day", "month", "year")


def test_both_proofs_together_are_said() -> None:
    form = date_form(column(*(f"{day}/02/2024" for day in range(13, 29)), "02/13/2024"))
    assert form is not None
    assert (form.order.way, form.order.against) == ("day", "02/13/2024")


@pytest.mark.parametrize("text", ["", "hello", "12/34/56/78", "1.2.3.4", "2024", "12:30", "INC-2024-01-02"])
def test_what_is_no_date_has_no_format(text: str) -> None:
    assert readings_of(text) == {}


def test_words_and_numbers_are_no_dates() -> None:
    assert date_form(column("12", "13")) is None
    assert date_form(column("Mayor", "May")) is None
    assert date_form(column("10.2.1", "10.2.3", "11.0.1")) is None


def test_another_column_proves_it_for_the_file() -> None:
    """`Created` alone could be read both ways; `Closed` cannot, and the same program wrote both."""
    text = suggest(
        table({"ID": numbers(), "Subject": ["It is broken"], "Created": ["01/02/2024"], "Closed": ["02/28/2024"]})
    ).text
    assert 'date1: {column: Created, type: date, format: "%m/%d/%Y", timezone: UTC}' in text


def test_an_open_order_is_marked() -> None:
    text = suggest(table({"ID": numbers(), "Subject": ["It is broken"], "Created": ["01/02/2024"]})).text
    assert any(line.startswith("# CHECK: ambiguous: ") for line in lines_with(text, "ambiguous"))


def test_an_offset_needs_no_time_zone() -> None:
    text = suggest(table({"ID": numbers(), "Subject": ["Hi"], "Created": ["2024-01-02T03:04:05Z"]})).text
    assert "date1: {column: Created, type: datetime, format: iso}" in text


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("RequestedDateUS", "CompletedDateUS"),
        ("F.Inicio", "F.Fin"),
        ("Fecha", "Fecha de fin"),
        ("Created", "Completed"),
    ],
)
def test_when_a_ticket_was_closed_is_told_by_its_column(opened: str, closed: str) -> None:
    dates = {opened: ["2024-01-02", "2024-01-03"], closed: ["2024-02-03", "2024-02-04"]}
    source = table({"ID": numbers(), "Subject": ["Hi"]} | dates)
    became = {choice.column: choice.field for choice in suggest(source).choices}
    assert (became[opened], became[closed]) == ("created", "closed")


def test_a_day_in_four_forms_is_a_day() -> None:
    days = ["1/1/17", "1 de enero de 2017", "2/1/2017", "4-1-2017", "25/1/2017", "3 de enero de 2017", "13/1/17"]
    text = suggest(table({"ID": numbers(7), "Asunto": ["No funciona"], "Fecha": days}, rows=7)).text
    assert 'format: ["%d/%m/%y", "%d de %B de %Y", "%d/%m/%Y", "%d-%m-%Y"]' in text
    assert "7 ready to send, 0 invalid" in text
