"""Dates and times of an export → instants in UTC, as the Case API takes them.

A format means what ``strptime`` means by it, but only ASCII digits count, and names of months in all listed languages,
whatever the locale of the machine. No name stands for two months, so a format need not say its language. (Croatian is
missing: its ``listopad`` is October, the Polish and Czech one is November.)

Local times that a clock shows twice, or never, are refused: which instant was meant cannot be known.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from importer.mapping.field_errors import CellError, listed, malformed, nearest

# -- names of months and halves of the day ---------------------------------------------------------

WORDS: dict[str, Any] = tomllib.loads(files("importer.mapping").joinpath("words.toml").read_text("utf-8"))
FULL: Mapping[str, str] = MappingProxyType(WORDS["months"])
SHORT: Mapping[str, str] = MappingProxyType(WORDS["short_months"])
_AM, _PM = WORDS["halves"]["am"], WORDS["halves"]["pm"]


def _numbers(languages: Mapping[str, str]) -> dict[str, int]:
    return {
        name: number
        for months in languages.values()
        for number, names in enumerate(months.split(), 1)
        for name in names.split("|")
    }


def _any_of(names: Iterable[str], behind: str = "") -> str:
    """An expression for one of ``names``, longer ones first; case counts in no script, ASCII or not."""
    texts = (re.escape(name).replace(r"\ ", r"\s") for name in sorted(names, key=len, reverse=True))
    return f"(?u:(?:{'|'.join(texts)}){behind})"


_NUMBERS = _numbers(FULL) | _numbers(SHORT)
_SHORT_NAME = _any_of(_numbers(SHORT), r"\.?")


def month_number(name: str) -> int:
    """1 for ``Jan``, ``janv.``, ``января`` …; 0 if it is not the name of a month."""
    return _NUMBERS.get(name.lower().rstrip("."), 0)


def is_short_month(name: str) -> bool:
    """Whether ``name`` is what ``%b`` reads; ``%B`` reads the other ones."""
    return re.fullmatch(_SHORT_NAME, name, re.IGNORECASE) is not None


# -- formats --------------------------------------------------------------------------------------

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


def _offset_seconds(text: str) -> int:
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if text[0] == "-" else 1)


_DIRECTIVES: Mapping[str, _Directive] = MappingProxyType(
    {
        "%Y": _Directive("year", r"\d{4}"),
        "%y": _Directive("year", r"\d{2}", lambda text: int(text) + (2000 if int(text) < 69 else 1900)),
        "%m": _Directive("month", r"1[0-2]|0?[1-9]"),
        "%B": _Directive("month", _any_of(_numbers(FULL)), month_number),
        "%b": _Directive("month", _SHORT_NAME, month_number),
        "%d": _Directive("day", r"3[01]|[12]\d|0?[1-9]"),
        "%H": _Directive("hour", r"2[0-3]|[01]\d|\d"),
        "%I": _Directive("hour", r"1[0-2]|0?[1-9]"),
        "%p": _Directive("half", _any_of([*_AM, *_PM]), lambda text: text[0].lower() == "p" or text in _PM),
        "%M": _Directive("minute", r"[0-5]\d|\d"),
        "%S": _Directive("second", r"[0-5]\d|\d"),
        "%f": _Directive("microsecond", r"\d{1,6}", lambda text: int(text.ljust(6, "0"))),
        "%z": _Directive("offset", r"[+-]\d\d:?[0-5]\d|z", _offset_seconds),
        "%A": _Directive("weekday", _DAY_NAME, lambda _: 0),
        "%a": _Directive("weekday", _DAY_NAME, lambda _: 0),
        "%Z": _Directive(
            "zone_name", r"(?u:[^\W\d_][^\d()]{0,60})", lambda _: 0
        ),  # it says nothing that %z does not say
    }
)
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
        PydanticCustomError: The format has an unknown directive, one unit twice, or no full date.
    """
    if pattern == ISO:
        return _parse_iso
    if pattern in EPOCHS:
        return partial(_parse_epoch, EPOCHS[pattern])
    tokens = _TOKEN.findall(pattern)
    reads = _units(pattern, [token for token in tokens if token[0] == "%" and token != "%%"])
    expression = re.compile("".join(map(_as_expression, tokens)), re.ASCII | re.IGNORECASE)
    return partial(_parse_pattern, expression, reads)


