"""The monitors run over the training period itself, so that later on they know what is natural."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from monitors.categorical import elements, is_missing
from monitors.drift.label import LabelDrift
from monitors.drift.ranking import Ranking
from monitors.estimate.estimated import Estimate
from monitors.fairness.mistakes import GroupErrors
from monitors.measurement import Measurement
from monitors.monitor import Monitor
from monitors.natural import Key, Natural, departure
from monitors.numeric import Floats
from monitors.performance.coverage import LabelDelay
from monitors.quality.duplicates import Duplicates
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import monitors_for
from monitors.settings import Settings
from monitors.trust import Trust
from monitors.view import View

SIZES = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)
"""Rows in a block. Ever twice as many, because departures fall fast once a block spans a week or a spell of weather."""

FEWER = (32, 64, *SIZES)
"""The same of rows that the model was not fitted on: they are few, and would otherwise span more time than a window does."""

BLOCKS = 4
"""With fewer, a block is so much of the whole that it says little of how far a window may be from it. And half of all blocks of a
size must have had rows enough for a measurement: the others may have strayed farther."""

MOST = 256
"""So many blocks of each size are measured, evenly spread; fewer overlap by half."""

CHUNK = 8192

ELSEWHERE = (Duplicates, Ranking, LabelDelay)
"""What these say does not follow from training rows, or is never tested."""


def rehearse(
    reference: Reference, batch: Batch, groups: Sequence[str] = (), unseen: NDArray[np.bool_] | None = None
) -> Reference:
    """The reference with what is natural: how far each tested measurement strayed within its own rows.

    batch: the rows of the reference, in any order, with all that is known of their answers, labels and groups.
    groups: the attributes that the model's manifest declares. unseen: bool [n], the rows that the model was not fitted
    on, by default those with a score: only they tell how good its answers were. Rows that all have one time were drawn at
    random: then natural is what chance does.
    """
    timed = len(batch) > 0 and int(batch.time.min()) < int(batch.time.max())
    shuffled = np.random.default_rng(0).permutation(len(batch))
    ordered = np.argsort(batch.time, kind="stable") if timed else shuffled
    monitors = [each for each in monitors_for(reference, groups, Settings()) if not isinstance(each, ELSEWHERE)]
    unscored = None if batch.scores is None else ~_scored(batch.scores)
    rows = dataclasses.replace(batch, labels=None, label_time=None, unscored=unscored).take(ordered)
    answers = _natural(reference, [each for each in monitors if each.feed == "answers"], rows, timed)
    known = _known(batch, unseen)[ordered]
    labelled = [each for each in monitors if each.feed == "labelled"]
    # What is true does not depend on what the model was fitted on, and how groups compare hardly: all rows tell more than some.
    truth = [each for each in labelled if isinstance(each, LabelDrift | GroupErrors)]
    labels = _natural(reference, truth, batch.take(ordered[_labelled(batch)[ordered]]), timed)
    judged = [*(each for each in labelled if each not in truth), Estimate(reference)]
    errors = _natural(reference, judged, batch.take(ordered[known]), timed, FEWER)
    return dataclasses.replace(reference, natural=(answers, labels, errors))


def _labelled(batch: Batch) -> NDArray[np.bool_]:
    if batch.labels is None:
        return np.zeros(len(batch), bool)
    return np.array([not is_missing(label) for label in elements(batch.labels)], bool)


def _known(batch: Batch, unseen: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    known = _labelled(batch)
    if unseen is not None:
        return known & unseen
    if batch.scores is None:
        return known
    return known & _scored(batch.scores)


def _scored(scores: Floats) -> NDArray[np.bool_]:
    return cast(NDArray[np.bool_], np.isfinite(scores.reshape(len(scores), -1)).all(1))


def _natural(
    reference: Reference, monitors: Sequence[Monitor], rows: Batch, timed: bool, sizes: tuple[int, ...] = SIZES
) -> Natural:
    whole = {found.key: found for found in _tested(reference, monitors, rows) if np.isfinite(found.value)}
    edges = {key: np.full((2, len(sizes)), np.nan) for key in whole}
    seconds = np.full(len(sizes), np.nan)
    for place, size in enumerate(sizes):
        starts = _starts(len(rows), size)
        enough = max(BLOCKS, len(starts) / 2)
        if len(starts) and timed:
            seconds[place] = np.median(rows.time[starts + size - 1] - rows.time[starts]) / 1e9
        blocks = (_tested(reference, monitors, rows.take(np.arange(start, start + size))) for start in starts.tolist())
        for key, (low, high, count) in _extremes(blocks, whole).items():
            if count >= enough:
                edges[key][:, place] = low, high
    for key, found in whole.items():
        _complete(edges[key], found, sizes)
    # What is nothing and never strays needs no entry: there everything is beyond the natural.
    keys = [key for key, found in whole.items() if found.value or np.nan_to_num(edges[key]).any()]
    table = np.array([edges[key] for key in keys], np.float32).reshape(-1, 2, len(sizes))
    centre = np.array([whole[key].value for key in keys], np.float32)
    least, most = (np.ascontiguousarray(table[:, side]) for side in (0, 1))
    return Natural(tuple(keys), np.array(sizes, np.int64), seconds, centre, least, most)


def _complete(edges: Floats, whole: Measurement, sizes: tuple[int, ...]) -> None:
    """Fills in the departures [2, sizes] of blocks too small to measure: what comes in spells falls with the root of size.

    If none was large enough, all that is known is where the value of all rows lies.
    """
    known = np.flatnonzero(np.isfinite(edges[0]))
    if not len(known):
        low, high = whole.interval or (whole.value, whole.value)
        edges[:] = np.array([[min(0.0, low - whole.value)], [max(0.0, high - whole.value)]])
        return
    first = known[0]
    edges[:, :first] = edges[:, [first]] * np.sqrt(sizes[first] / np.array(sizes[:first]))


def _starts(rows: int, size: int) -> NDArray[np.int64]:
    blocks = rows // size
    if blocks < BLOCKS:
        return np.empty(0, np.int64)
    return np.linspace(0, rows - size, min(MOST, 2 * blocks - 1)).astype(np.int64)


def _tested(reference: Reference, monitors: Sequence[Monitor], rows: Batch) -> Iterator[Measurement]:
    """What the monitors test in these rows, and the gaps between estimates and what the labels say."""
    states = [monitor.begin() for monitor in monitors]
    for start in range(0, len(rows), CHUNK):
        view = View(rows.take(np.arange(start, min(start + CHUNK, len(rows)))), reference)
        for monitor, state in zip(monitors, states, strict=True):
            monitor.fold(state, view)
    found = [one for monitor, state in zip(monitors, states, strict=True) for one in monitor.measure(state)]
    yield from (one for one in found if one.p is not None and one.enough)
    estimates = [one for one in found if one.statistic == "estimated"]
    yield from (one for one in Trust().gaps(estimates, found) if one.p is not None and one.enough)


def _extremes(
    blocks: Iterable[Iterable[Measurement]], whole: Mapping[Key, Measurement]
) -> dict[Key, tuple[float, float, int]]:
    """Of each measurement the least and the largest departure, and in how many blocks it was one."""
    found: dict[Key, tuple[float, float, int]] = {}
    for block in blocks:
        for one in block:
            if one.key in whole and np.isfinite(one.value):
                away = departure(one, whole[one.key].value)
                low, high, count = found.get(one.key, (0.0, 0.0, 0))
                found[one.key] = min(low, away), max(high, away), count + 1
    return found
