"""How good the answers were, once labels tell: the monitor for every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.performance.binary import BinaryPerformance
from monitors.performance.multiclass import MulticlassPerformance
from monitors.performance.regression import RegressionPerformance
from monitors.reference import Reference
from monitors.view import View


class Performance:
    """Realised performance, by metric, each with its interval; what the reference's unfitted rows had is in detail.

    One metric is tested against them: AUC for two classes, accuracy for several, MAE for values. The others follow from
    the same mistakes, and would spend the alarm's budget again. A task `other` has no performance.
    """

    name = "performance"
    feed: Feed = "labelled"

    def __init__(self, reference: Reference) -> None:
        kinds = {"binary": BinaryPerformance, "multiclass": MulticlassPerformance, "regression": RegressionPerformance}
        kind: Any = kinds.get(reference.schema.task)
        self._task = kind(reference) if kind is not None else None

    def begin(self) -> State:
        """No rows."""
        state: State = self._task.begin() if self._task else {}
        return state

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds the rows that have a label."""
        if self._task:
            self._task.fold(state, view, weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        """One measurement for each metric; none without any label."""
        found: Sequence[Measurement] = self._task.measure(state) if self._task else ()
        return found
