"""How often each group is mistaken, once labels tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitors.fairness.amount import Amounts, error_matters
from monitors.fairness.gap import LEAST, Gap, Rate, difference, gap
from monitors.fairness.groups import Group, Groups
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.performance.classes import Classes
from monitors.record import Batch
from monitors.reference import Reference
from monitors.view import View

BINARY = ("tn", "fp", "fn", "tp")
SEVERAL = ("wrong", "right")
RATES = {
    "tpr": (("tp",), ("tp", "fn")),
    "fpr": (("fp",), ("fp", "tn")),
    "precision": (("tp",), ("tp", "fp")),
    "accuracy": (("tp", "tn"), BINARY),
}
"""Cells of the numerator and of the denominator."""


class GroupErrors:
    """Equalised odds and equal accuracy: whether those who are alike in truth are treated alike.

    Binary: true and false positive rate, precision and accuracy of each group; the equalised odds difference, which is the
    larger of the gaps in true and in false positive rate; and the gap in accuracy. Multiclass: accuracy. Regression: mean
    absolute error. Who was refused and therefore never has a label is not in any of them.
    State: for each attribute a Tally by group for each cell of the confusion matrix, or of right and wrong, or of sums.
    """

    name = "fairness"
    feed: Feed = "labelled"

    def __init__(self, reference: Reference, attributes: Sequence[str], least: int = LEAST) -> None:
        """attributes: names among a batch's groups or columns. least: rows that a rate's denominator needs."""
        self._groups, self._least, self._task = Groups(reference, attributes), least, reference.schema.task
        self._amounts = Amounts(reference, self._groups, least)
        self._classes = Classes.of(reference) if self._task in ("binary", "multiclass") else Classes(())
        self._cells = {"binary": BINARY, "multiclass": SEVERAL}.get(self._task, ())

    def begin(self) -> State:
        return self._amounts.begin() if self._task == "regression" else self._groups.begin(self._cells)

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        if view.batch.labels is None or self._task == "other":
            return
        for attribute in self._groups.attributes:
            names = self._groups.names(view, attribute)
            if names is None:
                continue
            if self._task == "regression":
                self._amounts.fold(state, attribute, names, _misses(view.batch), weight)
            else:
                self._counted(state, attribute, names, self._outcomes(view.batch), weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        found: list[Measurement] = []
        for attribute in self._groups.attributes:
            if self._task == "regression":
                found += self._amounts.measure(state, attribute, "mae", error_matters)
            elif self._cells:
                found += self._rates(attribute, self._groups.read(state, attribute, self._cells, self._cells))
        return found

    def _outcomes(self, batch: Batch) -> NDArray[np.int64]:
        """The place of each row among the cells, int64 [n]; -1 where label or answer is not known."""
        assert batch.labels is not None
        truth, answer = self._classes.places(batch.labels), self._classes.predicted(batch)
        outcome = 2 * truth + answer if self._task == "binary" else (truth == answer).astype(np.int64)
        return np.where((truth >= 0) & (answer >= 0), outcome, -1)

    def _counted(
        self, state: State, attribute: str, names: list[str | None], outcomes: NDArray[np.int64], weight: int
    ) -> None:
        table: dict[int, Counter[str]] = {}
        for (name, place), rows in Counter(zip(names, outcomes.tolist(), strict=True)).items():
            if name is not None and place >= 0:
                table.setdefault(place, Counter())[name] += rows
        for place, amounts in table.items():
            self._groups.count(state, attribute, self._cells[place], amounts, weight)

    def _rates(self, attribute: str, groups: Sequence[Group]) -> list[Measurement]:
        n = sum(sum(group.counts.values()) for group in groups)
        if self._task == "multiclass":
            rates = [self._rate(group, ("right",), SEVERAL) for group in groups]
            found = [rate.measurement(f"{attribute}={rate.group}", "accuracy") for rate in rates]
            return [*found, difference(attribute, "accuracy_gap", gap(rates), n)]
        table = {statistic: [self._rate(group, *cells) for group in groups] for statistic, cells in RATES.items()}
        found = [
            rate.measurement(f"{attribute}={rate.group}", statistic)
            for statistic, rates in table.items()
            for rate in rates
        ]
        wider, which = _odds(table["tpr"], table["fpr"])
        return [
            *found,
            difference(attribute, "equalised_odds_difference", wider, n, tests=2, rate=which),
            difference(attribute, "accuracy_gap", gap(table["accuracy"]), n),
        ]

    def _rate(self, group: Group, cases: Sequence[str], rows: Sequence[str]) -> Rate:
        n = sum(group.counts[cell] for cell in rows)
        enough = n >= self._least and group.sure
        return Rate(group.name, sum(group.counts[cell] for cell in cases), n, enough, not group.rest)


def _odds(tpr: Sequence[Rate], fpr: Sequence[Rate]) -> tuple[Gap | None, str]:
    """The larger gap, between groups that have enough of both kinds; a group that lacks one is left out of both."""
    small = {rate.group for rate in (*tpr, *fpr) if not rate.enough}
    kept = [[rate for rate in rates if rate.group not in small] for rates in (tpr, fpr)]
    one, other = gap(kept[0]), gap(kept[1])
    if one is None or other is None:
        return None, ""
    left_out = tuple(sorted(small))
    wider, which = (one, "tpr") if one.difference >= other.difference else (other, "fpr")
    p = min(one.p, other.p)
    return Gap(wider.high, wider.low, one.rows + other.rows, p, left_out), which


def _misses(batch: Batch) -> NDArray[np.float64]:
    """How far each prediction was off, float64 [n]; NaN where that is not known."""
    values = batch.scores if batch.scores is not None else batch.predictions
    if values is None or batch.labels is None:
        return np.full(len(batch), np.nan)
    labels = batch.labels
    if labels.dtype == object:
        labels = np.array([np.nan if label is None or label == "" else label for label in labels.tolist()])
    return np.abs(np.asarray(values, np.float64) - labels.astype(np.float64))
