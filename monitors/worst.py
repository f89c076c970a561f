"""Which rows scored highest, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from monitors.numeric import Floats

LONGEST = 128
"""Characters of an id that are kept."""


class Worst:
    """The `capacity` highest scores with their ids; of equal scores those whose ids come first. In order of the score.

    Rows may come in any order and any division: what is kept is the same. Adding two gives that of both.

    >>> worst = Worst(capacity=2)
    >>> worst.add(np.array([1.0, 7.0, 3.0]), np.array(["a", "b", "c"], object))
    >>> worst.rows
    [(7.0, 'b'), (3.0, 'c')]
    """

    __slots__ = ("capacity", "rows")

    def __init__(self, capacity: int = 10, rows: Iterable[tuple[float, str]] = ()) -> None:
        self.capacity = capacity
        self.rows: list[tuple[float, str]] = []
        self._keep(rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Worst) and (self.capacity, self.rows) == (other.capacity, other.rows)

    __hash__ = None  # type: ignore[assignment]

    def add(self, scores: Floats, ids: NDArray[np.object_]) -> None:
        """scores: float64 [n], NaN for those that have none. ids: object [n], str."""
        full = len(self.rows) == self.capacity
        chosen = np.flatnonzero(scores >= (self.rows[-1][0] if full else -np.inf))
        if len(chosen) > self.capacity:
            # Ties of the last one stay in: which of them is kept depends on their ids alone.
            least = np.partition(scores[chosen], -self.capacity)[-self.capacity]
            chosen = chosen[scores[chosen] >= least]
        self._keep((float(scores[place]), str(ids[place])[:LONGEST]) for place in chosen)

    def merge(self, other: Worst) -> None:
        """Takes in the rows of another."""
        self._keep(other.rows)

    def _keep(self, rows: Iterable[tuple[float, str]]) -> None:
        self.rows = sorted([*self.rows, *rows], key=lambda row: (-row[0], row[1]))[: self.capacity]
