"""Which cells the columns of a reference are counted in, one after another in one array."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitors.categorical import Categorical
from monitors.numeric import Counts, Floats, Numeric
from monitors.projection import Projection
from monitors.record import OUTPUT
from monitors.reference import Reference


@dataclass(frozen=True, eq=False, slots=True)
class Quantity:
    """Something with a distribution: a column, or a coordinate of a wide one (`image/0`), or its `image/error`."""

    name: str
    column: str
    profile: Numeric | Categorical

    @property
    def width(self) -> int:
        """Its cells: bins and missing, or values, other and missing. Missing is always the last."""
        return len(self.profile.counts) + (1 if isinstance(self.profile, Numeric) else 2)

    @property
    def counts(self) -> Counts:
        """How the reference fills its cells, int64 [width], missing values included."""
        profile = self.profile
        more = (profile.missing,) if isinstance(profile, Numeric) else (profile.other, profile.missing)
        return np.append(profile.counts, np.array(more, np.int64))


class Layout:
    """The features of a reference as quantities with cells of their own: numeric columns first, then what wide ones are
    projected on, then categorical columns, each kind in the schema's order.

    numeric: how many quantities are numbers. columns: the names of those that are columns. wide: name of each wide column
    and its number of quantities. rows: the place among the quantities of each numeric or categorical column.
    widths: int64 [quantities]. offsets: int64 [quantities + 1], where the cells of each begin. size: cells in all.
    counts: int64 [size], how the reference fills them.
    middles: float64 [size], the rank of each cell in its quantity, in [0, 1]: the share below it and half its own; NaN of
    the cells for missing values.
    """

    def __init__(self, reference: Reference) -> None:
        quantities = _quantities(reference)
        numbers = [quantity for quantity in quantities if isinstance(quantity.profile, Numeric)]
        narrow = [quantity for quantity in numbers if quantity.column == quantity.name]
        wide = [quantity for quantity in numbers if quantity.column != quantity.name]
        categories = [quantity for quantity in quantities if isinstance(quantity.profile, Categorical)]
        self.quantities = (*narrow, *wide, *categories)
        self.numeric = len(numbers)
        self.columns = tuple(quantity.name for quantity in narrow)
        columns = [quantity.column for quantity in wide]
        self.wide = tuple((name, columns.count(name)) for name in dict.fromkeys(columns))
        self.rows = {quantity.name: row for row, quantity in enumerate(self.quantities) if quantity not in wide}
        self.widths = np.array([quantity.width for quantity in self.quantities], np.int64)
        self.offsets = np.append(0, self.widths.cumsum())
        self.size = int(self.offsets[-1])
        self.counts = np.concatenate([np.empty(0, np.int64), *(quantity.counts for quantity in self.quantities)])
        self.middles = np.concatenate([np.empty(0), *(middles(quantity.profile) for quantity in self.quantities)])

    @staticmethod
    @lru_cache(maxsize=32)
    def of(reference: Reference) -> Layout:
        """The layout of that reference, made once: a batch must not pay for it."""
        return Layout(reference)


def middles(profile: Numeric | Categorical) -> Floats:
    """The rank of each cell of a profile, float64 [cells]; the last, for missing values, is NaN.

    >>> middles(Categorical.build(np.array(["EWR", "EWR", "EWR", "JFK"]))).tolist()
    [0.375, 0.875, 1.0, nan]
    """
    counts = profile.counts if isinstance(profile, Numeric) else np.append(profile.counts, profile.other)
    shares = counts / max(1, counts.sum())
    return np.append(shares.cumsum() - shares / 2, np.nan)


def _quantities(reference: Reference) -> list[Quantity]:
    found = []
    for spec, profile in zip(reference.schema.columns, reference.columns, strict=True):
        if spec.kind == "categorical" and spec.name.startswith(OUTPUT):
            continue
        if isinstance(profile, Projection):
            parts = {**{str(i): part for i, part in enumerate(profile.coordinates)}, "error": profile.error}
            found += [Quantity(f"{spec.name}/{key}", spec.name, part) for key, part in parts.items()]
        else:
            found.append(Quantity(spec.name, spec.name, profile))
    return found
