"""Where the true divergence lies, given how many rows it was seen in.

A divergence between two samples is larger than the one between their sources: by chance alone no two samples agree. For
small moves each of ours is `curvature` · χ² with (1/n + 1/m) as the unit; so its bias and the variance that remains without
drift are known, and the delta method adds the variance that a drift brings. No bootstrap, and no loop over features. Where
the value is below even its bias, the interval reaches up to it all the same.

In 2,000 samples each of 20 bins, 200 to 10,000 rows, and moves from none to 1 σ, 94 % or more of the intervals held the true
value; only at 200 rows and 1 σ, where bins run empty, JS held 92 % and Hellinger 86 %.
"""

from __future__ import annotations

import numpy as np

from monitors.drift.share import FLOOR, shares
from monitors.numeric import Counts, Floats
from monitors.significance.normal import Z


def psi_interval(reference: Counts, observed: Counts, value: Floats) -> tuple[Floats, Floats]:
    """Low and high, float64 [...], of the PSI `value` [...] between the sources of counts int64 [..., bins]; 95 %.

    >>> reference, observed = np.array([500, 500]), np.array([60, 40])
    >>> low, high = psi_interval(reference, observed, np.array(0.0405))
    >>> round(float(low), 3), round(float(high), 3)
    (0.0, 0.118)
    """
    p, q = (np.maximum(share, FLOOR) for share in shares(reference, observed))
    log = np.log(q / p)
    spread = _variance(p, 1 - q / p - log, reference) + _variance(q, 1 - p / q + log, observed)
    return _around(reference, observed, value, spread, 1.0)


def js_interval(reference: Counts, observed: Counts, value: Floats) -> tuple[Floats, Floats]:
    """The same of the JS distance, base 2, in [0, 1]."""
    p, q = (np.maximum(share, FLOOR) for share in shares(reference, observed))
    middle = (p + q) / 2
    spread = _variance(p, np.log2(p / middle) / 2, reference) + _variance(q, np.log2(q / middle) / 2, observed)
    return _rooted(_around(reference, observed, value**2, spread, 1 / (8 * np.log(2))))


def hellinger_interval(reference: Counts, observed: Counts, value: Floats) -> tuple[Floats, Floats]:
    """The same of the Hellinger distance, in [0, 1]."""
    p, q = (np.maximum(share, FLOOR) for share in shares(reference, observed))
    spread = _variance(p, -np.sqrt(q / p) / 2, reference) + _variance(q, -np.sqrt(p / q) / 2, observed)
    return _rooted(_around(reference, observed, value**2, spread, 1 / 8))


def ks_interval(reference: Counts, observed: Counts, value: Floats) -> tuple[Floats, Floats]:
    """The same of KS: neither distribution function is further from its source than Dvoretzky, Kiefer and Wolfowitz say,
    with Massart's constant, so the interval holds at every n, and is wider than it need be."""
    # Half of the 5 % for each side.
    margin = sum(np.sqrt(np.log(2 / 0.025) / (2 * np.maximum(1, counts.sum(-1)))) for counts in (reference, observed))
    return np.maximum(0, value - margin), np.minimum(1, value + margin)


def _around(
    reference: Counts, observed: Counts, value: Floats, spread: Floats, curvature: float
) -> tuple[Floats, Floats]:
    unit = curvature * (1 / np.maximum(1, reference.sum(-1)) + 1 / np.maximum(1, observed.sum(-1)))
    freedom = ((reference + observed) > 0).sum(-1) - 1
    centre = value - freedom * unit
    margin = Z * np.sqrt(np.maximum(0, spread) + 2 * freedom * unit**2)
    return np.maximum(0, centre - margin), np.maximum(value, centre + margin)


def _variance(share: Floats, slope: Floats, counts: Counts) -> Floats:
    """Of Σ slope · share over samples of as many rows."""
    mean = (share * slope).sum(-1, keepdims=True)
    variance: Floats = (share * (slope - mean) ** 2).sum(-1) / np.maximum(1, counts.sum(-1))
    return variance


def _rooted(interval: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    low, high = interval
    return np.sqrt(low), np.sqrt(np.minimum(1, high))
