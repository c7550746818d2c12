"""Which cells a spreadsheet has changed, and which a person has."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from naming import short
from office import CSV, Office

from importer.failures.put_back import is_as_shown
from importer.reader import open_reader

#: How a file is opened with "Detect special numbers", in the language of the region.
SPECIAL = {
    "en-US": "CSV:44,34,76,1,,1033,false,true",
    "de-DE": "CSV:44,34,76,1,,1031,false,true",
    "pt-BR": "CSV:44,34,76,1,,1046,false,true",
}

LONG = "x" * 40_000

#: What was written, and what came back from Excel (in several languages) or LibreOffice.
SHOWN = [
    # numbers with an exponent: LibreOffice, Excel, Excel in German, a workbook as it is read
    ("90071992570410000", "9.007199257041E+016"),
    ("90071992570410000", "9.0072E+16"),
    ("90071992570410000", "9,0072E+16"),
    ("1234567890123456789012", "1.23456789012346e+21"),
    ("1E5", "1.00E+05"),
    ("1E5", "100000"),
    ("12e3", "12000"),
    # 15 digits: cut by Excel, rounded by LibreOffice, or the float itself
    ("1234567890123456789", "1234567890123450000"),
    ("9007199254740993", "9007199254740990"),
    ("9007199254740993", "9007199254740992"),
    ("90071992550409940", "90071992550409904"),
    ("863781479393790413", "8.63781479393791E+017"),
    ("90071992552409946", "90071992552410000"),
    ("0.12345678901234567", "0.123456789012346"),
    ("1234.56789012", "1234.56789"),
    # leading zeros, zeros behind the decimals, signs
    ("000862", "862"),
    ("0", "0"),
    ("007", "7"),
    ("1.10", "1.1"),
    ("1.10", "1,1"),
    ("+5", "5"),
    (".5", "0.5"),
    (" 12 ", "12"),
    # decimal separators, thousands, formats
    ("1234.5", "1234,5"),
    ("1234,50", "1234.5"),
    ("1,234", "1234"),
    ("1.234,50", "1234,5"),
    ("1 000", "1000"),
    ("25%", "25,00\u00a0%"),
    ("25%", "0.25"),
    ("$1234.5", "$1,234.50"),
    ("12.5 €", "12,50 €"),
    ("(5)", "-5"),
    # dates and times
    ("2024-03-01", "01.03.2024"),
    ("2024-03-01", "01.03.24"),
    ("2024-03-01", "3/1/2024"),
    ("01/03/2024", "2024-03-01"),
    ("01/03/2024", "2024-01-03"),
    ("1.3.24", "01.03.2024"),
    ("2024-03-01 14:30:45", "01.03.2024 14:30"),
    ("2024-03-01T14:30:00", "2024-03-01 14:30:00"),
    ("2024-03-01 00:00:00", "2024-03-01"),
    ("2024-03-01 14:30:45.123", "30:45.1"),
    ("3-4", "04-Mar"),
    ("3-4", "03. Apr"),
    ("1/2", "2026-02-01"),
    ("Mar 24", "24-Mar"),
    ("1 March 2024", "01-Mar-24"),
    ("5/2024", "May-24"),
    ("14:30", "14:30:00"),
    ("2:30 PM", "14:30:00"),
    ("1:2", "01:02:00"),
    # truth values
    ("true", "TRUE"),
    ("TRUE", "WAHR"),
    ("False", "FAUX"),
    ("true", "VERDADEIRO"),
    ("falso", "FALSE"),
    # texts
    ("a\r\nb", "a\nb"),
    ("a\rb", "a\nb"),
    ("tab\there", "tabhere"),
    ("Hello,\x00 you", "Hello, you"),
    ("Łódź, café", "?ód?, café"),
    ("fire 🔥!", "fire ?!"),
    ("fire 🔥!", "fire ??!"),
    (LONG, LONG[:32_767]),
]

CHANGED = [
    # a person adds zeros, digits, decimals
    ("862", "000862"),
    ("1.1", "1.10"),
    ("12", "12.00"),
    ("90071992570410000", "90071992570410003"),
    ("90071992570410000", "9.0073E+16"),
    ("1E5", "1E6"),
    ("1234567.89", "1234567.88"),
    ("90071992570410003", "90071992570410004"),
    ("90071992570410000", "90071992570410100"),
    ("12.5", "13"),
    ("12.5", "12"),
    ("12.5", "125"),
    ("0.25", "25%"),
    ("25", "0.25"),
    ("5", "-5"),
    ("007", "8"),
    # a person swaps day and month, or moves a date
    ("01/03/2024", "03/01/2024"),
    ("2024-03-01", "2024-03-02"),
    ("2024-03-01", "01.03.2025"),
    ("2024-03-01", "01.03.25"),
    ("2024-03-01", "01-Mar"),
    ("2024-03-01 14:30", "2024-03-01"),
    ("2024-03-01 14:30:45", "2024-03-01 14:30:46"),
    ("2024-03-01T14:30:00Z", "2024-03-01 14:30:00"),
    ("1.1", "1.01"),
    ("3-4", "3.5"),
    ("14:30", "14:31"),
    ("14:30:45", "14:30"),
    # and more
    ("true", "FALSE"),
    ("yes", "TRUE"),
    ("true", "wahr"),
    ("cafe", "caf?"),
    ("why?", "why??"),
    ("", "0"),
    ("0", ""),
    ("text", ""),
    ("It burns", "It burns!"),
    ("open", "Open"),
    (LONG, LONG[:1_000]),
    ("9" * 5_000, "9" * 4_999),
]


def test_a_spreadsheet_has_changed_it() -> None:
    assert [pair for pair in SHOWN if not is_as_shown(*pair)] == []


def test_a_person_has_changed_it() -> None:
    assert [pair for pair in CHANGED if is_as_shown(*pair)] == []


@pytest.mark.parametrize(
    "text", ["1E400", "1e-400", "9" * 60, ",", ".", "-", "E+10", "%", "$", "()", "99/99/99", "٣"], ids=short
)
def test_any_text_may_come(text: str) -> None:
    """Texts that look like numbers or dates and are none, or are larger than any float."""
    assert is_as_shown(text, text)
    assert not is_as_shown(text, "1")
    assert not is_as_shown("1", text)


def values() -> list[str]:
    """Numbers of all lengths, with zeros in front and behind, and moments."""
    chance = random.Random(7)
    digits = [str(chance.randrange(10**length, 10 ** (length + 1))) for length in range(8, 22) for _ in range(20)]
    decimals = [f"{chance.randrange(10**6)}.{chance.randrange(10**places):0{places}}" for places in range(1, 14)]
    begin = datetime(2024, 2, 28, 22, 30)
    moments = [begin + timedelta(minutes=chance.randrange(10**6)) for _ in range(20)]
    forms = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M")
    times = [moment.strftime(form) for moment in moments for form in forms]
    return [*digits, *(f"000{number}" for number in digits), *decimals, *times]


@pytest.mark.slow
@pytest.mark.parametrize("region", ["en-US", "de-DE", "pt-BR"])
@pytest.mark.parametrize("form", [CSV, "xlsx", "ods"], ids=["csv", "xlsx", "ods"])
def test_whatever_libreoffice_makes_of_a_value_is_known_again(
    tmp_path: Path, office: Office, form: str, region: str
) -> None:
    originals = values()
    path = tmp_path / "values.csv"
    path.write_text(
        "Number,Value\n" + "".join(f"n{n},{value}\n" for n, value in enumerate(originals)), encoding="utf-8"
    )
    opened = SPECIAL[region]
    source = open_reader(office.saved(path, form, folder=tmp_path / "saved", opened=opened, region=region))
    cells = [row.cells[1] for chunk in source.chunks() for row in chunk.rows()]
    assert len(cells) == len(originals)
    assert [pair for pair in zip(originals, cells, strict=True) if not is_as_shown(*pair)] == []
    assert sum(cell != original for original, cell in zip(originals, cells, strict=True)) > len(originals) // 2
