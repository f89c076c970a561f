"""Sums of losses that come out the same whatever the order."""

from __future__ import annotations

import numpy as np

from monitors.numeric import Counts, Floats

UNIT = 2.0**26
"""Losses are summed as whole multiples of 1/UNIT: exact up to 10^8 rows of the worst log loss, each rounded by 1e-8."""

TINY = float(np.finfo(np.float64).eps)
"""Log loss takes probabilities to be at least so far from 0 and 1, as scikit-learn does."""


def exact_sums(losses: Floats) -> Counts:
    """Sums and sums of squares, int64 [2, k] in units of 1/UNIT, of losses [k, n] whose size is at most 40.

    >>> (exact_sums(np.array([[0.5, 0.25]])) / UNIT).ravel().tolist()
    [0.75, 0.3125]
    """
    sums: Counts = np.stack([np.rint(each * UNIT).sum(1) for each in (losses, losses**2)]).astype(np.int64)
    return sums


def log_loss(probability: Floats) -> Floats:
    """−ln of the probability that was given to what came true, float64 [n] in [0, 36.1], nats."""
    loss: Floats = -np.log(np.clip(probability, TINY, 1 - TINY))
    return loss
