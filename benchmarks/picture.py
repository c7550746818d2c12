"""How cost grows, as a picture: straight lines on log-log paper. An SVG of our own, so that no library is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.arithmetic import slope

Series = Mapping[str, Sequence[Sequence[float]]]

_WIDTH, _HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 30, 34, 34
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00")


class _Axis:
    """Powers of ten between two ends, as places on the paper."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def draw(series: Series) -> str:
    """Two panels, CPU seconds and megabytes, each against how much there was of it."""
    legend_height = 18 * len(series) + 12
    panels = _panel(series, 1, "CPU seconds", 0) + _panel(series, 2, "peak MB", _WIDTH)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {_HEIGHT + legend_height}"'
        ' font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"{panels}{_legend(series)}</svg>\n"
    )


def _panel(series: Series, column: int, title: str, left: float) -> str:
    points = [point for those in series.values() for point in those]
    across = _Axis([point[0] for point in points], left + _LEFT, left + _WIDTH - _RIGHT)
    up = _Axis([point[column] for point in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<text x="{left + _LEFT}" y="20" font-size="13" fill="#222222">{title}</text>\n']
    for tick in across.ticks:
        x = across.at(tick)
        parts.append(_stroke(x, _TOP, x, _HEIGHT - _BOTTOM))
        parts.append(_label(x, _HEIGHT - _BOTTOM + 16, tick, "middle"))
    for tick in up.ticks:
        y = up.at(tick)
        parts.append(_stroke(left + _LEFT, y, left + _WIDTH - _RIGHT, y))
        parts.append(_label(left + _LEFT - 6, y + 4, tick, "end"))
    for colour, those in zip(_COLOURS, series.values(), strict=False):
        places = [(across.at(point[0]), up.at(point[column])) for point in those]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>\n')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>\n' for x, y in places]
    return "".join(parts)


def _legend(series: Series) -> str:
    parts = []
    for number, (colour, (topic, points)) in enumerate(zip(_COLOURS, series.items(), strict=False)):
        y = _HEIGHT + 14 + 18 * number
        of_cpu = slope([(point[0], point[1]) for point in points])
        of_memory = slope([(point[0], point[2]) for point in points])
        text = f"{topic}: slope {of_cpu:.2f} in CPU, {of_memory:.2f} in memory"
        parts.append(f'<rect x="{_LEFT}" y="{y - 9}" width="10" height="10" fill="{colour}"/>\n')
        parts.append(f'<text x="{_LEFT + 18}" y="{y}" fill="#222222">{escape(text)}</text>\n')
    return "".join(parts)


def _stroke(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="#dddddd"/>\n'


def _label(x: float, y: float, value: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#555555">{value:,g}</text>\n'
