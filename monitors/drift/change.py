"""When a feature changed inside a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from river.drift import ADWIN

from monitors.checkpoint import pack, unpack
from monitors.detector import Series
from monitors.errors import CheckpointRefused
from monitors.layout import Layout
from monitors.measurement import Measurement
from monitors.monitor import Feed
from monitors.numeric import Floats
from monitors.reference import Reference
from monitors.view import View

DELTA = 0.002
"""How likely ADWIN is to find a change at a point of a series that has none, all features together."""


@dataclass(slots=True)
class Memory:
    """One ADWIN for each feature, and how many changes it has found since the model was first watched."""

    detectors: list[Any]
    changes: list[int]


class Change:
    """River's ADWIN on where in the reference the values stand: a change shows while its window's total looks as ever.

    What it follows are means of ranks in [0, 1], one for each slot of time, 0.5 if nothing drifts. The mean of many ranks
    varies far less than one rank, and ADWIN, which expects to see all of [0, 1], would find nothing in them. So each is put
    on the scale of its own uncertainty and mapped through the normal distribution function: uniform on [0, 1] as long as
    rows come from the reference, whatever their number, and at an end of it soon after they do not. After some quiet windows
    a change that takes the means to an end of [0, 1] is found about 40 slots later; without any before, never in one window.
    δ is shared among the features. A change is no alarm: weather changes every day, and the tests of drift judge how much.
    """

    name = "drift"
    feed: Feed = "answers"

    def __init__(self, reference: Reference, delta: float = DELTA) -> None:
        self._layout = layout = Layout.of(reference)
        self.subjects = tuple(quantity.name for quantity in layout.quantities)
        self._delta = delta / max(1, len(self.subjects))
        self._spread = np.array([_spread(layout, row) for row in range(len(self.subjects))])
        self._rows = np.array([max(1, int(quantity.counts[:-1].sum())) for quantity in layout.quantities])

    def values(self, view: View) -> Floats:
        """The rank of each value in the reference, float64 [n, subjects]; NaN for a missing one."""
        ranks: Floats = self._layout.middles[view.cells().T]
        return ranks

    def begin(self) -> Memory:
        return Memory([_adwin(self._delta) for _ in self.subjects], [0] * len(self.subjects))

    def follow(self, memory: Memory, series: Series) -> Sequence[Measurement]:
        """One measurement for each feature: how many changes were found in the window. Detail: `changes` since the model was
        first watched; if there was one, `time`, ns, where the window's mean ranks part most, and what they are before and
        after. A change that began in the window before may have been found only in this one."""
        even = self._even(series)
        return [self._measured(memory, series, row, even[:, row]) for row in range(len(self.subjects))]

    def dump(self, memory: Memory) -> bytes:
        # River offers pickles only, which may run anything when they are read; what its core keeps is plain bytes.
        return pack(
            {
                "changes": memory.changes,
                "found": [detector.drift_detected for detector in memory.detectors],
                "windows": [detector._helper.__getstate__() for detector in memory.detectors],
            }
        )

    def load(self, data: bytes) -> Memory:
        tree, memory = unpack(data), self.begin()
        if len(tree["changes"]) != len(self.subjects):
            raise CheckpointRefused(f"checkpoint: found {len(tree['changes'])} features, expected {len(self.subjects)}")
        memory.changes = tree["changes"]
        for detector, found, window in zip(memory.detectors, tree["found"], tree["windows"], strict=True):
            # One that has just found a change begins anew with its next value.
            detector._drift_detected = found
            detector._helper.__setstate__(window)
        return memory

    def _even(self, series: Series) -> Floats:
        """The means as what is uniform without drift, float64 [slots, subjects] in [0, 1]; NaN where there is none."""
        # The reference is a sample too, and slots of many rows would show it.
        unit = np.sqrt(1 / np.maximum(1, series.counts) + 1 / self._rows)
        z = np.clip((series.means - 0.5) / (unit * self._spread), -8, 8)
        # The normal distribution function to 1.4e-4; Bowling et al. 2009, "A logistic approximation to the cumulative normal".
        even: Floats = 1 / (1 + np.exp(-z * (1.5976 + 0.07056 * z * z)))
        return even

    def _measured(self, memory: Memory, series: Series, row: int, even: Floats) -> Measurement:
        detector, found = memory.detectors[row], 0
        for value in even[~np.isnan(even)].tolist():  # a single NaN would silence ADWIN for good
            detector.update(value)
            found += detector.drift_detected
        memory.changes[row] += found
        counts = series.counts[:, row]
        detail = {"changes": memory.changes[row]} | (_sides(series, row) if found else {})
        return Measurement(self.name, self.subjects[row], "changes", float(found), int(counts.sum()), detail=detail)


def _adwin(delta: float) -> Any:
    # River's classes are not annotated. With its own clock it would look once in 32 slots, which is once in a window.
    return ADWIN(delta, clock=1)  # type: ignore[no-untyped-call]


def _sides(series: Series, row: int) -> dict[str, Any]:
    """Where the window's mean ranks part most, as CUSUM finds it, and what they are to both sides."""
    counts = series.counts[:, row]
    sums = np.nan_to_num(series.means[:, row]) * counts
    away = np.abs((sums - counts * sums.sum() / counts.sum()).cumsum())
    # The last cell would leave nothing on the other side.
    split = 1 + int(away[:-1].argmax()) if len(away) > 1 else 0
    was, now = (float(sums[side].sum() / max(1, counts[side].sum())) for side in (slice(0, split), slice(split, None)))
    return {"time": int(series.time[split]), "was": was, "now": now}


def _spread(layout: Layout, row: int) -> float:
    """The standard deviation of one rank in the reference; NaN of a feature that is always the same, which has no ranks."""
    cells = slice(layout.offsets[row], layout.offsets[row + 1] - 1)
    counts, ranks = layout.counts[cells], layout.middles[cells]
    if not counts.sum():
        return np.nan
    spread = float(np.sqrt(counts @ (ranks - 0.5) ** 2 / counts.sum()))
    return spread if spread > 0 else np.nan
