"""Performance of a classifier of several classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Counts, Floats
from monitors.performance.calibration import expected_calibration_error
from monitors.performance.classes import STRANGER, Classes
from monitors.performance.confusion import averaged
from monitors.performance.curve import roc_auc
from monitors.performance.exact import UNIT, exact_sums, log_loss
from monitors.performance.figure import EACH, LEAST, Figure, bounded, free, mean, nothing, positive, share
from monitors.reference import Reference
from monitors.score import SCORE_BINS, ClassScores, score_index
from monitors.significance import two_proportions
from monitors.view import View

ACCURACY_FLOOR = 0.02
"""A loss of accuracy that is smaller wakes nobody."""

COARSENESS = ((10, 1), (20, 2), (50, 5), (100, 10))
"""Up to so many classes, so many bins of the reference's become one: a state has at most 10,000 cells of scores."""

LOSSES = ("log_loss", "brier", "calibration_in_the_large")


class MulticlassPerformance:
    """Cells: `right`, `predicted`, `actual` [classes]: rows answered rightly, answered so, and being so; `scores` and
    `positives` [classes, bins]: scores of each class, and those of its own rows; `confidence` and `correct` [1000]: highest
    scores, and those of right answers; `losses` [2, 3] and `strangers` as for two classes. More than 100 classes have no
    histograms each, and no AUC."""

    def __init__(self, reference: Reference) -> None:
        self._classes = Classes.of(reference)
        self.coarse = coarseness(len(self._classes))
        scores = reference.scores
        self._reference = self._past(scores) if isinstance(scores, ClassScores) else {}

    def begin(self) -> State:
        """No rows."""
        classes, bins = len(self._classes), SCORE_BINS // self.coarse if self.coarse else 0
        cells: dict[str, tuple[int, ...]] = {
            "right": (classes,),
            "predicted": (classes,),
            "actual": (classes,),
            "strangers": (1,),
        }
        cells |= {"scores": (classes, bins), "positives": (classes, bins), "losses": (2, len(LOSSES))}
        cells |= {"confidence": (SCORE_BINS,), "correct": (SCORE_BINS,)}
        return {name: np.zeros(shape, np.int64) for name, shape in cells.items()}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a label."""
        batch, classes = view.batch, len(self._classes)
        if batch.labels is None:
            return
        truth, predicted = self._classes.places(batch.labels), self._classes.predicted(batch)
        state["strangers"] += weight * np.count_nonzero(truth == STRANGER)
        known = (truth >= 0) & (predicted >= 0)
        said, true = predicted[known], truth[known]
        state["right"] += weight * np.bincount(true[said == true], minlength=classes)
        state["predicted"] += weight * np.bincount(said, minlength=classes)
        state["actual"] += weight * np.bincount(true, minlength=classes)
        if batch.scores is None or batch.scores.shape[1] != classes:
            return
        scored = (truth >= 0) & np.isfinite(batch.scores).all(1)
        self._fold_scores(state, np.clip(batch.scores[scored], 0, 1), truth[scored], weight)

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; only accuracy is tested against the reference."""
        found = []
        right, rows = int(state["right"].sum()), int(state["actual"].sum())
        for name, figure in _figures(state).items():
            more: dict[str, Any] = {"detail": {}}
            before = self._reference.get(name)
            if before is not None and before.n:
                more["detail"]["reference"] = before.value
            if name == "accuracy" and before is not None:
                loss = before.value - figure.value
                p = two_proportions(right, rows, round(before.value * before.n), before.n)
                more |= {"p": p / 2 if loss > 0 else 1 - p / 2, "matters": loss >= ACCURACY_FLOOR}
            if name == "accuracy" and state["strangers"][0]:
                more["detail"]["labels_of_no_class"] = int(state["strangers"][0])
            found.append(figure.measurement("performance", name, "realised", figure.n >= LEAST, **more))
        return found

    def _fold_scores(self, state: dict[str, Any], scores: Floats, truth: Counts, weight: int) -> None:
        rows, top = np.arange(len(truth)), scores.argmax(1)
        confidence, own, right = scores[rows, top], scores[rows, truth], (top == truth).astype(np.float64)
        place = score_index(confidence)
        state["confidence"] += weight * np.bincount(place, minlength=SCORE_BINS)
        state["correct"] += weight * np.bincount(place[top == truth], minlength=SCORE_BINS)
        squares = (scores**2).sum(1) - 2 * own + 1
        state["losses"] += weight * exact_sums(np.stack([log_loss(own), squares, confidence - right]))
        if self.coarse:
            state["scores"] += weight * class_histograms(scores, self.coarse)
            cells = score_index(own) // self.coarse + truth * state["positives"].shape[1]
            counted = np.bincount(cells, minlength=state["positives"].size)
            state["positives"] += weight * counted.reshape(state["positives"].shape)

    def _past(self, scores: ClassScores) -> dict[str, Figure]:
        """What the reference's histograms say of the rows that the model was not fitted on."""
        if scores.confidence is None or not scores.confidence.labelled.any():
            return {}
        correct, labelled = (
            cells.astype(np.float64) for cells in (scores.confidence.positives, scores.confidence.labelled)
        )
        found = {
            "accuracy": share(float(correct.sum()), float(labelled.sum())),
            "ece": expected_calibration_error(correct, labelled - correct),
        }
        if self.coarse:
            positives = np.stack([coarsened(each.positives, self.coarse) for each in scores.classes])
            every = np.stack([coarsened(each.labelled, self.coarse) for each in scores.classes])
            found["macro_roc_auc"] = macro_auc(positives, every)
        return found


