"""The time that a report is about, and the stretches that its charts are cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_WIDTHS = (
    *(SECOND * each for each in (1, 5, 10, 30)),
    *(_MINUTE * each for each in (1, 5, 10, 30)),
    *(_HOUR * each for each in (1, 3, 6)),
    *(_DAY * each for each in (1, 7, 28, 364)),
)
_MONDAY = 4 * _DAY
"""The first Monday after the epoch, so that a week begins as people begin it."""

MOST = 120
"""Stretches of a report: as many as a page can show beside one another."""


@dataclass(frozen=True, slots=True)
class Period:
    """begin, end: ns since the epoch, [begin, end); None: as far as there is anything."""

    begin: int | None = None
    end: int | None = None

    def holds(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the times, int64 [n], ns, lie in it."""
        inside = np.ones(len(times), np.bool_)
        if self.begin is not None:
            inside &= times >= self.begin
        if self.end is not None:
            inside &= times < self.end
        return inside

    def meets(self, first: int, last: int) -> bool:
        """Whether anything from `first` to `last`, ns, both included, may lie in it."""
        return (self.begin is None or last >= self.begin) and (self.end is None or first < self.end)

    def within(self, first: int, last: int) -> tuple[int, int]:
        """The two times, moved into it."""
        if self.begin is not None:
            first, last = max(first, self.begin), max(last, self.begin)
        if self.end is not None:
            first, last = min(first, self.end - 1), min(last, self.end - 1)
        return first, last


@dataclass(frozen=True, slots=True)
class Scale:
    """Stretches of equal width. width: ns. start: where the first begins, ns since the epoch. count: how many."""

    width: int
    start: int
    count: int

    @classmethod
    def of(cls, first: int, last: int) -> Scale:
        """The finest scale of whole seconds, minutes, hours, days or weeks (UTC) with at most 120 stretches.

        first, last: ns, the times that it has to hold.

        >>> scale = Scale.of(0, 3600 * SECOND)
        >>> scale.width // SECOND, scale.count
        (60, 61)
        """
        for width in _WIDTHS:
            origin = _MONDAY if width >= 7 * _DAY else 0
            start = (first - origin) // width * width + origin
            count = (last - start) // width + 1
            if count <= MOST:
                break
        return cls(width, start, count)

    def places(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The stretch of each time, int64 [n]; what lies outside counts in the first or the last."""
        return np.clip((times - self.start) // self.width, 0, self.count - 1)

    @property
    def starts(self) -> Iterator[int]:
        """Where each begins, ns since the epoch."""
        return (self.start + place * self.width for place in range(self.count))
