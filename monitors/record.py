"""Answered requests as columns: what every monitor is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.numeric import Floats

Values = NDArray[Any]

OUTPUT = "output."
"""Columns that hold what the model answered are called so; they say nothing of whether an input is strange."""


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Rows that one version answered in one role, in any order.

    time: int64 [n], when each was asked, ns since the epoch, UTC. ids: object [n], the request ids, str.
    columns: the inputs by name; numbers or bool [n], strings as object [n], wide ones [n, width]. An input that was not
    recorded is not there. NaN, None and "" stand for missing.
    scores: float64 [n], the positive class's probability (binary) or the predicted value (regression), or [n, classes]
    (multiclass), None if the model has none; NaN where it is not known.
    predictions: [n], the class that was answered, or None.
    labels: [n], what turned out to be true, or None; NaN or None where it is not known.
    groups: declared attributes by name, [n] each: inputs, or parameters that never reached the model.
    label_time: int64 [n], when each label was known, ns since the epoch, UTC, or None where that was not recorded; what
    it holds for a row without a label means nothing.
    unscored: bool [n], rows whose answer has no score because nobody asked for it; None if there are none.
    """

    time: NDArray[np.int64]
    ids: Values
    columns: Mapping[str, Values]
    scores: Floats | None = None
    predictions: Values | None = None
    labels: Values | None = None
    groups: Mapping[str, Values] = field(default_factory=dict)
    label_time: NDArray[np.int64] | None = None
    unscored: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.time)

    def take(self, chosen: Values) -> Batch:
        """The rows that `chosen`, a bool mask or int indices, picks."""
        return Batch(
            self.time[chosen],
            self.ids[chosen],
            {name: values[chosen] for name, values in self.columns.items()},
            None if self.scores is None else self.scores[chosen],
            None if self.predictions is None else self.predictions[chosen],
            None if self.labels is None else self.labels[chosen],
            {name: values[chosen] for name, values in self.groups.items()},
            None if self.label_time is None else self.label_time[chosen],
            None if self.unscored is None else self.unscored[chosen],
        )


def concat(batches: Sequence[Batch]) -> Batch:
    """The rows of all of them, one after another; all have the same columns. Raises ValueError for none at all."""
    first = batches[0]
    if len(batches) == 1:
        return first

    def joined(parts: Sequence[Any]) -> Any:
        return None if parts[0] is None else np.concatenate(parts)

    return Batch(
        joined([batch.time for batch in batches]),
        joined([batch.ids for batch in batches]),
        {name: joined([batch.columns[name] for batch in batches]) for name in first.columns},
        joined([batch.scores for batch in batches]),
        joined([batch.predictions for batch in batches]),
        joined([batch.labels for batch in batches]),
        {name: joined([batch.groups[name] for batch in batches]) for name in first.groups},
        joined([batch.label_time for batch in batches]),
        joined([batch.unscored for batch in batches]),
    )


def scores_of(found: Values | None, task: str) -> Floats | None:
    """A model's score as a batch has it; found: [n] or [n, …]. None where the task has no use for one.

    >>> scores_of(np.array([[0.9, 0.1], [0.2, 0.8]]), "binary")
    array([0.1, 0.8])
    """
    if found is None or task == "other":
        return None
    scores = found.astype(np.float64)
    return scores[:, -1] if task == "binary" and scores.ndim > 1 else scores
