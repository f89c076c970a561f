"""Counts as shares, and what makes two rows of counts comparable."""

from __future__ import annotations

import numpy as np

from monitors.errors import BinMismatch
from monitors.numeric import Counts, Floats

FLOOR = 1e-4
"""Shares below this count as this much, so that an empty bin costs much and not everything."""


def shares(reference: Counts, observed: Counts) -> tuple[Floats, Floats]:
    """Both as shares, float64 [..., bins], that sum to 1 over the last axis; NaN where nothing was counted.

    reference, observed: int64 [..., bins], same bins. Leading axes are features, broadcast. Raises BinMismatch.

    >>> shares(np.array([1, 3]), np.array([5, 5]))
    (array([0.25, 0.75]), array([0.5, 0.5]))
    """
    if reference.shape[-1] != observed.shape[-1]:
        raise BinMismatch(
            f"observed: found {observed.shape[-1]} bins, expected {reference.shape[-1]}, as many as in the reference"
        )
    p, q = np.broadcast_arrays(_share(reference), _share(observed))
    return p, q


def _share(counts: Counts) -> Floats:
    total = counts.sum(-1, keepdims=True)
    share: Floats = counts / np.where(total > 0, total, np.nan)
    return share
