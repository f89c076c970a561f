"""How strange a row is: chains of random half-spaces, and how few training rows shared them with it.

Half-space trees (Tan, Ting, Liu 2011) whose nodes of one level all ask the same question, as in xStream (Manzoor, Lamba, Akoglu
2018): eight questions make a byte, and one look into a table of 256 masses scores a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import Categorical
from monitors.errors import ReferenceRefused
from monitors.numeric import Floats

TREES = 128
DEPTH = 8
"""Half-spaces of a tree; their answers fit a byte."""

SAMPLE = 256
"""Thresholds of a tree lie in the range of this many rows, so that a long tail does not take them all."""

MARGIN = 0.1
"""This part of the thresholds lies below all training values, as many above: what never occurred stands alone."""

STEPS = 4
"""Quantiles of the score for each halving of the tail."""

CHUNK = 2048
"""Rows that are scored at once: few enough for the cache, and for memory while learning."""

TAILS = (0.01, 0.001)
"""Beyond 99 % and 99.9 % of the training rows: what is called strange, and very strange."""

Points = NDArray[np.floating]


@dataclass(frozen=True, eq=False, slots=True)
class HalfSpaces:
    """What the training rows were like, to tell which rows are not.

    names: the columns that make up a point, in their order. width: the axes of a point.
    axes: int16 [8, trees], the axis that each level asks about; from `width` on the same axes with their sign turned, because a
    missing value answers no to every question, and so is now on the one side and now on the other.
    thresholds: float32 [8, trees]. masses: int32 [trees, 256], how many of the `rows` training rows gave these answers.
    quantiles: float64 [q], ascending: the score with 2^(-i/4) of the training rows beyond it, from `standing` of them, a random
    half that thresholds do not depend on, each scored by the other rows.
    """

    names: tuple[str, ...]
    width: int
    axes: NDArray[np.int16]
    thresholds: NDArray[np.float32]
    masses: NDArray[np.int32]
    rows: int
    quantiles: Floats
    _table: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        trees = len(self.masses)
        found = [array.shape for array in (self.axes, self.thresholds, self.masses)]
        expected = [(DEPTH, trees), (DEPTH, trees), (trees, 1 << DEPTH)]
        if found != expected or not len(self.quantiles):
            raise ReferenceRefused(f"half-spaces: found arrays of shapes {found}, expected {expected}")
        if self.axes.min() < 0 or self.axes.max() >= 2 * self.width:
            raise ReferenceRefused(f"half-spaces: found an axis that is none of a point's {self.width}")
        for array in (self.axes, self.thresholds, self.masses, self.quantiles):
            array.flags.writeable = False
        object.__setattr__(self, "_table", _sparseness(self.masses, self.rows))

    @classmethod
    def build(cls, points: Points, names: tuple[str, ...], seed: int = 0) -> HalfSpaces:
        """points: float [width, n], NaN is missing. seed: of the half-spaces."""
        random = np.random.default_rng(seed)
        width, rows = points.shape
        axes = _axes(width, random)
        # Rows that placed the thresholds never lie beyond them, as new rows may: the others stand for those.
        shuffled = random.permutation(rows)
        placing, standing = shuffled[: max(1, rows // 2)], shuffled[rows // 2 :]
        thresholds = _thresholds(points[:, placing], axes % width, random)
        thresholds *= np.where(axes < width, 1, -1).astype(np.float32)
        chunks = [points[:, start : start + CHUNK] for start in range(0, rows, CHUNK)]
        masses = np.zeros(TREES << DEPTH, np.int64)
        for chunk in chunks:
            masses += np.bincount(_cells(chunk, axes, thresholds).ravel(), minlength=masses.size)
        counts = masses.reshape(TREES, -1).astype(np.int32)
        # Nor do they count themselves: a row that does looks less strange than a new one.
        table = _sparseness(counts, rows, others=True)
        scores = np.concatenate([_mean(table, _cells(chunk, axes, thresholds)) for chunk in chunks])
        tails = 2.0 ** -(np.arange(int(STEPS * np.log2(len(standing))) + 1) / STEPS)
        quantiles = np.quantile(scores[standing], 1 - tails, method="inverted_cdf")
        return cls(names, width, axes, thresholds, counts, rows, quantiles)

    @property
    def standing(self) -> int:
        """How many rows the quantiles rest on."""
        return self.rows - self.rows // 2

    def score(self, points: Points) -> Floats:
        """float64 [n] of points, float [width, n]: the log2 of how many times sparser it is around them than if the training
        rows were spread evenly over the half-spaces; higher is stranger."""
        starts = range(0, max(1, points.shape[1]), CHUNK)
        chunks = [_cells(points[:, start : start + CHUNK], self.axes, self.thresholds) for start in starts]
        return np.concatenate([_mean(self._table, cells) for cells in chunks])

    def bits(self, scores: Floats) -> Floats:
        """float64 [n] >= 0: the log2 of how rare such a score is: 1 for one that half of the training rows reach, 10 for one in
        1,024. Beyond the strangest of them it goes on with the score."""
        return _bits(scores, self.quantiles)

    def rank(self, points: Points) -> Floats:
        """float64 [n] in [0, 1], of points, float [width, n]: the share of training rows that were less strange."""
        return 1 - np.exp2(-self.bits(self.score(points)))


def spots(profile: Categorical) -> Floats:
    """float64 [len(values) + 2, 2], the point of each place of `profile.index`: how surprising it is, the negative logarithm of
    its share, and where it stands in the order of the categories, in [0, 1]. A missing one stands nowhere."""
    counts = np.array([*profile.counts, profile.other, profile.missing], np.float64)
    surprise = -np.log((counts + 0.5) / (counts.sum() + 1))
    place = (counts[:-1].cumsum() - counts[:-1] / 2) / max(1.0, counts[:-1].sum())
    return np.column_stack([surprise, np.append(place, np.nan)])


def _axes(width: int, random: np.random.Generator) -> NDArray[np.int16]:
    """Each tree asks about one to eight axes in turn: few find what is strange by itself, many what is strange together."""
    axes = np.empty((DEPTH, TREES), np.int64)
    pool: list[int] = []
    for tree, count in enumerate(random.integers(1, min(DEPTH, width) + 1, TREES)):
        while len(pool) < count:
            pool.extend(random.permutation(width).tolist())
        axes[:, tree] = np.resize([pool.pop() for _ in range(count)], DEPTH)
    return (axes + width * random.integers(0, 2, axes.shape)).astype(np.int16)


def _thresholds(points: Points, axes: NDArray[np.int16], random: np.random.Generator) -> NDArray[np.float32]:
    finite = np.isfinite(points)
    low, high = _range(points, finite)
    uniform = _stratified(axes, random)
    found = np.empty(axes.shape)
    for tree, (own, levels) in enumerate(zip(axes.T, uniform.T, strict=True)):
        chosen = random.integers(0, points.shape[1], SAMPLE)
        least, most = _range(points[own][:, chosen], finite[own][:, chosen])
        inside = least + (levels - MARGIN) / (1 - 2 * MARGIN) * (most - least)
        spread = np.where(high > low, high - low, 1)[own]
        below, above = low[own] + (levels - MARGIN) * spread, high[own] + (levels - 1 + MARGIN) * spread
        found[:, tree] = np.where(levels < MARGIN, below, np.where(levels > 1 - MARGIN, above, inside))
    return found.astype(np.float32)


def _range(points: Points, finite: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The least and the largest finite value of each axis; 0 where there is none."""
    low = points.min(1, where=finite, initial=np.inf).astype(np.float64)
    high = points.max(1, where=finite, initial=-np.inf).astype(np.float64)
    present, most = finite.any(1), float(np.finfo(np.float32).max) / 2
    return np.where(present, low.clip(-most, most), 0), np.where(present, high.clip(-most, most), 0)


