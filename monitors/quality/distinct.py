"""How many different values there were, from counts that add up: linear counting, in two tiers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitors.numeric import Counts
from monitors.quality.hashing import Hashes

CELLS = 4096
SAMPLED = 6
"""The second tier counts only values whose lowest six bits are 0: one in 64, so that many more fit in."""
FULL = 10_000
"""Different values that a tier can tell within 2 %."""

_TOP, _LOW = np.uint64(64 - 12), np.uint64(2**SAMPLED - 1)


@dataclass(frozen=True, slots=True)
class Distinct:
    """An estimate of how many of `rows` values differ, and the standard error of that number. taken: cells that hold any."""

    rows: int
    values: float
    error: float
    taken: int


def nothing() -> Counts:
    """The counts of no values, int64 [2, 4096]."""
    return np.zeros((2, CELLS), np.int64)


def count(cells: Counts, hashes: Hashes, weight: int = 1, by: Hashes | None = None) -> None:
    """Adds values to the counts, in place. hashes: uint64 [n], spread evenly. by: what the sample is drawn by, if not by them."""
    places = (hashes >> _TOP).astype(np.int64)
    sampled = places[(hashes if by is None else by) & _LOW == 0]
    np.add.at(cells[0], places, weight)
    np.add.at(cells[1], sampled, weight)


def tell(tier: Counts) -> Distinct | None:
    """What one tier says, int64 [4096]; None if it holds nothing, or more than 10,000 different values.

    The standard error is that of linear counting: 1.1 % of 1,000 values, 1.8 % of 10,000.

    Whang, Vander-Zanden, Taylor 1990, "A linear-time probabilistic counting algorithm for database applications".

    >>> cells = nothing()
    >>> count(cells, np.array([0, 1, 1, 1], np.uint64) << np.uint64(60))
    >>> found = tell(cells[0])
    >>> found.rows, round(found.values, 2), found.taken
    (4, 2.0, 2)
    """
    rows, empty = int(tier.sum()), int((tier == 0).sum())
    values = -CELLS * math.log(max(empty, 0.5) / CELLS)
    if not rows or values > FULL:
        return None
    load = values / CELLS
    return Distinct(rows, values, math.sqrt(CELLS * (math.expm1(load) - load)), CELLS - empty)


def chance(more: Distinct, fewer: Distinct) -> float:
    """At most so likely is it that `fewer` takes as few cells, compared with `more`, if as many values differ in both.

    How many cells are taken is Poisson about its mean where few values meet, and normal where many do, with a known variance;
    this is Chernoff's bound on the difference of two Poisson numbers of that variance, which serves both. In [0, 1].
    """
    apart, load = more.taken - fewer.taken, more.values / CELLS
    variance = CELLS * math.exp(-load) * (1 - (1 + load) * math.exp(-load))
    if apart <= 0 or variance <= 0:
        return 1.0
    slope = math.asinh(apart / (2 * variance))
    return math.exp(min(0.0, 2 * variance * (math.cosh(slope) - 1) - slope * apart))
