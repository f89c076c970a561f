"""Which request a bucket of durations counted last: its trace id leads from a slow percentile to what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.metrics import Exemplar
from gateway.observer.histogram import Histogram

Held = tuple[str, int, int]
"""Trace id, duration in µs, and when the request ended, ns since the epoch."""


class Exemplars:
    """The newest traced request of each bucket of a Histogram with its usual bounds; as many as it has buckets at most.

    >>> exemplars = Exemplars()
    >>> exemplars.add(["", "4bf92f"], np.array([50, 700]), np.array([10**9, 2 * 10**9]))
    >>> exemplars.by_bucket()
    {5: Exemplar(trace_id='4bf92f', value=0.0007, time=2.0007)}
    """

    __slots__ = ("_newest",)

    def __init__(self, exported: Mapping[int, Held] | None = None) -> None:
        self._newest: dict[int, Held] = {place: (held[0], held[1], held[2]) for place, held in (exported or {}).items()}

    def add(self, trace_ids: Sequence[str], durations_us: NDArray[np.int64], began_ns: NDArray[np.int64]) -> None:
        """Requests, [n] each, in any order; "" stands for one without a trace."""
        if not any(trace_ids):
            return
        traced = np.flatnonzero([bool(trace_id) for trace_id in trace_ids])
        ended = (began_ns + durations_us * 1000)[traced]
        order = np.argsort(ended, kind="stable")
        places = Histogram.places(durations_us[traced])[order].tolist()
        for place, row in dict(zip(places, order.tolist(), strict=True)).items():  # the last of each place wins
            at = int(traced[row])
            if place not in self._newest or self._newest[place][2] <= ended[row]:
                self._newest[place] = (trace_ids[at], int(durations_us[at]), int(ended[row]))

    def by_bucket(self) -> dict[int, Exemplar]:
        """As metrics have them, by the place of the bucket."""
        return {
            place: Exemplar(trace_id, duration / 1e6, ended / 1e9)
            for place, (trace_id, duration, ended) in self._newest.items()
        }

    def export(self) -> dict[int, Held]:
        """Plain values."""
        return self._newest
