"""How many answers have a label, and how long labels take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.categorical import is_missing
from monitors.measurement import Interval, Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Counts
from monitors.performance.figure import LEAST, share
from monitors.significance.normal import Z
from monitors.view import View

PER_OCTAVE = 8
"""Bins for each doubling of the delay: what is read from them is within 4.5 % of the exact quantile."""

SHORTEST = 1e6
"""ns: labels that come sooner, or before their answer, are in the first bin."""

BINS = 44 * PER_OCTAVE
"""Up to 2^44 ms, more than an int64 of nanoseconds can hold."""

QUANTILES = (("median", 0.5), ("p90", 0.9))


def coverage(answered: int, labelled: int) -> Measurement:
    """The share of a window's answers whose label is known, in [0, 1], with Wilson's interval.

    >>> coverage(200, 150).value
    0.75
    """
    figure = share(min(labelled, answered), answered)
    return figure.measurement("performance", "labels", "coverage", answered > 0)


class LabelDelay:
    """From the answer to its label. Cells: `delays` int64 [352], delays by size, eight bins for each doubling.

    Delays are those of labels that have come: as long as some have not, the longest are missing.
    """

    name = "performance"
    feed: Feed = "labelled"

    def begin(self) -> State:
        """No rows."""
        return {"delays": np.zeros(BINS, np.int64)}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a label and the time when it was known."""
        batch = view.batch
        if batch.labels is None or batch.label_time is None:
            return
        delay = np.maximum((batch.label_time - batch.time)[_known(batch.labels)].astype(np.float64), SHORTEST)
        place = np.minimum(PER_OCTAVE * np.log2(delay / SHORTEST), BINS - 1).astype(np.int64)
        state["delays"] += weight * np.bincount(place, minlength=BINS)

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """Median and 90 % quantile, in seconds, each with the interval of its order statistics."""
        counts: Counts = state["delays"]
        n = int(counts.sum())
        if not n:
            return ()
        found = []
        for name, level in QUANTILES:
            half = Z * math.sqrt(level * (1 - level) / n)
            low, value, high = (_quantile(counts, edge) for edge in (level - half, level, level + half))
            interval: Interval = (low, high)
            found.append(Measurement("performance", "labels", f"delay_{name}", value, n, interval, n >= LEAST))
        return found


def _known(labels: Any) -> Any:
    if labels.dtype.kind == "f":
        return np.isfinite(labels)
    if labels.dtype == object:
        return np.array([not is_missing(label) and label != "" for label in labels.tolist()], bool)
    return np.ones(len(labels), bool)


def _quantile(counts: Counts, level: float) -> float:
    """Seconds; the geometric middle of the bin that holds the quantile."""
    rank = min(max(level, 0.0), 1.0) * int(counts.sum())
    place = int(np.searchsorted(counts.cumsum(), max(rank, 1e-9)))
    return float(SHORTEST * 2 ** ((min(place, BINS - 1) + 0.5) / PER_OCTAVE) / 1e9)
