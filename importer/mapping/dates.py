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
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from importer.mapping.field_errors import CellError, FormError
from importer.text.wording import listed, nearest

# -- names of months and halves of the day ---------------------------------------------------------

WORDS: dict[str, Any] = tomllib.loads(files("importer.mapping").joinpath("words.toml").read_text("utf-8"))
FULL: Mapping[str, str] = WORDS["months"]
SHORT: Mapping[str, str] = WORDS["short_months"]
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
EPOCHS: Mapping[str, int] = {"epoch": 1, "epoch_ms": 1000, "epoch_us": 1_000_000}

#: The text as the file's wall clock shows it → the moment; with a time zone if the text itself names one.
Parse = Callable[[str], "datetime | None"]


class _Directive(NamedTuple):
    part: str  #: An argument of :class:`datetime`; ``half`` of the day; empty if it says nothing that counts.
    pattern: str
    read: Callable[[str], Any] = int


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    return timezone(timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if text[0] == "-" else 1))


_DAY_NAME = _Directive("", r"(?u:[^\W\d_]{1,12}\.?)")  # of any language: it says nothing that the date does not say
_DIRECTIVES: Mapping[str, _Directive] = {
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
    "%z": _Directive("tzinfo", r"[+-]\d\d:?[0-5]\d|z", _offset),
    "%A": _DAY_NAME,
    "%a": _DAY_NAME,
    "%Z": _Directive("", r"(?u:[^\W\d_][^\d()]{0,60})"),  # it says nothing that %z does not say
}
_TOKEN = re.compile(r"%.?|\s+|[^%\s]+", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT = re.compile(r"(-?\d{1,20})(?:\.\d*)?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?) ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def has_offset(pattern: str) -> bool:
    """Whether texts of this format carry their own offset from UTC, or are counted in UTC."""
    return pattern in EPOCHS or "%z" in pattern.replace("%%", "")


def parser(pattern: str, zone: tzinfo = UTC) -> Parse:
    """The function that reads texts of one format; it returns None for a text of another form.

    Args:
        pattern: ``iso``, one of :data:`EPOCHS`, or a format such as ``%d/%m/%Y %H:%M``.
        zone: Where the day of a count since 1970 is looked up, which shows none itself.

    Raises:
        FormError: The format has an unknown directive, one part twice, or no full date.
    """
    if pattern == ISO:
        read = _read_iso
    elif pattern in EPOCHS:
        in_a_second = EPOCHS[pattern]

        def read(text: str) -> datetime | None:
            match = _COUNT.fullmatch(text)
            return match and (_EPOCH + timedelta(seconds=int(match[1]) // in_a_second)).astimezone(zone)

    else:
        tokens = _TOKEN.findall(pattern)
        directives = [token for token in tokens if token[0] == "%" and token != "%%"]
        _check_directives(pattern, directives)
        reads = {_DIRECTIVES[token].part: _DIRECTIVES[token].read for token in directives}
        expression = re.compile("".join(map(_as_expression, tokens)), re.ASCII | re.IGNORECASE)

        def read(text: str) -> datetime | None:
            match = expression.fullmatch(text)
            if match is None:
                return None
            parts = {part: reads[part](found) for part, found in match.groupdict().items()}
            if "half" in parts:
                parts["hour"] = parts["hour"] % 12 + 12 * parts.pop("half")
            return datetime(**parts)

    def parse(text: str) -> datetime | None:
        try:
            return read(text)
        except (ValueError, OverflowError):  # no day of any calendar
            return None

    return parse


def _check_directives(pattern: str, tokens: list[str]) -> None:
    if unknown := [token for token in tokens if token not in _DIRECTIVES]:
        raise FormError(f"{unknown[0]!r} is not a date format directive", f"use {listed(_DIRECTIVES, most=99)} or %%")
    parts = [_DIRECTIVES[token].part for token in tokens]
    if lost := [part for part in ("year", "month", "day") if part not in parts]:
        raise FormError(f"the date format {pattern!r} has no {lost[0]}", "such as: '%Y-%m-%d' or '%d/%m/%Y %H:%M'")
    if twice := [part for part in parts if part and parts.count(part) > 1]:
        what = twice[0].replace("tzinfo", "offset")
        raise FormError(f"the date format {pattern!r} contains the {what} twice", "remove one of them")
    if "%Z" in tokens and "%z" not in tokens:
        hint = "the name of a time zone can mean several: set `timezone:`, and write the name as it is in the cells"
        raise FormError(f"the date format {pattern!r} has %Z without %z", hint)
    if ("%I" in tokens) != ("%p" in tokens):
        hint = "%H is the hour of a 24-hour clock and needs no %p"
        raise FormError(f"the date format {pattern!r} needs both %I and %p", hint)


def _as_expression(token: str) -> str:
    if token.isspace():
        return r"(?u:\s+)"  # also the narrow no-break space that browsers write before AM and PM
    if token[0] != "%" or token == "%%":
        return re.escape(token[-1] if token == "%%" else token)
    part, pattern, _ = _DIRECTIVES[token]
    return f"(?P<{part}>{pattern})" if part else pattern


def _read_iso(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    moment, offset = match[1], (match[2] or "").replace("UTC", "Z")
    if offset and len(moment) == len("2024-07-12"):
        moment += " 00:00"  # or the offset is taken for the time of day
    return datetime.fromisoformat(moment + offset)


# -- time zones -----------------------------------------------------------------------------------


def time_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Europe/Lisbon``.

    Raises:
        FormError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = nearest(name, available_timezones(), otherwise="use a name such as 'Europe/Lisbon' or 'UTC'")
        raise FormError(f"unknown time zone {name!r}", hint) from None


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
        raise CellError("ambiguous_time", zone=zone)
    raise CellError("nonexistent_time", zone=zone)


def day(moment: datetime, zone: tzinfo) -> str:
    """The begin of the day of ``moment`` in ``zone``, as an instant. Where clocks skip midnight: the first moment."""
    midnight = datetime(moment.year, moment.month, moment.day)
    return _utc_text(midnight, zone.utcoffset(midnight))


def _utc_text(moment: datetime, offset: timedelta | None) -> str:
    try:
        return (moment - offset).isoformat("T", "seconds") + "Z"  # type: ignore[operator]  # zones have offsets
    except OverflowError:
        raise CellError("not_a_year") from None
