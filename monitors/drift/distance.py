"""How far a number's distribution moved along its axis: KS and Wasserstein distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitors.drift.share import shares
from monitors.numeric import QUANTILES, Counts, Floats, Numeric

UNIT = 2.0**-16
"""Sums of values are whole numbers of this many σ: exact, so that they do not depend on the order of the rows."""

FARTHEST = 2.0**31
"""Units, or 32,768 σ: what lies further out counts as this far, so that one absurd value cannot spend all of int64."""


def ks(reference: Counts, observed: Counts) -> Floats:
    """Kolmogorov-Smirnov distance on bins: the largest gap between the two distribution functions at an edge.

    reference, observed: int64 [..., bins], same bins, in order. Returns float64 [...] in [0, 1], NaN where nothing was
    counted. A lower bound of the distance between the values themselves: inside a bin the gap may be larger, by at most
    the larger of the bin's two shares. Raises BinMismatch.

    >>> round(float(ks(np.array([50, 30, 20]), np.array([20, 30, 50]))), 4)
    0.3
    """
    p, q = shares(reference, observed)
    gap: Floats = np.abs((q - p).cumsum(-1)).max(-1)
    return gap


class Wasserstein:
    """Wasserstein-1 distance of several numbers from their profiles, each in standard deviations of its reference.

    The distance is the area between two distribution functions. Inside a bin (a, b] the observed one, G, is known at both
    ends, and through the sum of the values its area is known too: b·G(b) - a·G(a) - Σx/n. So counts and sums give each
    bin's part exactly, the open ones at both ends included, wherever the functions do not cross inside the bin; where they
    cross, what is above and below cancels, and the result is too small, by at most the bin's width times the smaller share.
    The reference's areas come from its 257 quantiles: between two of them it is off by at most their distance / 512, and
    the outermost are set right by the mean. In all, 560 windows of 2,000 normal, lognormal, whole and mostly zero numbers, moved
    and squeezed, were within 0.042 σ of the exact distance, the normal ones within 0.011 σ.
    """

    def __init__(self, profiles: Sequence[Numeric], bins: int) -> None:
        """bins: to how many bins counts and sums are padded, at least as many as any profile has."""
        fit = np.array([np.isfinite(profile.std) and profile.std > 0 for profile in profiles], bool)
        self._mean = np.array([profile.mean if good else 0.0 for profile, good in zip(profiles, fit, strict=True)])
        self._scale = np.array([1 / profile.std if good else 0.0 for profile, good in zip(profiles, fit, strict=True)])
        self._known = np.where(fit, 1.0, np.nan)
        self._shares = np.zeros((len(profiles), bins))
        self._edges = np.zeros((len(profiles), bins))
        self._sums = np.zeros((len(profiles), bins))
        for row in np.flatnonzero(fit).tolist():
            profile = profiles[row]
            edges = (profile.edges - profile.mean) / profile.std
            self._shares[row, : len(edges) + 1] = profile.counts / profile.count
            self._edges[row, : len(edges)] = edges
            self._sums[row, : len(edges) + 1] = _sums(profile)

    def units(self, values: Floats, missing: NDArray[np.bool_]) -> Floats:
        """What to sum by bin: whole numbers of UNIT, float64 [profiles, n] like `values`; 0 where `missing`."""
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest, and those that are missing
            units: Floats = values - self._mean[:, None]
            units *= (self._scale / UNIT)[:, None]
        np.rint(units, out=units)
        np.minimum(units, FARTHEST, out=units)
        np.maximum(units, -FARTHEST, out=units)
        if missing.any():
            units[missing] = 0
        return units

    def distance(self, observed: Counts, sums: NDArray[np.int64]) -> Floats:
        """float64 [profiles], in σ, >= 0; NaN where nothing was counted or the reference had no spread.

        observed: int64 [profiles, bins]. sums: int64 [profiles, bins], of `units` by bin.
        """
        n = observed.sum(-1, keepdims=True)
        n = np.where(n > 0, n, np.nan)
        gap = (observed / n - self._shares).cumsum(-1)
        area = np.diff(self._edges * gap, axis=-1, prepend=0) - (sums * UNIT / n - self._sums)
        distance: Floats = np.abs(area).sum(-1) * self._known
        return distance


def _sums(profile: Numeric) -> Floats:
    """Σx/n of the reference in each bin, in σ from its mean, float64 [bins]: the area under its quantile function."""
    standard = (profile.quantiles - profile.mean) / profile.std
    levels = np.linspace(0, 1, QUANTILES)
    area = np.append(0, ((standard[1:] + standard[:-1]) / 2).cumsum()) / (QUANTILES - 1)
    at = np.append(0, profile.counts.cumsum() / profile.count)
    left = np.minimum((at * (QUANTILES - 1)).astype(np.int64), QUANTILES - 2)
    inside = at - levels[left]
    sums: Floats = np.diff(area[left] + inside * (standard[left] + np.interp(at, levels, standard)) / 2)
    # Straight lines misjudge the two tails most; together they must give the mean, which is 0 here.
    tails = np.array([standard[1] - standard[0], standard[-1] - standard[-2]])
    if tails.sum() > 0:
        sums[[0, -1]] -= sums.sum() * tails / tails.sum()
    return sums
