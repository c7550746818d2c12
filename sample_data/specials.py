"""The rows that are wrong, or odd but right, on purpose: what is done to them and how each of them must end."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from invented import Cell, Cells, Formula, Record

Change: TypeAlias = Callable[[list[Record], int], None]


class Special(NamedTuple):
    """What is done to a row, and the code of the first field error that it must get; no code if it must arrive."""

    what: str
    change: Change
    code: str = ""


def spoil(records: list[Record], specials: tuple[Special, ...]) -> None:
    """Spreads ``specials`` evenly over the rows, in their order, and leaves out rows that others point to."""
    step = len(records) // (len(specials) + 1)
    for nth, special in enumerate(specials, start=1):
        at = next(place for place in range(nth * step, len(records)) if not records[place].parent)
        special.change(records, at)
        record = records[at]
        record.what, record.code = special.what, special.code
        record.state = {"": "created", "duplicate_key": "skipped"}.get(special.code, "invalid")


# ------------------------------------------------------------------------------------------------- what is done
def cells(changed: Cells) -> Change:
    """Other contents in some columns."""

    def change(records: list[Record], at: int) -> None:
        records[at].cells |= changed

    return change


def twin(distance: int, changed: Cells) -> Change:
    """The row ``distance`` rows before once more, with other contents in some columns."""

    def change(records: list[Record], at: int) -> None:
        records[at].cells = records[at - distance].cells | changed

    return change


def header_again() -> Change:
    """The names of the columns as a row: what is left where two exports were glued together."""

    def change(records: list[Record], at: int) -> None:
        width = {name: len(cell) for name, cell in records[at].cells.items() if isinstance(cell, list)}
        records[at].cells = {name: [name] * width[name] if name in width else name for name in records[at].cells}

    return change


def unquoted(column: str, text: str) -> Change:
    """A cell that was written into the CSV as it is, without the quotes that it needs."""

    def change(records: list[Record], at: int) -> None:
        flat = [" ".join(str(cell).split()) if name != column else "@" for name, cell in records[at].flat()]
        records[at].raw = csv_text(flat).replace("@,", f"{text},", 1)

    return change


def cut(fields: int) -> Change:
    """A record that lost its last fields."""

    def change(records: list[Record], at: int) -> None:
        flat = [cell for _, cell in records[at].flat()]
        records[at].raw = csv_text(flat[:-fields])

    return change


def csv_text(fields: Iterable[Cell]) -> str:
    """The text of one CSV record without its line end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(fields)  # quotes a cell for these two characters
    return text.getvalue().removesuffix("\r\n")


