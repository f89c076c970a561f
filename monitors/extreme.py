"""Rare values that have become common: the drift that shows within a day, before a distribution as a whole can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import QUANTILES, Counts, Numeric
from monitors.quality.excess import excess
from monitors.reference import Reference
from monitors.significance import wilson
from monitors.view import View

ENOUGH = 100
RARE = 1
"""Quantiles of the sketch from either end: 1 in 256 of the reference's values lies beyond."""

TIMES = 3.0
LEAST = 0.03
"""More matters if it is three times the reference's share, and 3 % of the rows."""

STATISTICS = ("low_tail", "high_tail")


class Extremes:
    """How many values of each numeric column are below the reference's 1/256 quantile, and above its 255/256 quantile.

    One warm day and a warm month look alike to PSI, which cannot exceed its largest bin; how far into the rarest values they
    reach tells them apart.
    state: `beyond`, int64 [columns, 2], and `present`, int64 [columns], finite values.
    """

    name = "drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        columns = zip(reference.schema.columns, reference.columns, strict=True)
        self.profiles: dict[str, Numeric] = {
            spec.name: profile for spec, profile in columns if isinstance(profile, Numeric) and profile.count
        }
        points = [profile.quantiles[[RARE, -1 - RARE]] for profile in self.profiles.values()]
        self.low, self.high = np.array(points, np.float64).reshape(-1, 2).T[:, :, None]

    def begin(self) -> State:
        """The state of no rows."""
        return {
            "beyond": np.zeros((len(self.profiles), 2), np.int64),
            "present": np.zeros(len(self.profiles), np.int64),
        }

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Counts the values of `view`."""
        beyond, present = _cells(state)
        rows = [view.layout.columns.index(name) for name in self.profiles]
        values, missing = view.values()[rows], view.missing()[rows]
        present += weight * (len(view) - missing.sum(1))
        beyond[:, 0] += weight * ((values < self.low) & ~missing).sum(1)
        beyond[:, 1] += weight * ((values > self.high) & ~missing).sum(1)

    def measure(self, state: State) -> Sequence[Measurement]:
        """Two shares of each column."""
        beyond, present = _cells(state)
        return [
            self._share(name, profile, side, int(beyond[row, side]), int(present[row]))
            for row, (name, profile) in enumerate(self.profiles.items())
            for side in (0, 1)
        ]

    def _share(self, name: str, profile: Numeric, side: int, found: int, n: int) -> Measurement:
        share, before = found / n if n else np.nan, profile.count * RARE // (QUANTILES - 1)
        expected = before / profile.count
        return Measurement(
            self.name,
            name,
            STATISTICS[side],
            share,
            n,
            interval=wilson(found, n) if n else None,
            enough=n >= ENOUGH,
            p=excess(found, n, before, profile.count),
            matters=n > 0 and share >= max(TIMES * expected, LEAST),
            detail={"point": float(profile.quantiles[(RARE, -1 - RARE)[side]]), "expected": expected},
        )


def _cells(state: State) -> tuple[Counts, Counts]:
    return cast(tuple[Counts, Counts], (state["beyond"], state["present"]))
