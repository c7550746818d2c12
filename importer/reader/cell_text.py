"""Values of spreadsheet and DataFrame cells as the text a person sees.

Spreadsheets know floats only: whole numbers lose their ``.0``, since ``12.0`` would be another key than ``12``; other
numbers have 15 significant digits, as in Excel, which stores 19.99 as 19.989999999999998. Number formats are not
applied: 25 % is ``0.25``, an amount comes without its currency.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from importer.models import FieldError, shown

#: Whole numbers from here on are not all representable: the one in the cell may not be the one that was entered.
_INEXACT_FROM = 2.0**53
_WRITTEN_OUT = 1e21


def cell_text(value: object, digits: str = "") -> str:
    """The text of a cell; ``digits`` is a format for floats that are not whole, such as ``.15g``.

    A date, or a date with time at midnight, is ``2024-03-01``; with another time of day ``2024-03-01 14:30:00``; a
    duration is ``36:00:00``.
    """
    match value:
        case str():
            return value
        case float():
            return number_text(value, digits)
        case bool():
            return "TRUE" if value else "FALSE"
        case dt.datetime() if value.tzinfo is None and value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime():
            return value.isoformat(" ")
        case dt.timedelta():
            return _duration_text(value)
    return str(value)


def number_text(value: float, digits: str = "") -> str:
    """A float: whole ones without ``.0``, others in full or with as many ``digits``, never with an exponent."""
    if value.is_integer() and abs(value) < _WRITTEN_OUT:
        return str(int(value))
    if value != value:
        return ""
    text = format(value, digits) if digits else str(value)
    return format(Decimal(text), "f") if "e-" in text else text


def _duration_text(value: dt.timedelta) -> str:
    """Hours, minutes, seconds, and a fraction if there is one."""
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.days * 86_400 + value.seconds, 60)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


def inexact_number(value: object, column: str, text: str) -> FieldError | None:
    """The problem of a cell whose number is so large that a float may not be exact; None if it is not."""
    if not (isinstance(value, float) and abs(value) >= _INEXACT_FROM):
        return None
    rule = "is a number with more than 15 digits; the last ones may be wrong"
    return FieldError("inexact_number", column, shown(text), rule, "export this column as text")
