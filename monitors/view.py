"""A batch held against the reference: what several monitors need of it, computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import Categorical
from monitors.layout import Layout, middles
from monitors.numeric import Counts, Floats, Numeric
from monitors.projection import Projection
from monitors.record import Batch
from monitors.reference import Reference

Places = NDArray[np.int64]
T = TypeVar("T")

FARTHEST = 1e9
"""σ: beyond it numbers are all the same, too large for any use."""


class View:
    """One batch and the reference of its model. Every method computes at its first call and remembers.

    Arrays that it hands out are shared between monitors: nobody writes to them.
    """

    def __init__(self, batch: Batch, reference: Reference) -> None:
        self.batch = batch
        self.reference = reference
        self.layout = Layout.of(reference)
        self._known: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def names(self) -> list[str]:
        """The columns that the reference knows and the batch has, in the reference's order."""
        return [spec.name for spec in self.reference.schema.columns if spec.name in self.batch.columns]

    def places(self, name: str) -> Places:
        """The bin or category of each value of a numeric or categorical column, int64 [n]. See `width`."""
        if name in self.layout.rows and name in self.batch.columns:
            places: Places = self.table()[self.layout.rows[name]]
            return places
        return self._once(("places", name), lambda: self._index(name))

    def width(self, name: str) -> int:
        """How many cells `places` distinguishes: of a number its bins and missing; of a category its values, other, missing."""
        if name in self.layout.rows:
            return int(self.layout.widths[self.layout.rows[name]])
        profile = self.reference[name]
        return len(profile.counts) + (1 if isinstance(profile, Numeric) else 2)  # type: ignore[union-attr]

    def ranks(self, name: str) -> Floats:
        """Where in the reference each value stands, float64 [n] in [0, 1]: the share below its bin and half its own.

        Categories are ranked in their order in the reference; other ones come last. Missing is NaN. The mean over the
        reference is 0.5.
        """
        if name in self.layout.rows and name in self.batch.columns:
            row = self.layout.rows[name]
            return self._once(("ranks", name), lambda: self.layout.middles[self.cells()[row]])
        return self._once(("ranks", name), lambda: self._middles(name)[self.places(name)])

    def values(self) -> Floats:
        """What the numeric quantities of the layout are in each row, float64 [layout.numeric, n]. NaN if not recorded."""
        return self._once("values", self._values)

    def missing(self) -> NDArray[np.bool_]:
        """Where `values` are NaN or infinite, bool [layout.numeric, n]."""
        return self._once("missing", lambda: ~np.isfinite(self.values()))

    def table(self) -> Places:
        """The place of every row in every quantity of the layout, int64 [quantities, n]. See `places`."""
        return self._once("table", self._table)

    def cells(self) -> Places:
        """The same counted through over all quantities, so that one bincount counts them all, int64 [quantities, n]."""
        return self._once("cells", lambda: self.table() + self.layout.offsets[:-1, None])

    def counts(self) -> Counts:
        """How many rows fell into each cell of the layout, int64 [cells]."""
        return self._once("counts", lambda: np.bincount(self.cells().ravel(), minlength=self.layout.size))

    def projected(self, name: str) -> tuple[Floats, Floats]:
        """Coordinates [n, k] and reconstruction errors [n] of a wide column."""
        profile = self.reference[name]
        assert isinstance(profile, Projection)
        return self._once(("projected", name), lambda: _project(profile, self.batch.columns[name]))

    def plane(self) -> tuple[Floats, Floats] | None:
        """Coordinates [n, k] and reconstruction errors [n] of the numeric columns together; None if there are too few."""
        plane, columns = self.reference.plane, self.layout.columns
        if plane is None or not set(columns) <= set(self.batch.columns):
            return None
        return self._once("plane", lambda: _project(plane, self.values()[: len(columns)].T))

    def _values(self) -> Floats:
        values = np.empty((self.layout.numeric, len(self)))
        for row, name in enumerate(self.layout.columns):
            column = self.batch.columns.get(name)
            values[row] = np.nan if column is None else _numbers(column)
        row = len(self.layout.columns)
        for name, rows in self.layout.wide:
            if name in self.batch.columns:
                coordinates, error = self.projected(name)
                values[row : row + rows - 1] = coordinates.T
                values[row + rows - 1] = error
            else:
                values[row : row + rows] = np.nan
            row += rows
        return values

    def _table(self) -> Places:
        layout = self.layout
        table = np.empty((len(layout.quantities), len(self)), np.int64)
        for row, (quantity, values) in enumerate(zip(layout.quantities, self.values(), strict=False)):
            assert isinstance(quantity.profile, Numeric)
            table[row] = quantity.profile.edges.searchsorted(values)
        missing = self.missing()
        if missing.any():
            np.copyto(table[: layout.numeric], layout.widths[: layout.numeric, None] - 1, where=missing)
        for row, quantity in enumerate(layout.quantities[layout.numeric :], layout.numeric):
            column = self.batch.columns.get(quantity.column)
            assert isinstance(quantity.profile, Categorical)
            table[row] = quantity.width - 1 if column is None else quantity.profile.index(column)
        return table

    def _index(self, name: str) -> Places:
        profile = self.reference[name]
        assert isinstance(profile, Numeric | Categorical)
        values = self.batch.columns[name]
        return profile.index(_numbers(values) if isinstance(profile, Numeric) else values)

    def _middles(self, name: str) -> Floats:
        profile = self.reference[name]
        assert isinstance(profile, Numeric | Categorical)
        return middles(profile)

    def _once(self, key: Any, compute: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = compute()
        return cast(T, self._known[key])


def _project(projection: Projection, rows: NDArray[Any]) -> tuple[Floats, Floats]:
    """What the projection makes of the rows; numbers too large to be squared are taken to be FARTHEST σ from the mean."""
    with np.errstate(over="ignore", invalid="ignore"):
        coordinates, error = projection.project(rows)
        if np.isfinite(error).all():
            return coordinates, error
        reach = FARTHEST * projection.scale
        bounded = np.clip(rows, projection.mean - reach, projection.mean + reach)
        return projection.project(np.where(np.isfinite(rows), bounded, np.nan))


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype == object:
        return np.array([np.nan if value is None else value for value in values.tolist()], np.float64)
    return values
