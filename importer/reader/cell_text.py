"""Values of spreadsheet and DataFrame cells as the text a person sees.

* Whole numbers lose their ``.0``: spreadsheets know floats only, and ``12.0`` would be another key than ``12``.
* Other numbers of a spreadsheet have 15 significant digits, as in Excel, which stores 19.99 as 19.989999999999998.
  Number formats are not applied: 25 % is ``0.25``, an amount comes without its currency.
* A date, or a date with time at midnight, is ``2024-03-01``; another time of day ``2024-03-01 14:30:00``.
* A time of day is ``14:30:00``, a duration ``36:00:00``, a truth value ``TRUE`` or ``FALSE``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from importer.models import FieldError, shown

#: Whole numbers from here on are not all representable: the one in the cell may not be the one that was entered.
INEXACT_FROM = 2.0**53

_WRITTEN_OUT = 1e21
_ISO_DURATION = re.compile(r"(-?)PT(\d+)H(\d+)M(\d+(?:[.,]\d+)?)S")


def cell_texts(values: Sequence[object]) -> list[str]:
    """The texts of the cells of a spreadsheet row. A text stays the same object."""
    return [value if type(value) is str else _WRITERS.get(type(value), str)(value) for value in values]


def duration_as_shown(text: str) -> str:
    """A cell of an .ods document, where the reader hands out durations of a day and more unparsed: ``PT36H00M00S``."""
    duration = _ISO_DURATION.fullmatch(text) if text.endswith("S") else None
    return "{}{:0>2}:{:0>2}:{:0>2}".format(*duration.groups()) if duration else text


def is_inexact(value: object) -> bool:
    """Whether ``value`` is a number so large that a float may not hold it exactly."""
    return isinstance(value, float) and abs(value) >= INEXACT_FROM


def inexact_number(column: str, text: str) -> FieldError:
    """The problem of a cell for which :func:`is_inexact` is true."""
    rule = "is a number with more than 15 digits; the last ones may be wrong"
    return FieldError("inexact_number", column, shown(text), rule, "export this column as text")


def number_text(value: float, digits: str = "") -> str:
    """A float: whole ones without ``.0``, others in full or with as many ``digits`` (a format such as ``.15g``)."""
    if value.is_integer() and abs(value) < _WRITTEN_OUT:
        return str(int(value))
    if value != value:
        return ""
    text = format(value, digits) if digits else str(value)
    return format(Decimal(text), "f") if "e-" in text else text


def truth_text(value: object) -> str:
    """``TRUE`` or ``FALSE``."""
    return "TRUE" if value else "FALSE"


def moment_text(value: dt.datetime) -> str:
    """A date with time; only the date at midnight, unless there is a time zone, which would be lost."""
    if value.hour or value.minute or value.second or value.microsecond or value.tzinfo is not None:
        return value.isoformat(" ")
    return value.date().isoformat()


def duration_text(value: dt.timedelta) -> str:
    """Hours, minutes, seconds: ``36:00:00``, and a fraction if there is one."""
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.days * 86_400 + value.seconds, 60)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    float: lambda value: number_text(value, ".15g"),
    bool: truth_text,
    int: str,
    dt.date: dt.date.isoformat,
    dt.datetime: moment_text,
    dt.time: dt.time.isoformat,
    dt.timedelta: duration_text,
}
