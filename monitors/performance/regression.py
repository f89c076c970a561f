"""Performance of a model that predicts a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats, Numeric
from monitors.performance.figure import LEAST, Figure, grown, mean, nothing, positive
from monitors.reference import Reference
from monitors.score import ValueScores
from monitors.view import View

MAE_FLOOR = 0.10
"""An MAE that rose by a smaller share wakes nobody."""

LARGEST = 1e60
"""A label or prediction beyond it is taken for no number: its fourth power would drown all others."""

MOMENTS = ("|r|", "r2", "r4", "d", "d2", "d3", "d4", "r2d", "r2d2", "share", "share2")
"""What is summed of r, the residual, d, the label's distance from the reference's mean, and |r| / |label|."""


class RegressionPerformance:
    """Cells: `rows` int64 [3]: rows, those whose label is not 0, those left out as beyond 1e60; `sums` float64 [11]."""

    def __init__(self, reference: Reference) -> None:
        labels, scores = reference.labels, reference.scores
        centre = labels.mean if isinstance(labels, Numeric) else 0.0
        self._centre = centre if math.isfinite(centre) else 0.0
        self._reference = _past(scores) if isinstance(scores, ValueScores) else {}

    def begin(self) -> State:
        """No rows."""
        return {"rows": np.zeros(3, np.int64), "sums": np.zeros(len(MOMENTS))}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a label and a prediction."""
        batch = view.batch
        if batch.labels is None or batch.scores is None:
            return
        label, score = numbers(batch.labels), batch.scores
        known = np.isfinite(label) & np.isfinite(score)
        usable = known & (np.abs(label) < LARGEST) & (np.abs(score) < LARGEST)
        label, residual = label[usable], label[usable] - score[usable]
        nonzero = label != 0
        relative = np.abs(np.divide(residual, label, out=np.zeros_like(label), where=nonzero))
        relative = np.minimum(relative, LARGEST)
        squares, distance = residual**2, label - self._centre
        sums = [np.abs(residual), squares, squares**2, distance, distance**2, distance**3, distance**4]
        sums += [squares * distance, squares * distance**2, relative, relative**2]
        state["sums"] += weight * np.array([each.sum() for each in sums])
        left_out = np.count_nonzero(known) - len(label)
        state["rows"] += weight * np.array([len(label), np.count_nonzero(nonzero), left_out])

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; only MAE is tested against the reference."""
        found = []
        for name, figure in _figures(state).items():
            more: dict[str, Any] = {"detail": {}}
            before = self._reference.get(name)
            if before is not None:
                more["detail"]["reference"] = before.value
            if name == "mae" and before is not None:
                loss = figure.value - before.value
                more |= {"p": grown(figure, before), "matters": loss >= MAE_FLOOR * before.value}
            found.append(figure.measurement("performance", name, "realised", figure.n >= LEAST, **more))
        return found


def numbers(labels: Any) -> Floats:
    """Labels as float64 [n]; NaN for what is none, such as None or a word."""
    if labels.dtype.kind in "fiub":
        return labels.astype(np.float64)  # type: ignore[no-any-return]
    return np.array([_number(label) for label in labels.tolist()], np.float64)


def root(square: float, error: float, n: int) -> Figure:
    """The root of a mean square that has that standard error."""
    value = math.sqrt(square) if square >= 0 else math.nan
    return positive(value, error / (2 * value) if value > 0 else 0.0, n)


def _number(label: Any) -> float:
    try:
        return math.nan if label is None else float(label)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _figures(state: dict[str, Any]) -> dict[str, Figure]:
    n, nonzero, left_out = state["rows"].tolist()
    if n < 1:
        return {}
    moment = dict(zip(MOMENTS, state["sums"].tolist(), strict=True))
    figures = {
        "mae": positive(*mean(moment["|r|"], moment["r2"], n), n),
        "rmse": root(*mean(moment["r2"], moment["r4"], n), n),
        "r2": _determination({name: total / n for name, total in moment.items()}, n),
    }
    relative = positive(*mean(moment["share"], moment["share2"], nonzero), nonzero)
    relative.detail["labels_of_zero_left_out"] = n - nonzero
    figures["mape"] = relative
    if left_out:
        figures["mae"].detail["left_out_as_beyond_1e60"] = left_out
    return figures


def _determination(m: dict[str, float], n: int) -> Figure:
    """R² = 1 − Σr² / Σ(y − ȳ)²; a row's influence is −(r² − (1 − R²)(y − ȳ)²) over the variance of y."""
    c = m["d"]
    variance = m["d2"] - c * c
    if n < 2 or variance <= 1e-12 * max(m["d2"], 1e-300):
        return nothing(n)
    unexplained = m["r2"] / variance
    fourth = m["d4"] - 4 * c * m["d3"] + 6 * c * c * m["d2"] - 3 * c**4
    crossed = m["r2d2"] - 2 * c * m["r2d"] + c * c * m["r2"]
    spread = max(0.0, m["r4"] - 2 * unexplained * crossed + unexplained**2 * fourth)
    # 1 − R² is a ratio of positive means: its logarithm is closer to normal than it is.
    ratio = positive(unexplained, math.sqrt(spread / (n - 1)) / variance, n)
    low, high = ratio.interval or (math.nan, math.nan)
    return Figure(1 - unexplained, ratio.error, n, (1 - high, 1 - low), {})


def _past(scores: ValueScores) -> dict[str, Figure]:
    n = int(scores.labelled.sum())
    if n < 2:
        return {}
    total, squares = float(scores.absolutes.sum()), float(scores.squares.sum())
    return {"mae": positive(*mean(total, squares, n), n), "rmse": Figure(math.sqrt(squares / n), 0.0, n, None, {})}
