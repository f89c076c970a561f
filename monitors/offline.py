"""A log judged as the live gateway would have judged it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.alarm import Judged
from monitors.categorical import elements, is_missing
from monitors.hub import REQUESTS, Hub
from monitors.judgement import Window
from monitors.log import Rows
from monitors.record import Batch, concat
from monitors.reference import Reference
from monitors.registry import hub
from monitors.settings import Settings


@dataclass(frozen=True, slots=True)
class Report:
    """A judged window of one version in one role."""

    version: int
    role: str
    window: Window


class Pending:
    """Labelled rows whose label is not known yet at the time that the log has reached.

    Of their columns only those stay that slices look at: a label may come months after its answer.
    """

    def __init__(self, keep: Iterable[str]) -> None:
        self._keep = frozenset(keep)
        self._parts: list[tuple[NDArray[np.int64], Batch]] = []

    def add(self, batch: Batch) -> None:
        """Takes in labelled rows."""
        if len(batch):
            known = batch.time if batch.label_time is None else batch.label_time
            columns = {name: values for name, values in batch.columns.items() if name in self._keep}
            ordered = dataclasses.replace(batch, columns=columns, unscored=None).take(np.argsort(known, kind="stable"))
            self._parts.append((np.sort(known), ordered))

    def due(self, until: int | None) -> Batch | None:
        """The rows whose label is known by `until`, in order of that; None: all of them."""
        released, left = [], []
        for known, batch in self._parts:
            count = len(known) if until is None else int(np.searchsorted(known, until, "right"))
            first, rest = np.arange(count), np.arange(count, len(known))
            if count:
                released.append((known[:count], batch.take(first)))
            if len(rest):
                left.append((known[count:], batch.take(rest) if count else batch))
        self._parts = left
        if not released:
            return None
        order = np.argsort(np.concatenate([known for known, _ in released]), kind="stable")
        return concat([batch for _, batch in released]).take(order)


class Judging:
    """One version in one role: its hub, and the labels that are still to come."""

    def __init__(self, reference: Reference, groups: tuple[str, ...], settings: Settings) -> None:
        self.hub: Hub = hub(reference, groups, settings)
        self._pending = Pending({name for conditions in settings.slices for name in conditions} | set(groups))
        self._step = settings.rows

    def take(self, batch: Batch) -> Iterator[Window]:
        """The windows that close with these rows, which are younger than all before them."""
        if batch.labels is not None:
            self._pending.add(_labelled(batch, ~_missing(batch.labels)))
        self.hub.answers(dataclasses.replace(batch, labels=None, label_time=None))
        yield from _recorded(self.hub.advance())
        yield from self._hear(int(batch.time[-1]))

    def finish(self) -> Iterator[Window]:
        """What is left, as if no row and no label were to come any more."""
        yield from self._hear(None)
        yield from _recorded(self.hub.finish())

    def _hear(self, until: int | None) -> Iterator[Window]:
        batch = self._pending.due(until)
        if batch is None:
            return
        for start in range(0, len(batch), self._step):
            chosen = np.arange(start, min(start + self._step, len(batch)))
            self.hub.labelled(batch.take(chosen))
            yield from _recorded(self.hub.advance())


def judge(
    log: Iterable[Rows], reference: Reference, groups: tuple[str, ...], settings: Settings, role: str = "primary"
) -> Iterator[Report]:
    """What was found in each window of each version of one role.

    Windows of answers, and of labels as they came, stand in the order in which they closed. The labelled ones come last,
    each once: their values rest on every label of the log, their states are those of the moment when they were judged, and
    what fired then does so, whatever a later look at more labels said.
    """
    open_: dict[int, Judging] = {}
    fired: dict[tuple[int, int, tuple[str, str, str]], Judged] = {}
    for rows in log:
        if rows.role != role or not len(rows.batch):
            continue
        if rows.version not in open_:
            open_[rows.version] = Judging(reference, groups, settings)
        for window in open_[rows.version].take(rows.batch):
            if window.about != "labelled":
                yield Report(rows.version, role, window)
            fired |= _fired(rows.version, window)
    for version, judging in sorted(open_.items()):
        for window in judging.finish():
            if window.about != "labelled":
                yield Report(version, role, window)
            fired |= _fired(version, window)
        for window in judging.hub.labelled_windows():
            known = (fired.get((version, window.start, one.measurement.key)) for one in window.judged)
            states = zip(window.judged, known, strict=True)
            judged = tuple(
                dataclasses.replace(one, state=was.state, since=was.since) if was else one for one, was in states
            )
            yield Report(version, role, dataclasses.replace(window, judged=judged))


def _fired(version: int, window: Window) -> dict[tuple[int, int, tuple[str, str, str]], Judged]:
    """Of a labelled window."""
    return {(version, window.start, one.measurement.key): one for one in window.firing if window.about == "labelled"}


def _recorded(windows: Iterable[Window]) -> Iterator[Window]:
    """A log does not say what was refused."""
    return (window for window in windows if window.about != REQUESTS)


def _missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([is_missing(label) for label in elements(labels)], bool)


def _labelled(batch: Batch, chosen: NDArray[np.bool_]) -> Batch:
    rows = batch.take(chosen)
    labels = rows.labels
    # Integers that share a column with nulls arrive as floats.
    if labels is not None and labels.dtype.kind == "f" and len(labels) and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    return dataclasses.replace(rows, labels=labels)
