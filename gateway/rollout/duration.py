"""Durations in fine bins, and whether the candidate's quantile is beyond what stable's allows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.rollout.proportion import Curve, Floats, above, below, hedged

PER_OCTAVE = 64
"""Bins for each doubling: each is 1.1 % wide."""

OCTAVES = 28
BINS = PER_OCTAVE * OCTAVES
"""Bin i holds 2^(i/64) <= µs < 2^((i + 1)/64); the first also what is shorter, the last, from 268 s on, what is longer."""

_EDGES = 2.0 ** (np.arange(BINS + 1) / PER_OCTAVE)


def counted(durations_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the durations [n], in µs, lie in each bin, int64 [1792].

    >>> counts = counted(np.array([1000, 1000, 2000]))
    >>> counts.nonzero()[0].tolist(), int(counts.sum())
    ([637, 701], 3)
    """
    place = (PER_OCTAVE * np.log2(np.maximum(durations_us, 1))).astype(np.int64)
    counts: NDArray[np.int64] = np.bincount(np.minimum(place, BINS - 1), minlength=BINS)
    return counts


def quantile(counts: NDArray[Any], level: float) -> float:
    """In µs, the geometric middle of the bin that holds it; NaN where nothing was counted. 0 < level < 1."""
    total = float(counts.sum())
    if not total:
        return math.nan
    place = min(int(np.searchsorted(counts.cumsum(), level * total)), BINS - 1)
    return float(2 ** ((place + 0.5) / PER_OCTAVE))


def slower(stable: NDArray[Any], candidate: NDArray[Any], level: float, limit: Curve, tuned: float) -> float:
    """The logarithm of the evidence that the candidate's quantile is above limit(stable's quantile, µs).

    A quantile becomes a rate: if stable's quantile is t, no more than 1 − level of the candidate's durations may be above
    limit(t). Where t is, stable's own counts tell: for each bin that it may be in, their evidence against that counts too,
    and the least favourable bin decides. Exact at every n; what falls into one bin counts in the candidate's favour.
    """
    places = _places(stable)
    allowed = np.ceil(_place(limit(_EDGES[places + 1]))).astype(np.int64)
    own = hedged(below(_from(stable, places), float(stable.sum()), 1 - level, tuned))
    return float((own + above(_from(candidate, allowed), float(candidate.sum()), 1 - level, tuned)).min())


def faster(stable: NDArray[Any], candidate: NDArray[Any], level: float, limit: Curve, tuned: float) -> float:
    """The logarithm of the evidence that the candidate's quantile is below limit(stable's quantile, µs)."""
    places = _places(stable)
    allowed = np.floor(_place(limit(_EDGES[places]))).astype(np.int64)
    own = hedged(above(_from(stable, places + 1), float(stable.sum()), 1 - level, tuned))
    return float((own + below(_from(candidate, allowed), float(candidate.sum()), 1 - level, tuned)).min())


def _place(durations_us: Floats) -> Floats:
    place: Floats = np.clip(PER_OCTAVE * np.log2(np.maximum(durations_us, 1)), 0, BINS)
    return place


def _from(counts: NDArray[Any], places: NDArray[np.int64]) -> Floats:
    """How many lie in each of these bins or above."""
    reached = np.append(counts[::-1].cumsum()[::-1], 0).astype(np.float64)
    found: Floats = reached[np.clip(places, 0, BINS)]
    return found


def _places(stable: NDArray[Any]) -> NDArray[np.int64]:
    """The bins that stable's quantile may be in: those in its range, and the furthest, where all others are less of a doubt."""
    seen = np.flatnonzero(stable)
    between = np.arange(seen[0], seen[-1] + 1) if len(seen) else np.arange(0)
    return np.unique(np.concatenate([[0], between, [BINS - 1]]))
