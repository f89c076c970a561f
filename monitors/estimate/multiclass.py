"""Estimated performance of a classifier of several classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.estimate.binary import ASSUMES, LABELS, LEAST, expected
from monitors.estimate.calibrator import Calibrator
from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats
from monitors.performance.classes import Classes
from monitors.performance.curve import roc_auc
from monitors.performance.figure import Figure, bounded, nothing
from monitors.performance.multiclass import class_histograms, coarsened, coarseness
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ClassScores, score_index
from monitors.view import View

ASSUMES_TOO = "; of a class, that its score alone tells how likely it is"

SHARED = 2.0
"""A row's label bears on two classes, its own and the one that was answered: errors of class means are at most so many
times (in variance) what they would be if classes were independent."""


class MulticlassEstimate:
    """CBPE. Cells: `confidence` int64 [1000], the score of the answered class; `scores` and `answered` int64
    [classes, bins]: scores of each class, and those of the rows that were answered with it.

    Accuracy is the mean of the calibrated confidence; precision, recall, F1 and AUC follow for each class from its own
    score's calibration, and are averaged over the classes. More than 100 classes have accuracy only.
    """

    def __init__(self, reference: Reference) -> None:
        self._classes = Classes.of(reference)
        self.coarse = coarseness(len(self._classes))
        scores = reference.scores
        self._confidence: Calibrator | None = None
        self._each: tuple[Calibrator, ...] = ()
        if not isinstance(scores, ClassScores) or scores.confidence is None:
            return
        top = scores.confidence
        self._confidence = Calibrator.fit(top.positives.astype(np.float64), top.labelled.astype(np.float64))
        if self.coarse:
            self._each = tuple(
                Calibrator.fit(
                    *(coarsened(cells, self.coarse).astype(np.float64) for cells in (one.positives, one.labelled))
                )
                for one in scores.classes
            )

    def begin(self) -> State:
        """No rows."""
        shape = (len(self._each), SCORE_BINS // self.coarse if self.coarse else 0)
        return {
            "confidence": np.zeros(SCORE_BINS, np.int64),
            "scores": np.zeros(shape, np.int64),
            "answered": np.zeros(shape, np.int64),
        }

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have scores."""
        batch = view.batch
        if batch.scores is None or batch.scores.shape[1] != len(self._classes):
            return
        predicted = self._classes.predicted(batch)
        known = np.isfinite(batch.scores).all(1) & (predicted >= 0)
        scores, said = np.clip(batch.scores[known], 0, 1), predicted[known]
        own = score_index(scores[np.arange(len(said)), said])
        state["confidence"] += weight * np.bincount(own, minlength=SCORE_BINS)
        if self._each:
            state["scores"] += weight * class_histograms(scores, self.coarse)
            cells = own // self.coarse + said * state["answered"].shape[1]
            counted = np.bincount(cells, minlength=state["answered"].size)
            state["answered"] += weight * counted.reshape(state["answered"].shape)

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; none is tested."""
        confidence = state["confidence"].astype(np.float64)
        n = int(confidence.sum())
        if self._confidence is None or not n:
            return ()
        value = float(confidence @ self._confidence.rate) / n
        figures = {
            "accuracy": expected(value, confidence, np.full_like(confidence, 1 / n), self._confidence),
            **self._averages(state["scores"].astype(np.float64), state["answered"].astype(np.float64), n),
        }
        enough = n >= LEAST and self._confidence.rows >= LABELS
        detail = {"assumes": ASSUMES + ASSUMES_TOO}
        return [
            figure.measurement("estimate", name, "estimated", enough, detail=detail) for name, figure in figures.items()
        ]

    def _averages(self, scores: Floats, answered: Floats, n: int) -> dict[str, Figure]:
        each: dict[str, list[Figure]] = {}
        for every, said, calibrator in zip(scores, answered, self._each, strict=True):
            for name, (value, slope) in _metrics(every, said, calibrator.rate).items():
                each.setdefault(name, []).append(expected(value, np.stack([every - said, said]), slope, calibrator))
        return {name: _mean(figures, n) for name, figures in each.items()}


def _metrics(every: Floats, said: Floats, rate: Floats) -> dict[str, tuple[float, Floats]]:
    """Value and slope [2, bins] (rows not answered so, rows answered so) of one class."""
    called, right, actual = said.sum(), float(said @ rate), float(every @ rate)
    one, zero = np.ones_like(rate), np.zeros_like(rate)
    curve = roc_auc(every * rate, every * (1 - rate))
    # A class that is never answered has precision 0, as in what is realised.
    precision = right / called if called else 0.0
    recall, f1 = right / max(actual, 1e-300), 2 * right / max(called + actual, 1e-300)
    return {
        "macro_precision": (precision, np.stack([zero, one / max(called, 1)])),
        "macro_recall": (recall, np.stack([-recall * one, (1 - recall) * one]) / max(actual, 1e-300)),
        "macro_f1": (f1, np.stack([-f1 * one, (2 - f1) * one]) / max(called + actual, 1e-300)),
        "macro_roc_auc": (float(curve.value), np.stack(2 * [curve.positive - curve.negative])),
    }


def _mean(figures: Sequence[Figure], n: int) -> Figure:
    known = [figure for figure in figures if math.isfinite(figure.value)]
    if not known:
        return nothing(n)
    scale = math.sqrt(SHARED) / len(known)
    error, learned = (
        scale * math.sqrt(sum(part**2 for part in parts))
        for parts in ([one.error for one in known], [one.detail["calibration_error"] for one in known])
    )
    mean = bounded(sum(figure.value for figure in known) / len(known), error, n, n)
    mean.detail["calibration_error"] = learned
    return mean
