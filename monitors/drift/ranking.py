"""What moved the score most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.drift.answer import Answer
from monitors.drift.comparison import ENOUGH
from monitors.layout import Layout
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Counts, Floats
from monitors.reference import Reference
from monitors.significance.normal import Z
from monitors.view import View

UNIT = 2.0**-16
"""Scores are summed as whole numbers of this many of the reference's σ: exact, whatever the order of the rows."""
FARTHEST = 2.0**31


class Ranking:
    """By how much the shift of each feature moves the score, in the score's own units.

    What rows in each of the feature's cells score on average is learned in the window; the cells' shares, then and now, say
    the rest: Σ (share now - share in the reference) · mean score in the cell. A feature that drifts far and does not touch
    the score ranks last. What is counted twice: features that drift together and score alike each bear the whole of it, so
    the shifts do not add up to the score's. A cell that is empty now has the mean score of all rows.
    Of multiclass models the score is the highest one. Nothing is tested: the features and the score have tests of their own.
    counts, sums: int64 [cells], rows with a score, and their scores in 2⁻¹⁶ σ. squares: int64 [1], the sum of
    their squares in 2⁻¹⁶ σ².
    """

    name = "drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        self._layout = layout = Layout.of(reference)
        self._answer = Answer.of(reference) if layout.quantities else None
        profile = self._answer.profile if self._answer else None
        self._mean = profile.mean if profile and np.isfinite(profile.mean) else 0.0
        self._scale = profile.std if profile and np.isfinite(profile.std) and profile.std > 0 else 1.0
        present = np.ones(layout.size, bool)
        present[layout.offsets[1:] - 1] = False
        self._present = present
        self._starts, self._of = layout.offsets[:-1], np.repeat(np.arange(len(layout.quantities)), layout.widths)
        self._reference = layout.counts * present

    def begin(self) -> State:
        size = self._layout.size if self._answer else 0
        return {name: np.zeros(cells, np.int64) for name, cells in (("counts", size), ("sums", size), ("squares", 1))}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        if self._answer is None or view.batch.scores is None:
            return
        kept: dict[str, Any] = state
        scores = self._answer.values(view.batch.scores)
        cells, counts, known = view.cells(), view.counts(), np.isfinite(scores)
        if not known.all():
            scores, cells = scores[known], cells[:, known]
            counts = np.bincount(cells.ravel(), minlength=self._layout.size)
        units = self._units(scores)
        kept["counts"] += weight * counts
        kept["sums"] += weight * np.bincount(cells.ravel(), np.tile(units, len(cells)), len(counts)).astype(np.int64)
        kept["squares"] += weight * np.rint((units * UNIT) ** 2 / UNIT).astype(np.int64).sum()

    def measure(self, state: State) -> Sequence[Measurement]:
        if self._answer is None:
            return []
        kept: dict[str, Any] = state
        counts = kept["counts"] * self._present
        n, m = self._total(counts), self._total(self._reference)
        shift, half = self._shifts(counts, kept["sums"] * self._present, float(kept["squares"][0]))
        ranks = np.empty(len(n), np.int64)
        ranks[np.argsort(-np.abs(np.nan_to_num(shift)), kind="stable")] = np.arange(1, len(n) + 1)
        return [
            self._measured(
                quantity.name, int(n[row]), int(m[row]), float(shift[row]), float(half[row]), int(ranks[row])
            )
            for row, quantity in enumerate(self._layout.quantities)
        ]

    def _measured(self, name: str, n: int, m: int, shift: float, half: float, rank: int) -> Measurement:
        enough = min(n, m) >= ENOUGH
        interval = (shift - half, shift + half) if enough else None
        return Measurement(self.name, name, "score_shift", shift, n, interval, enough, detail={"rank": rank})

    def _shifts(self, counts: Counts, sums: NDArray[np.int64], squares: float) -> tuple[Floats, Floats]:
        """The shift of each quantity, and half of its interval, float64 [quantities], in the score's units."""
        n, m = (np.where(total > 0, total, np.nan) for total in (self._total(counts), self._total(self._reference)))
        p, q = self._reference / m[self._of], counts / n[self._of]
        overall = self._total(sums) * UNIT / n
        mean = np.where(counts > 0, sums * UNIT / np.maximum(1, counts), overall[self._of]) - overall[self._of]
        # How scores vary inside the cells: what is left of all their variance, for all cells alike.
        between = self._total(counts * (mean + overall[self._of]) ** 2)
        inside = np.maximum(0, squares * UNIT - between) / n
        learned = self._total((q - p) ** 2 / np.maximum(1, counts)) * inside
        sampled = (self._total(q * mean**2) - self._total(q * mean) ** 2) / n
        expected = (self._total(p * mean**2) - self._total(p * mean) ** 2) / m
        half = Z * np.sqrt(np.maximum(0, learned + sampled + expected))
        return self._total((q - p) * mean) * self._scale, half * self._scale

    def _total(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Sums over the cells of each quantity."""
        return np.add.reduceat(cells, self._starts)

    def _units(self, scores: Floats) -> Floats:
        with np.errstate(over="ignore"):  # predictions near the largest number
            units = np.rint((scores - self._mean) / (self._scale * UNIT))
        return np.clip(units, -FARTHEST, FARTHEST)
