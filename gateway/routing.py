"""Which version answers a request: a small immutable value, and a decision that takes under a microsecond."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Literal, NamedTuple

Reason = Literal["stable", "candidate", "split", "rule", "pinned"]


class Route(NamedTuple):
    """A version, and why this one."""

    version: int
    reason: Reason


class Split(NamedTuple):
    """Versions with the upper bounds of their shares of [0, 1), ascending; the last bound is 1."""

    versions: tuple[int, ...]
    bounds: tuple[float, ...]

    def pick(self, point: float) -> Route:
        """The version whose share holds `point`, 0 <= point < 1.

        >>> split({1: 90, 2: 10}).pick(0.95)
        Route(version=2, reason='split')
        """
        if len(self.versions) == 1:
            return Route(self.versions[0], "stable")
        return Route(self.versions[bisect_right(self.bounds, point)], "split")

    def share(self, version: int) -> float:
        """The version's share of traffic, 0 to 1."""
        lower = 0.0
        for held, upper in zip(self.versions, self.bounds, strict=True):
            if held == version:
                return upper - lower
            lower = upper
        return 0.0


def split(weights: Mapping[int, float]) -> Split | None:
    """Shares proportional to the weights; versions of weight 0 get none. None if no weight is above 0."""
    held = {version: weight for version, weight in sorted(weights.items()) if weight > 0}
    total = sum(held.values())
    if not held:
        return None
    bounds = [bound / total for bound in accumulate(held.values())]
    return Split(tuple(held), (*bounds[:-1], 1.0))
