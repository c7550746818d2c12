"""What proves which of day, month and year comes first in the dates of a column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from importer.mapping.dates import parser

WAYS = ("day", "month", "year")
#: So many times as many different numbers stand where the days are as where the years are.
_MANY_TIMES = 2
_DAYS_LEAST = 4
_NUMBERS = re.compile(r"\d+")

#: What comes first → the format, as :func:`importer.suggest.days.readings_of` has it.
Readings = Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """What comes first in the dates of a column.

    Attributes:
        way: ``day``, ``month`` or ``year``; empty if no cell leaves that open.
        proof: A cell that can be read in no other way; empty if there is none.
        against: A cell that proves something else; empty if there is none.
        open: Between what the column leaves it open.
        counted: What the numbers show about the place of the years; empty if that is no question.
    """

    way: str = ""
    proof: str = ""
    against: str = ""
    open: tuple[str, ...] = ()
    counted: str = ""


def find_order(readings: Mapping[str, Readings], counts: Mapping[str, int], order: str) -> Order:
    """Decides by cells that can be read in one way only, and else by where few numbers stand again and again.

    Args:
        readings: The cells, and how each can be read.
        counts: How often each of them occurs.
        order: What to take if the column leaves it open.
    """
    doubtful = {text: ways for text, ways in readings.items() if ways and "" not in ways}
    if not doubtful:
        return Order()
    ways = [way for way in WAYS if any(way in found for found in doubtful.values())]
    counted = ""
    if "year" in ways and len(ways) > 1:
        ways, counted = _place_of_years(doubtful, ways)
        if ways == ["year"]:
            return Order("year", counted=counted)
    proofs = {way: _proof(doubtful, way, ways) for way in ways}
    proven = [way for way in ways if proofs[way]]
    if not proven:
        return Order(order if order in ways else ways[0], open=tuple(ways) if len(ways) > 1 else (), counted=counted)
    way = max(proven, key=lambda each: _weight(doubtful, counts, each))
    against = next((proofs[other] for other in proven if other != way), "")
    return Order(way, proof=proofs[way], against=against, counted=counted)


def _place_of_years(doubtful: Mapping[str, Readings], ways: list[str]) -> tuple[list[str], str]:
    """What can come first, after a look at how many different numbers stand at both ends."""
    if any(_proof(doubtful, way, ways) for way in ways):
        return ways, ""
    if not all(_reads(text, found, "year") for text, found in doubtful.items()):
        return [way for way in ways if way != "year"], ""
    numbers = [_NUMBERS.findall(text) for text, found in doubtful.items() if "year" in found]
    first, last = {each[0] for each in numbers}, {each[2] for each in numbers}
    seen = f"{len(first):,} different numbers stand first and {len(last):,} last"
    if _are_days(last, first):
        return ["year"], f"{seen}, so the years are first"
    if _are_days(first, last):
        return [way for way in ways if way != "year"], f"{seen}, so the years are last"
    return ways, ""


def _are_days(days: set[str], years: set[str]) -> bool:
    return len(days) >= max(_DAYS_LEAST, _MANY_TIMES * len(years))


def _proof(doubtful: Mapping[str, Readings], way: str, ways: Iterable[str]) -> str:
    """A cell that is a date only if ``way`` comes first."""
    others = [other for other in ways if other != way]
    for text, found in doubtful.items():
        if _reads(text, found, way) and not any(_reads(text, found, other) for other in others):
            return text
    return ""


def _reads(text: str, found: Readings, way: str) -> bool:
    return way in found and parser(found[way])(text) is not None


def _weight(doubtful: Mapping[str, Readings], counts: Mapping[str, int], way: str) -> int:
    return sum(counts[text] for text, found in doubtful.items() if _reads(text, found, way))
