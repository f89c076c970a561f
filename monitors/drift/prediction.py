"""Whether the model still answers as it did in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from monitors.categorical import Categorical
from monitors.drift.answer import Answer
from monitors.drift.comparison import Categories, Numbers
from monitors.layout import Quantity
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.portrait import Distribution
from monitors.record import OUTPUT
from monitors.reference import Reference
from monitors.view import View

CLASS = "class"


class PredictionDrift:
    """Compares scores and predicted classes with the reference's, as features are compared.

    `score` is the positive class's probability (binary), the highest probability (multiclass), both in some 20 bins of
    equal share, or the predicted value (regression), in its own bins. `class` is the predicted class, where the reference
    has a column for it. A model without scores in its reference is watched by its classes alone.
    scores, sums: int64 [bins + 1], counts and sums in 2⁻¹⁶ σ. classes: int64 [classes + 2].
    """

    name = "prediction_drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        self._answer = Answer.of(reference)
        scores = [self._answer.quantity] if self._answer else []
        classes = _classes(reference)
        self._several = reference.schema.task == "multiclass"
        self._scores = Numbers(self.name, scores, [0] * len(scores))
        self._classes = Categories(self.name, classes, [0] * len(classes))
        self._bins = scores[0].width if scores else 0
        self._places = classes[0].width if classes else 0

    def begin(self) -> State:
        return {
            "scores": np.zeros(self._bins, np.int64),
            "sums": np.zeros(self._bins, np.int64),
            "classes": np.zeros(self._places, np.int64),
        }

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        kept: dict[str, Any] = state
        batch = view.batch
        if self._answer and batch.scores is not None:
            values = self._answer.values(batch.scores)
            cells = self._answer.index(values)
            missing = cells == self._bins - 1
            kept["scores"] += weight * np.bincount(cells, minlength=self._bins)
            kept["sums"] += weight * self._scores.sums(cells[None], values[None], missing[None], self._bins)
        if self._classes.quantities and batch.predictions is not None:
            profile = self._classes.quantities[0].profile
            assert isinstance(profile, Categorical)
            cells = profile.index(batch.predictions)
            kept["classes"] += weight * np.bincount(cells, minlength=self._places)

    def portray(self, state: State) -> Iterator[Distribution]:
        """How the answers were: several classes by themselves, everything else by its score, where there is one."""
        kept: dict[str, Any] = state
        held = ((self._classes.quantities, kept["classes"]), (self._scores.quantities, kept["scores"]))
        known = [(quantities[0], counts) for quantities, counts in held if quantities]
        for quantity, counts in known[:1] if self._several else known[-1:]:
            yield Distribution(quantity, counts, answer=True)

    def measure(self, state: State) -> Sequence[Measurement]:
        kept: dict[str, Any] = state
        return [*self._scores.measure(kept["scores"], kept["sums"]), *self._classes.measure(kept["classes"])]


def _classes(reference: Reference) -> list[Quantity]:
    return [
        Quantity(CLASS, spec.name, profile)
        for spec, profile in zip(reference.schema.columns, reference.columns, strict=True)
        if spec.name.startswith(OUTPUT) and isinstance(profile, Categorical)
    ][:1]
