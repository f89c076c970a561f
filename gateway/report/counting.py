"""What came in: requests, rows and how long they took, by version, role and stretch of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.record import Answers, Role
from gateway.report.content import Latency, Served
from gateway.report.period import Scale

_PER_OCTAVE = 32
"""Bins for each doubling: a quantile read from them is within 1.1 % of the exact one."""
_BINS = 40 * _PER_OCTAVE  # up to 2^40 µs, twelve days


class Durations:
    """Durations counted by size: additive, of a fixed size.

    >>> durations = Durations()
    >>> durations.add(np.array([1000] * 99 + [50_000]))
    >>> durations.read().p50, durations.read().p99
    (1.0021, 1.0021)
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, durations_us: NDArray[np.int64]) -> None:
        """Counts durations, int64 [n], in µs."""
        places = np.rint(_PER_OCTAVE * np.log2(np.maximum(durations_us, 1))).astype(np.int64)
        self._counts += np.bincount(np.minimum(places, _BINS - 1), minlength=_BINS)

    def merge(self, other: Durations) -> None:
        """Takes in what another has counted."""
        self._counts += other._counts

    def read(self) -> Latency:
        """The quantiles that people ask for."""
        return Latency(p50=self._quantile(0.5), p95=self._quantile(0.95), p99=self._quantile(0.99))

    def _quantile(self, level: float) -> float | None:
        until = self._counts.cumsum()
        if not until[-1]:
            return None
        place = int(np.searchsorted(until, level * until[-1]))
        return round(float(2 ** (place / _PER_OCTAVE)) / 1000, 4)


class Counting:
    """The counts of one version in one role. first, last: ns since the epoch, of its requests."""

    def __init__(self, version: int, role: Role, scale: Scale) -> None:
        self.version, self.role, self._scale = version, role, scale
        self.requests = self.rows = 0
        self.first = self.last = 0
        self.total = Durations()
        self._compute, self._queue = Durations(), Durations()
        self._by_stretch = np.zeros(scale.count, np.int64)
        self._totals = [Durations() for _ in range(scale.count)]

    def take(self, answers: Answers) -> None:
        """Counts answered rows, in order of time; a request counts once, with its first row."""
        if not len(answers):
            return
        self.first = self.first if self.rows else int(answers.time[0])
        self.last = int(answers.time[-1])
        self.rows += len(answers)
        firsts = answers.row == 0
        total = answers.total_us[firsts]
        self.requests += len(total)
        self.total.add(total)
        self._compute.add(answers.compute_us[firsts])
        self._queue.add(answers.queue_us[firsts])
        places = self._scale.places(answers.time[firsts])
        self._by_stretch += np.bincount(places, minlength=self._scale.count)
        for place in np.unique(places).tolist():
            self._totals[place].add(total[places == place])

    def read(self) -> Served:
        """What was counted."""
        return Served(
            version=self.version,
            role=self.role,
            requests=self.requests,
            rows=self.rows,
            total=self.total.read(),
            compute=self._compute.read(),
            queue=self._queue.read(),
            requests_by_stretch=self._by_stretch.tolist(),
            latency_by_stretch=[each.read() for each in self._totals],
        )
