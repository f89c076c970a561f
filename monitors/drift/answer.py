"""The one number in a model's answer whose distribution is watched, in cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.layout import Quantity
from monitors.numeric import QUANTILES, Floats, Numeric
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ScoreHistogram, ValueScores, gathered, score_index

SCORE = "score"


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """The score: of the positive class (binary), the highest (multiclass), or the predicted value (regression).

    profile: its distribution in the reference. groups: for probabilities, int64 [1000], the bin of each of the score
    histogram's bins; None for predicted values, which the profile itself bins.
    """

    quantity: Quantity
    profile: Numeric
    groups: NDArray[np.int64] | None

    @classmethod
    def of(cls, reference: Reference) -> Answer | None:
        """That of the reference, None where it has no scores."""
        scores = reference.scores
        if scores is None:
            return None
        if isinstance(scores, ValueScores):
            return cls(Quantity(SCORE, SCORE, scores.values), scores.values, None)
        histogram = scores.confidence or scores.classes[0]
        groups = gathered(histogram.counts)
        profile = profile_of(histogram, groups)
        return cls(Quantity(SCORE, SCORE, profile), profile, groups)

    def values(self, scores: NDArray[Any]) -> Floats:
        """The number of each row, float64 [n], of scores [n] or [n, classes]; NaN where any of them is not known."""
        table = np.asarray(scores, np.float64)
        return table.max(1) if table.ndim == 2 and table.shape[1] else table.reshape(len(table))

    def index(self, values: Floats) -> NDArray[np.int64]:
        """The bin of each, int64 [n]; that after the last for one that is not known."""
        if self.groups is None:
            return self.profile.index(values)
        known = np.isfinite(values)
        return np.where(known, self.groups[score_index(np.where(known, values, 0))], len(self.profile.counts))


def profile_of(histogram: ScoreHistogram, groups: NDArray[np.int64]) -> Numeric:
    """The scores as a number with bins as `groups` says: moments and quantiles are off by at most half a fine bin, 0.0005.

    groups: int64 [1000], the bin of each fine bin, 0, 1, 2, ….
    """
    counts = np.bincount(groups, histogram.counts).astype(np.int64)
    total = int(counts.sum())
    if not total:
        return Numeric.build(np.empty(0))
    middles = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    shares = histogram.counts / total
    mean = float(shares @ middles)
    held = np.flatnonzero(histogram.counts)
    until = np.append(0, histogram.counts[held].cumsum()) / total
    levels = np.linspace(0, 1, QUANTILES)
    # Scores spread evenly inside a fine bin; nothing lies in an empty one.
    bin_ = np.minimum(np.searchsorted(until, levels, "right") - 1, len(held) - 1)
    inside = np.clip((levels - until[bin_]) / (until[bin_ + 1] - until[bin_]), 0, 1)
    quantiles = (held[bin_] + inside) / SCORE_BINS
    return Numeric(
        (np.flatnonzero(np.diff(groups)) + 1) / SCORE_BINS,
        counts,
        0,
        mean,
        float(np.sqrt(shares @ (middles - mean) ** 2)),
        float(quantiles[0]),
        float(quantiles[-1]),
        quantiles,
    )
