"""How an import went over time, as lines to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from importer.ledger.measurements import Interval

#: Title, unit, and what each line shows of an interval.
_PLOTS = (
    ("Cases over time", "per minute", {"Cases": "per_minute"}),
    ("Mean time to the answer", "seconds", {"Mean": "latency"}),
    ("Rate used and allowed", "requests per second", {"Used": "used", "Allowed": "allowed"}),
)


class Plot(NamedTuple):
    """A plot over the time of sending, in a frame of ``end`` seconds and up to ``top``."""

    title: str
    unit: str
    end: float
    top: float
    lines: dict[str, str]  #: name → points in the frame, as SVG wants them; empty if there is nothing to draw
    across: list[str]  #: labels at each quarter of the frame
    up: list[str]


def plots(found: Sequence[Interval]) -> list[Plot]:
    """Cases over time, latency, and the rate that was used against the one that was allowed; none without intervals."""
    end = max((each.middle + each.seconds / 2 for each in found), default=0.0) or 1.0
    drawn = []
    for title, unit, lines in _PLOTS if found else ():
        values = {name: [getattr(each, value) for each in found] for name, value in lines.items()}
        top = _round_up(max(number or 0.0 for line in values.values() for number in line))
        across = [each.middle for each in found]
        if len(found) == 1:  # a line needs two ends
            across, values = [0.0, end], {name: line * 2 for name, line in values.items()}
        points = {
            # down is plus in SVG
            name: " ".join(f"{x:.7g},{top - y:.7g}" for x, y in zip(across, line, strict=True) if y is not None)
            for name, line in values.items()
        }
        up = [f"{top * quarter / 4:,.10g}" for quarter in range(5)]
        drawn.append(Plot(title, unit, end, top, points, _times(end), up))
    return drawn


def _round_up(value: float) -> float:
    """The next number that makes a good end of an axis."""
    if value <= 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(each * step for each in (1.0, 2.0, 4.0, 5.0, 8.0, 10.0) if each * step >= value * 0.999)


def _times(end: float) -> list[str]:
    """Labels of a time axis, all in one form, and each different: ``0 s``, ``2.5 s``; ``0:00``, ``0:43``; in hours
    ``0:00 h``."""
    times = [end * quarter / 4 for quarter in range(5)]
    if end < 60:
        return [f"{time:.3g} s" for time in times]
    whole, unit = (60, "") if end < 7200 else (3600, " h")
    parts = (divmod(round(time * 60 / whole), 60) for time in times)
    return [f"{first}:{rest:02}{unit}" for first, rest in parts]
