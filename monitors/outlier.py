"""Strange rows: how many there are, against how many there were in training, and which are the strangest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from monitors.categorical import Categorical
from monitors.halfspace import TAILS, HalfSpaces, spots
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Counts, Floats
from monitors.quality.excess import excess
from monitors.reference import Reference
from monitors.significance import wilson
from monitors.view import View
from monitors.worst import Worst

STEPS = (0.5, 0.25, 0.1, 0.05, *TAILS)
"""Where the bins of the score begin: at the score that this share of the training rows reached."""

ENOUGH = 100
WORST = 5

TIMES = 3.0
LEAST = 0.01
"""More strange rows matter if they are three times as many as in training, and 1 % of all."""


class Outliers:
    """How strange the inputs are, each taken as a whole: by itself every value of a row may be an ordinary one.

    state: `scores`, int64 [7], rows by score, from the ordinary half to the strangest thousandth of the training rows, `skipped`,
    int64 [1], rows that lacked a column, and `worst`, the strangest of all with their ids.
    """

    name = "outlier"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        """Raises ValueError for a reference without half-spaces."""
        if reference.outliers is None:
            raise ValueError("the reference has no half-spaces; make it again")
        self.learnt: HalfSpaces = reference.outliers
        categories = ((name, reference[name]) for name in self.learnt.names)
        self.spots = {
            name: np.ascontiguousarray(spots(profile), np.float32)
            for name, profile in categories
            if isinstance(profile, Categorical)
        }
        self.edges: Floats = -np.log2(np.array(STEPS))

    def begin(self) -> State:
        """The state of no rows."""
        return {
            "scores": np.zeros(len(STEPS) + 1, np.int64),
            "skipped": np.zeros(1, np.int64),
            "worst": Worst(WORST),
        }

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds the rows of `view`; rows that are taken back leave the counts, but not the strangest."""
        counts, skipped, worst = _cells(state)
        if not set(self.learnt.names) <= set(view.names):
            skipped += weight * len(view)
            return
        bits = self.learnt.bits(self.learnt.score(self._points(view)))
        counts += weight * np.bincount(np.searchsorted(self.edges, bits, "right"), minlength=len(counts))
        if weight > 0:
            worst.add(bits, view.batch.ids)

    def measure(self, state: State) -> Sequence[Measurement]:
        """The share of rows that are stranger than 99 % of the training rows were, and than 99.9 %."""
        counts, skipped, worst = _cells(state)
        n = int(counts.sum())
        detail = {
            "distribution": _distribution(counts),
            "skipped": int(skipped[0]),
            "worst": [{"id": row, "score": round(1 - 2**-bits, 6)} for bits, row in worst.rows],
        }
        return [self._beyond(tail, int(counts[STEPS.index(tail) + 1 :].sum()), n, detail) for tail in TAILS]

    def _beyond(self, tail: float, found: int, n: int, detail: Mapping[str, Any]) -> Measurement:
        share, rows = found / n if n else np.nan, self.learnt.standing
        return Measurement(
            self.name,
            "inputs",
            f"beyond_{100 * (1 - tail):g}",
            share,
            n,
            interval=wilson(found, n) if n else None,
            enough=n >= ENOUGH,
            p=excess(found, n, round(rows * tail), rows),
            matters=n > 0 and share >= max(TIMES * tail, LEAST),
            detail={**detail, "expected": tail},
        )

    def _points(self, view: View) -> Floats:
        """The points of `view`, float [width, n], in the order in which the reference put their axes."""
        layout, table = view.layout, view.table()
        places = [
            self.spots[quantity.name][table[row]].T
            for row, quantity in enumerate(layout.quantities)
            if row >= layout.numeric
        ]
        return np.concatenate([view.values(), *places])


def _cells(state: State) -> tuple[Counts, Counts, Worst]:
    return cast(tuple[Counts, Counts, Worst], (state["scores"], state["skipped"], state["worst"]))


def _distribution(counts: Counts) -> dict[str, float]:
    """The share of rows in each bin, by the training ranks that it spans."""
    edges = [0.0, *(1 - np.array(STEPS)), 1.0]
    total = max(1, int(counts.sum()))
    return {
        f"{low:g}-{high:g}": round(float(count) / total, 6)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    }
