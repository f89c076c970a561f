"""Means by group, of predicted values or of their errors, from exact sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitors.fairness.gap import LEAST, RATIO, unknown
from monitors.fairness.groups import Group, Groups
from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.numeric import Floats, Numeric
from monitors.reference import Reference
from monitors.score import ValueScores
from monitors.significance import mean_shift
from monitors.significance.normal import Z

CELLS = ("rows", "sum", "squares")
STEPS = 1000
"""Amounts are counted in thousandths of the reference's standard deviation, so that sums are whole numbers and add up exactly."""
FURTHEST = 1000
"""In standard deviations; further ones count as much as this, lest the sum of squares overflow."""
SHIFT = 0.2
"""A gap between mean predictions of more than so many standard deviations matters: Cohen's small effect."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Of one group, with its standard error."""

    group: Group
    value: float
    error: float
    rows: int


class Amounts:
    """Counts an amount of each row by group, and compares its means.

    unit: of the amount, which is that of the label, in one step; from the reference's predicted values, else its labels.
    """

    def __init__(self, reference: Reference, groups: Groups, least: int = LEAST) -> None:
        scores, labels = reference.scores, reference.labels
        profile = scores.values if isinstance(scores, ValueScores) else labels
        self.spread = profile.std if isinstance(profile, Numeric) and profile.std > 0 else 1.0
        self._unit = self.spread / STEPS
        self._groups, self._least = groups, least

    def begin(self) -> State:
        """Counts of no rows."""
        return self._groups.begin(CELLS)

    def fold(self, state: State, attribute: str, names: Sequence[str | None], amounts: Floats, weight: int) -> None:
        """amounts: float64 [n]; rows where it is not finite are left out."""
        largest = STEPS * FURTHEST
        steps = np.clip(np.rint(np.nan_to_num(amounts / self._unit)), -largest, largest).astype(np.int64)
        table: dict[str, list[int]] = {}
        for name, step, known in zip(names, steps.tolist(), np.isfinite(amounts).tolist(), strict=True):
            if known and name is not None:
                sums = table.setdefault(name, [0, 0, 0])
                sums[0] += 1
                sums[1] += step
                sums[2] += step * step
        for place, cell in enumerate(CELLS):
            self._groups.count(state, attribute, cell, {name: sums[place] for name, sums in table.items()}, weight)

    def measure(
        self, state: State, attribute: str, statistic: str, matters: Callable[[float, float], bool]
    ) -> list[Measurement]:
        """The mean of each group, and the gap between the highest and the lowest. matters: of these two."""
        groups = self._groups.read(state, attribute, CELLS, ("rows",))
        found, compared, left_out = [], [], []
        for group in groups:
            mean, subject = self._mean(group), f"{attribute}={group.name}"
            if mean is None:
                found.append(unknown(subject, statistic, group.counts["rows"]))
                left_out.append(group.name)
                continue
            edges = (mean.value - Z * mean.error, mean.value + Z * mean.error)
            found.append(Measurement("fairness", subject, statistic, mean.value, mean.rows, edges))
            compared += [] if group.rest else [mean]
        if len(compared) < 2:
            rows = sum(group.counts["rows"] for group in groups)
            return [*found, unknown(attribute, f"{statistic}_gap", rows)]
        return [*found, _gap(attribute, statistic, compared, left_out, matters)]

    def _mean(self, group: Group) -> Mean | None:
        rows, total, squares = (group.counts[cell] for cell in CELLS)
        if rows < max(2, self._least) or not group.sure:
            return None
        variance = max(0, rows * squares - total * total) / (rows * (rows - 1))  # whole numbers until here: exact
        return Mean(group, self._unit * total / rows, self._unit * math.sqrt(variance / rows), rows)


def mean_matters(spread: float) -> Callable[[float, float], bool]:
    """Whether mean predictions are too far apart; spread: the reference's standard deviation."""
    return lambda low, high: high - low > SHIFT * spread


def error_matters(low: float, high: float) -> bool:
    """Whether mean absolute errors are too far apart: the lowest below four fifths of the highest."""
    return low < RATIO * high


def _gap(
    attribute: str,
    statistic: str,
    means: Sequence[Mean],
    left_out: Sequence[str],
    matters: Callable[[float, float], bool],
) -> Measurement:
    """Welch's test of the extremes, in its normal form; Bonferroni over all pairs, since the two were picked."""
    high, low = max(means, key=lambda mean: mean.value), min(means, key=lambda mean: mean.value)
    value, error = high.value - low.value, math.hypot(high.error, low.error)
    p = min(1.0, math.comb(len(means), 2) * mean_shift(value, 0.0, error))
    detail = {"highest": high.group.name, "lowest": low.group.name}
    said = detail | ({"left_out": list(left_out)} if left_out else {})
    interval = (value - Z * error, value + Z * error)
    rows = sum(mean.rows for mean in means)
    relevant = matters(low.value, high.value)
    return Measurement("fairness", attribute, f"{statistic}_gap", value, rows, interval, True, p, relevant, said)
