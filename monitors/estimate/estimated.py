"""How good the answers are likely to be, before any label tells: the monitor for every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitors.estimate.binary import BinaryEstimate
from monitors.estimate.multiclass import MulticlassEstimate
from monitors.estimate.value import ValueEstimate
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.reference import Reference
from monitors.view import View


class Estimate:
    """Confidence-based performance estimation (CBPE) for classes, errors by size of the prediction for values.

    It sees what a change of inputs does to performance, and is blind to concept drift: `assumes` in each measurement's
    detail says so, and `gap` compares with the labels once they are there. A reference without scores has no estimate.

    Białek et al. 2024, "Estimating model performance under covariate shift without labels"; Guillory et al. 2021,
    "Predicting with confidence on unseen distributions".
    """

    name = "estimate"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        kinds = {"binary": BinaryEstimate, "multiclass": MulticlassEstimate, "regression": ValueEstimate}
        kind: Any = kinds.get(reference.schema.task) if reference.scores is not None else None
        self._task = kind(reference) if kind is not None else None

    def begin(self) -> State:
        """No rows."""
        state: State = self._task.begin() if self._task else {}
        return state

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds the rows that have a score."""
        if self._task:
            self._task.fold(state, view, weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        """One measurement for each metric."""
        found: Sequence[Measurement] = self._task.measure(state) if self._task else ()
        return found
