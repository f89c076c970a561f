"""Which monitors watch a model: all that can say something of it, by default."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from monitors.detector import Detector
from monitors.drift.change import Change
from monitors.drift.feature import FeatureDrift
from monitors.drift.label import LabelDrift
from monitors.drift.multivariate import Multivariate
from monitors.drift.prediction import PredictionDrift
from monitors.drift.ranking import Ranking
from monitors.estimate.estimated import Estimate
from monitors.extreme import Extremes
from monitors.fairness.mistakes import GroupErrors
from monitors.fairness.selection import SelectionRates
from monitors.hub import Hub
from monitors.measurement import Measurement
from monitors.monitor import Feed, Monitor, State
from monitors.outlier import Outliers
from monitors.performance.change import ConceptChange
from monitors.performance.coverage import LabelDelay
from monitors.performance.realised import Performance
from monitors.quality.columns import ColumnQuality
from monitors.quality.duplicates import Duplicates
from monitors.reference import Reference
from monitors.settings import Settings
from monitors.slices import sliced, slices
from monitors.view import View


def hub(reference: Reference, groups: Sequence[str] = (), settings: Settings | None = None) -> Hub:
    """The hub of one version in one role, with every monitor that its reference allows.

    groups: the attributes that the model's manifest declares. Raises ValueError for slices that make no sense.
    """
    chosen = settings or Settings()
    return Hub(reference, chosen, monitors_for(reference, groups, chosen), detectors_for(reference))


def monitors_for(reference: Reference, groups: Sequence[str], settings: Settings) -> list[Monitor]:
    """Every monitor, those of slices after the others. Raises ValueError for slices that make no sense."""
    found: list[Monitor] = [
        ColumnQuality(reference),
        Duplicates(reference),
        FeatureDrift(reference),
        Extremes(reference),
        PredictionDrift(reference),
        Ranking(reference),
        Multivariate(reference),
        LabelDrift(reference),
        Performance(reference),
        LabelDelay(),
        Estimate(reference),
    ]
    if reference.outliers is not None:
        found.append(Outliers(reference))
    if groups:
        found += [
            SelectionRates(reference, groups, settings.min_group),
            GroupErrors(reference, groups, settings.min_group),
        ]
    apart = [
        each
        for each in found
        if each.name in settings.sliced and not isinstance(each, Duplicates | LabelDelay | Ranking)
    ]
    return found + [Shown(each) for each in sliced(apart, slices(settings.slices))]


def detectors_for(reference: Reference) -> list[Detector]:
    """Every detector whose answer depends on order."""
    found: list[Detector] = [Change(reference)]
    if reference.schema.task != "other":
        found.append(ConceptChange(reference))
    return found


class Shown:
    """A monitor whose findings are shown and not tested.

    The reference is that of all rows. A slice differs from it from the first day on, and an alarm that says so says nothing.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    @property
    def name(self) -> str:
        return self._monitor.name

    @property
    def feed(self) -> Feed:
        return self._monitor.feed

    def begin(self) -> State:
        return self._monitor.begin()

    def fold(self, state: State, view: View, weight: int = 1) -> None:
        self._monitor.fold(state, view, weight)

    def measure(self, state: State) -> Sequence[Measurement]:
        return list(_untested(self._monitor.measure(state)))


def _untested(found: Iterable[Measurement]) -> Iterable[Measurement]:
    return (dataclasses.replace(each, p=None, matters=False) for each in found)
