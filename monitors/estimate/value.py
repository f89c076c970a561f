"""Estimated performance of a model that predicts a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.estimate.binary import LABELS, LEAST
from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats
from monitors.performance.figure import Figure, positive
from monitors.performance.regression import root
from monitors.reference import Reference
from monitors.score import ValueScores
from monitors.view import View

ASSUMES = "errors are as large as they were in the reference for predictions of the same size: no concept drift"

DRAWN = 5.0
"""A bin's mean error is drawn towards that of all, as if it had so many more labels with the average error."""

NORMAL = 3.0
"""Kurtosis of a normal variable; errors are taken to have no less."""


class ValueEstimate:
    """Error by size of the prediction. Cells: `values` int64 [bins], predictions in each bin of the reference;
    `outside` int64 [1], those below or above all of the reference's.

    Where NannyML's DLE has a second model learn the size of the error from all features, here it is the reference's
    mean error in each bin of the prediction: it needs no model in memory, adds up, and has a standard error.
    """

    def __init__(self, reference: Reference) -> None:
        self._scores = reference.scores if isinstance(reference.scores, ValueScores) else None

    def begin(self) -> State:
        """No rows."""
        bins = len(self._scores.labelled) if self._scores else 0
        return {"values": np.zeros(bins, np.int64), "outside": np.zeros(1, np.int64)}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a prediction."""
        if view.batch.scores is None or self._scores is None:
            return
        values = self._scores.values
        scores = view.batch.scores
        counted = np.bincount(values.index(scores), minlength=len(values.counts) + 1)[:-1]
        state["values"] += weight * counted
        finite = np.isfinite(scores)
        state["outside"] += weight * np.count_nonzero(finite & ((scores < values.low) | (scores > values.high)))

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """MAE and RMSE; neither is tested."""
        counts = state["values"].astype(np.float64)
        n, past = int(counts.sum()), self._scores
        if past is None or not n or past.labelled.sum() < 2:
            return ()
        enough = n >= LEAST and past.labelled.sum() >= LABELS
        outside = int(state["outside"][0]) / n
        detail = {"assumes": ASSUMES, "outside_reference": outside}
        figures = _figures(counts, past)
        return [
            figure.measurement("estimate", name, "estimated", enough, detail=detail) for name, figure in figures.items()
        ]


def _figures(counts: Floats, past: ValueScores) -> dict[str, Figure]:
    n, labels = int(counts.sum()), past.labelled.astype(np.float64)
    size, square = (_drawn(sums, labels) for sums in (past.absolutes, past.squares))
    kurtosis = _kurtosis(past)
    found = {}
    for name, each, variance in (
        ("mae", size, np.maximum(square - size**2, 0)),
        ("rmse", square, (kurtosis - 1) * square**2),
    ):
        mean = float(counts @ each) / n
        chance = float(counts @ variance) / n**2
        learned = float(((counts / n) ** 2 / (labels + DRAWN)) @ variance)
        kind = root if name == "rmse" else positive
        figure = kind(mean, math.sqrt(chance + learned), n)
        scale = figure.error / math.sqrt(chance + learned) if chance + learned else 0.0
        figure.detail["calibration_error"] = scale * math.sqrt(learned)
        found[name] = figure
    return found


def _drawn(sums: Floats, labels: Floats) -> Floats:
    mean = sums.sum() / labels.sum()
    drawn: Floats = (sums + DRAWN * mean) / (labels + DRAWN)
    return drawn


def _kurtosis(past: ValueScores) -> float:
    """Of the residuals, from their quantiles, with the spread that bins of the prediction explain taken for none."""
    if past.residual is None:
        return NORMAL
    squares = past.residual.quantiles**2
    return max(NORMAL, float((squares**2).mean() / max(squares.mean() ** 2, 1e-300)))
