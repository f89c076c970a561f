"""What the gates of rollouts look at: the answers of two versions, counted apart for each step of a rollout."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gateway.observer.batches import batch
from gateway.record import Answers, Layout, Refusals
from gateway.rollout.expectation import Expectation
from gateway.rollout.strata import Strata
from gateway.shadow.report import Report
from gateway.store.joining import Joined

Expect = Callable[[Layout], Expectation]


class Asked(NamedTuple):
    """What a rollout needs counted: answers of these versions, apart for each step. key: another rollout has another."""

    key: str
    versions: tuple[int, int]
    starts: tuple[int, ...]


@dataclass(slots=True)
class Trial:
    """One rollout's evidence. seen: how many rows its shadow had been compared on, and on how many it differed, last time."""

    key: str
    versions: tuple[int, int]
    strata: Strata
    seen: tuple[int, int] | None = None


class Trials:
    """Trials by model. expect: what is known of a version beforehand, by its layout.

    changed: whether steps were asked for that the last `export` did not know. Answers that are read again after a crash
    would be counted for the step before.
    """

    def __init__(self, expect: Expect, exported: bytes | None = None) -> None:
        self._expect = expect
        self._expectations: dict[tuple[str, int, str], Expectation] = {}
        self._trials: dict[str, Trial] = {}
        self.changed = False
        for model, key, versions, strata, seen in msgspec.msgpack.decode(exported) if exported else ():
            self._trials[model] = Trial(key, tuple(versions), Strata(strata), tuple(seen) if seen else None)

    def ask(self, model: str, asked: Asked) -> dict[int, list[dict[str, Any]]]:
        """The evidence of a rollout so far, by version and step, exported; what is new in it is counted from now on."""
        trial = self._trials.get(model)
        if trial is None or trial.key != asked.key:
            trial = self._trials[model] = Trial(asked.key, asked.versions, Strata())
        self.changed |= trial.strata.starts != asked.starts
        trial.strata.follow(asked.starts)
        return {version: [arm.export() for arm in trial.strata.arms(version)] for version in asked.versions}

    def keep(self, models: Iterable[str]) -> None:
        """Drops the evidence of all other models: their rollouts are over."""
        kept = set(models)
        self._trials = {model: trial for model, trial in self._trials.items() if model in kept}
        self._expectations = {key: held for key, held in self._expectations.items() if key[0] in kept}

    def answers(self, answers: Answers) -> None:
        """Adds answered rows."""
        trial = self._of(answers)
        if trial is not None:
            trial.strata.answers(answers, batch(answers), self._expectation(answers.layout))

    def joined(self, joined: Joined) -> None:
        """Adds labels, and takes back those that were corrected."""
        trial = self._of(joined.answers)
        if trial is not None:
            labelled = batch(joined.answers, joined.labels)
            trial.strata.labelled(joined.answers, labelled, joined.previous, self._expectation(joined.answers.layout))

    def refusals(self, refusals: Refusals) -> None:
        """Adds requests that failed after a version had been chosen for them."""
        for model, trial in self._trials.items():
            trial.strata.refused(model, refusals)

    def compared(self, reports: Iterable[Report], now_ns: int) -> None:
        """Adds what shadows were compared on since the last time, where a rollout's candidate shadows its stable."""
        for report in reports:
            trial = self._trials.get(report.shadow.model)
            if trial is None or report.shadow.version != trial.versions[1]:
                continue
            pair = report.pairs.get(trial.versions[0])
            if pair is None:
                continue
            before, trial.seen = trial.seen or (pair.judged, pair.disagreed), (pair.judged, pair.disagreed)
            rows, differing = pair.judged - before[0], pair.disagreed - before[1]
            if rows > 0:
                trial.strata.compared(trial.versions[1], [now_ns] * rows, np.arange(rows) < differing)  # type: ignore[arg-type]

    def export(self) -> bytes:
        """For the next process."""
        self.changed = False
        return msgspec.msgpack.encode(
            [
                (model, trial.key, trial.versions, trial.strata.export(), trial.seen)
                for model, trial in self._trials.items()
            ]
        )

    def _of(self, answers: Answers) -> Trial | None:
        trial = self._trials.get(answers.layout.model)
        return trial if trial is not None and answers.layout.version in trial.versions and len(answers) else None

    def _expectation(self, layout: Layout) -> Expectation:
        key = layout.model, layout.version, layout.stamp
        if key not in self._expectations:
            for other in [each for each in self._expectations if each[:2] == key[:2]][1:]:
                del self._expectations[
                    other
                ]  # files are replaced again and again; two at once while replicas load them
            self._expectations[key] = self._expect(layout)
        return self._expectations[key]
