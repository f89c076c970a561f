"""A primary beside its shadow, row by row, as sums that can be added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.record import Layout
from gateway.tensor import Array, bf16_to_fp32

EDGES = tuple(step * 10.0**power for power in range(-6, 6) for step in (1, 2, 5))
"""Of the histogram of distances between scores: bin i holds distances up to EDGES[i], the last one what is beyond."""

_EDGES = np.array(EDGES)


class Comparison(msgspec.Struct):
    """What rows of one version and of its shadow have in common. All are sums; `add` keeps them so.

    requests, rows: compared. judged: rows where both name a class; disagreed: of these, where it is another one.
    scored: rows where both have a finite score; distance, squares: the sums of |difference| and of its square; histogram: by
    EDGES. The distance of two distributions over classes is their total variation, half the sum of |differences|.
    primary_ns, shadow_ns: compute time of these requests; the shadow's is its share of a batch.
    """

    requests: int = 0
    rows: int = 0
    judged: int = 0
    disagreed: int = 0
    scored: int = 0
    distance: float = 0.0
    squares: float = 0.0
    histogram: list[int] = msgspec.field(default_factory=lambda: [0] * (len(EDGES) + 1))
    primary_ns: int = 0
    shadow_ns: int = 0

    def add(self, other: Comparison) -> None:
        """Adds another one's sums to these."""
        for name in self.__struct_fields__:
            if name != "histogram":
                setattr(self, name, getattr(self, name) + getattr(other, name))
        self.histogram = [ours + theirs for ours, theirs in zip(self.histogram, other.histogram, strict=True)]

    @property
    def disagreement(self) -> float | None:
        """The share of rows, 0 to 1, on which the shadow names another class; None without any."""
        return self.disagreed / self.judged if self.judged else None

    @property
    def mean_distance(self) -> float | None:
        """Of the scores; None without any."""
        return self.distance / self.scored if self.scored else None

    @property
    def latency_ratio(self) -> float | None:
        """Compute time of the shadow for one of the primary, > 0; None before anything was compared."""
        return self.shadow_ns / self.primary_ns if self.primary_ns else None


def compare(
    primary: Layout, shadow: Layout, theirs: Mapping[str, Array | None], ours: Mapping[str, Array], rows: int
) -> Comparison:
    """Outputs of the same rows, in the same order, by name, [rows] or [rows, …]; None where the primary recorded none.

    Classes are compared if both versions name a prediction, scores if both name a score of the same width.
    """
    found = Comparison(rows=rows)
    classes = _both(primary.prediction, shadow.prediction, theirs, ours, rows)
    if classes is not None:
        found.judged = rows
        found.disagreed = int((classes[0] != classes[1]).any(axis=1).sum())
    scores = _both(primary.score, shadow.score, theirs, ours, rows)
    if scores is not None:
        distances = _distances(_floats(primary, primary.score, scores[0]), _floats(shadow, shadow.score, scores[1]))
        found.scored = len(distances)
        found.distance, found.squares = float(distances.sum()), float((distances**2).sum())
        found.histogram = np.bincount(np.searchsorted(_EDGES, distances), minlength=len(EDGES) + 1).tolist()
    return found


def _both(
    one: str | None, other: str | None, theirs: Mapping[str, Array | None], ours: Mapping[str, Array], rows: int
) -> tuple[Any, Any] | None:
    """The two outputs as [rows, width]; None if one of them lacks or they differ in width."""
    if one is None or other is None:
        return None
    left, right = theirs.get(one), ours.get(other)
    if left is None or right is None or left.size != right.size:
        return None
    return left.reshape(rows, -1), right.reshape(rows, -1)


def _floats(layout: Layout, name: str | None, values: Array) -> NDArray[np.float64]:
    datatype = next(field.datatype for field in layout.outputs if field.name == name)
    return np.asarray(bf16_to_fp32(values) if datatype == "BF16" else values, np.float64)


def _distances(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        distances: NDArray[np.float64] = np.abs(left - right).sum(axis=1) / (1 if left.shape[1] == 1 else 2)
    return distances[np.isfinite(distances)]
