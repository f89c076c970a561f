"""Performance of a model that predicts a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats, Numeric
from monitors.performance.figure import LEAST, Figure, grown, mean, nothing, positive
from monitors.reference import Reference
from monitors.score import ValueScores
from monitors.tally import Tally
from monitors.view import View

MAE_FLOOR = 0.10
"""An MAE that rose by a smaller share wakes nobody."""

UNIT = 2.0**-32
"""Values are counted in whole multiples of it, of the reference's standard deviation: sums of whole numbers are exact, so that
a label that is corrected leaves nothing, however wrong it was."""

LARGEST = 2.0**64
"""Standard deviations. A row that is farther off is left out: it is no number that anybody meant."""

MOMENTS = ("|r|", "r2", "r4", "d", "d2", "d3", "d4", "r2d", "r2d2", "share", "share2")
"""What is summed of r, the residual, d, the label's distance from the reference's mean, and |r| / |label|."""


class RegressionPerformance:
    """Cells: `rows` int64 [3]: rows, those whose label is not 0, those left out; `sums`, a Tally: MOMENTS in powers of a unit."""

    def __init__(self, reference: Reference) -> None:
        labels, scores = reference.labels, reference.scores
        centre = labels.mean if isinstance(labels, Numeric) else 0.0
        self._centre = centre if math.isfinite(centre) else 0.0
        profile = scores.values if isinstance(scores, ValueScores) and not isinstance(labels, Numeric) else labels
        spread = profile.std if isinstance(profile, Numeric) else 0.0
        self._unit = UNIT * (spread if math.isfinite(spread) and spread > 0 else 1.0)
        self._reference = _past(scores) if isinstance(scores, ValueScores) else {}

    def begin(self) -> State:
        """No rows."""
        return {"rows": np.zeros(3, np.int64), "sums": Tally(len(MOMENTS), dict.fromkeys(MOMENTS, 0))}

    def fold(self, state: dict[str, Any], view: View, weight: int = 1) -> None:
        """Adds the rows that have a label and a prediction."""
        batch = view.batch
        if batch.labels is None or batch.scores is None:
            return
        label, score = numbers(batch.labels), batch.scores
        known = np.isfinite(label) & np.isfinite(score)
        label, score = label[known], score[known]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what is infinite is left out
            off, far = (label - score) / self._unit, (label - self._centre) / self._unit
            share = np.abs(np.where(label == 0, 0, (label - score) / label)) / UNIT
        near = np.maximum(np.abs(off), np.abs(far)) < LARGEST / UNIT
        residual, distance, relative = (_whole(each[near]) for each in (off, far, np.minimum(share, LARGEST / UNIT)))
        squares, spread = residual**2, distance**2
        sums = [np.abs(residual).sum(), squares.sum(), squares @ squares, distance.sum(), spread.sum()]
        sums += [spread @ distance, spread @ spread, squares @ distance, squares @ spread]
        sums += [relative.sum(), relative @ relative]
        state["sums"].counts.update({name: weight * each for name, each in zip(MOMENTS, sums, strict=True)})
        nonzero, left_out = np.count_nonzero(label[near]), len(label) - len(residual)
        state["rows"] += weight * np.array([len(residual), nonzero, left_out])

    def measure(self, state: dict[str, Any]) -> Sequence[Measurement]:
        """One measurement for each metric; only MAE is tested against the reference."""
        found = []
        for name, figure in _figures(state, self._unit).items():
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


def _whole(values: Floats) -> NDArray[np.object_]:
    """Rounded, as Python's integers, [n]: their sums and products are exact."""
    return np.array([int(value) for value in np.rint(values).tolist()], object)


def _figures(state: dict[str, Any], unit: float) -> dict[str, Figure]:
    n, nonzero, left_out = state["rows"].tolist()
    if n < 1:
        return {}
    moment = {name: float(total) for name, total in state["sums"].counts.items()}
    absolute, error = mean(moment["|r|"], moment["r2"], n)
    square, its_error = mean(moment["r2"], moment["r4"], n)
    figures = {
        "mae": positive(unit * absolute, unit * error, n),
        "rmse": root(unit * unit * square, unit * unit * its_error, n),
        "r2": _determination({name: total / n for name, total in moment.items()}, n),
    }
    share, error = mean(moment["share"], moment["share2"], nonzero)
    relative = positive(UNIT * share, UNIT * error, nonzero)
    relative.detail["labels_of_zero_left_out"] = n - nonzero
    figures["mape"] = relative
    if left_out:
        figures["mae"].detail["left_out_as_no_number"] = left_out
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
