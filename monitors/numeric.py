"""How the values of a quantity were distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.errors import ReferenceRefused

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS = 20
QUANTILES = 257
"""Points of the quantile sketch: the CDF is known to about 1/256 between them, and exactly at them."""


@dataclass(frozen=True, eq=False, slots=True)
class Numeric:
    """The profile of one quantity.

    edges: float64 [bins - 1], ascending. Bin i holds edges[i-1] < x <= edges[i]; the first and the last are open-ended.
    counts: int64 [bins], finite values in each bin. A value that was all there was gets bins for less, equal and more.
    missing: how many values were NaN or infinite; they are in nothing else.
    mean, std (of the population), low, high: of the finite values, NaN where there were none.
    quantiles: float64 [257], the i/256 quantiles.
    """

    edges: Floats
    counts: Counts
    missing: int
    mean: float
    std: float
    low: float
    high: float
    quantiles: Floats

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.edges) + 1,):
            raise ReferenceRefused(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bins, found {self.counts.shape}"
            )
        if self.quantiles.shape != (QUANTILES,):
            raise ReferenceRefused(f"a sketch has {QUANTILES} quantiles, found {self.quantiles.shape}")
        for array in (self.edges, self.counts, self.quantiles):
            array.flags.writeable = False

    @classmethod
    def build(cls, values: NDArray[Any], bins: int = BINS) -> Numeric:
        """Profiles `values`, numbers [n]. Bins hold equal shares where ties allow it; fewer bins where they do not.

        Raises ReferenceRefused for what is not a number.
        """
        finite, missing = _finite(values)
        if not len(finite):
            nothing = np.full(QUANTILES, np.nan)
            return cls(np.empty(0), np.zeros(1, np.int64), missing, np.nan, np.nan, np.nan, np.nan, nothing)
        ordered = np.sort(finite)
        edges = _edges(ordered, bins)
        constant = ordered[0] == ordered[-1]
        with np.errstate(over="ignore"):  # the moments of numbers near the largest are infinite, and nothing else is
            mean, std = (ordered[0], 0.0) if constant else (ordered.mean(), ordered.std())
        return cls(
            edges,
            np.bincount(np.searchsorted(edges, ordered), minlength=len(edges) + 1).astype(np.int64),
            missing,
            float(mean),
            float(std),
            float(ordered[0]),
            float(ordered[-1]),
            np.quantile(ordered, np.linspace(0, 1, QUANTILES)),
        )

    @property
    def count(self) -> int:
        """How many values were finite."""
        return int(self.counts.sum())

    def index(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The bin of each value, int64 [n]; len(counts) for a missing one. So bincounts of it add up across windows."""
        numbers = np.asarray(values, np.float64)
        return np.where(np.isfinite(numbers), np.searchsorted(self.edges, numbers), len(self.counts))

    def cdf(self, values: NDArray[Any]) -> Floats:
        """The share of the reference below each value, counting half of what equals it. float64 [n] in [0, 1].

        Uniform for values from the reference, if it has no ties; its mean is 0.5 even if it has. NaN stays NaN.

        >>> Numeric.build(np.arange(101.0)).cdf(np.array([-5.0, 25.0, 50.0, 200.0])).round(2).tolist()
        [0.0, 0.25, 0.5, 1.0]
        """
        numbers = np.asarray(values, np.float64)
        below = np.searchsorted(self.quantiles, numbers, "left")
        until = np.searchsorted(self.quantiles, numbers, "right")
        left = np.clip(below - 1, 0, QUANTILES - 1)
        right = np.clip(below, 0, QUANTILES - 1)
        width = self.quantiles[right] - self.quantiles[left]
        step = np.divide(numbers - self.quantiles[left], width, out=np.zeros_like(numbers), where=width > 0)
        rank = np.where(until > below, (below + until - 1) / 2, left + step)
        rank = np.where(until == 0, 0, np.where(below == QUANTILES, QUANTILES - 1, rank))
        return np.where(np.isnan(numbers) | (self.count == 0), np.nan, rank / (QUANTILES - 1))


def _finite(values: NDArray[Any]) -> tuple[Floats, int]:
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([np.nan if value is None else value for value in array.tolist()])
    if array.dtype.kind not in "fiub" and len(array):
        raise ReferenceRefused(f"found {array.dtype.type.__name__.rstrip('_')} values, expected numbers")
    if array.ndim != 1:
        raise ReferenceRefused(f"found shape {list(array.shape)}, expected one number a row")
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    return finite, len(numbers) - len(finite)


def _edges(ordered: Floats, bins: int) -> Floats:
    if ordered[0] == ordered[-1]:
        # With a single open bin nothing could ever drift away from a constant.
        return np.array([np.nextafter(ordered[0], -np.inf), ordered[0]])
    # Edges that are values of the data leave no bin empty.
    edges = np.unique(np.quantile(ordered, np.arange(1, bins) / bins, method="inverted_cdf"))
    inner: Floats = edges[edges < ordered[-1]]
    return inner
