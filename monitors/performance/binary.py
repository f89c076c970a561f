"""Performance of a classifier of two classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Counts, Floats
from monitors.performance.calibration import expected_calibration_error
from monitors.performance.classes import STRANGER, Classes
from monitors.performance.confusion import binary
from monitors.performance.curve import Influence, average_precision, roc_auc
from monitors.performance.exact import UNIT, exact_sums, log_loss
from monitors.performance.figure import EACH, LEAST, Figure, bounded, fallen, free, mean, positive
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ClassScores, ScoreHistogram, score_index
from monitors.view import View

AUC_FLOOR = 0.02
"""A loss of AUC that is smaller wakes nobody."""

LOSSES = ("log_loss", "brier", "calibration_in_the_large")


class BinaryPerformance:
    """Cells: `confusion` [2, 2] by truth and answer, `positives` and `negatives` [1000] by score, `losses` [2, 3]: sums of
    log loss, squared error and score − label, and of their squares, in units of 1/UNIT; `strangers`: labels of no class."""

    def __init__(self, reference: Reference) -> None:
        self._classes = Classes.of(reference)
        scores = reference.scores
        known = isinstance(scores, ClassScores) and scores.classes[0].labelled.any()
        self._reference = _figures(_past(scores.classes[0])) if known and isinstance(scores, ClassScores) else {}

    def begin(self) -> State:
        """No rows."""
        return {
            "confusion": np.zeros((2, 2), np.int64),
            "positives": np.zeros(SCORE_BINS, np.int64),
            "negatives": np.zeros(SCORE_BINS, np.int64),
            "losses": np.zeros((2, len(LOSSES)), np.int64),
            "strangers": np.zeros(1, np.int64),
        }

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a label."""
        batch = view.batch
        if batch.labels is None:
            return
        truth, predicted = self._classes.places(batch.labels), self._classes.predicted(batch)
        state["strangers"] += weight * np.count_nonzero(truth == STRANGER)
        known = (truth >= 0) & (predicted >= 0)
        cells = np.bincount(2 * truth[known] + predicted[known], minlength=4)
        state["confusion"] += weight * cells.reshape(2, 2)
        if batch.scores is None:
            return
        scored = (truth >= 0) & np.isfinite(batch.scores)
        scores, labels = np.clip(batch.scores[scored], 0, 1), truth[scored]
        place = score_index(scores) + SCORE_BINS * labels
        by_class = np.bincount(place, minlength=2 * SCORE_BINS).reshape(2, SCORE_BINS)
        state["negatives"] += weight * by_class[0]
        state["positives"] += weight * by_class[1]
        state["losses"] += weight * _losses(scores, labels)

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; only AUC is tested against the reference."""
        figures = _figures(state)
        positives, negatives = int(state["positives"].sum()), int(state["negatives"].sum())
        least = dict.fromkeys(figures, LEAST) | dict.fromkeys(("precision", "recall", "f1"), EACH)
        found = []
        for name, figure in figures.items():
            more: dict[str, Any] = {"detail": {}}
            enough = figure.n >= least[name]
            if name in ("roc_auc", "average_precision"):
                enough = min(positives, negatives) >= EACH
            before = self._reference.get(name)
            if before is not None and before.n:
                more["detail"]["reference"] = before.value
            if name == "roc_auc" and before is not None:
                loss = before.value - figure.value
                more |= {"p": fallen(figure, before), "matters": loss >= AUC_FLOOR}
            if name == "accuracy" and state["strangers"][0]:
                more["detail"]["labels_of_no_class"] = int(state["strangers"][0])
            found.append(figure.measurement("performance", name, "realised", enough, **more))
        return found


def ranked(influence: Influence, positives: Floats, negatives: Floats) -> Figure:
    """The figure of a ranking metric whose histograms were counted: its error is the infinitesimal jackknife's."""
    error = float(np.sqrt(influence.variance(positives, negatives)))
    few = min(float(positives.sum()), float(negatives.sum()))
    return bounded(float(influence.value), error, round(float((positives + negatives).sum())), few)


def _figures(state: dict[str, Any]) -> dict[str, Figure]:
    positives, negatives = state["positives"].astype(np.float64), state["negatives"].astype(np.float64)
    figures = binary(state["confusion"])
    n = int(positives.sum() + negatives.sum())
    if not n:
        return figures
    figures["roc_auc"] = ranked(roc_auc(positives, negatives), positives, negatives)
    figures["average_precision"] = ranked(average_precision(positives, negatives), positives, negatives)
    for name, total, squares in zip(LOSSES, *(state["losses"] / UNIT), strict=True):
        kind = free if name == "calibration_in_the_large" else positive
        figures[name] = kind(*mean(float(total), float(squares), n), n)
    figures["ece"] = expected_calibration_error(positives, negatives)
    return figures


def _losses(scores: Floats, labels: Counts) -> Counts:
    hit = np.where(labels == 1, scores, 1 - scores)
    return exact_sums(np.stack([log_loss(hit), (scores - labels) ** 2, scores - labels]))


def _past(histogram: ScoreHistogram) -> dict[str, Any]:
    """The state that the reference's rows would have left, each score at the middle of its bin, answered at 0.5."""
    positives, negatives = histogram.positives, histogram.labelled - histogram.positives
    half = SCORE_BINS // 2
    confusion = np.array([[cells[:half].sum(), cells[half:].sum()] for cells in (negatives, positives)])
    centres = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    scores, labels = np.repeat(centres, histogram.labelled), _labels(positives, negatives)
    return {
        "confusion": confusion,
        "positives": positives,
        "negatives": negatives,
        "losses": _losses(scores, labels),
    }


def _labels(positives: Counts, negatives: Counts) -> Counts:
    """1 and 0 as often as each bin has positives and negatives, in the order of the bins."""
    pattern = np.tile(np.array([1, 0]), len(positives))
    return np.repeat(pattern, np.column_stack([positives, negatives]).ravel())