def _units(pattern: str, tokens: list[str]) -> dict[str, Callable[[str], int]]:
    """How each unit of a format is read."""
    if unknown := [token for token in tokens if token not in _DIRECTIVES]:
        raise malformed(f"{unknown[0]!r} is not a date format directive", f"use {listed(_DIRECTIVES, most=99)} or %%")
    units = [_DIRECTIVES[token].unit for token in tokens]
    if lost := [unit for unit in ("year", "month", "day") if unit not in units]:
        raise malformed(f"the date format {pattern!r} has no {lost[0]}", "such as: '%Y-%m-%d' or '%d/%m/%Y %H:%M'")
    if twice := [unit for unit in units if units.count(unit) > 1]:
        raise malformed(f"the date format {pattern!r} contains the {twice[0]} twice", "remove one of them")
    if "%Z" in tokens and "%z" not in tokens:
        hint = "the name of a time zone can mean several: set `timezone:`, and write the name as it is in the cells"
        raise malformed(f"the date format {pattern!r} has %Z without %z", hint)
    if ("%I" in tokens) != ("%p" in tokens):
        hint = "%H is the hour of a 24-hour clock and needs no %p"
        raise malformed(f"the date format {pattern!r} needs both %I and %p", hint)
    return {_DIRECTIVES[token].unit: _DIRECTIVES[token].read for token in tokens}


def _as_expression(token: str) -> str:
    if token.isspace():
        return r"(?u:\s+)"  # also the narrow no-break space that browsers write before AM and PM
    if token == "%%":
        return "%"
    return f"(?P<{_DIRECTIVES[token].unit}>{_DIRECTIVES[token].pattern})" if token[0] == "%" else re.escape(token)


def _parse_pattern(expression: re.Pattern[str], reads: dict[str, Callable[[str], int]], text: str) -> datetime | None:
    match = expression.fullmatch(text)
    if match is None:
        return None
    parts: dict[str, Any] = {unit: reads[unit](part) for unit, part in match.groupdict().items()}
    parts.pop("weekday", None)
    parts.pop("zone_name", None)
    if "half" in parts:
        parts["hour"] = parts["hour"] % 12 + 12 * parts.pop("half")
    try:
        if "offset" in parts:
            parts["tzinfo"] = timezone(timedelta(seconds=parts.pop("offset")))
        return datetime(**parts)
    except ValueError:
        return None


def _parse_epoch(in_a_second: int, text: str) -> datetime | None:
    match = _COUNT.fullmatch(text)
    try:
        return match and _EPOCH + timedelta(seconds=int(match[1]) // in_a_second)
    except OverflowError:
        return None


def _parse_iso(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    moment, offset = match.groups()
    try:
        return datetime.fromisoformat(moment + (offset or "").replace("UTC", "Z"))
    except ValueError:
        return None


# -- time zones -----------------------------------------------------------------------------------


def time_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Europe/Lisbon``.

    Raises:
        PydanticCustomError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(name, available_timezones(), otherwise="use a name such as 'Europe/Lisbon' or 'UTC'")
        raise malformed(f"unknown time zone {name!r}", hint) from None


def instant(moment: datetime, zone: tzinfo) -> str:
    """``2022-04-21T06:30:21Z`` for a moment that the clocks of ``zone`` showed; fractions of a second are dropped.

    A moment that names its own offset keeps it, whatever ``zone`` says.

    Raises:
        CellError: The clocks showed this time twice, or never.
    """
    if moment.tzinfo is not None:
        return _utc_text(moment.replace(tzinfo=None), moment.utcoffset())
    first, second = zone.utcoffset(moment), zone.utcoffset(moment.replace(fold=1))
    if first == second:
        return _utc_text(moment, first)
    if first > second:  # type: ignore[operator]  # zones have offsets
        rule, hint = f"is ambiguous in {zone} (clocks went back)", "export with the offset or in UTC, or fix the cell"
        raise CellError("ambiguous_time", rule, hint)
    rule = f"does not exist in {zone} (clocks went forward)"
    raise CellError("nonexistent_time", rule, "check `timezone:`, or fix the cell")


def day(moment: datetime, zone: tzinfo) -> str:
    """The begin of the day of ``moment`` in ``zone``, as an instant. Where clocks skip midnight: the first moment."""
    midnight = datetime(moment.year, moment.month, moment.day)
    return _utc_text(midnight, zone.utcoffset(midnight))


def _utc_text(moment: datetime, offset: timedelta | None) -> str:
    try:
        return (moment - offset).isoformat("T", "seconds") + "Z"  # type: ignore[operator]  # zones have offsets
    except OverflowError:
        raise CellError("not_a_date", "is outside the years 1 to 9999 (UTC)", "fix the cell") from None
