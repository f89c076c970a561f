"""How often each value of a category occurred."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.errors import ReferenceRefused
from monitors.numeric import Counts
from monitors.schema import Category

MOST = 256
"""Values beyond this many, the rarest first, are counted as other: a column of free text stays bounded."""


@dataclass(frozen=True, eq=False, slots=True)
class Categorical:
    """The profile of one category.

    counts: int64 [len(values)]. other: how many were none of `values`. missing: how many were None, NaN, or an empty
    string that was not declared.
    """

    values: tuple[Category, ...]
    counts: Counts
    other: int
    missing: int

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.values),):
            raise ReferenceRefused(f"{len(self.values)} categories, but counts of shape {list(self.counts.shape)}")
        self.counts.flags.writeable = False

    @classmethod
    def build(cls, values: NDArray[Any], categories: Sequence[Category] = ()) -> Categorical:
        """Profiles `values` [n]: strings, integers or booleans. Declared categories are counted even where there are none.

        Raises ReferenceRefused for values of any other type.
        """
        known = tuple(categories) or _found(values)
        cells = np.bincount(_index(values, known), minlength=len(known) + 2).astype(np.int64)
        return cls(known, cells[:-2].copy(), int(cells[-2]), int(cells[-1]))

    @property
    def count(self) -> int:
        """How many values were not missing."""
        return int(self.counts.sum()) + self.other

    def index(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The place of each value, int64 [n]: len(values) for another one, len(values) + 1 for a missing one.

        >>> Categorical.build(np.array(["JFK", "EWR", "JFK"])).index(np.array(["JFK", "BOS", None], object)).tolist()
        [1, 2, 3]
        """
        return _index(values, self.values)


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def present(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the values stand for something, bool [n]."""
    return np.array([not is_missing(value) for value in elements(values)], bool)


def elements(values: NDArray[Any]) -> list[Any]:
    """The values as Python's own strings, numbers and booleans."""
    array = np.asarray(values)
    return (
        [v.item() if isinstance(v, np.generic) else v for v in array.tolist()]
        if array.dtype == object
        else array.tolist()
    )


def _index(values: NDArray[Any], known: Sequence[Category]) -> NDArray[np.int64]:
    other, missing = len(known), len(known) + 1
    places: dict[Any, int] = {None: missing, "": missing, **{value: place for place, value in enumerate(known)}}
    try:
        listed = elements(values)
        found = np.array([places.get(value, other) for value in listed], np.int64)
    except TypeError:  # a list or a mapping has no hash
        raise ReferenceRefused("found nested values, expected strings, integers or booleans") from None
    for place in np.flatnonzero(found == other):  # NaN equals nothing, so the table cannot hold it
        if is_missing(listed[place]):
            found[place] = missing
    return found


def _found(values: NDArray[Any]) -> tuple[Category, ...]:
    present = [value for value in elements(values) if not is_missing(value) and value != ""]
    kinds = {type(value) for value in present}
    # Integers that share a column with NaN arrive as floats.
    if kinds == {float} and all(value.is_integer() for value in present):
        present, kinds = [int(value) for value in present], {int}
    if len(kinds) > 1 or not kinds <= {str, int, bool}:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise ReferenceRefused(f"found {names} values, expected either strings, integers or booleans")
    tally = Counter(present)
    return tuple(sorted(sorted(tally, key=lambda value: (-tally[value], value))[:MOST]))
