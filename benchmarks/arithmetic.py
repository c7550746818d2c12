"""The little arithmetic behind the tables: medians, ratios of rounds, slopes, goals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Goal:
    """A bound that a figure has to keep.

    Args:
        bound: The bound.
        is_most: Whether the figure may be at most this; else at least.
    """

    bound: float
    is_most: bool = True

    def is_met(self, figure: float) -> bool:
        return figure <= self.bound if self.is_most else figure >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.bound:g}"


def most(bound: float) -> Goal:
    return Goal(bound)


def least(bound: float) -> Goal:
    return Goal(bound, is_most=False)


def ratio(ours: Sequence[float], baseline: Sequence[float]) -> float:
    """The median of the ratios of rounds: both of a round met the same machine."""
    return median(own / other for own, other in zip(ours, baseline, strict=True))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line through points on log-log paper (least squares); 1: twice as much costs twice."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread
