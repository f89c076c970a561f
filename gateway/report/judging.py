"""One version in one role through the monitors: windows for its alarms, and counts of each stretch for its figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.observer.batches import batch
from gateway.report.episodes import Episodes
from gateway.report.period import SECOND, Scale
from gateway.report.recorded import Taken
from monitors.categorical import is_missing
from monitors.measurement import Measurement
from monitors.monitor import Feed
from monitors.offline import Judging
from monitors.performance.coverage import coverage
from monitors.portion import Portion, Watch
from monitors.portrait import Distribution, Portrays
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import monitors_for
from monitors.settings import Settings
from monitors.trust import ESTIMATED, Trust
from monitors.window import split

FEEDS: tuple[Feed, Feed] = ("answers", "labelled")


@dataclass(frozen=True, slots=True)
class Findings:
    """What the monitors said. whole: of all rows; stretches: of those of each stretch, empty where there are none.

    distributions: of every input and answer, over all rows.
    """

    rows: int
    labelled: int
    whole: list[Measurement]
    stretches: list[list[Measurement]]
    distributions: list[Distribution]
    episodes: Episodes


class Stretches:
    """The counts of every stretch. They add up, so that the figures of the whole period are those of their sum."""

    def __init__(self, reference: Reference, groups: Sequence[str], settings: Settings, scale: Scale) -> None:
        monitors = monitors_for(reference, groups, settings)
        every = round(settings.every * SECOND)
        self._scale, self._natural = scale, reference.natural
        self._watches = {
            feed: Watch(reference, tuple(each for each in monitors if each.feed == feed), (), every) for feed in FEEDS
        }
        self._portions: dict[int, dict[Feed, Portion]] = {}

    def take(self, rows: Batch) -> None:
        """Counts rows; those that have a label count as labelled too."""
        for place, part in split(rows, self._scale.places(rows.time)):
            portions = self._portions.setdefault(place, {feed: Portion(watch) for feed, watch in self._watches.items()})
            portions["answers"].add(dataclasses.replace(part, labels=None, label_time=None))
            if part.labels is not None:
                known = np.array([not is_missing(label) for label in part.labels.tolist()], bool)
                if known.any():
                    portions["labelled"].add(part if known.all() else part.take(known))

    def read(self, episodes: Episodes) -> Findings:
        """What was found. Nothing more can be counted afterwards."""
        stretches: list[list[Measurement]] = [[] for _ in range(self._scale.count)]
        whole = {feed: Portion(watch) for feed, watch in self._watches.items()}
        for place, portions in sorted(self._portions.items()):
            stretches[place] = self._weighed(self._measured(portions), portions)
            for feed in FEEDS:
                whole[feed].merge(portions[feed])
        found = self._measured(whole)
        watch = self._watches["answers"]
        states = zip(watch.monitors, whole["answers"].states or watch.begin(), strict=True)
        portrayed = [
            each for monitor, state in states if isinstance(monitor, Portrays) for each in monitor.portray(state)
        ]
        return Findings(whole["answers"].rows, whole["labelled"].rows, found, stretches, portrayed, episodes)

    def _weighed(self, found: list[Measurement], portions: dict[Feed, Portion]) -> list[Measurement]:
        """Nothing matters that the training period did by itself."""
        rows, seconds = portions["answers"].rows, self._scale.width / SECOND
        for natural in self._natural:
            found = [natural.weigh(one, rows, seconds) for one in found]
        return found

    def _measured(self, portions: dict[Feed, Portion]) -> list[Measurement]:
        answered, labelled = (self._watches[feed].measure(portions[feed]) for feed in FEEDS)
        known = portions["labelled"].rows
        if not known:
            return answered
        estimates = [found for found in answered if found.statistic == ESTIMATED]
        rows = coverage(portions["answers"].rows, known)
        return [*answered, rows, *labelled, *Trust().gaps(estimates, labelled)]


class Subject:
    """All that is done with the rows of one version in one role."""

    def __init__(self, reference: Reference, groups: tuple[str, ...], settings: Settings, scale: Scale) -> None:
        self._judging = Judging(reference, groups, settings)
        self._stretches = Stretches(reference, groups, settings, scale)
        self._episodes = Episodes()

    def take(self, taken: Taken) -> None:
        """Rows that are younger than all before them."""
        rows = batch(taken.answers, taken.labels, taken.label_time)
        for window in self._judging.take(rows):
            self._episodes.see(window)
        self._stretches.take(rows)

    def finish(self) -> Findings:
        """What was found."""
        for window in self._judging.finish():
            self._episodes.see(window)
        return self._stretches.read(self._episodes)
