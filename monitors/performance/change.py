"""When a model began to err more, or less, inside a window: concept drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from river.drift import ADWIN, PageHinkley

from monitors.checkpoint import pack, unpack
from monitors.detector import Series
from monitors.measurement import Measurement
from monitors.monitor import Feed
from monitors.numeric import Floats
from monitors.performance.classes import Classes
from monitors.performance.regression import numbers
from monitors.reference import Reference
from monitors.score import ValueScores
from monitors.view import View

DELTA = 0.002
"""How likely ADWIN is to find a change at a point of a series that has none."""

TOLERANCE, THRESHOLD = 0.02, 50.0
"""PageHinkley's: a rise of the error by less than 0.02 is none, and errors must exceed what was to be expected by 50. A
rise from 0.2 to 0.3 was found within 1,000 labels in 20 of 20 runs; without any change, errors of 0.05 to 0.4, it found one
change in six million labels. River's forgetting is off (alpha = 1): it draws the sum back against the tolerance, so that with
the default 0.9999 the same runs had a false change every 39,000 labels."""

MOST = 256
"""A slot stands for at most so many errors; of more, their mean counts as if it were of so many."""

PLACE = 255
"""Of the 257 quantiles: residuals beyond the 99.6 % one count as 1. Those of the reference are already the model's."""

KEPT = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")


@dataclass(slots=True)
class Memory:
    """Both detectors, how many changes each has found so far, and the part of an error that no row has shown yet."""

    adwin: Any
    page: Any
    changes: list[int]
    rest: float


class ConceptChange:
    """River's ADWIN and PageHinkley on the error: 0 or 1 for classes; the residual's size in [0, 1] for values.

    Both expect one value after another, while a slot of time only has its mean, so that the order in which rows arrive
    does not matter. It is handed to them as that many errors among that many right answers, evenly spread: where the
    mean changes they see it at full strength, and within a slot there is nothing to see. ADWIN finds changes to either
    side, PageHinkley those to the worse. A change is no alarm: the tests of performance judge how much it matters.

    Bifet and Gavaldà 2007, "Learning from time-changing data with adaptive windowing"; Page 1954, "Continuous
    inspection schemes".
    """

    name = "performance"
    feed: Feed = "labelled"
    subjects = ("error",)

    def __init__(self, reference: Reference) -> None:
        self._regression = reference.schema.task == "regression"
        self._classes = Classes.of(reference)
        self._scale = _scale(reference.scores) if isinstance(reference.scores, ValueScores) else np.nan

    def values(self, view: View) -> Floats:
        """The error of each row in [0, 1], float64 [n, 1]; NaN without label or answer, or if no scale is known."""
        batch = view.batch
        if batch.labels is None:
            return np.full((len(batch), 1), np.nan)
        if not self._regression:
            truth, predicted = self._classes.places(batch.labels), self._classes.predicted(batch)
            return np.where((truth >= 0) & (predicted >= 0), truth != predicted, np.nan)[:, None]
        if batch.scores is None:
            return np.full((len(batch), 1), np.nan)
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is no residual
            error = np.abs(numbers(batch.labels) - batch.scores) / self._scale
        return np.where(np.isfinite(error), np.minimum(error, 1), np.nan)[:, None]

    def begin(self) -> Memory:
        return Memory(_adwin(), _page(), [0, 0], 0.0)

    def follow(self, memory: Memory, series: Series) -> Sequence[Measurement]:
        """For each detector how many changes the window held. Detail: how many there ever were, the time of the last slot
        with one, in ns, and the mean error of the window's slots until then and after it."""
        means, counts = series.means[:, 0], series.counts[:, 0]
        found, last = [0, 0], [-1, -1]
        for slot in np.flatnonzero(np.isfinite(means) & (counts > 0)):  # a NaN would silence both for good
            for error in _spread(memory, float(means[slot]), int(counts[slot])):
                for which, detector in enumerate((memory.adwin, memory.page)):
                    detector.update(error)
                    if detector.drift_detected:
                        found[which], last[which] = found[which] + 1, int(slot)
        memory.changes = [ever + new for ever, new in zip(memory.changes, found, strict=True)]
        return [
            Measurement(
                self.name,
                self.subjects[0],
                name,
                float(new),
                int(counts.sum()),
                detail={"changes": ever} | (_sides(series, slot) if new else {}),
            )
            for name, new, ever, slot in zip(("adwin", "page_hinkley"), found, memory.changes, last, strict=True)
        ]

    def dump(self, memory: Memory) -> bytes:
        # River offers pickles only; what is in these is plain numbers and bytes, which can do no harm when they are read.
        page = memory.page
        return pack(
            {
                "changes": memory.changes,
                "rest": memory.rest,
                "found": [memory.adwin.drift_detected, page.drift_detected],
                "adwin": memory.adwin._helper.__getstate__(),
                "page": {name: float(getattr(page, name)) for name in KEPT},
                "mean": [float(page._x_mean.n), float(page._x_mean.get())],
            }
        )

    def load(self, data: bytes) -> Memory:
        tree, memory = unpack(data), self.begin()
        memory.changes, memory.rest = tree["changes"], tree["rest"]
        memory.adwin._drift_detected, memory.page._drift_detected = tree["found"]
        memory.adwin._helper.__setstate__(tree["adwin"])
        for name, value in tree["page"].items():
            setattr(memory.page, name, value)
        rows, mean = tree["mean"]
        if rows:
            memory.page._x_mean.update(mean, rows)
        return memory


def _spread(memory: Memory, mean: float, count: int) -> list[float]:
    """0s and 1s of that mean, evenly spread; what is left of a 1 stays for the next slot."""
    totals = memory.rest + mean * np.arange(min(count, MOST) + 1)
    memory.rest = float(totals[-1] % 1)
    spread: list[float] = np.diff(np.floor(totals)).tolist()
    return spread


def _sides(series: Series, slot: int) -> dict[str, Any]:
    means, counts = np.nan_to_num(series.means[:, 0]), series.counts[:, 0]
    sides = {"was": slice(0, slot), "now": slice(slot, None)}
    at = {name: float((means[side] @ counts[side]) / max(1, counts[side].sum())) for name, side in sides.items()}
    return {"time": int(series.time[slot]), **at}


def _scale(scores: ValueScores) -> float:
    if scores.residual is None:
        return np.nan
    largest = np.abs(scores.residual.quantiles[[len(scores.residual.quantiles) - 1 - PLACE, PLACE]]).max()
    return float(largest) if largest > 0 else np.nan


def _adwin() -> Any:
    return ADWIN(DELTA)  # type: ignore[no-untyped-call]


def _page() -> Any:
    return PageHinkley(delta=TOLERANCE, threshold=THRESHOLD, alpha=1.0, mode="up")
