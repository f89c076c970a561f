"""Principal components: what the columns do together, and how far a row is from doing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.errors import ReferenceRefused
from monitors.numeric import Floats, Numeric

COMPONENTS = 8

LARGEST = 1e150
"""Numbers are cut to it: the square of a larger one is none."""


@dataclass(frozen=True, eq=False, slots=True)
class Projection:
    """Rows of [width] numbers, standardised and projected on their first principal components.

    mean, scale: float64 [width]; a number that never varied has scale 1, one that is missing is taken to be the mean.
    components: float64 [k, width], orthonormal rows; k < width, so that something is always left over.
    explained: float64 [k], each component's share of the variance, in [0, 1].
    coordinates: the profile of each component's coordinate.
    error: the profile of the reconstruction error, the root of the mean squared rest of a row, in standard deviations.
    """

    mean: Floats
    scale: Floats
    components: Floats
    explained: Floats
    coordinates: tuple[Numeric, ...]
    error: Numeric

    def __post_init__(self) -> None:
        k, width = self.components.shape if self.components.ndim == 2 else (-1, -1)
        shapes = [array.shape for array in (self.mean, self.scale, self.explained)]
        if shapes != [(width,), (width,), (k,)] or len(self.coordinates) != k:
            raise ReferenceRefused(
                f"components of shape {list(self.components.shape)} do not fit the other parts {shapes}"
            )
        for array in (self.mean, self.scale, self.components, self.explained):
            array.flags.writeable = False

    @classmethod
    def build(cls, rows: NDArray[Any], share: float = 1.0) -> Projection:
        """Fits `rows`, numbers [n, width >= 2]: the fewest components that hold `share` of the variance, at most 8."""
        numbers = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64).clip(-LARGEST, LARGEST)
        present = np.isfinite(numbers)
        n = np.maximum(present.sum(0), 1)
        mean = np.where(present, numbers, 0).sum(0) / n
        spread = np.sqrt((np.where(present, numbers - mean, 0) ** 2).sum(0) / n)
        # Rounding leaves a constant column a spread near 1e-17 times its size; dividing by that would invent variance.
        scale = np.where(spread > 1e-9 * (1 + np.abs(mean)), spread, 1.0)
        standard = np.where(present, (numbers - mean) / scale, 0)
        variances, vectors = np.linalg.eigh(standard.T @ standard / len(standard))
        shares = np.maximum(variances[::-1], 0) / max(variances.sum(), 1e-300)
        k = 1 + int(np.searchsorted(shares.cumsum(), share - 1e-9))
        k = min(k, COMPONENTS, numbers.shape[1] - 1)
        components = _signed(vectors[:, ::-1].T[:k])
        coordinates, error = _project(standard, components)
        return cls(
            mean,
            scale,
            components,
            shares[:k].copy(),
            tuple(Numeric.build(column) for column in coordinates.T),
            Numeric.build(error),
        )

    def project(self, rows: NDArray[Any]) -> tuple[Floats, Floats]:
        """The coordinates, float64 [n, k], and the reconstruction errors, float64 [n], of numbers [n, width]."""
        numbers = np.asarray(rows, np.float64)
        if numbers.ndim != 2 or numbers.shape[1] != len(self.mean):
            raise ReferenceRefused(f"found rows of shape {list(numbers.shape)}, expected [n, {len(self.mean)}]")
        standard = np.where(np.isfinite(numbers), (numbers - self.mean) / self.scale, 0)
        return _project(standard, self.components)


def _project(standard: Floats, components: Floats) -> tuple[Floats, Floats]:
    coordinates = standard @ components.T
    rest = standard - coordinates @ components
    return coordinates, np.sqrt((rest**2).mean(1))


def _signed(components: Floats) -> Floats:
    """Each component with its largest loading positive: the decomposition itself leaves the sign open."""
    largest = np.take_along_axis(components, np.abs(components).argmax(1)[:, None], 1)
    return np.ascontiguousarray(components * np.where(largest < 0, -1.0, 1.0))