def coarseness(classes: int) -> int:
    """How many bins of the score become one; 0 where there are too many classes for histograms at all.

    >>> coarseness(10), coarseness(30), coarseness(1000)
    (1, 5, 0)
    """
    return next((coarse for most, coarse in COARSENESS if classes <= most), 0)


def coarsened(cells: NDArray[np.int64], coarse: int) -> Counts:
    """Sums of each `coarse` neighbours, int64 [..., bins / coarse]."""
    sums: Counts = cells.reshape(*cells.shape[:-1], -1, coarse).sum(-1)
    return sums


def class_histograms(scores: Floats, coarse: int) -> Counts:
    """How often each class had which score, int64 [classes, 1000 / coarse]. scores: float64 [n, classes] in [0, 1]."""
    classes, bins = scores.shape[1], SCORE_BINS // coarse
    cells = score_index(scores) // coarse + np.arange(classes) * bins
    return np.bincount(cells.ravel(), minlength=classes * bins).reshape(classes, bins)


def macro_auc(positives: Counts, scores: Counts) -> Figure:
    """The mean over the classes that occur of the AUC of one against the rest.

    positives, scores: int64 [classes, bins]. Rows of different classes are drawn independently; a row is a negative for all
    other classes at once, so the negatives' share of the errors is taken as fully correlated, which errs to the safe side.
    """
    own, rest = positives.astype(np.float64), (scores - positives).astype(np.float64)
    held = (own.sum(1) > 0) & (rest.sum(1) > 0)
    n = int(positives.sum())
    if not held.any():
        return nothing(n)
    own, rest = own[held], rest[held]
    curve = roc_auc(own, rest)
    from_own = (own * curve.positive**2).sum(1)
    from_rest = np.sqrt((rest * curve.negative**2).sum(1))
    error = math.sqrt(from_own.sum() + from_rest.sum() ** 2) / len(own)
    return bounded(float(curve.value.mean()), error, n, n)


def _figures(state: dict[str, Any]) -> dict[str, Figure]:
    figures = averaged(state["right"], state["predicted"], state["actual"])
    correct, confidence = state["correct"].astype(np.float64), state["confidence"].astype(np.float64)
    n = int(confidence.sum())
    if not n:
        return figures
    if state["positives"].size:
        auc = macro_auc(state["positives"], state["scores"])
        few = int(state["positives"].sum(1).min()) < EACH
        figures["macro_roc_auc"] = auc if not few else _rare(auc, state["positives"])
    for name, total, squares in zip(LOSSES, *(state["losses"] / UNIT), strict=True):
        kind = free if name == "calibration_in_the_large" else positive
        figures[name] = kind(*mean(float(total), float(squares), n), n)
    figures["ece"] = expected_calibration_error(correct, confidence - correct)
    return figures


def _rare(figure: Figure, positives: Counts) -> Figure:
    """Names how many classes have hardly any rows."""
    rare = int((positives.sum(1) < EACH).sum())
    return Figure(figure.value, figure.error, figure.n, figure.interval, {"classes_with_few_rows": rare})
