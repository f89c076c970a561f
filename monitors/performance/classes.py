"""Labels and answered classes as places among the classes of a model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import Categorical, is_missing
from monitors.record import Batch
from monitors.reference import Reference
from monitors.score import ClassScores

Places = NDArray[np.int64]

MISSING = -1
STRANGER = -2
"""A label that is none of the classes: it is counted, and nothing else is made of it."""


class Classes:
    """The classes of a model in the order of its scores.

    >>> Classes(["no", "yes"]).places(np.array(["yes", None, "maybe", "no"], object)).tolist()
    [1, -1, -2, 0]
    """

    def __init__(self, values: Sequence[str | int]) -> None:
        self.values = tuple(values)
        self._table: dict[Any, int] = {None: MISSING, "": MISSING}
        self._table |= {value: place for place, value in enumerate(values)}
        numbers = len(self.values) > 0 and all(isinstance(value, int) for value in self.values)
        self._order = np.argsort(np.array(self.values, np.float64)) if numbers else None
        self._sorted = np.sort(np.array(self.values, np.float64)) if numbers else np.empty(0)

    @classmethod
    def of(cls, reference: Reference) -> Classes:
        """Those of the schema; where it names none, 0 and 1, or 0, 1, 2, … as many as there are scores, or labels."""
        schema, scores, labels = reference.schema, reference.scores, reference.labels
        width = 2 if schema.task == "binary" else 0
        if schema.task == "multiclass" and isinstance(scores, ClassScores):
            width = len(scores.classes)
        elif schema.task == "multiclass" and isinstance(labels, Categorical):
            width = max((value + 1 for value in labels.values if isinstance(value, int)), default=0)
        return cls(schema.classes or tuple(range(width)))

    def __len__(self) -> int:
        return len(self.values)

    def places(self, values: NDArray[Any]) -> Places:
        """The place of each value, int64 [n]: MISSING for None, NaN and "", STRANGER for what is none of the classes."""
        if values.dtype.kind in "fiub" and self._order is not None:
            return self._numbers(values.astype(np.float64))
        listed = values.tolist()
        try:
            found = [self._table.get(value, STRANGER) for value in listed]
        except TypeError:  # a list or a mapping has no hash
            found = [self._table.get(value, STRANGER) if isinstance(value, Hashable) else STRANGER for value in listed]
        places = np.array(found, np.int64)
        for row in np.flatnonzero(places == STRANGER):  # NaN equals nothing, so the table cannot hold it
            if is_missing(listed[row]):
                places[row] = MISSING
        return places

    def predicted(self, batch: Batch) -> Places:
        """The class that was answered, int64 [n]: what the model said, else the likeliest, at 0.5 for a binary task."""
        if batch.predictions is not None:
            return self.places(batch.predictions)
        if batch.scores is None:
            return np.full(len(batch), MISSING)
        if batch.scores.ndim == 1:
            return np.where(np.isfinite(batch.scores), (batch.scores >= 0.5).astype(np.int64), MISSING)
        if batch.scores.shape[1] != len(self):
            return np.full(len(batch), MISSING)
        return np.where(np.isfinite(batch.scores).all(1), batch.scores.argmax(1), MISSING)

    def _numbers(self, values: NDArray[np.float64]) -> Places:
        assert self._order is not None
        near = np.minimum(np.searchsorted(self._sorted, values), len(self.values) - 1)
        found = np.where(self._sorted[near] == values, self._order[near], STRANGER)
        return np.where(np.isnan(values), MISSING, found)
