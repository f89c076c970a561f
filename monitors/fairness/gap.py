"""How far groups are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.measurement import Interval, Measurement
from monitors.significance import homogeneity, newcombe, wilson
from monitors.significance.normal import Z

LEAST = 30
"""Rows in the denominator of a rate, below which nothing is said of a group."""
GAP = 0.1
"""A difference between two rates that is larger than this matters."""
RATIO = 0.8
"""So does a ratio below this: the four-fifths rule of the US Uniform Guidelines on Employee Selection Procedures (1978)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`cases` of `rows` in one group. enough: whether there are rows enough. compared: whether it is one group; the
    rest together is shown only."""

    group: str
    cases: int
    rows: int
    enough: bool
    compared: bool

    @property
    def value(self) -> float:
        """In [0, 1]; NaN where there are too few rows."""
        return self.cases / self.rows if self.enough else math.nan

    def measurement(self, subject: str, statistic: str) -> Measurement:
        """The rate by itself; nothing is tested."""
        interval = wilson(self.cases, self.rows) if self.enough else None
        return Measurement("fairness", subject, statistic, self.value, self.rows, interval, self.enough)


@dataclass(frozen=True, slots=True)
class Gap:
    """The groups with the highest and the lowest rate, and how likely all groups are to be as far apart by chance.

    p: of the hypothesis that all compared groups have one rate, so that it does not matter that the extremes were picked.
    intervals are those of the two groups as they are; having been picked, they are apart a little too far.
    """

    high: Rate
    low: Rate
    rows: int
    p: float
    left_out: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Highest less lowest, in [0, 1]."""
        return self.high.value - self.low.value

    @property
    def difference_interval(self) -> Interval:
        """Newcombe's."""
        low, high = newcombe(self.high.cases, self.high.rows, self.low.cases, self.low.rows)
        return max(-1.0, low), min(1.0, high)

    @property
    def ratio(self) -> float:
        """Lowest by highest, in [0, 1]; NaN if no group has a case."""
        return self.low.value / self.high.value if self.high.cases else math.nan

    @property
    def ratio_interval(self) -> Interval:
        """By the delta method on its logarithm; half a case is added to both groups where the lowest has none.

        Katz, Baptista, Azen, Pike 1978; Walter 1975 for the half.
        """
        half = 0.0 if self.low.cases else 0.5
        one, other = self.low.cases + half, self.high.cases + half
        n, m = self.low.rows + half, self.high.rows + half
        middle, width = (one / n) / (other / m), Z * math.sqrt(max(0.0, 1 / one - 1 / n + 1 / other - 1 / m))
        return (0.0 if half else middle * math.exp(-width)), middle * math.exp(width)

    @property
    def detail(self) -> dict[str, Any]:
        """Who is apart from whom, and who was too small to be compared."""
        found: dict[str, Any] = {"highest": self.high.group, "lowest": self.low.group}
        return found | ({"left_out": list(self.left_out)} if self.left_out else {})


def gap(rates: Sequence[Rate]) -> Gap | None:
    """Between the groups that are large enough; None if fewer than two are.

    >>> found = gap([Rate("a", 30, 100, True, True), Rate("b", 60, 100, True, True), Rate("c", 1, 3, False, True)])
    >>> round(found.difference, 2), round(found.ratio, 2), found.p < 1e-4, found.left_out
    (0.3, 0.5, True, ('c',))
    """
    compared = [rate for rate in rates if rate.enough and rate.compared]
    if len(compared) < 2:
        return None
    high, low = max(compared, key=lambda rate: rate.value), min(compared, key=lambda rate: rate.value)
    cases = np.array([rate.cases for rate in compared], np.int64)
    others = np.array([rate.rows for rate in compared], np.int64) - cases
    p = homogeneity(others, cases) if cases.any() and others.any() else 1.0
    left_out = tuple(rate.group for rate in rates if not rate.enough)
    return Gap(high, low, int((cases + others).sum()), p, left_out)


def difference(subject: str, statistic: str, found: Gap | None, n: int, tests: int = 1, **detail: Any) -> Measurement:
    """The difference as a measurement. n: rows, where there is no gap. tests: as many gaps it was picked from."""
    if found is None:
        return unknown(subject, statistic, n)
    p, value = min(1.0, tests * found.p), found.difference
    said = found.detail | detail
    return Measurement(
        "fairness", subject, statistic, value, found.rows, found.difference_interval, True, p, value > GAP, said
    )


def ratio(subject: str, statistic: str, found: Gap | None, n: int, tests: int = 1, **detail: Any) -> Measurement:
    """The ratio likewise."""
    if found is None or math.isnan(found.ratio):
        return unknown(subject, statistic, n)
    p, value = min(1.0, tests * found.p), found.ratio
    said = found.detail | detail
    return Measurement(
        "fairness", subject, statistic, value, found.rows, found.ratio_interval, True, p, value < RATIO, said
    )


def unknown(subject: str, statistic: str, n: int) -> Measurement:
    """What is said where groups are too small: nothing."""
    return Measurement("fairness", subject, statistic, math.nan, n, enough=False)
