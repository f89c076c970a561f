"""Whether a share is larger than it was in the reference, exactly."""

from __future__ import annotations

from math import exp, lgamma

import numpy as np


def excess(found: int, n: int, before: int, m: int) -> float:
    """Fisher's exact test, one-sided: how likely `found` or more of `n` rows are, if `before` of `m` came from the same source.

    Says nothing, 1.0, where either side has no rows. A reference without a single case is evidence in proportion to its size.

    >>> excess(3, 1000, 0, 50_000) < 1e-5, excess(3, 1000, 0, 500) > 0.2
    (True, True)

    Fisher 1935, "The logic of inductive inference".
    """
    if not found or not n or not m:
        return 1.0
    cases, rows = found + before, n + m
    last = min(n, cases)
    if found * rows > n * cases:  # beyond the mean each further term is smaller
        steps = np.arange(found, last)
        ratios = (cases - steps) * (n - steps) / ((steps + 1.0) * (rows - cases - n + steps + 1))
        return min(1.0, _chance(found, n, cases, rows) * (1 + float(np.cumprod(ratios).sum())))
    steps = np.arange(found - 1, max(0, n + cases - rows), -1)
    ratios = steps * (rows - cases - n + steps + 0.0) / ((cases - steps + 1.0) * (n - steps + 1))
    fewer = _chance(found - 1, n, cases, rows) * (1 + float(np.cumprod(ratios).sum()))
    return min(1.0, max(0.0, 1 - fewer))


def _chance(found: int, n: int, cases: int, rows: int) -> float:
    """That exactly `found` of n rows are cases, drawn without replacement."""
    if found < n + cases - rows:
        return 0.0
    return exp(_choices(cases, found) + _choices(rows - cases, n - found) - _choices(rows, n))


def _choices(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
