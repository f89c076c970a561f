"""How far the estimates of performance have been right, window after window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

from monitors.estimate.gap import TrackRecord, gap
from monitors.measurement import Measurement

ESTIMATED, REALISED, GAP = "estimated", "realised", "gap"
"""The statistics of a metric: before its labels, after them, and the difference."""


class Trust:
    """The gaps between what was estimated and what the labels said, and the track record that they make, by metric."""

    def __init__(self) -> None:
        self._records: dict[str, TrackRecord] = {}

    def gaps(self, estimates: Iterable[Measurement], realised: Iterable[Measurement]) -> list[Measurement]:
        """The gap of every metric that a window has both of."""
        known = {found.subject: found for found in realised if found.statistic == REALISED}
        return [gap(found, known[found.subject]) for found in estimates if found.subject in known]

    def record(self, gaps: Sequence[Measurement], before: Iterable[Measurement] = ()) -> list[Measurement]:
        """Takes in the gaps of a window whose labels have come; the record so far. before: those that they take the place of."""
        for found in before:
            self._records[found.subject] = self._records[found.subject].add(found, -1)
        for found in gaps:
            self._records[found.subject] = self._records.get(found.subject, TrackRecord()).add(found)
        return [said for found in gaps for said in self._records[found.subject].measurements(found.subject)]

    def dump(self) -> Any:
        """All of it as a plain tree."""
        return {metric: astuple(record) for metric, record in self._records.items()}

    def load(self, tree: Any) -> None:
        """Takes over what `dump` gave."""
        self._records = {metric: TrackRecord(*fields) for metric, fields in tree.items()}
