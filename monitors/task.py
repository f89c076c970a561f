"""Monitors whose work depends on the model's task, and is the same in all else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from monitors.measurement import Measurement
from monitors.monitor import State
from monitors.reference import Reference
from monitors.view import View


class Work(Protocol):
    """What is done for one task: the fold and the reading of a monitor. See Monitor."""

    def begin(self) -> State:
        """The state of no rows."""
        ...

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds the rows to `state`, in place."""
        ...

    def measure(self, state: State) -> Sequence[Measurement]:
        """What the state says."""
        ...


Kind = Callable[[Reference], Work]
Kinds = Mapping[str, Kind]
"""What does the work, by task."""


class ByTask:
    """Hands everything on to what does the work for the reference's task; where nothing does, it says nothing."""

    def __init__(self, kind: Kind | None, reference: Reference) -> None:
        self._work = kind(reference) if kind is not None else None

    def begin(self) -> State:
        """The state of no rows."""
        return self._work.begin() if self._work is not None else {}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        """Adds those of the rows that can be measured."""
        if self._work is not None:
            self._work.fold(state, view, weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        """One measurement for each metric; none where there is nothing to measure."""
        return self._work.measure(state) if self._work is not None else ()
