"""Detectors whose answer depends on order, fed so that it does not depend on the order in which rows arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitors.errors import CheckpointRefused
from monitors.measurement import Measurement
from monitors.monitor import Feed
from monitors.numeric import Counts, Floats
from monitors.view import View

SLOTS = 64
"""A window is handed to detectors as at most so many consecutive means, and more than half as many where it spans them."""

UNIT = 2.0**-24
FARTHEST = 2.0**12
"""Values farther from 0 are taken to be this far."""


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """What a window held, in order of time.

    time: int64 [slots], the start of each slot, ns since the epoch. means: float64 [slots, series], NaN where a slot holds
    no value. counts: int64 [slots, series], how many values each mean is of. Slots without any value are left out.
    """

    time: NDArray[np.int64]
    means: Floats
    counts: Counts

    def __len__(self) -> int:
        return len(self.time)


class Detector(Protocol):
    """Follows series through time, such as ADWIN does: each window it is fed once, when the window closes, in order.

    A detector keeps nothing but what it was built with; what it remembers between windows is a memory, kept by the hub.
    """

    @property
    def name(self) -> str:
        """What its measurements carry as `monitor`."""
        ...

    @property
    def feed(self) -> Feed:
        """`answers`: rows in order of the time they were asked. `labelled`: in order of the time their label was known."""
        ...

    @property
    def subjects(self) -> Sequence[str]:
        """The series that it follows, always the same."""
        ...

    def values(self, view: View) -> Floats:
        """Of each row the value of each series, float64 [n, subjects]. What is not finite is left out of the means."""
        ...

    def begin(self) -> Any:
        """The memory of one that has seen nothing."""
        ...

    def follow(self, memory: Any, series: Series) -> Sequence[Measurement]:
        """Takes in the series of the next window, changing `memory`; tells what it found in this window."""
        ...

    def dump(self, memory: Any) -> bytes:
        """The memory as bytes, of a bounded number."""
        ...

    def load(self, data: bytes) -> Any:
        """The memory that `dump` wrote."""
        ...


class Track:
    """Sums and counts of several series by slot of time: they add up, so the order in which rows come does not matter.

    Slots are `grain` ns long, aligned to the epoch. Once values span more than SLOTS of them, each two neighbours become
    one, as often as needed: which slots there are depends on the first and the last time only.
    sums, counts: int64 [SLOTS, width]; row i is the slot `first` + i, `grain` << `level` ns long. Values are summed as whole
    multiples of 2⁻²⁴, so sums of values in [0, 1] are exact, whatever the order, for up to 2²⁹ of them.

    >>> track = Track(1, grain=1)
    >>> track.add(np.array([130, 0, 1]), np.array([[3.0], [1.0], [2.0]]))
    >>> track.series().time.tolist(), track.series().means.ravel().tolist()
    ([0, 128], [1.5, 3.0])
    """

    __slots__ = ("counts", "first", "grain", "last", "level", "sums")

    def __init__(self, width: int, grain: int) -> None:
        self.grain = grain
        self.level = 0
        self.first, self.last = 0, -1  # no slot yet
        self.sums = np.zeros((SLOTS, width), np.int64)
        self.counts = np.zeros((SLOTS, width), np.int64)

    def add(self, time: NDArray[np.int64], values: Floats) -> None:
        """time: int64 [n], ns. values: float64 [n, width]; what is not finite is left out."""
        finite = np.isfinite(values)
        some = finite.any(1)
        if not some.any():
            return
        slots = time // self.grain
        self._reach(int(slots[some].min()), int(slots[some].max()), 0)
        width = self.sums.shape[1]
        chosen = (((slots >> self.level) - self.first)[:, None] * width + np.arange(width))[finite]
        self.counts += np.bincount(chosen, minlength=SLOTS * width).reshape(SLOTS, width)
        units = np.rint(np.clip(values[finite], -FARTHEST, FARTHEST) / UNIT)
        sums = np.bincount(chosen, units, SLOTS * width)
        self.sums += sums.astype(np.int64).reshape(SLOTS, width)

    def merge(self, other: Track) -> None:
        """Takes in the rows of another of the same width and grain."""
        if other.last < other.first:
            return
        self._reach(other.first << other.level, other.last << other.level, other.level)
        slots = np.arange(other.first, other.last + 1)
        _move(other.sums, self.sums, (slots >> (self.level - other.level)) - self.first)
        _move(other.counts, self.counts, (slots >> (self.level - other.level)) - self.first)

    def series(self) -> Series:
        """The slots that hold anything, in order of time."""
        held = np.flatnonzero(self.counts.any(1))
        counts = self.counts[held]
        means = np.divide(self.sums[held] * UNIT, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
        return Series(((self.first + held) << self.level) * self.grain, means, counts)

    def dump(self) -> Any:
        """All of it as a plain tree."""
        return [self.grain, self.level, self.first, self.last, self.sums, self.counts]

    def load(self, tree: Any) -> None:
        """Takes over what `dump` gave. Raises CheckpointRefused for another width or grain."""
        grain, level, first, last, sums, counts = tree
        if grain != self.grain or sums.shape != self.sums.shape:
            raise CheckpointRefused(
                f"checkpoint: found a track {list(sums.shape)} of {grain} ns, expected {list(self.sums.shape)} of {self.grain} ns"
            )
        self.level, self.first, self.last, self.sums, self.counts = level, first, last, sums, counts

    def _reach(self, low: int, high: int, level: int) -> None:
        """Makes room for the slots from `low` to `high`, counted in grains, of that level or coarser."""
        empty = self.last < self.first
        if not empty:
            low, high = min(low, self.first << self.level), max(high, self.last << self.level)
        level = max(level, self.level)
        while (high >> level) - (low >> level) >= SLOTS:
            level += 1
        first, last = low >> level, high >> level
        if not empty and (first, level) != (self.first, self.level):
            slots = (np.arange(self.first, self.last + 1) >> (level - self.level)) - first
            sums, counts = np.zeros_like(self.sums), np.zeros_like(self.counts)
            _move(self.sums, sums, slots)
            _move(self.counts, counts, slots)
            self.sums, self.counts = sums, counts
        self.first, self.last, self.level = first, last, level


def _move(cells: NDArray[Any], into: NDArray[Any], slots: NDArray[np.int64]) -> None:
    np.add.at(into, slots, cells[: len(slots)])
