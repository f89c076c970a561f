"""Estimated performance of a classifier of two classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.estimate.calibrator import Calibrator
from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats
from monitors.performance.classes import Classes
from monitors.performance.curve import average_precision, roc_auc
from monitors.performance.figure import Figure, bounded, nothing
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ClassScores, score_index
from monitors.view import View

LEAST = 30
"""Answers that a window needs before anything is estimated."""

LABELS = 100
"""Labels that the reference needs: with fewer, the scores' calibration is anybody's guess."""

ASSUMES = "scores are as calibrated as in the reference: no concept drift, which only labels can show"


class BinaryEstimate:
    """CBPE. Cells: `scores` int64 [2, 1000], how often each score was answered as the negative and the positive class.

    Each score stands for so many positives as the reference's calibration says; every metric follows from those expected
    counts as it would from real ones.
    """

    def __init__(self, reference: Reference) -> None:
        self._classes = Classes.of(reference)
        scores = reference.scores
        histogram = scores.classes[0] if isinstance(scores, ClassScores) else None
        empty = np.zeros(SCORE_BINS)
        self._calibrator = (
            Calibrator.fit(histogram.positives.astype(np.float64), histogram.labelled.astype(np.float64))
            if histogram
            else Calibrator.fit(empty, empty)
        )

    def begin(self) -> State:
        """No rows."""
        return {"scores": np.zeros((2, SCORE_BINS), np.int64)}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a score."""
        batch = view.batch
        if batch.scores is None:
            return
        predicted = self._classes.predicted(batch)
        known = np.isfinite(batch.scores) & (predicted >= 0)
        place = score_index(batch.scores[known]) + SCORE_BINS * predicted[known]
        state["scores"] += weight * np.bincount(place, minlength=2 * SCORE_BINS).reshape(2, SCORE_BINS)

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; none is tested: a loss shows as drift first."""
        counts = state["scores"].astype(np.float64)
        n = int(counts.sum())
        if not n:
            return ()
        enough = n >= LEAST and self._calibrator.rows >= LABELS
        return [
            expected(value, counts, slope, self._calibrator).measurement(
                "estimate", name, "estimated", enough, detail={"assumes": ASSUMES}
            )
            for name, (value, slope) in _metrics(counts, self._calibrator.rate).items()
        ]


def expected(value: float, counts: Floats, slope: Floats, calibrator: Calibrator) -> Figure:
    """An estimated metric whose interval says where the one from this window's labels would lie.

    counts: [..., bins], rows. slope: [..., bins], by how much the metric moves when one row of a bin turns out positive
    and not negative. Labels fall by chance even where the probability is known, and the calibration is known from so
    many labels only: both are in the interval, the second alone is `calibration_error` in detail.
    """
    n = int(counts.sum())
    if not math.isfinite(value):
        return nothing(n)
    chance = float((counts * calibrator.rate * (1 - calibrator.rate) * slope**2).sum())
    learned = calibrator.variance((counts * slope).reshape(-1, counts.shape[-1]).sum(0))
    figure = bounded(value, math.sqrt(chance + learned), n, n)
    figure.detail["calibration_error"] = math.sqrt(learned)
    return figure


def _metrics(counts: Floats, rate: Floats) -> dict[str, tuple[float, Floats]]:
    """Each metric's value and slope: float64 [2, 1000], as `expected` takes it."""
    n = counts.sum()
    wrong_yes, right_yes = ((counts[1] * share).sum() for share in (1 - rate, rate))
    right_no, wrong_no = ((counts[0] * share).sum() for share in (1 - rate, rate))
    accuracy = (right_yes + right_no) / n
    precision, recall, f1 = (
        _over(above, below)
        for above, below in (
            (right_yes, right_yes + wrong_yes),
            (right_yes, right_yes + wrong_no),
            (2 * right_yes, 2 * right_yes + wrong_yes + wrong_no),
        )
    )
    positives, centres = right_yes + wrong_no, (np.arange(len(rate)) + 0.5) / len(rate)
    both = counts[1].sum() + positives
    brier = (counts.sum(0) * (rate * (1 - centres) ** 2 + (1 - rate) * centres**2)).sum() / n
    found = {
        "accuracy": (accuracy, _by_answer(-1 / n, 1 / n, rate)),
        "precision": (precision, _by_answer(0, _over(1, right_yes + wrong_yes), rate)),
        "recall": (recall, _by_answer(-_over(recall, positives), _over(1 - recall, positives), rate)),
        "f1": (f1, _by_answer(-_over(f1, both), _over(2 - f1, both), rate)),
        "brier": (brier, np.stack(2 * [(1 - 2 * centres) / n])),
    }
    every = counts.sum(0)
    for name, metric in (("roc_auc", roc_auc), ("average_precision", average_precision)):
        curve = metric(every * rate, every * (1 - rate))
        found[name] = (float(curve.value), np.stack(2 * [curve.positive - curve.negative]))
    return {name: (float(value), slope) for name, (value, slope) in found.items()}


def _over(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan


def _by_answer(negative: float, positive: float, rate: Floats) -> Floats:
    """A slope that depends on the answer only."""
    return np.stack([np.full_like(rate, negative), np.full_like(rate, positive)])
