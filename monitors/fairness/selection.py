"""How often each group is selected, or what it is predicted, whether or not that was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from monitors.fairness.amount import CELLS, Amounts, mean_matters
from monitors.fairness.gap import LEAST, Gap, Rate, difference, gap, ratio
from monitors.fairness.groups import Group, Groups
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.performance.classes import Classes
from monitors.reference import Reference
from monitors.view import View


class SelectionRates:
    """Demographic parity: whether groups are given the same answers. Needs no labels, and does not ask who deserves what.

    Binary: the share of each group that is given the last class; the difference between the highest and the lowest share
    and their ratio. Multiclass: the same for each class, and of the gaps the largest. Regression: mean predictions.
    State: for each attribute a Tally by group for each class, or of rows, sums and sums of squares.
    """

    name = "fairness"
    feed: Feed = "answers"

    def __init__(self, reference: Reference, attributes: Sequence[str], least: int = LEAST) -> None:
        """attributes: names among a batch's groups or columns. least: rows that a group needs before it is compared."""
        self._groups, self._least, self._task = Groups(reference, attributes), least, reference.schema.task
        self._amounts = Amounts(reference, self._groups, least)
        self._classes = Classes.of(reference) if self._task in ("binary", "multiclass") else Classes(())
        self._cells = tuple(map(str, self._classes.values))

    def begin(self) -> State:
        return self._amounts.begin() if self._task == "regression" else self._groups.begin(self._cells)

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        if self._task == "regression":
            self._values(state, view, weight)
            return
        places = self._classes.predicted(view.batch).tolist() if self._cells else []
        for attribute in self._groups.attributes if places else ():
            names = self._groups.names(view, attribute)
            if names is None:
                continue
            table: dict[int, Counter[str]] = {}
            for (name, place), rows in Counter(zip(names, places, strict=True)).items():
                if name is not None and place >= 0:
                    table.setdefault(place, Counter())[name] += rows
            for place, amounts in table.items():
                self._groups.count(state, attribute, self._cells[place], amounts, weight)

    def group_rows(self, state: State) -> dict[str, int]:
        """How many rows each group has that an answer is known of; `all others` are those that are not shown."""
        cells, rows = (CELLS, CELLS[:1]) if self._task == "regression" else (self._cells, self._cells)
        return {
            f"{attribute}={group.name}": sum(group.counts[cell] for cell in rows)
            for attribute in (self._groups.attributes if cells else ())
            for group in self._groups.read(state, attribute, cells, rows)
        }

    def measure(self, state: State) -> Sequence[Measurement]:
        found: list[Measurement] = []
        for attribute in self._groups.attributes:
            if self._task == "regression":
                matters = mean_matters(self._amounts.spread)
                found += self._amounts.measure(state, attribute, "mean_prediction", matters)
            elif self._cells:
                found += self._rates(attribute, self._groups.read(state, attribute, self._cells, self._cells))
        return found

    def _values(self, state: State, view: View, weight: int) -> None:
        values = view.batch.scores if view.batch.scores is not None else view.batch.predictions
        for attribute in self._groups.attributes if values is not None else ():
            names = self._groups.names(view, attribute)
            if names is not None:
                self._amounts.fold(state, attribute, names, np.asarray(values, np.float64), weight)

    def _rates(self, attribute: str, groups: Sequence[Group]) -> list[Measurement]:
        shown = self._cells[-1:] if self._task == "binary" else self._cells
        found, gaps = [], dict[str, Gap]()
        for cell in shown:
            rates = [self._rate(group, cell) for group in groups]
            suffix = "" if self._task == "binary" else f", class={cell}"
            found += [rate.measurement(f"{attribute}={rate.group}{suffix}", "selection_rate") for rate in rates]
            if (apart := gap(rates)) is not None:
                gaps[cell] = apart
        n, tests = sum(sum(group.counts.values()) for group in groups), len(shown)
        widest = max(gaps, key=lambda cell: gaps[cell].difference, default=None)
        taken = [cell for cell in gaps if gaps[cell].high.cases]
        lowest = min(taken, key=lambda cell: gaps[cell].ratio, default=None)
        return [
            *found,
            difference(
                attribute, "demographic_parity_difference", gaps.get(widest or ""), n, tests, **self._of(widest)
            ),
            ratio(attribute, "demographic_parity_ratio", gaps.get(lowest or ""), n, tests, **self._of(lowest)),
        ]

    def _of(self, cell: str | None) -> dict[str, str]:
        return {} if self._task == "binary" or cell is None else {"class": cell}

    def _rate(self, group: Group, cell: str) -> Rate:
        rows = sum(group.counts.values())
        enough = rows >= self._least and group.sure
        return Rate(group.name, group.counts[cell], rows, enough, not group.rest)
