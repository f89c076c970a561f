"""Whether a score of 0.7 comes true seven times in ten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.numeric import Floats
from monitors.performance.figure import Figure, nothing, share
from monitors.significance.normal import Z

BINS = 10
GRID = np.linspace(0, 4, 81)
"""True miscalibrations that are tried, as multiples of the observed one."""


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Scores in up to ten bins of about equally many rows, tied scores together.

    rows: int64 [bins], none of them 0. score, rate: float64 [bins], the mean score and the share of positives.
    """

    rows: Floats
    score: Floats
    rate: Floats

    @classmethod
    def build(cls, positives: Floats, negatives: Floats) -> Reliability:
        """positives, negatives: [n], rows in each of n equal bins of the score on [0, 1].

        >>> reliability = Reliability.build(np.array([1, 0, 3, 4]), np.array([4, 5, 3, 0]))
        >>> reliability.score.tolist(), reliability.rate.round(2).tolist()
        ([0.125, 0.375, 0.625, 0.875], [0.2, 0.0, 0.5, 1.0])
        """
        rows = positives + negatives
        held = np.flatnonzero(rows)
        below = rows.cumsum()[held] - rows[held] / 2
        place = np.minimum(BINS * below / max(1, rows.sum()), BINS - 1).astype(np.int64)
        centres = (np.arange(len(rows)) + 0.5) / len(rows)
        sums = [np.bincount(place, weights[held], BINS) for weights in (rows, positives, rows * centres)]
        used = sums[0] > 0
        return cls(sums[0][used].astype(np.float64), sums[2][used] / sums[0][used], sums[1][used] / sums[0][used])

    def table(self) -> list[dict[str, Any]]:
        """One entry for each bin: mean score, observed rate with its interval, rows."""
        figures = [share(rate * rows, rows) for rate, rows in zip(self.rate, self.rows, strict=True)]
        return [
            {"score": round(float(score), 4), "rate": figure.value, "interval": figure.interval, "n": figure.n}
            for score, figure in zip(self.score, figures, strict=True)
        ]


def expected_calibration_error(positives: Floats, negatives: Floats) -> Figure:
    """ECE: the mean distance between score and observed rate over deciles of the score, in [0, 1].

    positives, negatives: [n], rows in each of n equal bins of the score. Chance alone makes it positive, so the interval
    holds the true errors that make the observed one likely, 0 if a calibrated model would have shown as much; what
    such a model shows on average is `by_chance` in detail, beside the reliability of each decile.

    Nixon et al. 2019, "Measuring calibration in deep learning" (ECE over bins of equally many rows).
    """
    n = round(float((positives + negatives).sum()))
    if not n:
        return nothing()
    bins = Reliability.build(positives, negatives)
    weight = bins.rows / n
    gap = np.abs(bins.rate - bins.score)
    # Were the errors t times the observed ones, chance would scatter each bin around this rate.
    rate = np.clip(bins.score + GRID[:, None] * (bins.rate - bins.score), 0, 1)
    error = np.sqrt(np.maximum(rate * (1 - rate), 0.25 / bins.rows) / bins.rows)
    value = float(weight @ gap)
    means, spreads = _folded(GRID[:, None] * gap, error)
    mean, spread = means @ weight, np.sqrt((spreads**2) @ weight**2)
    likely = GRID[np.abs(value - mean) <= Z * spread] * value
    low, high = (float(likely.min()), float(likely.max())) if len(likely) else (value, value)
    if abs(value - mean[0]) <= Z * spread[0] or value < mean[0]:
        low, high = 0.0, max(high, float(Z * spread[0]))
    detail = {"by_chance": round(float(mean[0]), 4), "reliability": bins.table()}
    return Figure(value, float(spread[0]), n, (low, min(1.0, high)), detail)


def _folded(mean: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of |x| for normal x."""
    ratio = mean / error
    density = np.exp(-(ratio**2) / 2) * math.sqrt(2 / math.pi)
    inside = np.vectorize(math.erf, otypes=[np.float64])(ratio / math.sqrt(2))
    folded = error * density + mean * inside
    return folded, np.sqrt(np.maximum(mean**2 + error**2 - folded**2, 0))
