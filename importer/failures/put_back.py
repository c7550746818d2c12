"""What a spreadsheet program makes of a cell when a CSV file is opened and saved again, and how that is put back.

A failures file is fixed in Excel or LibreOffice, and these change cells that the user did not: ``000862`` comes back as
``862``, ``90071992570410000`` as ``9.0072E+16``, ``true`` as ``WAHR``, ``2024-03-01`` as ``01.03.24``. What is compared
here is the cell that was written with the cell that came back. The direction counts: a spreadsheet takes leading zeros
away and never adds any, so ``000862`` where ``862`` was is a change by the user.

Sources: Microsoft, "Excel specifications and limits" (15 digits, 32,767 characters); LibreOffice 25.2, measured.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from importer.ledger.records import Original
from importer.mapping.dates import month_number
from importer.models import FieldError, Row
from importer.text.formulas import EXCEL_CELL_MAX, excel_text

_DIGITS_KEPT = 15
#: From so many digits on, decimals are cut to the width of a cell; a shorter number was typed.
_DIGITS_SHOWN = 9

_LONGEST_VALUE = 60

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE_END = re.compile(r"\r\n|\r")


def is_as_shown(original: str, cell: str) -> bool:
    """Whether ``cell`` is merely ``original`` as a spreadsheet shows it, so that no person has changed it."""
    if _is_same_text(original, cell):
        return True
    if max(len(original), len(cell)) > _LONGEST_VALUE:
        return False
    was, now = original.strip(), cell.strip()
    is_truth = any(cell in words and was.casefold() in map(str.casefold, words) for words in _TRUTHS)
    return is_truth or _is_same_number(was, now) or _is_same_date(was, now)


def _is_same_text(original: str, cell: str) -> bool:
    """Other line ends, lost control characters, a text cut where Excel cuts it, or letters that a code page lacks."""
    was, now = _LINE_END.sub("\n", original), _LINE_END.sub("\n", cell)
    if _CONTROL.sub("", was) == _CONTROL.sub("", now):
        return True
    length_in_excel = len(now) + sum(character > "\uffff" for character in now)
    if length_in_excel >= EXCEL_CELL_MAX - 1 and was.startswith(now):
        return True
    # A question mark replaces a letter that the code page lacks; some programs write two for an emoji.
    in_halves = "".join(character * (1 + (character > "\uffff")) for character in was)
    return "?" in now and any(
        len(text) == len(now)
        and all(new == old or (new == "?" and not old.isascii()) for old, new in zip(text, now, strict=True))
        for text in (was, in_halves)
    )


_TRUE = (
    "TRUE WAHR VRAI VERDADERO VERDADEIRO VERO WAAR PRAWDA PRAVDA SANT SAND SANN TOSI IGAZ ИСТИНА ІСТИНА DOĞRU ΑΛΗΘΗΣ"
    " ΑΛΗΘΕΣ ADEVĂRAT CERT VERITAT ISTINA RESNICA TÕENE EGIA BENAR"
)
_FALSE = (
    "FALSE FALSCH FAUX FALSO ONWAAR FAŁSZ NEPRAVDA FALSKT FALSK USANN EPÄTOSI HAMIS ЛОЖЬ ХИБНІСТЬ YANLIŞ ΨΕΥΔΗΣ"
    " ΨΕΥΔΕΣ FALS NEISTINA LAŽ NERESNICA VÄÄR GEZURRA SALAH"
)
_TRUTHS = (_TRUE.split(), _FALSE.split())


_SPACES = " \u00a0\u202f"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?P<digits>(?:\d|[.,]\d)[\d.,'{_SPACES}]{{0,50}}?)(?:[eE](?P<exponent>[+-]?\d{{1,3}}))?"
    rf"(?P<percent>[{_SPACES}]?%)?",
    re.ASCII,
)
_DECIMAL_POINT = re.compile(rf"(?:\d*|[1-9]\d*(?:[,'{_SPACES}]\d{{3}})+)(?:\.\d*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(rf"(?:\d*|[1-9]\d*(?:[.'{_SPACES}]\d{{3}})+)(?:,\d*)?", re.ASCII)
#: How a number without a format is shown: no leading zeros, and no zeros behind the decimals.
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:[.,]\d*[1-9])?", re.ASCII)
_SCIENTIFIC = re.compile(r"-?\d(?:[.,]\d+)?[eE][+-]\d{2,3}", re.ASCII)

_EXACT = Context(prec=400)
_ROUNDED = Context(prec=_DIGITS_KEPT)


def _is_same_number(was: str, now: str) -> bool:
    has_format = _has_format(was)
    if not (_PLAIN.fullmatch(now) or _SCIENTIFIC.fullmatch(now) or has_format):
        return False
    may_be_rounded = _SCIENTIFIC.fullmatch(now) is not None or (has_format and _has_format(now))
    shown = list(_numbers(now))
    return any(_shows(number, other, may_be_rounded) for number in _numbers(was) for other in shown)


def _has_format(text: str) -> bool:
    """Whether a spreadsheet takes more than a number from the cell: per cent, a currency, a loss in brackets."""
    return text.endswith(("%", ")")) or any(unicodedata.category(sign) == "Sc" for sign in (text[:2] + text[-1:]))


def _numbers(text: str) -> Iterator[Decimal]:
    """What ``text`` may mean as a number, with a decimal point and with a decimal comma."""
    bare = "".join(sign for sign in text if unicodedata.category(sign) != "Sc").strip()
    is_loss = bare.startswith("(") and bare.endswith(")")
    found = _NUMBER.fullmatch(bare[1:-1] if is_loss else bare)
    if found is None:
        return
    digits = found["digits"].strip()
    for form, point in ((_DECIMAL_POINT, "."), (_DECIMAL_COMMA, ",")):
        if form.fullmatch(digits):
            whole, _, decimals = digits.partition(point)
            number = Decimal(f"{re.sub(r'[^0-9]', '', whole) or '0'}.{decimals}e{found['exponent'] or '0'}")
            number = number.scaleb(-2) if found["percent"] else number
            yield -number if is_loss or found["sign"] == "-" else number


def _shows(number: Decimal, shown: Decimal, may_be_rounded: bool) -> bool:
    """Whether a spreadsheet shows ``number`` as ``shown``: exactly, with 15 digits, or rounded.

    Excel cuts a number behind 15 digits, LibreOffice rounds its float, and may miss the last digit by one.
    """
    kept, rounded = {number}, _ROUNDED.plus(number)
    if number != rounded:
        kept |= {Decimal(float(number)), rounded, _ROUNDED.next_minus(rounded), _ROUNDED.next_plus(rounded)}
    if shown in kept or shown in (Decimal(float(value)) for value in kept):  # in a workbook it is a float again
        return True
    _, digits, exponent = shown.as_tuple()
    assert isinstance(exponent, int)
    if not may_be_rounded and (exponent >= 0 or len(digits) < _DIGITS_SHOWN):
        return False
    return abs(_EXACT.subtract(number, shown)) < Decimal(1).scaleb(exponent)


_TIME = r"(?P<hour>\d{1,4}):(?P<minute>\d\d?)(?::(?P<second>\d\d?(?:[.,]\d{1,9})?))?\s?(?P<half>[AaPp]\.?\s?[Mm]\.?)?"
_MONTH = r"(?P<name>[^\W\d_]{3,12})\.?"
_YEAR = r"(?P<year>\d{4}|\d\d)"
_TIME_ALONE = re.compile(_TIME)
_DATES = tuple(
    re.compile(rf"{date}(?:[T ,] ?{_TIME})?")
    for date in (
        r"(?P<year>\d{4})[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)",
        rf"(?P<first>\d\d?)[-/. ](?P<then>\d\d?)[-/. ]{_YEAR}\.?",
        rf"(?P<day>\d\d?)\.?[-/ ]{_MONTH}(?:[-/, ]{{1,2}}{_YEAR})?",
        rf"{_MONTH}[-/ ](?P<day>\d\d?)(?:,? {_YEAR})?",
        rf"{_MONTH}[-/ ]{_YEAR}",
        r"(?P<month>\d\d?)[-/.](?P<year>\d{4})",
    )
)
#: ``3-4`` and ``1/2`` become the 3rd of April and the 1st of February. Nothing is ever shown like that.
_SHORT_DATE = re.compile(r"(?P<first>\d\d?)[-/.](?P<then>\d\d?)\.?")
#: All that Excel shows of a time with a fraction: ``30:45.1``.
_REST_OF_TIME = re.compile(r"(\d\d):(\d\d[.,]\d)")
_FRACTION = re.compile(r".*:(\d\d):(\d\d[.,]\d+)")


@dataclass(frozen=True, slots=True)
class _Moment:
    """A date, a time of day, or both, as far as a text says."""

    year: int | None  #: Two digits or four; None if it is not said.
    day: tuple[int, int] | None  #: Month and day; None for a time alone.
    clock: tuple[int, int]  #: Hours and minutes.
    second: Decimal | None  #: None if it is not said.


def _is_same_date(was: str, now: str) -> bool:
    rest, whole = _REST_OF_TIME.fullmatch(now), _FRACTION.fullmatch(was)
    if rest and whole and rest[1] == whole[1]:
        shown, full = (Decimal(seconds.replace(",", ".")) for seconds in (rest[2], whole[2]))
        return abs(shown - full) <= Decimal("0.1")
    # One spreadsheet reads and shows: 01/03 that came back as 03/01 was changed by the user.
    return any(
        _is_same_moment(before, after)
        for day_first in (True, False)
        for after in _moments(now, _DATES, day_first=day_first)
        for before in _moments(was, (*_DATES, _SHORT_DATE), day_first=day_first)
    )


def _is_same_moment(was: _Moment, now: _Moment) -> bool:
    if was.day != now.day or was.clock != now.clock:
        return False
    if was.year is not None:
        if now.year is None:
            return False
        has_two_digits = min(was.year, now.year) < 100
        if was.year != now.year and not (has_two_digits and was.year % 100 == now.year % 100):
            return False
    if now.second is None:  # a date with a time is shown to the minute
        return now.day is not None or not was.second
    return int(was.second or 0) == int(now.second) and now.second in (int(now.second), was.second)


def _moments(text: str, forms: Iterable[re.Pattern[str]], *, day_first: bool) -> Iterator[_Moment]:
    """What ``text`` may mean as a time alone, or as a date of one of these forms, with a time or without."""
    if found := _TIME_ALONE.fullmatch(text):
        yield _Moment(None, None, *_time(found.groupdict()))
    for form in forms:
        found = form.fullmatch(text)
        if found is None:
            continue
        said = found.groupdict()
        numbers = said.get("first") or "0", said.get("then") or "0"
        in_order = numbers if day_first else numbers[::-1]
        day = int(said.get("day") or in_order[0]) or 1  # a month alone is its first day
        name, year = said.get("name"), said.get("year")
        month = month_number(name) if name else int(said.get("month") or in_order[1])
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield _Moment(int(year) if year else None, (month, day), *_time(said))


def _time(said: dict[str, str | None]) -> tuple[tuple[int, int], Decimal | None]:
    hour, half, second = int(said.get("hour") or 0), said.get("half"), said.get("second")
    if half:
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    return (hour, int(said.get("minute") or 0)), Decimal(second.replace(",", ".")) if second else None


# -- what is put back -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corrected:
    """A row that the user has fixed, and how many of its cells were put back that only the spreadsheet had changed."""

    row: Row
    put_back: int = 0


def put_back(
    row: Row,
    columns: Sequence[str],
    original: Original,
    *,
    surplus: Sequence[str] = (),
    in_workbook: bool = False,
) -> Corrected:
    """Put cells of ``row`` back that are merely those of ``original`` as a spreadsheet shows them.

    In columns that the errors of the original name, the cell counts as it is: the user was asked to check it.

    Args:
        row: The user's own row of a failures file.
        columns: Its columns. They may have been moved or deleted since.
        original: The row as it was read the first time.
        surplus: Cells behind these columns, where the file has no column names.
        in_workbook: The row was written with :func:`excel_text`, and not into a CSV file.
    """
    places = _places(columns, original.columns)
    named = {error.column for error in original.errors}
    cells, restored, touched = list(row.cells), 0, set[str | None]([None])
    for at, (column, place) in enumerate(zip(columns, places, strict=True)):
        before = original.cells[place] if place is not None and place < len(original.cells) else ""
        now = cells[at] if at < len(cells) else ""
        written = excel_text(before) if in_workbook else before
        if before != now == written:
            cells[at] = before
        elif before and now != before and column not in named and is_as_shown(written, now):
            cells[at], restored = before, restored + 1
        elif not before or now != before:
            touched.add(column)
    problems = [error for error in row.problems if error.column in touched]
    # What the reader found in a cell is still true if the user has not changed it, however the number is written now.
    if touched == {None} and len(original.cells) == len(original.columns):
        touched.clear()  # nor is a row with all its cells another one
    problems += [error for error in original.errors if error.is_of_reader and error.column not in touched]
    if any("\0" in cell for cell in cells):
        problems = list(_about_row(original))
    fitted = _fitted(Row(row.number, tuple(cells), tuple(problems)), places, original, surplus)
    return Corrected(fitted.row, restored + (0 if in_workbook else fitted.put_back))  # empty cells are as written there


def _places(columns: Sequence[str], originals: Sequence[str]) -> list[int | None]:
    """Where each of ``columns`` is among the original ones; of columns with one name, the first is the first."""
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for place, column in enumerate(originals):
        waiting[column].append(place)
    return [waiting[column].popleft() if waiting[column] else None for column in columns]


def _fitted(row: Row, places: Sequence[int | None], original: Original, surplus: Sequence[str]) -> Corrected:
    """The row with as many cells as the user meant it to have: empty ones that a spreadsheet added do not count."""
    had, wanted, width = len(original.cells), len(places), len(row.cells)
    about_row = _about_row(original)
    if had > len(original.columns) and (left := _left_over(row, places, original, surplus)):
        own = (*row.cells, *[""] * (wanted - width))[:wanted]
        return Corrected(Row(row.number, (*own, *left), about_row))
    if had < len(original.columns):
        missing = [at for at, place in enumerate(places) if place is not None and place >= had]
        if any(row.cells[at] for at in missing if at < width):
            return Corrected(row)
        first = wanted - len(missing)
        cells = row.cells[:first] if missing == list(range(first, wanted)) else row.cells
        return Corrected(Row(row.number, cells, about_row), sum(at < width for at in missing))
    # Some spreadsheets do not write the last cells of a row if they are empty.
    cut = [place for place in places[width:] if place is not None]
    if width >= wanted or any(original.cells[place] for place in cut):
        return Corrected(row)
    problems = tuple(error for error in row.problems if error.column is not None)
    return Corrected(Row(row.number, (*row.cells, *[""] * (wanted - width)), problems), len(cut))


def _left_over(row: Row, places: Sequence[int | None], original: Original, surplus: Sequence[str]) -> Sequence[str]:
    """Cells behind all columns that are still to be moved; none once they are gone and another cell has changed.

    When only they are gone, or are others, rows were sorted without them: what they said would be lost.
    """
    own = row.cells[: len(places)]
    before = tuple(original.cells[place] if place is not None else "" for place in places)
    is_changed = own != before[: len(own)] or any(before[len(own) :])
    return surplus if is_changed else original.cells[len(original.columns) :]


def _about_row(original: Original) -> tuple[FieldError, ...]:
    return tuple(error for error in original.errors if error.column is None and error.is_of_reader)