# --------------------------------------------------------------------------------------------- the three exports
def long(characters: int) -> str:
    """A text of exactly so many characters, none of them a blank at an end."""
    sentence = "It began on Tuesday and has not stopped since; "
    return (sentence * (characters // len(sentence) + 1))[: characters - 2] + "!!"


ZENDESK = (
    Special("subject in three languages and two directions", cells({"Subject": "Ação, عاجل جداً, 至急 👩🏽‍💻"})),
    Special("unquoted comma: one field too many", unquoted("Subject", "Wrong size, wrong colour"), "too_many_fields"),
    Special("subject is a formula to Excel", cells({"Subject": '=HYPERLINK("https://example.com","Refund")'})),
    Special("the last four fields are missing", cut(4), "too_few_fields"),
    Special("quotes inside quotes", unquoted("Subject", '"The "new" Tinsel router, again"'), "broken_quotes"),
    Special("no id", cells({"Id": ""}), "missing_key"),
    Special("subject of exactly 150 characters", cells({"Subject": long(150)})),
    Special("id is a dash, which is how Zendesk writes a blank", cells({"Id": "-"}), "missing_key"),
    Special("the row above once more", twin(1, {}), "duplicate_key"),
    Special("subject of 151 characters", cells({"Subject": long(151)}), "too_long"),
    Special("subject is the word null", cells({"Subject": "null"})),
    Special("no subject", cells({"Subject": ""}), "missing"),
    Special("description of 2,345 characters", cells({"Description": long(2345)}), "too_long"),
    Special("priority that Zendesk does not have", cells({"Priority": "Blocker"}), "unknown_value"),
    Special("subject with a line break and tabs", cells({"Subject": "The dock\n\t\tgets hot"})),
    Special("30 February", cells({"Created at": "2024-02-30 10:15"}), "not_a_date"),
    Special(
        "half past one in the night when Lisbon skips that hour",
        cells({"Created at": "2024-03-31 01:30"}),
        "nonexistent_time",
    ),
    Special(
        "half past one in the night that Lisbon has twice", cells({"Created at": "2024-10-27 01:30"}), "ambiguous_time"
    ),
    Special("date the American way", cells({"Created at": "03/05/2024 2:30 PM"}), "not_a_date"),
    Special("address without an @", cells({"Requester email": "harriet.oakmoor at example.com"}), "not_an_email"),
    Special("two addresses in one cell", cells({"Requester email": "a@example.org; b@example.net"}), "not_an_email"),
    Special("VIP is neither yes nor no", cells({"VIP [flag]": "perhaps"}), "not_a_boolean"),
    Special("NUL character in the description", cells({"Description": "Hello,\x00 it is broken."}), "nul_character"),
    Special("customer number 0", cells({"Customer number [txt]": "0"})),
    Special("the row 400 rows above once more, solved since", twin(400, {"Status": "Solved"}), "duplicate_key"),
    Special(
        "wrong in four columns",
        cells({"Priority": "ASAP", "Requester email": "n/a", "Created at": "yesterday", "VIP [flag]": "2"}),
        "unknown_value",
    ),
)

JIRA = (
    Special("summary is a formula to Excel", cells({"Summary": "+1 for dark mode, -1 for the rest"})),
    Special(
        "unquoted comma: one field too many", unquoted("Environment", "Firefox 140, Windows 11"), "too_many_fields"
    ),
    Special("the last five fields are missing", cut(5), "too_few_fields"),
    Special("the quote of an inch inside quotes", unquoted("Summary", '"A 27" screen stays black"'), "broken_quotes"),
    Special("no issue key", cells({"Issue key": ""}), "missing_key"),
    Special(
        "comment with semicolons and line breaks", cells({"Comment": ["", "6/Jun/23 9:00 AM;g;a; b;\r\nc", "", ""]})
    ),
    Special("the row above once more", twin(1, {}), "duplicate_key"),
    Special("summary of 255 characters, which Jira allows", cells({"Summary": long(255)}), "too_long"),
    Special("no summary", cells({"Summary": ""}), "missing"),
    Special("description of 4,000 characters", cells({"Description": long(4000)}), "too_long"),
    Special("priority from another Jira", cells({"Priority": "P1 - now"}), "unknown_value"),
    Special("31 June", cells({"Created": "31/Jun/24 9:04 AM"}), "not_a_date"),
    Special(
        "half past two in the night when Berlin skips that hour",
        cells({"Created": "31/Mar/24 2:30 AM"}),
        "nonexistent_time",
    ),
    Special("address without a host", cells({"Custom field (Customer email)": "zed.zed@"}), "not_an_email"),
    Special("escape sequence in the summary", cells({"Summary": "\x1b[31mred alert\x1b[0m"})),
    Special("the header once more, in the middle", header_again(), "unknown_value"),
    Special("story points are words", cells({"Custom field (Story Points)": "a few"}), "not_a_decimal"),
    Special("the row 200 rows above once more, done since", twin(200, {"Status": "Done"}), "duplicate_key"),
)

SERVICENOW = (
    Special(
        "#N/A in the column that the mapping reads", cells({"Cost center": Formula("=NA()", "#N/A")}), "error_cell"
    ),
    Special("#REF! in a column that no mapping reads", cells({"Region": Formula("=#REF!", "#REF!")})),
    Special("formula that was never computed", cells({"Cost center": Formula("=1+1", "")}), "formula_without_value"),
    Special("no number", cells({"Number": ""}), "missing_key"),
    Special("the row above once more", twin(1, {}), "duplicate_key"),
    Special("short description of 160 characters", cells({"Short description": long(160)}), "too_long"),
    Special("no short description", cells({"Short description": ""}), "missing"),
    Special("short description with line breaks", cells({"Short description": "Badge reader\n\t\t\tis offline "})),
    Special("description of 3,900 characters", cells({"Description": long(3900)}), "too_long"),
    Special("priority that ServiceNow does not have", cells({"Priority": "6 - Someday"}), "unknown_value"),
    Special("30 February, as text", cells({"Opened": "2024-02-30 10:15:00"}), "not_a_date"),
    Special(
        "half past two in the night when New York skips that hour",
        cells({"Opened": datetime(2024, 3, 10, 2, 30)}),
        "nonexistent_time",
    ),
    Special("address with a blank", cells({"Email": "thandeka mbulowe@example.com"}), "not_an_email"),
    Special("VIP is neither yes nor no", cells({"VIP": "sometimes"}), "not_a_boolean"),
    Special("count is a word", cells({"Reassignment count": "many"}), "not_an_integer"),
    Special(
        "17-digit number, which Excel has rounded", cells({"Employee number": 90_071_992_547_409_931}), "inexact_number"
    ),
    Special("short description is an error", cells({"Short description": Formula("=1/0", "#DIV/0!")}), "error_cell"),
)
