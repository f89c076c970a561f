"""What a monitor is: counts that add up, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitors.measurement import Measurement
from monitors.tally import Tally
from monitors.view import View
from monitors.worst import Worst

Cell = NDArray[np.int64] | Tally | Worst
State = dict[str, Cell]
"""Counts and sums by name. Two states of one monitor add up, cell by cell, to the state of all rows of both."""

Feed = Literal["answers", "labelled"]


class Monitor(Protocol):
    """A fold over rows whose order does not matter, and a reading of the result.

    A monitor keeps nothing but what it was built with; all that it has seen is in states, which the hub keeps by window.
    """

    @property
    def name(self) -> str:
        """What its measurements carry as `monitor`."""
        ...

    @property
    def feed(self) -> Feed:
        """`answers`: every row, once, when it was answered. `labelled`: rows whose label is known, when it came."""
        ...

    def begin(self) -> State:
        """The state of no rows. Its size does not depend on what comes."""
        ...

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds the rows to `state`, in place. weight -1 takes back rows whose label was corrected."""
        ...

    def measure(self, state: State) -> Sequence[Measurement]:
        """What the state says."""
        ...


def add(state: State, other: State) -> None:
    """Adds `other` to `state`, in place: the state of all rows of both.

    >>> one, two = {"rows": np.array([2])}, {"rows": np.array([3])}
    >>> add(one, two)
    >>> one["rows"].tolist()
    [5]
    """
    for name, cell in other.items():
        mine: Any = state[name]
        if isinstance(mine, np.ndarray):
            mine += cell
        else:
            mine.merge(cell)
