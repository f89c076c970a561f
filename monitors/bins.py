"""Cells of a quantity as bins for people: few, in order, with labels that say what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np
from numpy.typing import NDArray

from monitors.caption import caption
from monitors.categorical import Categorical
from monitors.layout import Quantity
from monitors.numeric import Counts, Floats, Numeric

MOST = 10
"""Bins of a number, or categories that are shown by name; `missing`, and of categories `other`, come on top."""

OTHER, MISSING = "other", "missing"

_DIGITS = range(3, 18)
_WHOLE = 1e15  # beyond it a float has no room for all whole numbers


@dataclass(frozen=True, eq=False, slots=True)
class Bins:
    """Shares of a window's rows, and of the reference's, in the same bins.

    labels: no two alike, in the order of the numbers or of the reference's categories; `other` and `missing` are the last,
    where the reference or the window has such rows. reference, now: float64 [bins], each with the sum 1.
    ordered: whether the order says something that the labels alone do not.
    """

    labels: tuple[str, ...]
    reference: Floats
    now: Floats
    ordered: bool


def binned(quantity: Quantity, counts: Counts, most: int = MOST) -> Bins | None:
    """The window's cells `counts`, int64 [quantity.width], beside the reference's. None where either of them has no rows.

    Of a number `most` bins that held equal shares of the reference, as far as ties allowed it; of a category the values that
    had the largest share, then or now.

    >>> carrier = Quantity("carrier", "carrier", Categorical.build(np.array(["AA", "AA", "UA", "DL"])))
    >>> bins = binned(carrier, np.array([1, 1, 8, 10, 0]))
    >>> bins.labels, bins.now.tolist()
    (('AA', 'DL', 'UA', 'other'), [0.05, 0.05, 0.4, 0.5])
    """
    if not counts.sum() or not quantity.counts.sum():
        return None
    shares = np.stack([cells / cells.sum() for cells in (quantity.counts, counts)])
    profile = quantity.profile
    ordered = isinstance(profile, Numeric)
    labels = numbers(profile, most) if isinstance(profile, Numeric) else categories(profile, shares, most)
    distinct = sorted(dict.fromkeys(labels), key=lambda label: (label == MISSING, label == OTHER))
    place = [distinct.index(label) for label in labels]
    reference, now = (np.bincount(place, row).astype(np.float64) for row in shares)
    kept = [label not in (OTHER, MISSING) or reference[i] + now[i] > 0 for i, label in enumerate(distinct)]
    return Bins(tuple(compress(distinct, kept)), reference[kept], now[kept], ordered)


def numbers(profile: Numeric, most: int = MOST) -> list[str]:
    """The label of each cell of a number, neighbours with one label where there are more than `most`; then `missing`.

    Where the reference holds whole numbers only, so do the labels.

    >>> numbers(Numeric.build(np.arange(100) / 10), most=4)[::5]
    ['≤ 2.4', '2.4 – 4.9', '4.9 – 7.4', '> 7.4', 'missing']
    >>> numbers(Numeric.build(np.arange(4)))
    ['≤ 0', '1', '2', '> 2', 'missing']
    """
    place = np.arange(len(profile.counts)) * min(1.0, most / len(profile.counts))
    groups = np.floor(place + 1e-9).astype(np.int64)
    last = np.flatnonzero(np.diff(groups))
    return [*np.array(_labels(profile, profile.edges[last]), object)[groups].tolist(), MISSING]


def categories(profile: Categorical, shares: Floats, most: int = MOST) -> list[str]:
    """The label of each cell of a category, `other` where it is not among the `most` largest; then `other` and `missing`.

    shares: float64 [2, cells], in the reference and now.
    """
    size = len(profile.values)
    largest = np.argsort(-shares[:, :size].max(0), kind="stable")
    shown = set(largest[: most if size <= most else most - 1].tolist())
    named = [caption(str(value)) if place in shown else OTHER for place, value in enumerate(profile.values)]
    return [*named, OTHER, MISSING]


def _labels(profile: Numeric, edges: NDArray[np.float64]) -> list[str]:
    if not len(edges):
        return ["any"]
    if len(edges) == 2 and profile.low == profile.high:  # less, equal, more: the profile of a constant
        value = _written(profile.edges[-1:])[0]
        return [f"< {value}", value, f"> {value}"]
    seen = np.array([profile.low, *profile.edges, profile.high])
    if (seen == np.floor(seen)).all() and np.abs(seen).max() < _WHOLE:
        ends = edges.astype(np.int64).tolist()
        inner = [f"{high}" if low + 1 == high else f"{low + 1} – {high}" for low, high in pairwise(ends)]
        return [f"≤ {ends[0]}", *inner, f"> {ends[-1]}"]
    written = _written(edges)
    inner = [f"{low} – {high}" for low, high in pairwise(written)]
    return [f"≤ {written[0]}", *inner, f"> {written[-1]}"]


def _written(values: NDArray[np.float64]) -> list[str]:
    """The numbers with as few digits as tell them apart, three at least."""
    for digits in _DIGITS:
        written = [_plain(value, digits) for value in values.tolist()]
        if len(set(written)) == len(written):
            break
    return written


def _plain(value: float, digits: int) -> str:
    """Without an exponent where that is readable."""
    if value == 0 or 1e-4 <= abs(value) < 1e9:
        return np.format_float_positional(value, digits, unique=False, fractional=False, trim="-")
    return f"{value:.{digits}g}"
