"""Answers of the small example, as the core's tests want them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.record import Batch
from monitors.view import View

MINUTE = 60 * 10**9
START = 1_700_000_040 * 10**9 // MINUTE * MINUTE


def batch(example: tuple[Any, ...], minutes: Sequence[float] | np.ndarray[Any, Any], labels: bool = False) -> Batch:
    """Rows of the example, asked so many minutes after START."""
    columns, _, scores, truth = example
    n = len(minutes)
    rows = np.arange(n) % len(scores)
    return Batch(
        START + np.rint(np.asarray(minutes, np.float64) * MINUTE).astype(np.int64),
        np.array([f"r{i}" for i in range(n)], object),
        {name: values[rows] for name, values in columns.items()},
        scores[rows],
        (scores[rows] >= 0.5).astype(np.int64),
        truth[rows] if labels else None,
        {"sex": np.array(["f", "m"], object)[rows % 2]},
    )


class Counting:
    """Counts rows, and sums their scores: the smallest monitor."""

    def __init__(self, feed: Feed = "answers") -> None:
        self.name, self.feed = "counting", feed

    def begin(self) -> State:
        return {"rows": np.zeros(1, np.int64), "positive": np.zeros(1, np.int64)}

    def fold(self, state: Any, view: View, weight: int = 1) -> None:
        state["rows"] += weight * len(view)
        if view.batch.labels is not None:
            state["positive"] += weight * int((view.batch.labels == 1).sum())

    def measure(self, state: Any) -> Sequence[Measurement]:
        rows, positive = int(state["rows"][0]), int(state["positive"][0])
        return [
            Measurement(self.name, self.feed, "rows", float(rows), rows, enough=rows > 0),
            Measurement(self.name, self.feed, "positive", float(positive), rows, enough=rows > 0),
        ]