def _stratified(axes: NDArray[np.int16], random: np.random.Generator) -> Floats:
    """Numbers in [0, 1), one for each level of each tree; those of one axis are spread evenly, so that each has its margins."""
    levels = np.empty(axes.size)
    for axis in np.unique(axes):
        own = np.flatnonzero(axes.ravel() == axis)
        levels[own] = (random.permutation(len(own)) + random.random(len(own))) / len(own)
    return levels.reshape(axes.shape)


def _cells(points: Points, axes: NDArray[np.int16], thresholds: NDArray[np.float32]) -> NDArray[np.int32]:
    """int32 [trees, n]: the place of the answers to each point in a table [trees · 256]; the first level's is the highest bit."""
    trees = axes.shape[1]
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and on the right side of all thresholds
        both = np.concatenate([points, -points], dtype=np.float32, casting="same_kind")
    answers = (both.take(axes.ravel(), 0) > thresholds.reshape(-1, 1)).view(np.uint8).reshape(DEPTH, trees, -1)
    code = answers[0]
    for answer in answers[1:]:  # eight times faster than packbits along this axis
        code <<= 1
        code |= answer
    cells: NDArray[np.int32] = code + (np.arange(trees, dtype=np.int32) << DEPTH)[:, None]
    return cells


def _sparseness(masses: NDArray[np.int32], rows: int, others: bool = False) -> NDArray[np.float32]:
    """float32 [trees, 256]: for each byte of answers, how many times fewer rows gave its first i answers than if each
    question halved them, at the i where that is most. others: a row of that byte is not counted itself."""
    trees = len(masses)
    densest = np.full(masses.shape, np.inf)
    for depth in range(DEPTH + 1):
        shared = np.repeat(masses.reshape(trees, 1 << depth, -1).sum(2), 1 << (DEPTH - depth), 1)
        densest = np.minimum(densest, (np.maximum(shared - others, 0) + 1) * 2.0**depth)
    return (rows / densest).astype(np.float32)


def _mean(table: NDArray[np.float32], cells: NDArray[np.int32]) -> Floats:
    """The log2 of the mean over the trees: one tree that finds a row far out is not outvoted."""
    scores: Floats = np.log2(table.take(cells).mean(0, dtype=np.float64))
    return scores


def _bits(scores: Floats, quantiles: Floats) -> Floats:
    first = np.flatnonzero(np.diff(quantiles, prepend=-np.inf) > 0)  # of equal ones, the least strange
    known = np.interp(scores, quantiles[first], first / STEPS)
    bits: Floats = known + np.maximum(scores - quantiles[-1], 0)
    return bits
