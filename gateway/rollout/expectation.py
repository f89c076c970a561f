"""What is known of a version beforehand: its classes, its groups, and how right its answers should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.record import Layout
from gateway.rollout.outcomes import Outcomes
from monitors.estimate.calibrator import Calibrator
from monitors.fairness.groups import Groups
from monitors.numeric import Floats
from monitors.performance.classes import Classes
from monitors.record import Batch
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ClassScores, ScoreHistogram, ValueScores, score_index
from monitors.view import View

LABELS = 100
"""A reference with fewer labels calibrates nothing."""

_DRAWN = 5.0  # a bin's mean error is drawn to that of all, as if it had so many more labels


class Expectation:
    """Of one version. Without a reference nothing is estimated, and there are no groups.

    Estimates assume that scores mean what they did in the reference: they see a change of inputs, not of the concept.
    Białek et al. 2024, "Estimating model performance under covariate shift without labels".
    """

    def __init__(self, layout: Layout, reference: Reference | None) -> None:
        self.task = layout.task
        self.classes = Classes.of(reference) if reference else Classes(layout.classes or _default(layout))
        self._reference = reference
        self._groups = Groups(reference, layout.groups) if reference and layout.groups else None
        self._rate: Floats | None = None
        self._sizes: tuple[Floats, Floats] | None = None
        self._scores = reference.scores if reference else None
        if isinstance(self._scores, ClassScores):
            binary = self.task == "binary"
            self._rate = _calibrated(self._scores.classes[0] if binary else self._scores.confidence)
        elif isinstance(self._scores, ValueScores) and self._scores.labelled.sum() >= LABELS:
            labels = self._scores.labelled.astype(np.float64)
            self._sizes = _drawn(self._scores.absolutes, labels), _drawn(self._scores.squares, labels)

    def estimate(self, batch: Batch, outcomes: Outcomes) -> None:
        """Adds what the labels of these rows are expected to be."""
        scores = batch.scores
        if scores is None:
            return
        if self._sizes is not None and isinstance(self._scores, ValueScores) and scores.ndim == 1:
            place = self._scores.values.index(scores[np.isfinite(scores)])
            outcomes.expected_errors(self._sizes[0][place], self._sizes[1][place])
        if self._rate is None:
            return
        said = self.classes.predicted(batch)
        if self.task == "binary" and scores.ndim == 1:
            known = np.isfinite(scores) & (said >= 0)
            clipped = np.clip(scores[known], 0, 1)
            outcomes.expected_binary(clipped, said[known], self._rate[score_index(clipped)])
        elif scores.ndim > 1 and scores.shape[1] == len(self.classes):
            known = np.isfinite(scores.sum(1)) & (said >= 0)
            top = np.clip(scores[known, said[known]], 0, 1)
            outcomes.expected_right(said[known], self._rate[score_index(top)], len(self.classes))

    def selected(self, batch: Batch) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        """By attribute and group: rows, and those that were answered with the positive class. Binary tasks only."""
        if self._groups is None or self._reference is None or self.task != "binary":
            return {}
        positive = self.classes.predicted(batch) == 1
        view, found = View(batch, self._reference), {}
        for attribute in self._groups.attributes:
            names = self._groups.names(view, attribute)
            if names is not None:
                rows = Counter(names)
                chosen = Counter(name for name, yes in zip(names, positive.tolist(), strict=True) if yes)
                found[attribute] = {name: (rows[name], chosen[name]) for name in rows if name is not None}
        return found


def _default(layout: Layout) -> tuple[int, ...]:
    """Places stand for classes that nobody named."""
    if layout.task == "binary":
        return (0, 1)
    score = next((field for field in layout.outputs if field.name == layout.score), None)
    width = score.shape[-1] if score is not None and layout.task == "multiclass" else 0
    return tuple(range(max(0, width)))


def _calibrated(histogram: ScoreHistogram | None) -> Floats | None:
    if histogram is None or histogram.labelled.sum() < LABELS:
        return None
    found = Calibrator.fit(histogram.positives.astype(np.float64), histogram.labelled.astype(np.float64))
    assert found.rate.shape == (SCORE_BINS,)
    return found.rate


def _drawn(sums: NDArray[Any], labels: Floats) -> Floats:
    drawn: Floats = (sums + _DRAWN * sums.sum() / labels.sum()) / (labels + _DRAWN)
    return drawn
