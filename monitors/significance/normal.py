"""Tails of the normal distribution, and of what is almost normal."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from monitors.numeric import Floats

Z = 1.959963984540054
"""Of a normal variable 95 % lie within so many standard deviations of its mean."""

NEAR = 1e-3
"""Closer to the mean than this many standard deviations, the formula of Lugannani and Rice divides nothing by nothing."""


def upper(z: float) -> float:
    """P(Z >= z) of a standard normal Z, to full relative precision however far out.

    >>> round(upper(1.959964), 6), upper(10.0) > 0
    (0.025, True)
    """
    return 0.5 * math.erfc(z / math.sqrt(2))


def quantile(share: float) -> float:
    """The z with P(Z <= z) = share, which is in (0, 1)."""
    return NormalDist().inv_cdf(share)


def mean_shift(value: float, expected: float, se: float) -> float:
    """Two-sided p-value of a mean (or anything that is nearly normal) against what was expected of it.

    se: the standard error of `value - expected`, >= 0; with an expectation that was itself estimated, of both. 1 where
    one of them is NaN: what was not measured did not depart.

    >>> round(mean_shift(10.3, 10.0, 0.1), 5)
    0.0027
    """
    difference = abs(value - expected)
    if math.isnan(difference) or math.isnan(se):
        return 1.0
    if se == 0 or math.isinf(difference):
        return float(difference == 0)
    return 2 * upper(difference / se)


def lugannani_rice(w: Floats, v: Floats) -> Floats:
    """P(T >= t) from the saddlepoint of T's cumulant generating function K, for t above the mean. float64 [n] in [0, 1].

    w = sqrt(2 (s t - K(s))) and v = s sqrt(K''(s)) at the s with K'(s) = t; both float64 [n], > NEAR.
    Relative error of a few percent or less, at any distance from the mean.

    Lugannani and Rice 1980, "Saddle point approximation for the distribution of the sum of independent random variables".
    """
    density = np.exp(-w * w / 2) / math.sqrt(2 * math.pi)
    tail = np.array([upper(value) for value in w.tolist()]) + density * (1 / v - 1 / w)
    return np.clip(tail, 0, 1)
