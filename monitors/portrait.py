"""How a window's rows were distributed, kept when its counts are thrown away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from monitors.errors import CheckpointRefused
from monitors.judgement import Window
from monitors.layout import Quantity
from monitors.monitor import Monitor, State
from monitors.numeric import Counts


@dataclass(frozen=True, eq=False, slots=True)
class Distribution:
    """One quantity in one window. answer: whether it is what the model answered, and no input.

    counts: int64 [quantity.width], rows in each of its cells; the last is missing.
    """

    quantity: Quantity
    counts: Counts
    answer: bool = False


@runtime_checkable
class Portrays(Protocol):
    """A monitor whose state says how quantities are distributed; the same ones, in the same order, for every state."""

    def portray(self, state: State) -> Iterable[Distribution]:
        """What the state holds of each."""
        ...


@runtime_checkable
class CountsGroups(Protocol):
    """A monitor whose state says how many rows each group has."""

    def group_rows(self, state: State) -> Mapping[str, int]:
        """By group, as its measurements name it."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Portrait:
    """The distributions of the rows of one window, beside which their references stand.

    start, end: ns since the epoch. rows: answered in it. distributions: every input and answer. psi: how far inputs drifted,
    by name. groups: rows by group. Its size follows from the reference alone, whatever was in the window.
    """

    start: int
    end: int
    rows: int
    distributions: tuple[Distribution, ...]
    psi: Mapping[str, float]
    groups: Mapping[str, int]

    @classmethod
    def of(cls, window: Window, monitors: Sequence[Monitor], states: Sequence[State]) -> Portrait:
        """Of the rows that the states were folded from, and that were measured in the window."""
        groups: dict[str, int] = {}
        for monitor, state in zip(monitors, states, strict=True):
            if isinstance(monitor, CountsGroups):
                groups |= monitor.group_rows(state)
        found = (judged.measurement for judged in window.judged)
        psi = {one.subject: one.value for one in found if one.monitor == "drift" and one.statistic == "psi"}
        return cls(window.start, window.end, window.n, tuple(_portrayed(monitors, states)), psi, groups)

    def ranked(self) -> list[Distribution]:
        """What was answered, then the inputs, those that drifted most first."""

        def place(each: Distribution) -> tuple[bool, float]:
            psi = self.psi.get(each.quantity.name, math.nan)
            return not each.answer, math.inf if each.answer or math.isnan(psi) else -psi

        return sorted(self.distributions, key=place)

    def dump(self) -> Any:
        """All of it as a plain tree."""
        counts = np.concatenate([np.empty(0, np.int64), *(each.counts for each in self.distributions)])
        return [self.start, self.end, self.rows, counts, dict(self.psi), dict(self.groups)]

    @classmethod
    def load(cls, tree: Any, monitors: Sequence[Monitor]) -> Portrait:
        """What `dump` gave. Raises CheckpointRefused if it is of other monitors, or of another reference."""
        start, end, rows, counts, psi, groups = tree
        empty = list(_portrayed(monitors, [monitor.begin() for monitor in monitors]))
        widths = [each.quantity.width for each in empty]
        if len(counts) != sum(widths):
            raise CheckpointRefused(f"checkpoint: found a portrait of {len(counts)} cells, expected {sum(widths)}")
        parts = np.split(counts, np.cumsum(widths)[:-1]) if widths else []
        filled = (Distribution(each.quantity, part, each.answer) for each, part in zip(empty, parts, strict=True))
        return cls(start, end, rows, tuple(filled), psi, groups)


def _portrayed(monitors: Sequence[Monitor], states: Sequence[State]) -> Iterator[Distribution]:
    for monitor, state in zip(monitors, states, strict=True):
        if isinstance(monitor, Portrays):
            yield from monitor.portray(state)
