"""Intervals that hold at every look at once, for means and for vectors of shares.

An ordinary interval is right at one sample size that was fixed beforehand. A rollout looks every second and acts on the
first look that says something, and then the ordinary one is wrong far more often than it says: see `fixed_half_width`.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple


class Sample(NamedTuple):
    """Of one arm: an average, the standard deviation of what one row adds to it, and how many rows there are."""

    value: float
    deviation: float
    n: float

    @property
    def error(self) -> float:
        """The standard error."""
        return self.deviation / math.sqrt(self.n) if self.n > 0 else math.inf


def half_width(deviation: float, n: float, alpha: float, tuned: float) -> float:
    """How far a mean may be from the truth on one side, at any n: an asymptotic confidence sequence.

    deviation: of one row. n: rows so far, > 0. alpha: how likely the truth ever lies beyond, 0 to 1. tuned: the n for which
    it is narrowest; far from it, it is a little wider.
    It needs no distribution, only enough rows for the central limit theorem.

    >>> round(half_width(0.5, 500, 0.05, 500), 4), round(fixed_half_width(0.5 / 500**0.5, 0.05), 4)
    (0.0621, 0.0368)

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
    sequences", the one-sided boundary; ρ by their equation for the n at which it is narrowest.
    """
    twice = min(2 * alpha, 1.0)
    spread = -2 * math.log(twice) + math.log(max(-2 * math.log(twice), 1e-9) + 1)
    clock = n * max(spread, 0.5) / tuned
    return deviation * math.sqrt(2 * (clock + 1) / (n * clock) * math.log(1 + math.sqrt(clock + 1) / twice))


def radius(cells: int, n: float, alpha: float, tuned: float) -> float:
    """How large Pearson's χ² of observed against true shares gets at any n, but for a chance of alpha.

    cells: how many shares there are, >= 2. For n independent rows χ² is the squared length of a Gaussian walk of cells − 1
    dimensions, whose mixture over normal alternatives is a martingale: asymptotic like `half_width`, and for two cells the
    two-sided form of it.

    >>> round(radius(10, 500, 0.05, 500), 1)
    23.7

    Robbins and Siegmund 1970, "Boundary crossing probabilities for the Wiener process and sample sums".
    """
    dimensions = cells - 1
    prior = tuned / max(1.0, 2 * math.log(1 / alpha) / dimensions + 1)
    return 2 * (n + prior) / n * (math.log(1 / alpha) + dimensions / 2 * math.log1p(n / prior))


def fixed_half_width(error: float, alpha: float) -> float:
    """The ordinary one-sided half-width, right for one look at a size fixed beforehand. Only simulations use it."""
    return error * NormalDist().inv_cdf(1 - alpha)
