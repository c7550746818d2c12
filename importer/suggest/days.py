"""How the dates of a column are written, and what proves which of day and month comes first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from importer.mapping.dates import EPOCHS, ISO, Parse, parser
from importer.mapping.month_names import is_short
from importer.suggest.facts import Facts

LEAST_SHARE = 0.9  #: Of the cells of a column that must be dates for it to be a column of dates.
_FORMATS_MAX = 4

_NAME = r"[^\W\d_]{2,12}\.?"
_GAP = r"(?:[-/. ]|\. |, | de | del | of )"
_DATE = (
    rf"(?P<day>{_NAME},? )?"
    rf"(?P<one>\d{{1,4}}|{_NAME})(?P<gap>{_GAP})(?P<two>\d{{1,2}}|{_NAME})"
    rf"(?P<gap2>{_GAP})(?P<three>\d{{4}}|\d{{1,2}})"
)
_EAST = r"(?P<year>\d{4})(?P<y>年|년) ?(?P<month>\d{1,2})(?P<m>月|월) ?\d{1,2}(?P<d>日|일)"
_HALF = r"[ap]m|[ap]\. ?m\.|午前|午後|上午|下午|오전|오후"
_TIME = (
    rf"(?:(?P<join>,? |T|, at | at | um | à )?(?P<before>(?:{_HALF}) ?)?\d{{1,2}}(?P<colon>[:.h])\d\d"
    rf"(?P<second>(?:[:.])\d\d(?P<fraction>\.\d{{1,6}})?)?(?P<half> ?(?:{_HALF}))?)?"
)
_ZONE = r"(?P<zone> ?(?:z|[+-]\d\d:?\d\d)|(?P<universal> (?:utc|gmt|uhr)))?"
_SHAPE = re.compile(_DATE + _TIME + _ZONE, re.IGNORECASE)
_EAST_SHAPE = re.compile(_EAST + _TIME + _ZONE, re.IGNORECASE)
_UNIX_SHAPE = re.compile(
    rf"{_NAME} (?P<month>{_NAME}) +\d{{1,2}} \d\d:\d\d:\d\d(?P<zone> [+-]\d{{4}}| (?:utc|gmt))? \d{{4}}", re.IGNORECASE
)
_HAS_OFFSET = re.compile(r"(?:z|utc|gmt|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_BLANKS = str.maketrans("\u202f\xa0", "  ")
_COUNT = re.compile(r"\d{9,17}(?:\.0*)?")
#: Seconds that a count may stand for: from 1990 to 2060.
_COUNT_FROM, _COUNT_TO = 631_152_000, 2_840_140_800


@dataclass(frozen=True)
class DateForm:
    """How the dates of a column are written.

    Attributes:
        formats: Formats of the mapping language; the first that fits counts.
        fitting: Cells, of those looked at, that one of them reads.
        looked_at: Cells looked at.
        has_time: Whether there is a time of day.
        has_offset: Whether every one of them says its offset from UTC.
        order: ``day`` or ``month`` if the first of two numbers is that; empty if no numbers are in doubt.
        proof: A cell that can be read in no other order; empty if there is none.
        against: A cell that proves the opposite; empty if there is none.
    """

    formats: tuple[str, ...]
    fitting: int
    looked_at: int
    has_time: bool
    has_offset: bool
    order: str = ""
    proof: str = ""
    against: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether nothing in the column says which of day and month comes first."""
        return bool(self.order) and not self.proof


def formats_of(text: str) -> tuple[str, ...]:
    """The formats that ``text`` may be written in: none if it is no date, two if day and month may be either."""
    text = text.translate(_BLANKS)
    if match := _SHAPE.fullmatch(text):
        parts = match.groupdict()
        return tuple(_weekday(parts["day"]) + date + _behind(parts) for date in _date_formats(parts))
    if match := _EAST_SHAPE.fullmatch(text):
        parts = match.groupdict()
        blanks = [" " if f"{parts[unit]} " in text.partition(":")[0] else "" for unit in "ym"]
        return (f"%Y{parts['y']}{blanks[0]}%m{parts['m']}{blanks[1]}%d{parts['d']}{_behind(parts)}",)
    match = _UNIX_SHAPE.fullmatch(text)
    if match and (month := _month(match["month"])) != "%m":
        zone = match["zone"] or ""
        return (f"%a {month} %d %H:%M:%S{' %z' if zone[1:2] in ('+', '-') else zone} %Y",)
    return ()


def _behind(parts: Mapping[str, str | None]) -> str:
    """The format of what follows the date."""
    if parts["universal"]:
        return _time_format(parts) + parts["universal"]
    return _time_format(parts) + (_gap(parts["zone"]) + "%z" if parts["zone"] else "")


def _date_formats(parts: Mapping[str, str]) -> Iterator[str]:
    one, two, three = parts["one"], parts["two"], parts["three"]
    gap, gap2 = parts["gap"], parts["gap2"]
    year = "%Y" if len(three) == 4 else "%y"
    if len(one) == 4 and one.isdigit() and len(three) < 4:
        yield f"%Y{gap}{_month(two)}{gap2}%d"
    elif not one.isdigit() and two.isdigit():
        yield f"{_month(one)}{gap}%d{gap2}{year}"
    elif one.isdigit() and not two.isdigit():
        yield f"%d{gap}{_month(two)}{gap2}{year}"
    elif one.isdigit() and len(one) < 3:
        yield f"%d{gap}%m{gap2}{year}"
        yield f"%m{gap}%d{gap2}{year}"


