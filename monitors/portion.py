"""What all monitors of a feed hold of one stretch of time: rows that still wait, and the states they were folded into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitors.detector import SLOTS, Detector, Track
from monitors.errors import CheckpointRefused
from monitors.measurement import Measurement
from monitors.monitor import Cell, Monitor, State, add
from monitors.record import Batch, Values, concat
from monitors.reference import Reference
from monitors.view import View

WAITING_ROWS = 2048
WAITING_BYTES = 4 * 2**20
"""A stretch folds its rows once so many wait: monitors cost far less for each row of many than of few."""

ENTRY_BYTES = 160
"""Of a name that is kept with its count or score, about."""


@dataclass(frozen=True, slots=True)
class Form:
    """What all rows cut from one batch share. columns: hashable, equal for batches that can be joined. row_bytes: of a row."""

    columns: Any
    row_bytes: int

    @classmethod
    def of(cls, batch: Batch) -> Form:
        """The form of a batch."""
        named: list[tuple[str, Values | None]] = [*batch.columns.items()]
        named += [(f"group.{name}", values) for name, values in batch.groups.items()]
        named += [("scores", batch.scores), ("predictions", batch.predictions), ("labels", batch.labels)]
        named += [("label_time", batch.label_time), ("unscored", batch.unscored)]
        arrays = [(name, array) for name, array in named if array is not None]
        size = 8 + sum(array.nbytes for _, array in arrays) // max(1, len(batch))
        return cls(tuple((name, array.dtype.str, array.shape[1:]) for name, array in arrays), size)


@dataclass(frozen=True, eq=False, slots=True)
class Watch:
    """The monitors and detectors of one feed of one version.

    every: ns, the pane. state_bytes: of the states and tracks of a stretch of time, about.
    """

    reference: Reference
    monitors: tuple[Monitor, ...]
    detectors: tuple[Detector, ...]
    every: int
    state_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        states = sum(_bytes(cell) for state in self.begin() for cell in state.values())
        tracks = sum(track.sums.nbytes + track.counts.nbytes for track in self.tracks())
        object.__setattr__(self, "state_bytes", states + tracks)

    def begin(self) -> list[State]:
        """The states of no rows, one for each monitor."""
        return [monitor.begin() for monitor in self.monitors]

    def tracks(self) -> list[Track]:
        """The tracks of no rows, one for each detector."""
        grain = max(1, self.every // SLOTS)
        return [Track(len(detector.subjects), grain) for detector in self.detectors]

    def measure(self, portion: Portion) -> list[Measurement]:
        """What the monitors say of the rows in it."""
        portion.settle()
        states = portion.states if portion.states is not None else self.begin()
        return [found for monitor, state in zip(self.monitors, states, strict=True) for found in monitor.measure(state)]


class Portion:
    """Rows of one stretch of time. Two of one watch add up; neither order nor batches make a difference.

    rows: how many were added, less those that were taken back. states, tracks: None until rows were folded.
    """

    __slots__ = ("_bytes", "_waiting", "_waiting_rows", "rows", "states", "tracks", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.rows = 0
        self.states: list[State] | None = None
        self.tracks: list[Track] | None = None
        self._waiting: list[tuple[Batch, int, Form]] = []
        self._waiting_rows = self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """Of the rows that wait, as far as arrays tell, and of the states that the next checkpoint folds them into."""
        return self._bytes + self.watch.state_bytes

    def add(self, batch: Batch, weight: int = 1, form: Form | None = None) -> None:
        """Takes in rows, or with weight -1 takes them back. form: of the batch, where the caller knows it already."""
        self.rows += weight * len(batch)
        self._wait(batch, weight, form or Form.of(batch))

    def merge(self, other: Portion) -> None:
        """Takes in all that another holds; the other is not to be used any more."""
        self.rows += other.rows
        if other.states is not None and other.tracks is not None:
            if self.states is None or self.tracks is None:
                self.states, self.tracks = other.states, other.tracks
            else:
                for mine, theirs in zip(self.states, other.states, strict=True):
                    add(mine, theirs)
                for track, more in zip(self.tracks, other.tracks, strict=True):
                    track.merge(more)
        for waiting in other._waiting:
            self._wait(*waiting)

    def dump(self) -> Any:
        """All of it as a plain tree; rows that wait are folded first."""
        self.settle()
        tracks = [track.dump() for track in self.tracks] if self.tracks is not None else None
        return {"rows": self.rows, "states": self.states, "tracks": tracks}

    @classmethod
    def load(cls, tree: Any, watch: Watch) -> Portion:
        """What `dump` gave. Raises CheckpointRefused if it is of other monitors, or of another reference."""
        portion = cls(watch)
        portion.rows = tree["rows"]
        if tree["states"] is None:
            return portion
        if [_cells(state) for state in tree["states"]] != [_cells(state) for state in watch.begin()]:
            raise CheckpointRefused("checkpoint: found states of other monitors, or of another reference")
        portion.states, portion.tracks = tree["states"], watch.tracks()
        for track, saved in zip(portion.tracks, tree["tracks"], strict=True):
            track.load(saved)
        return portion

    def settle(self) -> None:
        """Folds what waits."""
        if not self._waiting:
            return
        watch = self.watch
        if self.states is None or self.tracks is None:
            self.states, self.tracks = watch.begin(), watch.tracks()
        for batch, weight in _joined(self._waiting):
            view = View(batch, watch.reference)
            for monitor, state in zip(watch.monitors, self.states, strict=True):
                monitor.fold(state, view, weight)
            if weight > 0:  # what a detector was fed cannot be taken back
                for detector, track in zip(watch.detectors, self.tracks, strict=True):
                    track.add(batch.time, detector.values(view))
        self._waiting = []
        self._waiting_rows = self._bytes = 0

    def _wait(self, batch: Batch, weight: int, form: Form) -> None:
        self._waiting.append((batch, weight, form))
        self._waiting_rows += len(batch)
        self._bytes += len(batch) * form.row_bytes
        if self._waiting_rows >= WAITING_ROWS or self._bytes >= WAITING_BYTES:
            self.settle()


def _bytes(cell: Cell) -> int:
    return cell.nbytes if isinstance(cell, np.ndarray) else cell.capacity * ENTRY_BYTES


def _cells(state: State) -> dict[str, Any]:
    return {
        name: (cell.dtype, cell.shape) if isinstance(cell, np.ndarray) else type(cell) for name, cell in state.items()
    }


def _joined(waiting: Sequence[tuple[Batch, int, Form]]) -> Iterable[tuple[Batch, int]]:
    """Batches of one weight and the same columns as one."""
    alike: dict[tuple[int, Any], list[Batch]] = {}
    for batch, weight, form in waiting:
        alike.setdefault((weight, form.columns), []).append(batch)
    for (weight, _), batches in alike.items():
        yield concat(batches), weight
