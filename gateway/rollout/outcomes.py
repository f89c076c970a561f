"""What became of answers: sums over rows whose label is known, or expected, from which every metric follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.performance.classes import Classes
from monitors.performance.exact import log_loss
from monitors.performance.regression import numbers
from monitors.record import Batch
from monitors.score import SCORE_BINS, score_index

Cells = NDArray[Any]

LOSSES = ("log_loss", "brier", "mae", "rmse")
"""The rows of `Outcomes.losses`; for rmse, what is summed is the squared error."""

_N, _SUM, _SQUARES = 0, 1, 2
_LARGEST = 1e60  # whose fourth power is still a float


class Outcomes:
    """Sums of one arm; they add up, and subtract.

    right, called, actual: [classes], rows answered rightly, answered so, being so. positives, negatives: [1000], binary
    tasks: rows by score. losses: float64 [4, 3] by LOSSES: rows, sum, sum of squares.
    Counts are float64, since a label that is only expected counts in part for each class.
    """

    __slots__ = ("actual", "called", "losses", "negatives", "positives", "right")

    def __init__(self, classes: int = 0, binary: bool = False) -> None:
        self.right, self.called, self.actual = np.zeros(classes), np.zeros(classes), np.zeros(classes)
        bins = SCORE_BINS if binary else 0
        self.positives, self.negatives = np.zeros(bins), np.zeros(bins)
        self.losses = np.zeros((len(LOSSES), 3))

    @property
    def n(self) -> float:
        """Rows that have a label."""
        return max(float(self.actual.sum()), float(self.losses[:, _N].max()))

    def classified(self, batch: Batch, classes: Classes, weight: int = 1) -> None:
        """Adds rows of a classifier, with batch.labels; weight −1 takes them back."""
        assert batch.labels is not None
        truth, said = classes.places(batch.labels), classes.predicted(batch)
        known = (truth >= 0) & (said >= 0)
        self._answered(said[known], truth[known], len(classes), float(weight))
        if batch.scores is None or (batch.scores.ndim > 1 and batch.scores.shape[1] != len(classes)):
            return
        scores = np.clip(batch.scores, 0, 1)
        scored = (truth >= 0) & np.isfinite(scores if scores.ndim == 1 else scores.sum(1))
        scores, truth = scores[scored], truth[scored]
        if scores.ndim == 1:
            self._scored(scores, (truth == 1).astype(np.float64), weight)
            own, squares = np.where(truth == 1, scores, 1 - scores), (scores - truth) ** 2
        else:
            own = scores[np.arange(len(truth)), truth]
            squares = (scores**2).sum(1) - 2 * own + 1
        self._lost("log_loss", log_loss(own), weight)
        self._lost("brier", squares, weight)

    def predicted(self, batch: Batch, weight: int = 1) -> None:
        """Adds rows of a regressor, with batch.labels."""
        assert batch.labels is not None
        if batch.scores is None or batch.scores.ndim > 1:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is no error that could be averaged
            error = np.abs(numbers(batch.labels) - batch.scores)
        error = error[error < _LARGEST]
        self._lost("mae", error, weight)
        self._lost("rmse", error**2, weight)

    def expected_binary(self, scores: Cells, said: Cells, rate: Cells) -> None:
        """Adds rows whose label is expected. scores [n] in [0, 1]; said [n], places; rate [n], how likely a positive is."""
        right = np.where(said == 1, rate, 1 - rate)
        counted = np.bincount(said, minlength=2)
        self.called = _to(self.called, counted) + counted
        self.right = _to(self.right, counted) + np.bincount(said, right, 2)
        self.actual = _to(self.actual, counted) + np.array([(1 - rate).sum(), rate.sum()])
        self._scored(scores, rate, 1)
        self._lost("log_loss", rate * log_loss(scores) + (1 - rate) * log_loss(1 - scores), 1)
        self._lost("brier", rate * (1 - scores) ** 2 + (1 - rate) * scores**2, 1)

    def expected_right(self, said: Cells, rate: Cells, classes: int) -> None:
        """Adds rows of several classes. rate [n]: how likely the answer is right. What the others are is not guessed."""
        counted = np.bincount(said, minlength=classes)
        self.called, self.right = _to(self.called, counted) + counted, _to(self.right, counted)
        self.right += np.bincount(said, rate, classes)
        self.actual = _to(self.actual, counted) + counted

    def expected_errors(self, absolute: Cells, squared: Cells) -> None:
        """Adds rows of a regressor: how large the error, and its square, [n], are expected to be."""
        self._lost("mae", absolute, 1)
        self._lost("rmse", squared, 1)

    def loss(self, name: str) -> tuple[float, float, float]:
        """Rows, sum, and sum of squares of one of LOSSES."""
        n, total, squares = self.losses[LOSSES.index(name)].tolist()
        return n, total, squares

    def plus(self, other: Outcomes, factor: float = 1.0) -> Outcomes:
        """The sum with `factor` times the other."""
        found = Outcomes()
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            size = max(len(mine), len(theirs))
            setattr(found, name, _padded(mine, size) + factor * _padded(theirs, size))
        return found

    def export(self) -> list[list[Any]]:
        """Plain values: of each array its length, where it is not 0, and what is there."""
        return [_sparse(getattr(self, name)) for name in self.__slots__]

    @classmethod
    def restore(cls, exported: Sequence[Sequence[Any]]) -> Outcomes:
        """What `export` gave."""
        found = cls()
        for name, plain in zip(cls.__slots__, exported, strict=True):
            setattr(found, name, _dense(plain))
        return found

    def _answered(self, said: Cells, truth: Cells, classes: int, weight: float) -> None:
        for name, places in (("right", truth[said == truth]), ("called", said), ("actual", truth)):
            counted = np.bincount(places, minlength=classes)
            setattr(self, name, _to(getattr(self, name), counted) + weight * counted)

    def _scored(self, scores: Cells, rate: Cells, weight: int) -> None:
        place = score_index(scores)
        positives = np.bincount(place, rate, SCORE_BINS)
        self.positives = _to(self.positives, positives) + weight * positives
        self.negatives = _to(self.negatives, positives) + weight * (
            np.bincount(place, minlength=SCORE_BINS) - positives
        )

    def _lost(self, name: str, losses: Cells, weight: int) -> None:
        self.losses[LOSSES.index(name)] += weight * np.array([len(losses), losses.sum(), (losses**2).sum()])


def _to(cells: Cells, like: Cells) -> Cells:
    return _padded(cells, len(like))


def _padded(cells: Cells, size: int) -> Cells:
    return cells if len(cells) >= size else np.append(cells, np.zeros(size - len(cells)))


def _sparse(cells: Cells) -> list[Any]:
    flat = cells.ravel()
    held = np.flatnonzero(flat)
    return [list(cells.shape), held.tolist(), flat[held].tolist()]


def _dense(plain: Sequence[Any]) -> Cells:
    shape, held, values = plain
    cells = np.zeros(int(np.prod(shape)))
    cells[held] = values
    return cells.reshape(shape)
