"""Quantities held against their reference, all at once: every statistic, one test each, and whether a move matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import Categorical
from monitors.drift.contingency import chi2, linf
from monitors.drift.distance import Wasserstein, ks
from monitors.drift.divergence import hellinger, js, psi
from monitors.drift.share import FLOOR
from monitors.drift.uncertainty import hellinger_interval, js_interval, ks_interval, psi_interval
from monitors.layout import Quantity
from monitors.measurement import Measurement
from monitors.numeric import Counts, Floats, Numeric
from monitors.significance import homogeneities

ENOUGH = 100
"""Rows that both sides need: with fewer, 20 bins expect less than the five that Cochran asks of each."""

EFFECT = 0.1
"""A PSI, or a JS distance, below this wakes nobody. Of PSI it is the industry's "moderate shift"."""

TIMES, LEAST = 1.25, 0.03
"""Unless a category became so many times as frequent, or as rare, by at least this share of the rows."""

Found = Mapping[str, tuple[Floats, tuple[Floats, Floats] | None]]
"""Values and intervals by statistic, float64 [quantities] each."""


class Comparison:
    """Quantities of one kind, and the cells of a state that hold their counts.

    What is missing is left out: how much is missing is a question of quality. Each quantity is tested once, and the
    measurement of its PSI carries the test: it is that of the counts, which stands for every other statistic of them.
    """

    def __init__(
        self, monitor: str, quantities: Sequence[Quantity], offsets: Sequence[int] | NDArray[np.int64]
    ) -> None:
        """offsets: where in the state's counts each quantity has the first of its cells."""
        self.monitor = monitor
        self.quantities = tuple(quantities)
        widths = [quantity.width - 1 for quantity in quantities]
        self.bins = max(widths, default=1)
        inside = np.arange(self.bins) < np.array(widths, np.int64)[:, None]
        # The cell after the last stands for those that a quantity does not have; it holds 0.
        self._cells = np.where(inside, np.array(offsets, np.int64)[:, None] + np.arange(self.bins), -1)
        self._reference = np.zeros(inside.shape, np.int64)
        for row, quantity in enumerate(quantities):
            self._reference[row, : widths[row]] = quantity.counts[:-1]

    def measure(self, counts: Counts, sums: NDArray[np.int64] | None = None) -> list[Measurement]:
        """What the counts, and the sums by cell where the quantities are numbers, say of each quantity.

        Detail of the tested one: its rank among the quantities and, if the move matters, the cell that moved most with its
        shares before and now.
        """
        if not self.quantities:
            return []
        observed = self._table(counts)
        enough = np.minimum(observed.sum(1), self._reference.sum(1)) >= ENOUGH
        p = np.ones(len(enough))
        if enough.any():
            p[enough] = homogeneities(self._reference[enough], observed[enough])
        found = self._statistics(observed, sums)
        ranks = np.empty(len(p), np.int64)
        ranks[np.argsort(-np.nan_to_num(found["psi"][0]), kind="stable")] = np.arange(1, len(p) + 1)
        return [
            measurement
            for row in range(len(self.quantities))
            for measurement in self._judge(row, observed[row], found, float(p[row]), bool(enough[row]), int(ranks[row]))
        ]

    def _table(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cells of the state side by side, int64 [quantities, bins]."""
        return np.append(cells, 0)[self._cells]

    def _statistics(self, observed: Counts, sums: NDArray[np.int64] | None) -> Found:
        far, apart = psi(self._reference, observed), js(self._reference, observed)
        return {
            "psi": (far, psi_interval(self._reference, observed, far)),
            "js": (apart, js_interval(self._reference, observed, apart)),
        }

    def _judge(
        self, row: int, observed: Counts, found: Found, p: float, enough: bool, rank: int
    ) -> Iterator[Measurement]:
        quantity, n = self.quantities[row], int(observed.sum())
        far, apart = (float(found[name][0][row]) for name in ("psi", "js"))
        matters = enough and (max(far, apart) >= EFFECT or self._shifted(row, observed))
        detail = {"rank": rank} | (self._moved(row, observed) if matters else {})
        for statistic, (values, interval) in found.items():
            tested = statistic == "psi"
            yield Measurement(
                self.monitor,
                quantity.name,
                statistic,
                float(values[row]),
                n,
                None if interval is None or not enough else (float(interval[0][row]), float(interval[1][row])),
                enough,
                p if tested else None,
                tested and matters,
                detail if tested else {},
            )

    def _shifted(self, row: int, observed: Counts) -> bool:
        """Whether there is a reason of its own why the move of that quantity matters."""
        return False

    def _moved(self, row: int, observed: Counts) -> dict[str, Any]:
        """The cell whose share moved most, in words, and its shares before and now."""
        expected = self._reference[row]
        was, now = expected / expected.sum(), observed / observed.sum()
        cell = int(np.abs(now - was).argmax())
        return {"moved": _name(self.quantities[row].profile, cell), "was": float(was[cell]), "now": float(now[cell])}


class Numbers(Comparison):
    """Quantities that are numbers: PSI, JS, KS, Hellinger, and Wasserstein in σ of the reference."""

    def __init__(
        self, monitor: str, quantities: Sequence[Quantity], offsets: Sequence[int] | NDArray[np.int64]
    ) -> None:
        super().__init__(monitor, quantities, offsets)
        profiles = [quantity.profile for quantity in quantities if isinstance(quantity.profile, Numeric)]
        self._wasserstein = Wasserstein(profiles, self.bins)

    def sums(
        self, cells: NDArray[np.int64], values: Floats, missing: NDArray[np.bool_], size: int
    ) -> NDArray[np.int64]:
        """What to add to a state's sums, int64 [size]: exact, whatever the order.

        cells: int64 [quantities, n], where in [0, size) each value is counted. values: float64 [quantities, n].
        """
        units = self._wasserstein.units(values, missing)
        return np.bincount(cells.ravel(), units.ravel(), size).astype(np.int64)

    def _statistics(self, observed: Counts, sums: NDArray[np.int64] | None) -> Found:
        assert sums is not None, "numbers are compared by their counts and their sums"
        gap, root = ks(self._reference, observed), hellinger(self._reference, observed)
        return {
            **super()._statistics(observed, sums),
            "ks": (gap, ks_interval(self._reference, observed, gap)),
            "hellinger": (root, hellinger_interval(self._reference, observed, root)),
            "wasserstein": (self._wasserstein.distance(observed, self._table(sums)), None),
        }


class Categories(Comparison):
    """Quantities that are categories: PSI, JS, χ² and L∞; values that the reference does not name are one cell, `other`.

    Few cells have a small PSI: a base rate that rises from 0.2 to 0.3 comes to 0.054. So it matters, too, if a category became
    a quarter more frequent, or as much rarer, and that makes up 3 % of the rows.
    """

    def _shifted(self, row: int, observed: Counts) -> bool:
        was, now = (np.maximum(cells / max(1, cells.sum()), FLOOR) for cells in (self._reference[row], observed))
        return bool(((np.abs(now - was) >= LEAST) & (np.maximum(now / was, was / now) >= TIMES)).any())

    def _statistics(self, observed: Counts, sums: NDArray[np.int64] | None) -> Found:
        return {
            **super()._statistics(observed, sums),
            "chi2": (chi2(self._reference, observed), None),
            "linf": (linf(self._reference, observed), None),
        }


def _name(profile: Numeric | Categorical, cell: int) -> str:
    if isinstance(profile, Categorical):
        return str(profile.values[cell]) if cell < len(profile.values) else "other"
    edges = [f"{edge:.6g}" for edge in profile.edges]
    if not edges:
        return "any"
    if cell == 0:
        return f"up to {edges[0]}"
    return f"{edges[cell - 1]} to {edges[cell]}" if cell < len(edges) else f"above {edges[-1]}"
