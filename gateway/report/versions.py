"""The versions of a model, one after the other: what each answered, and what the monitors say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.config import Config, ModelConfig
from gateway.observer.watching import settings
from gateway.record import Role
from gateway.report.content import Watched
from gateway.report.counting import Counting
from gateway.report.judging import Subject
from gateway.report.period import Scale
from gateway.report.question import Question
from gateway.report.recorded import stream
from gateway.report.watching import watched
from gateway.store.part import Part
from gateway.store.snapshot import Snapshot
from monitors.errors import ReferenceRefused
from monitors.reference import Reference

Progress = Callable[[int, int], None]
"""Called with the rows that were read and all that there are to read."""


class Versions:
    """One version and role after the other, so that only one hub is in memory. total: how many rows there are to read."""

    def __init__(
        self, config: Config, question: Question, found: Snapshot, scale: Scale, progress: Progress | None
    ) -> None:
        self._config, self._model, self._period = config, question.model, question.period
        self._found, self._scale, self._progress = found, scale, progress
        self._done = self.total = 0
        self.counted: list[Counting] = []
        self.watched: list[Watched] = []

    def read(self, version: int, role: Role, parts: Sequence[Part]) -> None:
        """All rows of a version in a role."""
        counting = Counting(version, role, self._scale)
        reference, silent = self._reference(version)
        subject: Subject | None = None
        for taken in stream(self._found, parts, self._period, self._seen):
            counting.take(taken.answers)
            if reference is not None:
                if subject is None:
                    groups, wanted = taken.answers.layout.groups, settings(self._wanted.monitor)
                    subject = Subject(reference, groups, wanted, self._scale)
                subject.take(taken)
        if not counting.rows:
            return
        self.counted.append(counting)
        if subject is not None and reference is not None:
            self.watched.append(watched(version, role, reference, subject.finish()))
        else:
            self.watched.append(Watched(version=version, role=role, rows=counting.rows, silent=silent))

    @property
    def _wanted(self) -> ModelConfig:
        return self._config.settings(self._model) or ModelConfig()

    def _reference(self, version: int) -> tuple[Reference | None, str]:
        """What to compare with, or a sentence that says why there is nothing."""
        if not self._wanted.monitor.on:
            return None, "The configuration says `monitor: none` for this model, so that nothing is judged."
        path = folder(self._config, self._model, version) / "reference.npz"
        if not path.exists():
            return None, (
                f"{self._model}/{version} has no reference.npz: there is no profile of its training data to compare with. "
                f"`driftgate profile` makes one."
            )
        try:
            return Reference.load(path), ""
        except ReferenceRefused as problem:
            return None, f"The profile of the training data cannot be read: {problem}"

    def _seen(self, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(self._done, self.total)


def folder(config: Config, model: str, version: int) -> Path:
    """Where a version lies in the repository."""
    return config.repository / model / str(version)
