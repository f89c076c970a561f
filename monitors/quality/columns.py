"""Each column on its own: what is missing, infinite, out of range, unseen, or always the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import Categorical
from monitors.layout import Layout
from monitors.measurement import Measurement
from monitors.monitor import Feed, State
from monitors.numeric import Counts, Numeric
from monitors.quality import hashing
from monitors.quality.reading import LEAST, Column, read, score
from monitors.record import Batch
from monitors.reference import Reference
from monitors.score import ClassScores
from monitors.tally import Tally
from monitors.view import View

CELLS = ("rows", "missing", "infinite", "below", "above", "unseen", "sum", "squares")
MOST = 64
"""Unseen values that are kept by name for each column."""

_SHIFT = np.uint64(48)


class ColumnQuality:
    """Counts bad values by column, and compares their shares with the reference's.

    A column is constant if all its values have one 16-bit hash: by Cauchy and Schwarz that is so exactly if rows · Σh² = (Σh)²,
    and both sums add up. Two values in turn are taken for one in 1 of 65,536 cases, more values more rarely still.
    Scores that are no numbers, which every other monitor leaves out, are counted too.
    State: int64 [columns] for each of `CELLS`, numeric columns first, then wide, then categorical ones; for each of the last
    a Tally of the values that the reference has not; `scores` int64 [2]: scores that were asked for, those of them not finite.
    """

    name = "quality"
    feed: Feed = "answers"

    def __init__(self, reference: Reference, least: int = LEAST) -> None:
        """least: values that a column needs before anything is said of it."""
        layout = Layout.of(reference)
        narrow = layout.quantities[: len(layout.columns)]
        numbers = [quantity.profile for quantity in narrow]
        self._categories = layout.quantities[layout.numeric :]
        self._wide = [name for name, _ in layout.wide]
        timed = any(part.timed for part in reference.natural)
        self._columns = (
            *(Column.of(one.name, one.profile, timed) for one in narrow),
            *(Column.of(name, None, timed) for name in self._wide),
            *(Column.of(one.name, one.profile, timed) for one in self._categories),
        )
        self._least, self._scored = least, _scored(reference)
        self._low = np.array([p.low for p in numbers if isinstance(p, Numeric)])[:, None]
        self._high = np.array([p.high for p in numbers if isinstance(p, Numeric)])[:, None]
        self._first = int(layout.offsets[layout.numeric])
        self._starts = layout.offsets[layout.numeric : -1] - self._first
        self._fresh = _joined(_fresh(quantity.profile) for quantity in self._categories).astype(np.bool_)
        widths = layout.widths[layout.numeric :]
        self._last = self._starts + widths - 1
        self._hashes = _hashes(np.arange(layout.size - self._first, dtype=np.float64))
        self._hashes[np.append(self._last, self._last - 1).astype(np.int64)] = (
            0  # other values have hashes of their own
        )

    def begin(self) -> State:
        cells: State = {name: np.zeros(len(self._columns), np.int64) for name in CELLS}
        cells["scores"] = np.zeros(2, np.int64)
        return cells | {f"unseen.{quantity.name}": Tally(MOST) for quantity in self._categories}

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        if not len(view):
            return
        k, w = len(self._low), len(self._wide)
        found = np.zeros((len(CELLS), len(self._columns)), np.int64)
        found[0] = len(view)
        if k:
            self._numbers(found[:, :k], view)
        for place, name in enumerate(self._wide):
            if name in view.batch.columns:
                _wide(found[:, k + place], view.batch.columns[name])
        if self._categories:
            self._values(found[:, k + w :], view, state, weight)
        found *= np.array([column.name in view.batch.columns for column in self._columns])
        for name, counts in (*zip(CELLS, found, strict=True), ("scores", _scores(view.batch))):
            cell: Any = state[name]
            cell += weight * counts

    def measure(self, state: State) -> Sequence[Measurement]:
        table: Any = np.array([state[name] for name in CELLS]).T.tolist()
        found: list[Measurement] = []
        for column, counts in zip(self._columns, table, strict=True):
            names = state.get(f"unseen.{column.name}")
            found += read(column, dict(zip(CELLS, counts, strict=True)), names, self._least)  # type: ignore[arg-type]
        scores: Any = state["scores"]
        answered, spoilt = scores.tolist()
        return [*found, score(spoilt, answered, self._scored, self._least)] if answered else found

    def _numbers(self, found: Counts, view: View) -> None:
        _, missing, infinite, below, above, _, total, squares = found
        values, lost = view.values()[: len(self._low)], view.missing()[: len(self._low)]
        under, over, hashes = values < self._low, values > self._high, _hashes(values)
        if lost.any():
            infinite[:] = np.isinf(values).sum(1)
            missing[:] = lost.sum(1) - infinite
            under, over = under & ~lost, over & ~lost
            hashes[lost] = 0
        below[:], above[:] = under.sum(1), over.sum(1)
        total[:], squares[:] = hashes.sum(1), np.einsum("ij,ij->i", hashes, hashes)

    def _values(self, found: Counts, view: View, state: State, weight: int) -> None:
        _, missing, _, _, _, unseen, total, squares = found
        counts = view.counts()[self._first :]
        missing[:] = counts[self._last]
        unseen[:] = np.add.reduceat(counts * self._fresh, self._starts)
        total[:] = np.add.reduceat(counts * self._hashes, self._starts)
        squares[:] = np.add.reduceat(counts * self._hashes**2, self._starts)
        for row in np.flatnonzero(unseen):
            quantity = self._categories[row]
            if quantity.column not in view.batch.columns:
                continue
            places = view.places(quantity.column)
            fresh = self._fresh[places + self._starts[row]]
            values = [_text(value) for value in view.batch.columns[quantity.column][fresh].tolist()]
            _count(state[f"unseen.{quantity.name}"], values, weight)
            others = view.batch.columns[quantity.column][places == quantity.width - 2].tolist()
            if others:
                hashes = (hashing.of_texts(map(_text, others)) >> _SHIFT).astype(np.int64)
                total[row] += hashes.sum()
                squares[row] += (hashes**2).sum()


def _scored(reference: Reference) -> int:
    """Training rows whose score is known to have been a number; where none was given, all are taken to have had one."""
    scores = reference.scores
    if scores is None:
        return reference.rows
    known = scores.classes[0] if isinstance(scores, ClassScores) else scores.values
    return int(known.counts.sum()) or reference.rows


def _scores(batch: Batch) -> Counts:
    """How many scores were asked for, and how many of them are no numbers, int64 [2]."""
    if batch.scores is None:
        return np.zeros(2, np.int64)
    asked = np.ones(len(batch), np.bool_) if batch.unscored is None else ~batch.unscored
    spoilt = ~np.isfinite(batch.scores.reshape(len(batch), -1)).all(1)
    return np.array([asked.sum(), (asked & spoilt).sum()], np.int64)


def _fresh(profile: Any) -> NDArray[np.bool_]:
    """Which places of a category hold what the reference never had: values declared but not there, and other ones."""
    assert isinstance(profile, Categorical)
    return np.append(profile.counts == 0, [True, False])


def _hashes(values: NDArray[np.float64]) -> Counts:
    return (hashing.of_numbers(values) >> _SHIFT).astype(np.int64)


def _wide(found: Counts, values: NDArray[Any]) -> None:
    """One column of several numbers in each row; a row counts once."""
    numbers = np.asarray(values, np.float64)
    infinite, missing = np.isinf(numbers).any(1), np.isnan(numbers).any(1)
    hashes = (hashing.of_rows(numbers) >> _SHIFT).astype(np.int64)
    hashes[infinite | missing] = 0
    found[1:3] = (missing & ~infinite).sum(), infinite.sum()
    found[6:] = hashes.sum(), (hashes**2).sum()


def _text(value: Any) -> str:
    return str(value)[: hashing.LONGEST]


def _count(tally: Any, values: Sequence[str], weight: int) -> None:
    assert isinstance(tally, Tally)
    if weight > 0:
        tally.add(values)
    else:
        tally.counts.subtract(values)
        for value in [value for value in set(values) if not tally.counts[value]]:
            del tally.counts[value]


def _joined(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, np.bool_), *parts])
