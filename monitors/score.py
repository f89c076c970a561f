"""What the model answered, and how far that was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import is_missing
from monitors.errors import ReferenceRefused
from monitors.numeric import Counts, Floats, Numeric

SCORE_BINS = 1000
"""Fine enough that AUC from the bins is within 1e-4 of the exact one."""

CELLS = 20
"""Into how many cells scores are gathered, as many as a number has bins."""


@dataclass(frozen=True, eq=False, slots=True)
class ScoreHistogram:
    """Probabilities in 1,000 equal bins on [0, 1]; bin i holds i/1000 <= p < (i+1)/1000, the last one also 1.

    counts, labelled, positives: int64 [1000]: all scores, those with a label, and those whose label is the class.
    positives / labelled is the calibration; CBPE and AUC follow from sums over bins.
    """

    counts: Counts
    labelled: Counts
    positives: Counts

    def __post_init__(self) -> None:
        for array in (self.counts, self.labelled, self.positives):
            if array.shape != (SCORE_BINS,):
                raise ReferenceRefused(f"a score histogram has {SCORE_BINS} bins, found shape {list(array.shape)}")
            array.flags.writeable = False

    @classmethod
    def build(cls, scores: Floats, known: NDArray[np.bool_], positive: NDArray[np.bool_]) -> ScoreHistogram:
        """scores: float64 [n] in [0, 1]. known, positive: bool [n], whether there is a label, and whether it is the class."""
        place = score_index(scores)
        return cls(*(_cells(place[chosen]) for chosen in (np.ones_like(known), known, known & positive)))


@dataclass(frozen=True, eq=False, slots=True)
class ClassScores:
    """A classifier's answers: one histogram for each class, for a binary task only that of the positive class.

    confidence: of multiclass tasks, the histogram of the highest score; its positives are the right answers.
    """

    classes: tuple[ScoreHistogram, ...]
    confidence: ScoreHistogram | None

    @classmethod
    def build(cls, scores: NDArray[Any], truth: NDArray[np.int64]) -> ClassScores:
        """scores: float [n] (binary) or [n, classes]. truth: int64 [n], the place of the label among the classes, or -1.

        Rows whose scores are not finite are left out. Raises ReferenceRefused for scores outside [0, 1].
        """
        table = np.asarray(scores, np.float64)
        binary = table.ndim == 1
        table = table.reshape(len(table), -1)
        scored = np.isfinite(table).all(1)
        table, truth = table[scored], truth[scored]
        if table.size and (table.min() < -1e-6 or table.max() > 1 + 1e-6):
            raise ReferenceRefused(
                f"scores: found {table.min():g} to {table.max():g}, expected probabilities in [0, 1]"
            )
        known = truth >= 0
        if binary:
            return cls((ScoreHistogram.build(table[:, 0], known, truth == 1),), None)
        classes = tuple(ScoreHistogram.build(table[:, i], known, truth == i) for i in range(table.shape[1]))
        return cls(classes, ScoreHistogram.build(table.max(1), known, truth == table.argmax(1)))


@dataclass(frozen=True, eq=False, slots=True)
class ValueScores:
    """A regressor's answers, in the units of the label.

    values: the profile of the predicted values. residual: that of label - prediction, where there was a label; None
    where there was none at all. absolute: the mean of its absolute value.
    labelled: int64, absolutes and squares: float64, all [bins of `values`]: how many labels there were for predictions in
    each bin, and the sums of their absolute and of their squared residuals. So the error that a changed mix of
    predictions should have follows from sums.
    """

    values: Numeric
    residual: Numeric | None
    absolute: float
    labelled: Counts
    absolutes: Floats
    squares: Floats

    def __post_init__(self) -> None:
        for array in (self.labelled, self.absolutes, self.squares):
            if array.shape != self.values.counts.shape:
                raise ReferenceRefused(f"found residuals of {len(array)} bins, expected {len(self.values.counts)}")
            array.flags.writeable = False

    @classmethod
    def build(cls, scores: NDArray[Any], labels: NDArray[Any]) -> ValueScores:
        """scores, labels: float [n]; rows without a finite score are left out, NaN in labels means none."""
        predicted = np.asarray(scores, np.float64)
        scored = np.isfinite(predicted)
        predicted, truth = predicted[scored], np.asarray(labels, np.float64)[scored]
        values = Numeric.build(predicted)
        known = np.isfinite(truth)
        residual = truth[known] - predicted[known]
        place, bins = values.index(predicted[known]), len(values.counts)
        return cls(
            values,
            Numeric.build(residual) if len(residual) else None,
            float(np.abs(residual).mean()) if len(residual) else np.nan,
            np.bincount(place, minlength=bins).astype(np.int64),
            np.bincount(place, np.abs(residual), bins).astype(np.float64),
            np.bincount(place, residual**2, bins).astype(np.float64),
        )


def score_index(scores: NDArray[Any]) -> NDArray[np.int64]:
    """The bin of each score in [0, 1], int64 [n].

    >>> score_index(np.array([0.0, 0.0015, 1.0])).tolist()
    [0, 1, 999]
    """
    return np.clip(np.asarray(scores, np.float64) * SCORE_BINS, 0, SCORE_BINS - 1).astype(np.int64)


def gathered(counts: Counts, most: int = CELLS) -> NDArray[np.int64]:
    """Which cell each bin goes to, int64 [bins], 0, 1, 2, …: at most `most` cells of about equal counts, in order.

    So that the 1,000 bins of a score histogram can be compared like the bins of a number.

    >>> gathered(np.array([5, 0, 5, 90, 1, 9]), most=10).tolist()
    [0, 0, 0, 1, 2, 2]
    """
    total = max(1, int(counts.sum()))
    middle = (2 * counts.cumsum() - counts) / (2 * total)
    cells = np.unique(np.minimum((middle * most).astype(np.int64), most - 1), return_inverse=True)[1]
    return np.asarray(cells, np.int64)


def places(labels: Sequence[Any], classes: Sequence[str | int]) -> NDArray[np.int64]:
    """The place of each label among the classes, int64 [n]; -1 where there is none (None or NaN).

    Raises ReferenceRefused for a label that is not one of the classes.
    """
    table = {value: place for place, value in enumerate(classes)}
    found = np.array([-1 if is_missing(v) else table.get(v, -2) for v in labels], np.int64)
    if (found == -2).any():
        stranger = labels[int(np.argmax(found == -2))]
        raise ReferenceRefused(f"labels: found {stranger!r}, expected one of {', '.join(map(str, classes))}")
    return found


def _cells(place: NDArray[np.int64]) -> Counts:
    return np.bincount(place, minlength=SCORE_BINS).astype(np.int64)
