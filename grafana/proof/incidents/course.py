"""How values go over six hours: one for each minute, the last of them now. All follow from their arguments alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gateway.metrics import Metric

Course = NDArray[np.float64]

MINUTES: Course = np.arange(-360, 1, dtype=np.float64)
"""Of each value, counted from now."""


class Counted(NamedTuple):
    """A histogram's course. buckets: [bound, minute], cumulated over bounds and minutes; the last bound is open."""

    bounds: tuple[float, ...]
    buckets: NDArray[np.float64]
    sums: Course


class Line(NamedTuple):
    """One series. labels: values in the order of the metric's labels. values: NaN where it is absent."""

    metric: Metric
    labels: tuple[str, ...]
    values: Course | Counted


def line(metric: Metric, *labels: str | int, at: Course | float) -> Line:
    """A series of a gauge, or of a counter that has been counted already."""
    return Line(metric, tuple(map(str, labels)), np.broadcast_to(np.asarray(at, dtype=np.float64), MINUTES.shape))


def about(value: Course | float, *seed: object, spread: float = 0.05) -> Course:
    """The value with a little noise of its own, the same at every call."""
    noise = np.random.default_rng(crc32(repr(seed).encode())).normal(0, spread, MINUTES.shape)
    return np.asarray(value * (1 + noise), dtype=np.float64)


def steps(*points: tuple[float, float]) -> Course:
    """Each value from its minute on; the first also before."""
    times = [minute for minute, _ in points]
    places = np.clip(np.searchsorted(times, MINUTES, side="right") - 1, 0, None)
    return np.array([value for _, value in points])[places]


def ramp(begin: float, end: float, before: float, after: float) -> Course:
    """From one value to another, evenly between two minutes."""
    return np.interp(MINUTES, [begin, end], [before, after])


def during(begin: float, end: float, inside: float, outside: float = 0.0) -> Course:
    """One value between two minutes, another outside."""
    return np.where((begin <= MINUTES) & (end > MINUTES), inside, outside)


def total(per_second: Course | float, before: float = 0.0) -> Course:
    """What a counter has counted at such a rate, beginning with `before`."""
    return np.asarray(before + np.cumsum(np.broadcast_to(per_second, MINUTES.shape)) * 60)


def durations(bounds: Sequence[float], per_second: Course, median: Course | float, tail: float = 4.0) -> Counted:
    """A histogram of log-logistic durations, their median as it goes. tail: the larger, the fewer are slow."""
    finite = np.asarray(bounds)[:, None]
    below = 1 / (1 + (np.broadcast_to(median, MINUTES.shape) / finite) ** tail)
    shares = np.vstack([below, np.ones_like(MINUTES)])
    sums = total(per_second * median * (np.pi / tail) / np.sin(np.pi / tail))
    return Counted(tuple(bounds), np.cumsum(per_second * shares, axis=1) * 60, sums)
