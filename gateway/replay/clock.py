"""The time in a replay: that of the recording, faster or slower than it went."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Clock:
    """Runs `speed` times as fast as ours from the first request on, and never past the request that is to be sent next.

    speed: 0 for a clock that jumps from request to request. began: our time, in seconds, at the first request. Times of the
    recording are seconds since the epoch.

    >>> clock = Clock(speed=60.0, began=100.0)
    >>> clock.due(7200.0), clock.due(7260.0)
    (100.0, 101.0)
    >>> clock.reached(now=100.5), clock.reached(now=200.0)
    (7230.0, 7260.0)
    """

    speed: float
    began: float
    _first: float | None = None
    _next: float = -math.inf

    def due(self, time: float) -> float:
        """When, on our clock, the request of that time is to be sent; it becomes the next."""
        if self._first is None:
            self._first = time
        self._next = time
        return self.began + (time - self._first) / self.speed if self.speed else self.began

    def reached(self, now: float) -> float:
        """The time that the replay has come to."""
        if self._first is None or not self.speed:
            return self._next
        return min(self._next, self._first + (now - self.began) * self.speed)
