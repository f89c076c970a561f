"""What gates look at: sums over the answers of one version during one step of a rollout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.record import Answers
from gateway.rollout import duration
from gateway.rollout.expectation import Expectation
from gateway.rollout.outcomes import Outcomes
from monitors.record import Batch

BLAMELESS = frozenset(
    {
        "bad_request",
        "body_too_large",
        "cancelled",
        "forbidden",
        "method_not_allowed",
        "not_found",
        "over_quota",
        "request_timeout",
        "unauthenticated",
    }
)
"""Refusals that say nothing about the version: its clients made them."""

OWN = frozenset({"pinned", "rule"})
"""Routes that clients choose: who asks for a version is not who it is given to by chance, so they are no comparison."""

MOST_GROUPS = 64

_MIDDLE = 512
_PER_OCTAVE = 16
VALUE_BINS = 2 * _MIDDLE + 1
"""Predicted values by sign and size, 16 bins for each doubling from 2^-16 to 2^16, as they are needed to compare shares."""


@dataclass(slots=True)
class Arm:
    """The sums of one version. Sums of disjoint answers add up; what has been since a moment is now − then.

    answered: requests. errors: requests that failed, by code, all codes. latency: int64 [1792], answered requests (see
    `duration`). rows: of answered requests. predictions: [cells], rows by score (binary), class, or value.
    labelled, estimated: rows with a label, and rows with what their label is expected to be. compared, disagreed: rows that both
    versions answered, by the shadow. groups: by attribute and group, rows and rows of the positive class.
    """

    answered: float = 0
    errors: Counter[str] = field(default_factory=Counter)
    latency: NDArray[Any] = field(default_factory=lambda: np.zeros(duration.BINS, np.int64))
    rows: float = 0
    predictions: NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    labelled: Outcomes = field(default_factory=Outcomes)
    estimated: Outcomes = field(default_factory=Outcomes)
    compared: float = 0
    disagreed: float = 0
    groups: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)

    @property
    def failed(self) -> float:
        """Requests that failed and should not have."""
        return sum(count for code, count in self.errors.items() if code not in BLAMELESS)

    @property
    def requests(self) -> float:
        """Requests that the version is judged by."""
        return self.answered + self.failed

    def answers(self, answers: Answers, batch: Batch, expectation: Expectation) -> None:
        """Adds answered rows, as recorded and as a batch of the same rows."""
        firsts = answers.row == 0
        self.answered += int(np.count_nonzero(firsts))
        self.latency += duration.counted(answers.total_us[firsts])
        self.rows += len(answers)
        self.predictions = _sum(self.predictions, _predictions(batch, expectation), 1)
        expectation.estimate(batch, self.estimated)
        for attribute, counts in expectation.selected(batch).items():
            self.groups[attribute] = _merged(self.groups.get(attribute, {}), counts, 1)

    def refused(self, codes: Iterable[str]) -> None:
        """Adds requests that failed, each by the short code of its error."""
        self.errors.update(codes)

    def labels(self, batch: Batch, expectation: Expectation, weight: int = 1) -> None:
        """Adds rows with batch.labels; weight −1 takes back labels that were corrected since."""
        if expectation.task == "regression":
            self.labelled.predicted(batch, weight)
        elif len(expectation.classes):
            self.labelled.classified(batch, expectation.classes, weight)

    def compare(self, compared: int, disagreed: int) -> None:
        """Adds rows that both versions answered, and those of them on which they differ."""
        self.compared += compared
        self.disagreed += disagreed

    def plus(self, other: Arm, factor: float = 1) -> Arm:
        """The sum with `factor` times the other; −1 takes it away."""
        groups = {name: dict(counts) for name, counts in self.groups.items()}
        for name, counts in other.groups.items():
            groups[name] = _merged(groups.get(name, {}), counts, factor)
        errors: Counter[str] = Counter(self.errors)
        for code, count in other.errors.items():
            errors[code] += factor * count  # type: ignore[assignment]
        return Arm(
            self.answered + factor * other.answered,
            Counter({code: count for code, count in errors.items() if count}),
            self.latency + factor * other.latency,
            self.rows + factor * other.rows,
            _sum(self.predictions, other.predictions, factor),
            self.labelled.plus(other.labelled, factor),
            self.estimated.plus(other.estimated, factor),
            self.compared + factor * other.compared,
            self.disagreed + factor * other.disagreed,
            groups,
        )

    def __add__(self, other: Arm) -> Arm:
        return self.plus(other)

    def __sub__(self, other: Arm) -> Arm:
        return self.plus(other, -1)

    def export(self) -> dict[str, Any]:
        """Plain values, small where little was counted."""
        held, predicted = np.flatnonzero(self.latency), np.flatnonzero(self.predictions)
        return {
            "answered": self.answered,
            "errors": dict(self.errors),
            "latency": [held.tolist(), self.latency[held].tolist()],
            "rows": self.rows,
            "predictions": [len(self.predictions), predicted.tolist(), self.predictions[predicted].tolist()],
            "labelled": self.labelled.export(),
            "estimated": self.estimated.export(),
            "compared": self.compared,
            "disagreed": self.disagreed,
            "groups": {name: {group: list(pair) for group, pair in c.items()} for name, c in self.groups.items()},
        }

    @classmethod
    def restore(cls, plain: Mapping[str, Any]) -> Arm:
        """What `export` gave."""
        arm = cls(
            plain["answered"],
            Counter(plain["errors"]),
            rows=plain["rows"],
            labelled=Outcomes.restore(plain["labelled"]),
            estimated=Outcomes.restore(plain["estimated"]),
            compared=plain["compared"],
            disagreed=plain["disagreed"],
            groups={
                name: {group: (pair[0], pair[1]) for group, pair in c.items()} for name, c in plain["groups"].items()
            },
        )
        held, counts = plain["latency"]
        arm.latency[held] = counts
        cells, places, rows = plain["predictions"]
        arm.predictions = np.zeros(cells, np.int64)
        arm.predictions[places] = rows
        return arm


def _predictions(batch: Batch, expectation: Expectation) -> NDArray[Any]:
    """Rows by cell: a class, a thousandth of the score, or a bin of the value."""
    scores = batch.scores
    if expectation.task == "binary" and scores is not None and scores.ndim == 1:
        place = np.clip(scores[np.isfinite(scores)] * 1000, 0, 999).astype(np.int64)
        return np.bincount(place, minlength=1000)
    if expectation.task == "regression" and scores is not None and scores.ndim == 1:
        values = scores[np.isfinite(scores)]
        size = np.log2(np.maximum(np.abs(values), 2.0**-16) * 2.0**16) * _PER_OCTAVE
        place = _MIDDLE + np.sign(values) * np.minimum(np.ceil(size), _MIDDLE)
        return np.bincount(place.astype(np.int64), minlength=VALUE_BINS)
    said = expectation.classes.predicted(batch)
    return np.bincount(said[said >= 0], minlength=len(expectation.classes))


def _sum(mine: NDArray[Any], theirs: NDArray[Any], factor: float) -> NDArray[Any]:
    size = max(len(mine), len(theirs))
    padded = [np.append(cells, np.zeros(size - len(cells), cells.dtype)) for cells in (mine, theirs)]
    total: NDArray[Any] = padded[0] + factor * padded[1]
    return total


def _merged(
    mine: Mapping[str, tuple[float, float]], theirs: Mapping[str, tuple[float, float]], factor: float
) -> dict[str, tuple[float, float]]:
    """Sums by group; of more groups than MOST_GROUPS those that came last are left out."""
    merged = dict(mine)
    for name, (rows, chosen) in theirs.items():
        if name in merged or len(merged) < MOST_GROUPS:
            before = merged.get(name, (0, 0))
            merged[name] = (before[0] + factor * rows, before[1] + factor * chosen)
    return merged
