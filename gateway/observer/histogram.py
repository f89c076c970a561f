"""Durations counted in buckets: additive, and as Prometheus wants them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKETS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""Upper bounds in seconds, from what a cheap model takes to what no client waits for."""

_EDGES_US = np.array(BUCKETS) * 1e6


class Histogram:
    """How many durations fell into each bucket, the last of them open-ended, and their sum.

    >>> histogram = Histogram()
    >>> histogram.add(np.array([80, 100, 20_000_000]))
    >>> histogram.counts[0], histogram.counts[-1], histogram.sum_us
    (2, 1, 20000180)
    """

    __slots__ = ("_counts", "sum_us")

    def __init__(self, counts: list[int] | None = None, sum_us: int = 0) -> None:
        self._counts = np.array(counts or [0] * (len(BUCKETS) + 1), np.int64)
        self.sum_us = sum_us

    def add(self, durations_us: NDArray[np.int64]) -> None:
        """Counts durations, int64 [n], in µs. A bucket holds its upper bound, as Prometheus's `le` does."""
        self._counts += np.bincount(np.searchsorted(_EDGES_US, durations_us), minlength=len(self._counts))
        self.sum_us += int(durations_us.sum())

    @property
    def counts(self) -> list[int]:
        """One for each bucket, not cumulated."""
        return [int(count) for count in self._counts]

    def export(self) -> dict[str, Any]:
        """Plain values."""
        return {"counts": self.counts, "sum_us": self.sum_us}
