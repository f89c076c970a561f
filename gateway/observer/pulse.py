"""How the observer itself is, told without its fold: that may fail, be dropped, or be long at one step."""

from __future__ import annotations

from collections.abc import Iterator

from gateway import metrics
from gateway.config import Config
from gateway.journal.segment import bytes_of
from gateway.metrics import Sample
from gateway.observer.fold import Fold

_USUAL_NS = 5_000_000_000
"""Journals are read more often than this, unless something is wrong."""


class Pulse:
    """failures: steps that failed, since `since_ns`, when the process began. Times in ns since the epoch."""

    def __init__(self, config: Config, since_ns: int) -> None:
        self._config = config
        self._lag_ns = 0
        self._read_ns = self._kept_ns = since_ns
        self.failures = 0

    def beat(self, fold: Fold) -> None:
        """The fold has done a step, or has found no room for what it read."""
        self._lag_ns = fold.progress.lag_ns
        self._read_ns, self._kept_ns = max(self._read_ns, fold.read_ns), max(self._kept_ns, fold.kept_ns)

    def samples(self, now_ns: int) -> Iterator[Sample]:
        """All of them, at this moment. While nothing is read, answers wait that may be as old as the last look."""
        idle_ns = now_ns - self._read_ns
        lag_ns = self._lag_ns if idle_ns < _USUAL_NS else max(self._lag_ns, idle_ns)
        yield Sample(metrics.LAG, (), lag_ns / 1e9)
        yield Sample(metrics.COMMIT_AGE, (), (now_ns - self._kept_ns) / 1e9)
        yield Sample(metrics.FAILURES, ("observer",), self.failures)
        yield Sample(metrics.JOURNAL, (), bytes_of(self._config.data / "journal"))
        yield Sample(metrics.JOURNAL_LIMIT, (), self._config.journal.max_bytes)
