"""Parts of the traffic that are watched on their own: `carrier=UA,DL`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from monitors.measurement import Measurement
from monitors.monitor import Feed, Monitor, State
from monitors.record import Batch
from monitors.schema import Category
from monitors.view import View


class Slice:
    """The rows whose columns or groups have certain values, all conditions together.

    name: what measurements of it carry, such as `carrier=UA,DL & origin=JFK`.

    >>> Slice({"carrier": ("UA", "DL"), "origin": ("JFK",)}).name
    'carrier=UA,DL & origin=JFK'
    """

    def __init__(self, conditions: Mapping[str, Sequence[Category]]) -> None:
        """conditions: values by column. Raises ValueError if there are none, or no values for one of them."""
        if not conditions:
            raise ValueError("slices: found a slice without a column, expected such as {carrier: [UA, DL]}")
        for column, values in conditions.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not values:
                raise ValueError(f"slices: {column}: found {values!r}, expected a list of one value or more")
        self.conditions = {column: tuple(values) for column, values in conditions.items()}
        parts = [f"{column}={','.join(map(str, values))}" for column, values in self.conditions.items()]
        self.name = " & ".join(parts)
        self._views: WeakKeyDictionary[View, View] = WeakKeyDictionary()

    def mask(self, batch: Batch) -> NDArray[np.bool_]:
        """Which rows belong to it, bool [n]. None do where a column was not recorded, or holds several numbers in each row."""
        found = np.ones(len(batch), bool)
        for column, wanted in self.conditions.items():
            values = batch.columns.get(column, batch.groups.get(column))
            if values is None or values.ndim != 1:
                return np.zeros(len(batch), bool)
            found &= _among(values, wanted)
        return found

    def view(self, view: View) -> View:
        """Its rows as a view; all monitors of the slice share one, and so what it computes."""
        if view not in self._views:
            chosen = self.mask(view.batch)
            self._views[view] = View(view.batch.take(chosen), view.reference)
        return self._views[view]


class Sliced:
    """A monitor of a slice alone: folds its rows only, and names it after each subject, as in `accuracy [carrier=UA,DL]`."""

    def __init__(self, monitor: Monitor, part: Slice) -> None:
        self.monitor, self.part = monitor, part

    @property
    def name(self) -> str:
        return self.monitor.name

    @property
    def feed(self) -> Feed:
        return self.monitor.feed

    def begin(self) -> State:
        return self.monitor.begin()

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        rows = self.part.view(view)
        if len(rows):
            self.monitor.fold(state, rows, weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        found = self.monitor.measure(state)
        return [dataclasses.replace(one, subject=f"{one.subject} [{self.part.name}]") for one in found]


def slices(declared: Sequence[Mapping[str, Sequence[Category]]]) -> list[Slice]:
    """Those of a configuration, `[{carrier: [UA, DL]}, …]`; several columns in one entry all have to match.

    Raises ValueError, naming what is wrong, for one that has no values or stands twice.
    """
    found = [Slice(conditions) for conditions in declared]
    names = [part.name for part in found]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"slices: {', '.join(sorted(repeated))} stands more than once")
    return found


def sliced(monitors: Sequence[Monitor], parts: Sequence[Slice]) -> list[Monitor]:
    """Each monitor once more for each slice."""
    return [Sliced(monitor, part) for part in parts for monitor in monitors]


def _among(values: NDArray[Any], wanted: Sequence[Category]) -> NDArray[np.bool_]:
    if values.dtype.kind in "fiub":
        numbers = [value for value in wanted if not isinstance(value, str)]
        return np.isin(values, np.array(numbers, np.float64))
    known = set(wanted)
    try:
        return np.fromiter((value in known for value in values.tolist()), bool, len(values))
    except TypeError:  # a list or a mapping has no hash
        return np.fromiter((value in wanted for value in values.tolist()), bool, len(values))
