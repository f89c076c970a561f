"""Counts of categories against counts: chi², and the category that moved most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitors.drift.share import shares
from monitors.errors import BinMismatch
from monitors.numeric import Counts, Floats

COCHRAN = 5.0
"""Rows that a cell should expect in either row, so that χ² is distributed like χ²."""

LEAST = 1.0
"""Rows that each must expect: one cell in five, which here is that of all rare ones, may stay below the five."""


def chi2(reference: Counts, observed: Counts) -> Floats:
    """Pearson's χ² of the table with two rows, reference and observed, whose cells are large enough for it.

    reference, observed: int64 [..., values]. Cells that expect fewer than 5 in either row are merged into one, together
    with the next smallest if even that one would expect less than 1. Returns float64 [...], >= 0, NaN where nothing was
    counted; about (merged cells - 1) under no drift. Raises BinMismatch.

    >>> round(float(chi2(np.array([600, 390, 6, 4]), np.array([40, 57, 3, 0]))), 3)
    16.575

    Cochran 1954, "Some methods for strengthening the common χ² tests".
    """
    if reference.shape[-1] != observed.shape[-1]:
        raise BinMismatch(f"observed: found {observed.shape[-1]} values, expected {reference.shape[-1]}")
    one, two = merged(reference, observed)
    m, n = one.sum(-1, keepdims=True), two.sum(-1, keepdims=True)
    both = np.where((m > 0) & (n > 0), one + two, np.nan)
    # Σ (O - E)² / E over both rows, in one sum.
    gap = np.where(both != 0, (one * n - two * m) ** 2.0 / np.where(both != 0, both, 1), 0)
    statistic: Floats = gap.sum(-1) / np.maximum(1.0, m[..., 0] * 1.0 * n[..., 0])
    return statistic


def merged(reference: Counts, observed: Counts) -> tuple[Floats, Floats]:
    """Both, float64 [..., values], with rare cells merged as in `chi2`: what is merged stands in one cell, 0 in the others."""
    reference, observed = np.broadcast_arrays(reference, observed)
    both = reference + observed
    total = np.maximum(1, both.sum(-1, keepdims=True))
    fewer = np.minimum(reference.sum(-1, keepdims=True), observed.sum(-1, keepdims=True))
    order = both.argsort(-1, kind="stable")
    expected = np.take_along_axis(both, order, -1) * fewer / total
    # From the rarest up: whatever is rare, and then more for as long as all of it together is too little.
    before = expected.cumsum(-1) - expected
    rare = (expected < COCHRAN) | (before < LEAST)
    return _pooled(reference, order, rare), _pooled(observed, order, rare)


def linf(reference: Counts, observed: Counts) -> Floats:
    """L∞ distance: by how much the share of the value that moved most moved.

    reference, observed: int64 [..., values]. Returns float64 [...] in [0, 1], NaN where nothing was counted. Raises
    BinMismatch.

    >>> round(float(linf(np.array([50, 30, 20]), np.array([20, 30, 50]))), 4)
    0.3
    """
    p, q = shares(reference, observed)
    gap: Floats = np.abs(q - p).max(-1)
    return gap


def _pooled(counts: Counts, order: NDArray[np.int64], rare: NDArray[np.bool_]) -> Floats:
    cells = np.take_along_axis(counts, order, -1).astype(np.float64)
    pool = np.where(rare, cells, 0).sum(-1)
    kept = np.where(rare, 0, cells)
    # The rarest cell is always in the pool, if alone.
    kept[..., 0] = pool
    return kept
