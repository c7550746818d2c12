"""Dates and times of an export → instants in UTC, as the Case API takes them.

A format is compiled to one regular expression. It means what ``strptime`` means by it, but only ASCII digits
count, and names of months in all listed languages, whatever the locale of the machine, so the same file gives the
same bytes everywhere.
Local times that a clock shows twice, or never, are refused: which instant was meant cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from importer.mapping.cell_errors import CellError
from importer.mapping.month_names import (
    FULL_EXPRESSION,
    HALF_EXPRESSION,
    SHORT_EXPRESSION,
    is_afternoon,
    month_number,
)
from importer.mapping.problems import Malformed, listed, nearest

ISO = "iso"
#: Counts since the begin of 1970 in UTC, as programs write them: the name of the format → how many are a second.
EPOCHS: Mapping[str, int] = MappingProxyType({"epoch": 1, "epoch_ms": 1000, "epoch_us": 1_000_000})

#: The text as the file's wall clock shows it → the moment; with a time zone if the text itself names one.
Parse = Callable[[str], "datetime | None"]

_DAY_NAME = r"(?u:[^\W\d_]{1,12}\.?)"  # of any language: it says nothing that the date does not say


class _Directive(NamedTuple):
    unit: str
    pattern: str
    read: Callable[[str], int] = int


def _short_year(text: str) -> int:
    return int(text) + (2000 if int(text) < 69 else 1900)


def _afternoon(text: str) -> int:
    return int(is_afternoon(text))


def _microseconds(text: str) -> int:
    return int(text.ljust(6, "0"))


def _offset_seconds(text: str) -> int:
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if text[0] == "-" else 1)


def _ignored(_: str) -> int:
    return 0


_DIRECTIVES: Mapping[str, _Directive] = MappingProxyType(
    {
        "%Y": _Directive("year", r"\d{4}"),
        "%y": _Directive("year", r"\d{2}", _short_year),
        "%m": _Directive("month", r"1[0-2]|0?[1-9]"),
        "%B": _Directive("month", FULL_EXPRESSION, month_number),
        "%b": _Directive("month", SHORT_EXPRESSION, month_number),
        "%d": _Directive("day", r"3[01]|[12]\d|0?[1-9]"),
        "%H": _Directive("hour", r"2[0-3]|[01]\d|\d"),
        "%I": _Directive("hour", r"1[0-2]|0?[1-9]"),
        "%p": _Directive("afternoon", HALF_EXPRESSION, _afternoon),
        "%M": _Directive("minute", r"[0-5]\d|\d"),
        "%S": _Directive("second", r"[0-5]\d|\d"),
        "%f": _Directive("microsecond", r"\d{1,6}", _microseconds),
        "%z": _Directive("offset", r"[+-]\d\d:?[0-5]\d|z", _offset_seconds),
        "%A": _Directive("weekday", _DAY_NAME, _ignored),
        "%a": _Directive("weekday", _DAY_NAME, _ignored),
    }
)
_PLAIN_UNITS = ("year", "month", "day", "hour", "minute", "second")
_LIKE_ISO = frozenset(f"%Y-%m-%d{time}" for time in ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S"))
_FULL_WIDTH = str.maketrans({"Y": r"\d{4}", "H": r"(?:[01]\d|2[0-3])"} | dict.fromkeys("mdMS", r"\d\d"))
_TOKEN = re.compile(r"%.?|\s+|[^%\s]+", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT = re.compile(r"(-?\d{1,20})(?:\.\d*)?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,]\d{1,6})?)?)?) ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def has_offset(pattern: str) -> bool:
    """Whether texts of this format carry their own offset from UTC, or are counted in UTC."""
    return pattern in EPOCHS or "%z" in pattern.replace("%%", "")


def parser(pattern: str) -> Parse:
    """The function that reads texts of one format; it returns None for a text of another form.

    Args:
        pattern: ``iso``, one of :data:`EPOCHS`, or a format such as ``%d/%m/%Y %H:%M``.

    Raises:
        Malformed: The format has an unknown directive, one unit twice, or no full date.
    """
    if pattern == ISO:
        return _parse_iso
    if pattern in EPOCHS:
        return _epoch_parser(EPOCHS[pattern])
    directives = _directives(pattern)
    expression = re.compile("".join(map(_as_expression, _TOKEN.findall(pattern))), re.ASCII | re.IGNORECASE)
    units = [directive.unit for directive in directives]
    reads = [directive.read for directive in directives]
    if set(units) == set(_PLAIN_UNITS[: len(units)]) and set(reads) == {int}:
        plain = _plain_parser(expression, units)
        return _iso_first(pattern, plain) if pattern in _LIKE_ISO else plain
    return _full_parser(expression, units=units, reads=reads)


def _directives(pattern: str) -> list[_Directive]:
    tokens = [token for token in _TOKEN.findall(pattern) if token[0] == "%" and token != "%%"]
    if unknown := [token for token in tokens if token not in _DIRECTIVES]:
        raise Malformed(f"{unknown[0]!r} means nothing in a date format", f"use {listed(_DIRECTIVES, most=99)} or %%")
    units = [_DIRECTIVES[token].unit for token in tokens]
    if lost := [unit for unit in ("year", "month", "day") if unit not in units]:
        raise Malformed(f"the date format {pattern!r} has no {lost[0]}", "such as: '%Y-%m-%d' or '%d/%m/%Y %H:%M'")
    if twice := [unit for unit in units if units.count(unit) > 1]:
        raise Malformed(f"the date format {pattern!r} has the {twice[0]} twice", "keep one of them")
    if ("%I" in tokens) != ("%p" in tokens):
        hint = "%H is the hour of a 24-hour clock and needs no %p"
        raise Malformed(f"in the date format {pattern!r}, %I and %p go together", hint)
    return [_DIRECTIVES[token] for token in tokens]


def _as_expression(token: str) -> str:
    if token.isspace():
        return r"(?u:\s+)"  # also the narrow no-break space that browsers write before AM and PM
    if token == "%%":
        return "%"
    return f"({_DIRECTIVES[token].pattern})" if token[0] == "%" else re.escape(token)


def _plain_parser(expression: re.Pattern[str], units: list[str]) -> Parse:
    """For formats of plain numbers, which is most of them: twice as fast as the full parser."""
    in_order = itemgetter(*(units.index(unit) for unit in _PLAIN_UNITS[: len(units)]))

    def parse(text: str) -> datetime | None:
        match = expression.fullmatch(text)
        if match is None:
            return None
        try:
            return datetime(*map(int, in_order(match.groups())))  # type: ignore[arg-type]  # six at most
        except ValueError:  # the 31st of a short month, the year 0
            return None

    return parse


def _iso_first(pattern: str, otherwise: Parse) -> Parse:
    """For texts of a format that the standard library reads by itself, if all units have their full width."""
    exact = re.compile(pattern.translate(_FULL_WIDTH).replace("%", ""), re.ASCII)

    def parse(text: str) -> datetime | None:
        if exact.fullmatch(text) is None:
            return otherwise(text)
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None

    return parse


def _full_parser(expression: re.Pattern[str], *, units: list[str], reads: list[Callable[[str], int]]) -> Parse:
    def parse(text: str) -> datetime | None:
        match = expression.fullmatch(text)
        if match is None:
            return None
        parts: dict[str, Any] = {
            unit: read(part) for unit, read, part in zip(units, reads, match.groups(), strict=True)
        }
        parts.pop("weekday", None)
        if (afternoon := parts.pop("afternoon", None)) is not None:
            parts["hour"] = parts["hour"] % 12 + 12 * afternoon
        seconds = parts.pop("offset", None)
        try:
            zone = None if seconds is None else timezone(timedelta(seconds=seconds))
            return datetime(**parts, tzinfo=zone)
        except ValueError:
            return None

    return parse


def _epoch_parser(in_a_second: int) -> Parse:
    def parse(text: str) -> datetime | None:
        match = _COUNT.fullmatch(text)
        if match is None:
            return None
        try:
            return _EPOCH + timedelta(seconds=int(match[1]) // in_a_second)
        except OverflowError:
            return None

    return parse


def _parse_iso(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    moment, offset = match.groups()
    try:
        return datetime.fromisoformat(moment + (offset or "").replace("UTC", "Z"))
    except ValueError:
        return None


def time_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Europe/Lisbon``.

    Raises:
        Malformed: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(name, available_timezones(), otherwise="use a name such as 'Europe/Lisbon' or 'UTC'")
        raise Malformed(f"there is no time zone {name!r}", hint) from None


def instant(moment: datetime, zone: tzinfo) -> str:
    """``2022-04-21T06:30:21Z`` for a moment that the clocks of ``zone`` showed; fractions of a second are dropped.

    A moment that names its own offset keeps it, whatever ``zone`` says.

    Raises:
        CellError: The clocks showed this time twice, or never.
    """
    if moment.tzinfo is not None:
        return _utc_text(moment.replace(tzinfo=None), moment.utcoffset())
    steady = _offset_of_day(zone, moment.toordinal())
    if steady is not None:
        return _utc_text(moment, steady)
    first = zone.utcoffset(moment)
    second = zone.utcoffset(_second_showing(moment))
    if first != second:
        raise _twice(zone) if first > second else _never(zone)  # type: ignore[operator]  # zones have offsets
    return _utc_text(moment, first)


@lru_cache(16_384)
def _offset_of_day(zone: tzinfo, ordinal: int) -> timedelta | None:
    """The offset that the clocks had all day, as on nearly all days; None if they were changed.

    Nowhere were they ever changed twice within three days, so the begin and the end of the day tell it.
    """
    begin = datetime.fromordinal(ordinal)
    moments = (begin, begin.replace(hour=23, minute=59, second=59))
    offsets = {zone.utcoffset(moment.replace(fold=fold)) for moment in moments for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def _second_showing(moment: datetime) -> datetime:
    """``moment.replace(fold=1)``, twice as fast; fractions of a second play no part here."""
    return datetime(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, fold=1)


def day(moment: datetime, zone: tzinfo) -> str:
    """The begin of the day of ``moment`` in ``zone``, as an instant. Where clocks skip midnight: the first moment."""
    midnight = datetime(moment.year, moment.month, moment.day)
    return _utc_text(midnight, zone.utcoffset(midnight))


def _utc_text(moment: datetime, offset: timedelta | None) -> str:
    try:
        return (moment - offset).isoformat("T", "seconds") + "Z"  # type: ignore[operator]  # zones have offsets
    except OverflowError:
        raise CellError(
            "not_a_date", "is before the year 1 or after the year 9999 in UTC", "correct the cell"
        ) from None


def _twice(zone: tzinfo) -> CellError:
    rule = f"is a time that the clocks of {zone} showed twice, because they were put back"
    return CellError("ambiguous_time", rule, "export with the offset or in UTC, or correct the cell")


def _never(zone: tzinfo) -> CellError:
    rule = f"is a time that the clocks of {zone} never showed, because they were put forward"
    return CellError("nonexistent_time", rule, "check `timezone:`, or correct the cell")
