"""Exact evidence about rates: valid at every sample size and every look, also for three errors in forty requests.

The evidence against a rate is a mixture of likelihood ratios: what one would have won by betting, at fair odds, that the rate is
higher. If it is not, the winnings exceed 1/α at any time with a chance of at most α (Ville). It follows from counts alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]
"""From stable's rate to the highest rate that the candidate may have."""

_BETS = 24
_SPREAD = np.tan(np.pi / 2 * (np.arange(_BETS) + 0.5) / _BETS)
"""How far above the null rate the bets lie, half a Cauchy distribution: most are near, some are far."""

_TINY = 1e-9
_LOGITS = np.linspace(-16, 16, 129)
_GRID = 1 / (1 + np.exp(-_LOGITS))
_REFINED = 2


class Rate(NamedTuple):
    """`hits` among `n` rows. Both may be weighted sums; what a row adds lies in [0, 1]."""

    hits: float
    n: float

    @property
    def missed(self) -> Rate:
        """The rows that are no hits."""
        return Rate(self.n - self.hits, self.n)

    @property
    def value(self) -> float:
        """The observed rate, NaN for no rows."""
        return self.hits / self.n if self.n else math.nan


def above(hits: Floats | float, n: float, null: Floats | float, tuned: float) -> Floats:
    """The logarithm of the evidence that a rate is above `null`, float64 by broadcasting hits [...] and null [...].

    tuned: the n at which the bets should be worth most. Rates that nobody can be above give 0, ones below 0 infinity.

    >>> round(float(above(5, 100, 0.01, 500)), 2), round(float(above(1, 100, 0.01, 500)), 2)
    (2.56, -0.51)

    Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe and Sekhon
    2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences". For weighted or fractional rows it is
    conservative: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting".
    """
    counted, rates = np.asarray(hits, np.float64)[..., None], np.asarray(null, np.float64)
    up, down = _bets(np.clip(rates, _TINY, 1 - _TINY)[..., None], tuned)
    won = counted * up + np.maximum(n - counted, 0) * down
    most = won.max(-1)
    evidence = most + np.log(np.exp(won - most[..., None]).mean(-1))
    return np.where(rates >= 1, 0.0, np.where(rates < 0, np.inf, evidence))


def _bets(rate: Floats, tuned: float) -> tuple[Floats, Floats]:
    """What each bet wins with a hit, and with a miss, in logarithms, [..., bets]."""
    step = np.sqrt(2 / np.maximum(tuned * rate * (1 - rate), 1))
    odds = rate / (1 - rate) * np.exp(np.minimum(step * _SPREAD, 40))
    alternative = np.minimum(odds / (1 + odds), 1 - 1e-15)
    return np.log(alternative / rate), np.log1p(-alternative) - np.log1p(-rate)


def below(hits: Floats | float, n: float, null: Floats | float, tuned: float) -> Floats:
    """The same for a rate that is below `null`."""
    return above(n - np.asarray(hits, np.float64), n, 1 - np.asarray(null, np.float64), tuned)


def hedged(evidence: Floats) -> Floats:
    """Half of the stake is kept, half is bet: it never falls below ln ½, however much the bets lose."""
    return np.logaddexp(0, evidence) - math.log(2)


def exceeds(stable: Rate, candidate: Rate, curve: Curve, tuned: float) -> float:
    """The logarithm of the evidence that the candidate's rate is above curve(stable's rate), whatever stable's rate is.

    For each rate that stable may have, the candidate's evidence against what is allowed then is multiplied by stable's
    own against that rate; the least of the products counts. The product of two evidences about independent rows is one.
    Stable's is hedged, so that its uncertainty costs at most ln 2 where it has been seen often.

    >>> round(exceeds(Rate(3, 9900), Rate(8, 100), lambda rate: rate + 0.01, 500), 1)
    6.8
    """

    def total(rates: Floats) -> Floats:
        return hedged(below(stable.hits, stable.n, rates, tuned)) + above(
            candidate.hits, candidate.n, curve(rates), tuned
        )

    rates = _GRID
    found = total(rates)
    for _ in range(_REFINED):
        place = int(found.argmin())
        low, high = rates[max(0, place - 1)], rates[min(len(rates) - 1, place + 1)]
        rates = np.linspace(low, high, 17)
        found = total(rates)
    return float(found.min())


def undercuts(stable: Rate, candidate: Rate, curve: Curve, tuned: float) -> float:
    """The logarithm of the evidence that the candidate's rate is below curve(stable's rate), whatever stable's rate is."""
    return exceeds(stable.missed, candidate.missed, lambda rates: 1 - curve(1 - rates), tuned)


def bounds(rate: Rate, alpha: float, tuned: float) -> tuple[float, float]:
    """The lowest and the highest rate that are not refuted, each at a chance of alpha of being wrong ever.

    >>> [round(bound, 3) for bound in bounds(Rate(5, 100), 0.025, 500)]
    [0.007, 0.161]
    """

    def least(hits: float) -> float:
        rates, needed = _GRID, -math.log(alpha)
        for _ in range(_REFINED):
            held = np.flatnonzero(above(hits, rate.n, rates, tuned) < needed)
            first = int(held[0]) if len(held) else len(rates) - 1
            if not first and rates is _GRID:
                return 0.0
            rates = np.linspace(rates[max(0, first - 1)], rates[first], 33)
        return float(rates[0])

    return least(rate.hits), 1 - least(rate.n - rate.hits)
