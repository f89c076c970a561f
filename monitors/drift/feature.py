"""Whether the inputs are still distributed as in training, each on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from monitors.drift.comparison import Categories, Numbers
from monitors.layout import Layout
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.portrait import Distribution
from monitors.reference import Reference
from monitors.view import View


class FeatureDrift:
    """Counts every input in the cells of its profile, and compares them with the reference's counts.

    Numbers: PSI, JS, KS, Hellinger, Wasserstein. Categories: PSI, JS, χ², L∞. A wide input, such as an image, is watched
    by what it is projected on: each coordinate (`image/0`, `image/1`, …) and the reconstruction error (`image/error`).
    Of each one test, carried by PSI; it matters where PSI or JS reach 0.1.
    An input that is not recorded has no rows, so it says nothing.
    counts: int64 [cells]. sums: int64 [cells of numbers], in 2⁻¹⁶ σ.
    """

    name = "drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        self._layout = layout = Layout.of(reference)
        self._numbers = Numbers(self.name, layout.quantities[: layout.numeric], layout.offsets[: layout.numeric])
        self._categories = Categories(
            self.name, layout.quantities[layout.numeric :], layout.offsets[layout.numeric : -1]
        )
        self._summed = int(layout.offsets[layout.numeric])

    def begin(self) -> State:
        return {"counts": np.zeros(self._layout.size, np.int64), "sums": np.zeros(self._summed, np.int64)}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        kept: dict[str, Any] = state
        kept["counts"] += weight * view.counts()
        cells = view.cells()[: self._layout.numeric]
        kept["sums"] += weight * self._numbers.sums(cells, view.values(), view.missing(), self._summed)

    def portray(self, state: State) -> Iterator[Distribution]:
        """How each input was distributed."""
        kept: dict[str, Any] = state
        for place, quantity in enumerate(self._layout.quantities):
            start, end = self._layout.offsets[place : place + 2]
            yield Distribution(quantity, kept["counts"][start:end])

    def measure(self, state: State) -> Sequence[Measurement]:
        kept: dict[str, Any] = state
        counts, sums = kept["counts"], kept["sums"]
        return [*self._numbers.measure(counts, sums), *self._categories.measure(counts)]
