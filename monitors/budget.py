"""From false alarms that are put up with to levels of significance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitors.numeric import Floats
from monitors.significance.normal import quantile, upper

MONTH_S = 30 * 86400.0

MOST = 0.05
"""No level is weaker, however long a window lasts."""

STEPS = 50
"""Correlations are rounded up to the next of so many: the level depends on them little, and solving for it costs 1 ms."""


@dataclass(frozen=True, slots=True)
class Levels:
    """A departure with p below `at_once` alarms in its first window, one below `repeated` when k of m windows have it."""

    at_once: float
    repeated: float


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms to expect from a model that does not change, and how repetition counts.

    per_month: over all its tests together, >= 0. A window of d seconds may spend per_month * d / 30 days, its tests in equal
    parts, each one half on alarms at once and one half on alarms of `k` of the last `of` windows. 1 <= k <= of.
    reference_rows: how many rows the reference has, which all windows are compared with: see `levels`. None: very many.
    """

    per_month: float = 1.0
    k: int = 2
    of: int = 3
    reference_rows: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.of:
            raise ValueError(f"found {self.k} of {self.of} windows, expected 1 <= k <= m")
        if not 0 <= self.per_month < math.inf:
            raise ValueError(f"found {self.per_month} false alarms per month, expected a number, 0 or more")

    def levels(self, seconds: float, tests: int, rows: int = 0) -> Levels:
        """The levels for each of `tests` tests in a window of `seconds`, for a measurement of `rows` rows.

        What repetition is worth depends on whether successive windows err independently. They hold different rows, but
        are compared with the same reference: their errors correlate by rows / (rows + reference_rows). The level of k
        of m allows for that, as for a test with one degree of freedom, where it matters most.

        >>> day = Budget().levels(86400, tests=60)
        >>> f"{day.at_once:.1e} {day.repeated:.1e}"
        '2.8e-04 1.2e-02'
        >>> minute = Budget(reference_rows=20_000).levels(60, tests=60, rows=1000)
        >>> f"{minute.at_once:.1e} {minute.repeated:.1e}"
        '1.9e-07 2.6e-04'
        """
        each = self.per_month * seconds / MONTH_S / max(1, tests)
        if self.k == 1:
            return Levels(min(each, MOST), min(each, MOST))
        correlation = rows / (rows + self.reference_rows) if self.reference_rows and rows else 0.0
        half = min(each / 2, MOST)
        return Levels(half, _repeated(half, self.k, self.of, math.ceil(correlation * STEPS) / STEPS))


@lru_cache(maxsize=1024)
def _repeated(rate: float, k: int, of: int, correlation: float) -> float:
    """The level at which alarms of k of `of` windows start at `rate` per window, at the most."""
    weakest = quantile(1 - MOST / 2)
    if rate <= 0 or correlation > 1 - 1 / STEPS:
        return rate  # what differs from the reference once then does so every time
    if _onsets(weakest, k, of, correlation) <= rate:
        return MOST
    near, far = weakest, -quantile(rate / 2)  # as if every window said the same
    while far - near > 1e-4:
        middle = (near + far) / 2
        near, far = (middle, far) if _onsets(middle, k, of, correlation) > rate else (near, middle)
    return 2 * upper(far)


def _onsets(z: float, k: int, of: int, correlation: float) -> float:
    """How often, per window, |Z| >= z has come and makes k of the last `of`; Z normal, with a part common to all windows.

    Given the common part the windows are independent; so this is a mean over it. What fires already is counted again:
    too much by a share of about the level, never too little.
    """
    if not correlation:
        return float(_completes(np.array([2 * upper(z)]), k, of)[0])
    common = np.arange(-12, 12.01, 0.15)
    weight = np.exp(-common * common / 2) * 0.15 / math.sqrt(2 * math.pi)
    shift, own = math.sqrt(correlation) * common, math.sqrt(1 - correlation)
    tail = np.array([upper(value) for value in ((z - shift) / own).tolist()])
    return float(weight @ _completes(tail + tail[::-1], k, of))


def _completes(chance: Floats, k: int, of: int) -> Floats:
    """P(this window, and at least k - 1 of the of - 1 before it), each with `chance`."""
    before = of - 1
    total = np.zeros_like(chance)
    for hits in range(k - 1, before + 1):
        total += math.comb(before, hits) * chance ** (hits + 1) * (1 - chance) ** (before - hits)
    return total
