"""Shares of rows: whether they changed, and where the true ones lie."""

from __future__ import annotations

import math

import numpy as np

from monitors.measurement import Interval
from monitors.numeric import Floats
from monitors.significance.normal import quantile

CONFIDENCE = 0.95

TIE = 1e-7
"""Probabilities that differ by less than this are equal: they are so up to rounding."""


def proportion(successes: int, rows: int, share: float) -> float:
    """Two-sided p-value of `successes` out of `rows`, if each row is one with probability `share`. Exact.

    The probability of all outcomes that are no more likely than this one, so never too small; 1 for no rows. Where the share
    was itself estimated from rows that are not very many more, `two_proportions` is right and this is not.

    >>> round(proportion(9, 10, 0.5), 6)
    0.021484
    """
    if share <= 0 or share >= 1:
        return float(successes == rows * share)
    low, high = _window(rows * share, rows * share * (1 - share), successes, 0, rows)
    x = np.arange(low, high, dtype=np.float64)
    return _exact(np.log(rows - x) - np.log(x + 1) + math.log(share) - math.log1p(-share), successes - low)


def two_proportions(successes: int, rows: int, other_successes: int, other_rows: int) -> float:
    """Two-sided p-value of the hypothesis that two samples have the same share: Fisher's exact test. 1 for no rows.

    >>> round(two_proportions(8, 10, 1, 6), 6)
    0.034965
    """
    every, marked = rows + other_rows, successes + other_successes
    if not rows or not other_rows:
        return 1.0
    mean = rows * marked / every
    spread = mean * (1 - marked / every) * other_rows / max(every - 1, 1)
    low, high = _window(mean, spread, successes, max(0, marked - other_rows), min(rows, marked))
    x = np.arange(low, high, dtype=np.float64)
    up = np.log(marked - x) + np.log(rows - x)
    return _exact(up - np.log(x + 1) - np.log(other_rows - marked + x + 1), successes - low)


def wilson(successes: float, rows: float, confidence: float = CONFIDENCE) -> Interval:
    """Where a share lies, from `successes` out of `rows`: (0, 1) for no rows. Holds for few rows and for rare successes.

    >>> tuple(round(end, 4) for end in wilson(2, 100))
    (0.0055, 0.07)

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not rows:
        return 0.0, 1.0
    z = quantile((1 + confidence) / 2)
    share, slack = successes / rows, z * z / rows
    middle = (share + slack / 2) / (1 + slack)
    half = z * math.sqrt((share * (1 - share) + slack / 4) / rows) / (1 + slack)
    # Rounding must not keep the ends from where they are exactly.
    return (0.0 if successes == 0 else max(0.0, middle - half)), (1.0 if successes == rows else min(1.0, middle + half))


def newcombe(
    successes: float, rows: float, other_successes: float, other_rows: float, confidence: float = CONFIDENCE
) -> Interval:
    """Where the difference of two shares lies (the first less the other), in [-1, 1]; (-1, 1) if one has no rows.

    >>> tuple(round(end, 4) for end in newcombe(56, 70, 48, 80))
    (0.0524, 0.3339)

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10; the example is his.
    """
    if not rows or not other_rows:
        return -1.0, 1.0
    one, other = successes / rows, other_successes / other_rows
    (low, high), (other_low, other_high) = (
        wilson(successes, rows, confidence),
        wilson(other_successes, other_rows, confidence),
    )
    return (
        one - other - math.hypot(one - low, other_high - other),
        one - other + math.hypot(high - one, other - other_low),
    )


def _window(mean: float, variance: float, seen: int, least: int, most: int) -> tuple[int, int]:
    """Counts outside of it have a share of the tail that is beyond the precision of floats."""
    spread = math.sqrt(variance)
    half = max(12 * spread, abs(seen - mean) + 6 * spread) + 60
    return max(least, math.floor(mean - half)), min(most, math.ceil(mean + half))


def _exact(ratios: Floats, place: int) -> float:
    """ratios: logs of each probability over the one before, float64 [outcomes - 1]. place: of the outcome seen."""
    logs = np.concatenate([[0.0], np.cumsum(ratios)])
    chances = np.exp(logs - logs.max())
    return float(min(1.0, chances[logs <= logs[place] + TIE].sum() / chances.sum()))
