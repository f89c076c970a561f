"""What the training period did by itself: how far a measurement strayed from one stretch of it to the next."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitors.errors import ReferenceRefused
from monitors.measurement import Measurement
from monitors.numeric import Floats

MARGIN = 1.5
"""How many times the natural departure is still natural.

The widest of 50 training blocks is not the widest that there will be. Of windows of 1,000 rows from a process that wanders as
slowly as weather and has not changed, 2 to 9 % are beyond the widest block of 52,000 training rows, and 0 to 0.8 % beyond 1.5
times that; of 4,000 rows, where there are 13 blocks, 12 to 16 % and 3 to 8 %.
"""

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False, slots=True)
class Natural:
    """The departures of measurements from what they were over all training rows, in blocks of consecutive ones.

    A week of weather is not two months of weather, mistakes come in spells, and airports are never treated quite alike:
    all this is in the training period, so it is no news when it comes again.
    keys: monitor, subject and statistic of each measurement. sizes: int64 [s], ascending, rows in a block.
    seconds: float64 [s], how long such a block lasted, the median; NaN where the rows had no times, and blocks are random.
    centre: float32 [keys], the value over all rows. low, high: float32 [keys, s], the least and the largest departure from
    it, low <= 0 <= high; NaN where there were too few blocks. See `departure`.
    """

    keys: tuple[Key, ...]
    sizes: NDArray[np.int64]
    seconds: Floats
    centre: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    _rows: dict[Key, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.keys), len(self.sizes))
        found = [array.shape for array in (self.seconds, self.centre, self.low, self.high)]
        if found != [shape[1:], shape[:1], shape, shape]:
            raise ReferenceRefused(f"natural: found arrays of shapes {found} for {shape[0]} keys and {shape[1]} sizes")
        for array in (self.sizes, self.seconds, self.centre, self.low, self.high):
            array.flags.writeable = False
        object.__setattr__(self, "_rows", {tuple(key): row for row, key in enumerate(self.keys)})

    @property
    def timed(self) -> bool:
        """Whether blocks were stretches of time."""
        return bool(np.isfinite(self.seconds).any())

    def weigh(self, found: Measurement, rows: int, seconds: float) -> Measurement:
        """The measurement, which no longer matters if it departs no further than the training period did by itself.

        rows: of its window, and seconds: how long that was; what is natural is that of training blocks of as many rows, or
        of blocks as long, where traffic is denser now. `natural` in detail: the values between which it lies; `as_in_training`:
        that it would matter otherwise.
        """
        row = self._rows.get(found.key)
        if row is None or found.p is None:
            return found
        size = self._size(rows, seconds)
        if found.interval is None:  # it is so or it is not, and a margin there can only be one of rows
            size = float(self.sizes[max(0, int(np.searchsorted(self.sizes, size / MARGIN, "right")) - 1)])
        low, high = (_at(np.log(size), self.sizes, edge[row]) for edge in (self.low, self.high))
        if np.isnan(low):
            return found
        centre, low, high = float(self.centre[row]), MARGIN * low, MARGIN * high
        # Half a millionth: the edges are kept as float32.
        inside = low - 5e-7 <= departure(found, centre) <= high + 5e-7
        detail = {**found.detail, "natural": (centre + low, centre + high)}
        if found.matters and inside:
            detail["as_in_training"] = True
        return dataclasses.replace(found, matters=found.matters and not inside, detail=detail)

    def _size(self, rows: int, seconds: float) -> float:
        known = np.isfinite(self.seconds)
        if not known.any():
            return max(1.0, rows)
        spans = np.maximum.accumulate(self.seconds[known])
        if seconds >= spans[-1]:
            return max(1.0, rows)
        dense = np.interp(np.log(max(seconds, 1e-9)), np.log(np.maximum(spans, 1e-9)), np.log(self.sizes[known]))
        return float(min(max(1.0, rows), np.exp(dense)))


def departure(found: Measurement, centre: float) -> float:
    """How far the value is from `centre` for certain: to the nearer edge of its interval, 0 inside it. So departures of few
    rows and of many can be compared.

    >>> departure(Measurement("drift", "temp", "psi", 0.4, 1000, interval=(0.25, 0.5)), 0.0)
    0.25
    """
    low, high = found.interval or (found.value, found.value)
    return max(low - centre, 0.0) + min(high - centre, 0.0)


def _at(place: float, sizes: NDArray[np.int64], edge: NDArray[np.float32]) -> float:
    """The edge at a logarithm of rows; beyond the smallest and the largest known size it is theirs. NaN if none is known."""
    known = np.isfinite(edge)
    return float(np.interp(place, np.log(sizes[known]), edge[known])) if known.any() else np.nan
