"""Whether what turned out to be true is still distributed as in training: the base rate, or the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.categorical import Categorical
from monitors.drift.comparison import Categories, Numbers
from monitors.layout import Quantity
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Numeric
from monitors.performance.regression import numbers
from monitors.reference import Reference
from monitors.view import View

LABEL = "label"


class LabelDrift:
    """Compares labels with the reference's, as features are compared. A reference without labels has nothing to say.

    A base rate that rose by half leaves the ranking of scores as it was, and AUC with it, while every probability is wrong.
    labels: int64 [classes + 2], or [bins + 1] of values. sums: int64 [bins + 1], in 2⁻¹⁶ σ; of classes [0].
    """

    name = "label_drift"
    feed: Feed = "labelled"

    def __init__(self, reference: Reference) -> None:
        self._profile = profile = reference.labels
        quantities = [Quantity(LABEL, LABEL, profile)] if profile is not None and profile.count else []
        offsets = [0] * len(quantities)
        self._size = quantities[0].width if quantities else 0
        self._numbers = Numbers(self.name, quantities if isinstance(profile, Numeric) else [], offsets)
        self._classes = Categories(self.name, quantities if isinstance(profile, Categorical) else [], offsets)

    def begin(self) -> State:
        sums = self._size if self._numbers.quantities else 0
        return {"labels": np.zeros(self._size, np.int64), "sums": np.zeros(sums, np.int64)}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        kept: dict[str, Any] = state
        labels = view.batch.labels
        if labels is None or self._profile is None or not self._size:
            return
        if isinstance(self._profile, Categorical):
            kept["labels"] += weight * np.bincount(self._profile.index(labels), minlength=self._size)
            return
        values = numbers(labels)
        cells = self._profile.index(values)
        missing = cells == self._size - 1
        kept["labels"] += weight * np.bincount(cells, minlength=self._size)
        kept["sums"] += weight * self._numbers.sums(cells[None], values[None], missing[None], self._size)

    def measure(self, state: State) -> Sequence[Measurement]:
        kept: dict[str, Any] = state
        return [*self._numbers.measure(kept["labels"], kept["sums"]), *self._classes.measure(kept["labels"])]
