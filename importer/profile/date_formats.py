"""How the dates of a column are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from importer.mapping.dates import EPOCHS, ISO, is_short_month, parser
from importer.profile.profile import ColumnProfile

LEAST_SHARE = 0.9  #: Of the cells of a column that must be dates for it to be a column of dates.
_FORMATS_MAX = 6
_FEW = 10  #: Cells of the commonest format, below which one cell of another one counts too.
_LENGTH_MAX = 70  #: ``Sun Apr 20 2025 10:17:06 GMT+0000 (Coordinated Universal Time)`` is as long.

_NAME = r"[^\W\d_]{2,12}\.?"
_GAP = r"(?:[-/. ]|\. |, | de | del | of )"
_DATE = (
    rf"(?:(?P<weekday>{_NAME}),? )?(?P<one>\d{{1,4}}|{_NAME})(?P<gap>{_GAP})(?P<two>\d{{1,2}}|{_NAME})"
    rf"{_GAP}(?P<three>\d{{4}}|\d{{1,2}})"
)
_EAST = r"(?P<one>\d{4})[年년] ?(?P<two>\d{1,2})[月월] ?(?P<three>\d{1,2})[日일]"
_HALF = r"[ap]m|[ap]\. ?m\.|午前|午後|上午|下午|오전|오후"
_TIME = (
    rf"(?:(?:,? |T|, at | at | um | à )?(?:(?P<before>{_HALF}) ?)?(?P<hour>\d{{1,2}})[:.h](?P<minute>\d\d)"
    rf"(?:[:.](?P<second>\d\d)(?:\.(?P<fraction>\d{{1,6}}))?)?(?: ?(?P<half>{_HALF}))?)?"
)
_ZONE = r"(?: ?(?:utc|gmt)?(?P<zone>z|[+-]\d\d:?\d\d)(?: \((?P<zone_name>[^\W\d_][^\d()]*)\))?| (?:utc|gmt|uhr))?"
_SHAPE = re.compile(_DATE + _TIME + _ZONE, re.IGNORECASE)
_EAST_SHAPE = re.compile(_EAST + _TIME + _ZONE, re.IGNORECASE)
_UNIX_SHAPE = re.compile(
    rf"(?P<weekday>{_NAME}) (?P<one>{_NAME}) (?P<two>\d{{1,2}}) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?: (?P<zone>[+-]\d{4})| (?:utc|gmt))? (?P<three>\d{4})",
    re.IGNORECASE,
)
_DIRECTIVES = {
    "before": "%p",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
    "fraction": "%f",
    "half": "%p",
    "zone": "%z",
    "zone_name": "%Z",
}
_TIME_OF_DAY = re.compile(r":|\dT\d")
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_BLANKS = str.maketrans("\u202f\xa0", "  ")
_COUNT = re.compile(r"\d{9,17}(?:\.0*)?")
#: Seconds that a count may stand for: from 1990 to 2060.
_COUNT_FROM, _COUNT_TO = 631_152_000, 2_840_140_800

WAYS = ("day", "month", "year")
#: There are so many times as many different numbers where the days are as where the years are.
_MANY_TIMES = 2
_DAYS_LEAST = 4


@dataclass(frozen=True)
class Order:
    """What comes first in the dates of a column."""

    way: str = ""  #: ``day``, ``month`` or ``year``; empty if no cell leaves that open.
    proof: str = ""  #: A cell that can be read in no other way; empty if there is none.
    against: str = ""  #: A cell that proves something else; empty if there is none.
    open: tuple[str, ...] = ()  #: Between what the column leaves it open.
    counted: str = ""  #: What the numbers show about the place of the years; empty if that is no question.


@dataclass(frozen=True)
class DateForm:
    """How the dates of a column are written."""

    formats: tuple[str, ...]  #: Formats of the mapping language; the first that fits counts.
    fitting: int  #: Cells, of those looked at, that one of them reads.
    looked_at: int  #: Cells looked at.
    has_time: bool  #: Whether there is a time of day.
    has_offset: bool  #: Whether every one of them says its offset from UTC.
    order: Order = Order()  #: What comes first in them.


def readings_of(text: str) -> dict[str, str]:
    """What comes first (``day``, ``month``, ``year``; nothing if that is plain) → the format of ``text`` then."""
    text = text.translate(_BLANKS)
    if match := _SHAPE.fullmatch(text):
        return {way: _format(match, *parts) for way, parts in _dates(match)}
    if match := _EAST_SHAPE.fullmatch(text):
        return {"": _format(match, "%Y", "%m", "%d")}
    match = _UNIX_SHAPE.fullmatch(re.sub(" +", " ", text))
    return {"": _format(match, _month(match["one"]), "%d", "%Y")} if match else {}


def _dates(match: re.Match[str]) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """What comes first, if that is open, and what the three parts of the date are."""
    one, two, three = match["one"], match["two"], match["three"]
    year = "%Y" if len(three) == 4 else "%y"
    if len(one) == 4 and one.isdigit() and len(three) < 4:
        yield "", ("%Y", _month(two), "%d")
    elif not one.isdigit() and two.isdigit():
        yield "", (_month(one), "%d", year)
    elif one.isdigit() and not two.isdigit():
        yield "", ("%d", _month(two), year)
    elif one.isdigit() and len(one) < 3:
        if len(three) > 1:  # a year has two digits at least
            yield "day", ("%d", "%m", year)
            yield "month", ("%m", "%d", year)
        if len(one) == 2 and len(three) < 3 and match["gap"] in "/-":  # with dots it is the number of a version
            yield "year", ("%y", "%m", "%d")


def _month(text: str) -> str:
    if text.isdigit():
        return "%m"
    return "%b" if is_short_month(text) else "%B"


def _format(match: re.Match[str], one: str, two: str, three: str) -> str:
    """The text that matched, with a directive for each of its parts; what is between them stays."""
    found = {name: text for name, text in match.groupdict().items() if text}
    directives = _DIRECTIVES | {"one": one, "two": two, "three": three}
    directives["weekday"] = "%a" if len(found.get("weekday", "")) <= 4 else "%A"
    if "before" in found or "half" in found:
        directives["hour"] = "%I"
    text, end = "", 0
    for name in sorted(found.keys() & directives.keys(), key=match.start):
        text += match.string[end : match.start(name)] + directives[name]
        end = match.end(name)
    return text + match.string[end:]


def date_form(column: ColumnProfile, *, order: str = "") -> DateForm | None:
    """How the dates of a column are written; None if they are not dates.

    Args:
        column: The column.
        order: What to take first, ``day``, ``month`` or ``year``, where the column itself proves nothing.
    """
    counts = column.values.counts
    looked_at = sum(counts.values())
    if not looked_at or column.mean > _LENGTH_MAX:
        return None
    formats: tuple[str, ...] = (ISO,)
    found, fitting = Order(), _fitting(counts, formats)
    if sum(fitting.values()) < LEAST_SHARE * looked_at:
        readings = {text: readings_of(text) for text in counts}
        found = _find_order(readings, counts, order)
        formats = _formats(readings, counts, found.way)
        fitting = _fitting(counts, formats)
        if sum(fitting.values()) < LEAST_SHARE * looked_at:
            return None
    has_time = any("%M" in each for each in formats) or any(":" in text for text in fitting)
    has_offset = "%z" in formats[0] or all(map(_has_offset, fitting))
    return DateForm(formats, sum(fitting.values()), looked_at, has_time, has_offset, found)


def _has_offset(text: str) -> bool:
    """Whether a date and time ends with its offset from UTC. Behind a day alone (`10-08-2024`) that is a year."""
    time = _TIME_OF_DAY.search(text)
    return text.lower().endswith(("z", "utc", "gmt")) or (time is not None and bool(_OFFSET.search(text, time.end())))


def is_date(text: str) -> bool:
    """Whether ``text`` is a date in one of the forms that are known."""
    return any(parser(each)(text) is not None for each in (ISO, *readings_of(text).values()))


def epoch_form(column: ColumnProfile) -> DateForm | None:
    """How a column named like a date counts the time since 1970; None if its cells are not such counts."""
    counted = {text: times for text, times in column.values.counts.items() if _COUNT.fullmatch(text)}
    looked_at = sum(column.values.counts.values()) - column.values.counts.get("0", 0)
    for name, in_a_second in EPOCHS.items():
        lowest, highest = _COUNT_FROM * in_a_second, _COUNT_TO * in_a_second
        fitting = sum(times for text, times in counted.items() if lowest <= int(float(text)) < highest)
        if looked_at and fitting >= LEAST_SHARE * looked_at:
            return DateForm((name,), fitting, looked_at, has_time=True, has_offset=True)
    return None


def middle(column: ColumnProfile, form: DateForm) -> float:
    """The moment in the middle of a column, in seconds since 1970 by its own clock, to compare columns by."""
    moments = sorted(moment for text in column.values.counts if (moment := moment_of(text, form)) is not None)
    return moments[len(moments) // 2] if moments else 0.0


def moment_of(text: str, form: DateForm) -> float | None:
    """The moment in a cell, in seconds since 1970 by its own clock; None if it has none."""
    moment = next(filter(None, (parser(each)(text) for each in form.formats)), None)
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()


def _formats(readings: Mapping[str, Mapping[str, str]], counts: Mapping[str, int], way: str) -> tuple[str, ...]:
    """The commonest formats of a column, each of which reads some of its cells."""
    found: Counter[str] = Counter()
    for text, times in counts.items():
        choice = ISO if parser(ISO)(text) is not None else readings[text].get(way) or readings[text].get("", "")
        if choice and parser(choice)(text) is not None:
            found[choice] += times
    most = max(found.values(), default=0)
    least = 1 if most < _FEW else max(2, most / 50)
    return tuple(each for each, times in found.most_common(_FORMATS_MAX) if times >= least or each == ISO)


def _fitting(counts: Mapping[str, int], formats: Iterable[str]) -> dict[str, int]:
    parsers = [parser(each) for each in formats]
    return {text: times for text, times in counts.items() if any(parse(text) for parse in parsers)}


def _find_order(readings: Mapping[str, Mapping[str, str]], counts: Mapping[str, int], order: str) -> Order:
    """Decides by cells that can be read in one way only, and else by where few numbers come again and again."""
    open_ones = {text: found for text, found in readings.items() if found and "" not in found}
    ways = [way for way in WAYS if any(way in found for found in open_ones.values())]
    if not ways:
        return Order()
    reads = {
        text: {way for way, form in found.items() if parser(form)(text) is not None}
        for text, found in open_ones.items()
    }
    counted = ""
    if "year" in ways and len(ways) > 1 and not _proofs(reads, ways):
        ways, counted = _place_of_years(reads, ways)
        if ways == ["year"]:
            return Order("year", counted=counted)
    proofs = _proofs(reads, ways)
    if not proofs:
        return Order(order if order in ways else ways[0], open=tuple(ways) if len(ways) > 1 else (), counted=counted)
    way = max(proofs, key=lambda each: sum(counts[text] for text, found in reads.items() if each in found))
    against = next((proof for other, proof in proofs.items() if other != way), "")
    return Order(way, proof=proofs[way], against=against, counted=counted)


def _proofs(reads: Mapping[str, set[str]], ways: Iterable[str]) -> dict[str, str]:
    """What can come first → a cell that is a date only then."""
    found = {way: next((text for text, can in reads.items() if can.intersection(ways) == {way}), "") for way in ways}
    return {way: proof for way, proof in found.items() if proof}


def _place_of_years(reads: Mapping[str, set[str]], ways: list[str]) -> tuple[list[str], str]:
    """What can come first, by how many different numbers are at both ends."""
    without = [way for way in ways if way != "year"]
    if not all("year" in found for found in reads.values()):
        return without, ""
    numbers = [re.findall(r"\d+", text) for text in reads]
    first, last = (len({each[place] for each in numbers}) for place in (0, 2))
    seen = f"{first:,} different numbers come first and {last:,} last"
    if last >= max(_DAYS_LEAST, _MANY_TIMES * first):
        return ["year"], f"{seen}, so the years are first"
    if first >= max(_DAYS_LEAST, _MANY_TIMES * last):
        return without, f"{seen}, so the years are last"
    return ways, ""
