"""Which group each row belongs to, and counts by group in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import is_missing
from monitors.monitor import State
from monitors.numeric import Numeric
from monitors.reference import Reference
from monitors.tally import Tally
from monitors.view import View

SHOWN = 32
"""Groups that are measured on their own, the largest; the rest together are compared with none."""
KEPT = 64
"""Groups that are counted exactly. Of more, the rarest give way."""
UNSURE = 0.01
"""If so many counts were dropped, as a share of a group's rows, nothing is said of the group: some may have been its own."""
LONGEST = 80
REST = "all others"
"""The name of the rest. A value that is spelt so stands in quotes."""


@dataclass(frozen=True, slots=True)
class Group:
    """A value of an attribute. counts: by cell. sure: whether they are its counts, to 1 %. rest: whether it is no value, but
    all that are not shown."""

    name: str
    counts: Mapping[str, int]
    sure: bool
    rest: bool = False


class Groups:
    """The attributes that groups are made of.

    The value of an attribute is taken from the batch's groups, else from its columns; rows without it are in no group.
    A number whose reference has more than 32 different values is cut at its quartiles: `age=33–42` and the like.
    Counts are Tallies by group, one for each attribute and cell, named `attribute.cell`; they add up without regard to order
    unless more than 64 groups come.
    """

    def __init__(self, reference: Reference, attributes: Sequence[str]) -> None:
        self.attributes = tuple(attributes)
        known = {spec.name for spec in reference.schema.columns}
        profiles = {name: reference[name] for name in self.attributes if name in known}
        self._cuts = {name: _quartiles(p) for name, p in profiles.items() if isinstance(p, Numeric) and _varied(p)}

    def begin(self, cells: Sequence[str]) -> State:
        """Counts of no rows."""
        return {f"{attribute}.{cell}": Tally(KEPT) for attribute in self.attributes for cell in cells}

    def names(self, view: View, attribute: str) -> list[str | None] | None:
        """The group of each row, [n], None where it is not known; None for all if the batch has no such attribute."""
        values = view.batch.groups.get(attribute, view.batch.columns.get(attribute))
        if values is None or values.ndim != 1:
            return None
        if attribute in self._cuts:
            return self._ranges(values, self._cuts[attribute])
        listed = values.tolist()
        try:
            texts = {value: _text(value) for value in set(listed)}
        except TypeError:  # a list or a mapping has no hash
            return [_text(value) for value in listed]
        return [texts[value] for value in listed]

    def count(self, state: State, attribute: str, cell: str, amounts: Mapping[str, int], weight: int) -> None:
        """Adds to the cell of each group, in place."""
        tally = state[f"{attribute}.{cell}"]
        assert isinstance(tally, Tally)
        tally.merge(Tally(KEPT, Counter({name: weight * amount for name, amount in amounts.items()})))
        if weight < 0:
            for name in [name for name in amounts if not tally.counts[name]]:
                del tally.counts[name]

    def read(self, state: State, attribute: str, cells: Sequence[str], rows: Sequence[str]) -> list[Group]:
        """The 32 largest groups, then the rest if there are more. rows: the cells that add up to the rows of a group."""
        tallies: dict[str, Any] = {cell: state[f"{attribute}.{cell}"] for cell in cells}
        dropped = {cell: tally.dropped for cell, tally in tallies.items()}
        names: Counter[str] = Counter()
        for cell in rows:
            names.update(tallies[cell].counts)
        ordered = sorted(names, key=lambda name: (-names[name], name))
        unsure = sum(abs(amount) for amount in dropped.values())
        groups = [
            Group(name, {cell: tally.counts[name] for cell, tally in tallies.items()}, unsure <= UNSURE * names[name])
            for name in ordered[:SHOWN]
        ]
        if len(ordered) <= SHOWN and not unsure:
            return groups
        rest = {
            cell: dropped[cell] + sum(tally.counts[name] for name in ordered[SHOWN:]) for cell, tally in tallies.items()
        }
        return [*groups, Group(REST, rest, sure=True, rest=True)]

    def _ranges(self, values: NDArray[Any], cuts: Sequence[float]) -> list[str | None]:
        numbers = np.array([np.nan if is_missing(value) else value for value in values.tolist()], np.float64)
        middle = [f"{low:.6g}–{high:.6g}" for low, high in pairwise(cuts)]
        labels = [f"≤{cuts[0]:.6g}", *middle, f">{cuts[-1]:.6g}"]
        places = np.searchsorted(np.array(cuts), numbers).tolist()
        return [None if np.isnan(number) else labels[place] for number, place in zip(numbers, places, strict=True)]


def _varied(profile: Numeric) -> bool:
    return len(np.unique(profile.quantiles)) > SHOWN


def _quartiles(profile: Numeric) -> list[float]:
    last = len(profile.quantiles) - 1
    return sorted({float(profile.quantiles[i * last // 4]) for i in (1, 2, 3)})


def _text(value: Any) -> str | None:
    if is_missing(value) or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # integers beside a missing one arrive as floats
    text = str(value)[:LONGEST]
    return repr(text) if text == REST else text