def _month(text: str) -> str:
    if text.isdigit():
        return "%m"
    return "%b" if is_short(text) else "%B"


def _weekday(text: str | None) -> str:
    if not text:
        return ""
    word = text.rstrip(" ,")
    return ("%a" if len(word) <= 4 else "%A") + text[len(word) :]


def _time_format(parts: Mapping[str, str | None]) -> str:
    if parts["colon"] is None:
        return ""
    colon, before, half = parts["colon"], parts["before"], parts["half"]
    clock = f"{'%I' if before or half else '%H'}{colon}%M{_seconds(parts)}"
    if before:
        clock = f"%p{' ' * before.endswith(' ')}{clock}"
    if half:
        clock += f"{_gap(half)}%p"
    return f"{parts['join'] or ''}{clock}"


def _seconds(parts: Mapping[str, str | None]) -> str:
    second = parts["second"]
    return (f"{second[0]}%S" if second else "") + (".%f" if parts["fraction"] else "")


def _gap(text: str | None) -> str:
    return " " if text and text.startswith(" ") else ""


def date_form(facts: Facts, *, order: str = "") -> DateForm | None:
    """How the dates of a column are written; None if it is no column of dates.

    Args:
        facts: The column.
        order: What to take first, ``day`` or ``month``, where the column itself proves nothing.
    """
    counts = facts.values
    looked_at = sum(counts.values())
    if not looked_at or facts.mean > 40:
        return None
    fitting_iso = _fitting(counts, [parser(ISO)])
    if sum(fitting_iso.values()) >= LEAST_SHARE * looked_at:
        return _form((ISO,), fitting_iso, looked_at)
    proof = {way: _proof(counts, way) for way in ("day", "month")}
    way = _order(proof, counts, order)
    formats = _formats(counts, way)
    fitting = _fitting(counts, [parser(each) for each in formats])
    if not formats or sum(fitting.values()) < LEAST_SHARE * looked_at:
        return None
    form = _form(formats, fitting, looked_at)
    if not _doubtful(counts):
        return form
    other = "month" if way == "day" else "day"
    return DateForm(
        form.formats,
        form.fitting,
        looked_at,
        form.has_time,
        form.has_offset,
        order=way,
        proof=proof[way],
        against=proof[other],
    )


def _form(formats: tuple[str, ...], fitting: Mapping[str, int], looked_at: int) -> DateForm:
    return DateForm(
        formats,
        sum(fitting.values()),
        looked_at,
        has_time=any("%M" in each for each in formats) or any(":" in text for text in fitting),
        has_offset=all(_HAS_OFFSET.search(text) or "%z" in formats[0] for text in fitting),
    )


def epoch_form(facts: Facts) -> DateForm | None:
    """How a column called like a date counts the time since 1970; None if its cells are no such counts."""
    counted = {text: times for text, times in facts.values.items() if _COUNT.fullmatch(text)}
    looked_at = sum(facts.values.values()) - facts.values.get("0", 0)
    for name, in_a_second in EPOCHS.items():
        lowest, highest = _COUNT_FROM * in_a_second, _COUNT_TO * in_a_second
        fitting = sum(times for text, times in counted.items() if lowest <= int(float(text)) < highest)
        if looked_at and fitting >= LEAST_SHARE * looked_at:
            return DateForm((name,), fitting, looked_at, has_time=True, has_offset=True)
    return None


def middle(facts: Facts, form: DateForm) -> float:
    """The moment in the middle of a column, in seconds since 1970 by its own clock, to compare columns by."""
    parsers = [parser(each) for each in form.formats]
    moments = (next(filter(None, (parse(text) for parse in parsers)), None) for text in facts.values)
    seconds = sorted(moment.replace(tzinfo=UTC).timestamp() for moment in moments if moment is not None)
    return seconds[len(seconds) // 2] if seconds else 0.0


def _formats(counts: Mapping[str, int], way: str) -> tuple[str, ...]:
    """The commonest formats of a column, each of which reads some of its cells."""
    found: Counter[str] = Counter()
    for text, times in counts.items():
        choices = formats_of(text)
        for choice in choices if len(choices) < 2 else [choices[0 if way == "day" else 1]]:
            if parser(choice)(text) is not None:
                found[choice] += times
    most = max(found.values(), default=0)
    return tuple(each for each, times in found.most_common(_FORMATS_MAX) if times >= max(2, most / 50) or times == most)


def _fitting(counts: Mapping[str, int], parsers: Iterable[Parse]) -> dict[str, int]:
    parsers = list(parsers)
    return {text: times for text, times in counts.items() if any(parse(text) for parse in parsers)}


def _doubtful(counts: Iterable[str]) -> bool:
    return any(len(formats_of(text)) == 2 for text in counts)


def _proof(counts: Mapping[str, int], way: str) -> str:
    """A cell that is a date only if the first number is what ``way`` says."""
    right, wrong = (0, 1) if way == "day" else (1, 0)
    for text in counts:
        choices = formats_of(text)
        if len(choices) == 2 and parser(choices[right])(text) and not parser(choices[wrong])(text):
            return text
    return ""


def _order(proof: Mapping[str, str], counts: Mapping[str, int], order: str) -> str:
    if proof["day"] and proof["month"]:
        return max(("day", "month"), key=lambda way: _weight(counts, way))
    return next((way for way in ("day", "month") if proof[way]), order or "day")


def _weight(counts: Mapping[str, int], way: str) -> int:
    place = 0 if way == "day" else 1
    return sum(
        times
        for text, times in counts.items()
        if len(choices := formats_of(text)) == 2 and parser(choices[place])(text) is not None
    )
