"""Whether the numeric inputs still vary together as they did in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitors.drift.comparison import ENOUGH, Numbers
from monitors.layout import Quantity
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Floats
from monitors.reference import Reference
from monitors.significance.normal import Z
from monitors.view import View

SUBJECT = "reconstruction_error"
UNIT = 2.0**-20
"""Errors are summed as whole numbers of this much, squares of errors too: exact, whatever the order of the rows."""
FARTHEST = 2.0**10


class Multivariate:
    """Rebuilds each row from the principal components of the training rows, and watches what is left over.

    Two inputs that used to move together and no longer do leave more over, though each on its own looks as before. The
    reconstruction error, in standard deviations of an input, is compared as a number is: PSI and the others, one test; and
    its mean with an interval, beside the reference's. A row that lacks one of the inputs has the mean in its place.
    counts: int64 [bins + 1]. sums: int64 [bins + 1], in 2⁻¹⁶ σ. moments: int64 [2], of errors and of their squares, in
    2⁻²⁰; an error above 1,024 counts as 1,024.
    """

    name = "multivariate_drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        self._profile = reference.plane.error if reference.plane else None
        quantities = [Quantity(SUBJECT, SUBJECT, reference.plane.error)] if reference.plane else []
        self._numbers = Numbers(self.name, quantities, [0] * len(quantities))
        self._size = quantities[0].width if quantities else 0

    def begin(self) -> State:
        return {
            "counts": np.zeros(self._size, np.int64),
            "sums": np.zeros(self._size, np.int64),
            "moments": np.zeros(2, np.int64),
        }

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        kept: dict[str, Any] = state
        plane = view.plane()
        if self._profile is None or plane is None:
            return
        error = plane[1]
        cells = self._profile.index(error)
        missing = cells == self._size - 1
        kept["counts"] += weight * np.bincount(cells, minlength=self._size)
        kept["sums"] += weight * self._numbers.sums(cells[None], error[None], missing[None], self._size)
        bounded = np.minimum(error[~missing], FARTHEST)
        kept["moments"] += weight * np.array([_units(bounded), _units(bounded**2)])

    def measure(self, state: State) -> Sequence[Measurement]:
        kept: dict[str, Any] = state
        counts = kept["counts"]
        found = self._numbers.measure(counts, kept["sums"])
        if self._profile is None:
            return found
        n, (total, squares) = int(counts[:-1].sum()), (float(cell) * UNIT for cell in kept["moments"])
        mean = total / n if n else np.nan
        enough = n >= ENOUGH
        half = Z * np.sqrt(max(0.0, squares / n - mean**2) / n) if enough else np.nan
        return [
            *found,
            Measurement(
                self.name,
                SUBJECT,
                "mean",
                mean,
                n,
                (mean - half, mean + half) if enough else None,
                enough,
                detail={"reference": self._profile.mean},
            ),
        ]


def _units(values: Floats) -> int:
    return int(np.rint(values / UNIT).astype(np.int64).sum())
