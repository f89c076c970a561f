"""The monitors of every version, fed from the record."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from gateway.config import Config, ModelConfig, Monitoring
from gateway.observer.batches import batch
from gateway.observer.ledger import Subject
from gateway.record import Answers, Layout, Refusals
from gateway.store.joining import Joined
from monitors.errors import CheckpointRefused, ReferenceRefused
from monitors.hub import Hub
from monitors.judgement import Window
from monitors.reference import Reference
from monitors.registry import hub
from monitors.settings import Settings
from monitors.window import SET_BACK

logger = logging.getLogger("driftgate")

_SECOND = 1_000_000_000
_STATE = "monitors/"
_RELOAD_NS = 300 * _SECOND  # so long after new files were loaded by one replica, others may answer from the old ones
_KEEP_BYTES = 16 << 20  # of windows that wait for labels, for each version and role


class Watched(NamedTuple):
    """The monitors of one version in one role, and the files that they were made for."""

    stamp: str
    hub: Hub


class _Files(NamedTuple):
    """Which files answer, which ones did before, and since when, ns."""

    stamp: str
    before: str
    since: int


class Watching:
    """Hubs by subject. A version without a reference profile is not watched: there is nothing to compare it with.

    kept: what `export` gave, of the last checkpoint.
    """

    def __init__(self, config: Config, kept: Mapping[str, bytes]) -> None:
        self._config = config
        self._kept = {key: value for key, value in kept.items() if key.startswith(_STATE)}
        self._watched: dict[Subject, Watched | None] = {}
        self._files: dict[Subject, _Files] = {}

    def answers(self, answers: Answers) -> None:
        """Answered rows."""
        watched = self._of(answers.layout, answers.role, int(answers.time.max()) if len(answers) else 0)
        if watched is not None:
            watched.hub.answers(batch(answers))

    def joined(self, joined: Joined) -> None:
        """Rows whose label is known now, or another than before."""
        layout = joined.answers.layout
        watched = self._watched.get(Subject(layout.model, layout.version, joined.answers.role))
        if watched is None or watched.stamp != layout.stamp:  # labels of files that are gone say nothing of these
            return
        previous = np.empty(len(joined.previous), object)
        previous[:] = joined.previous
        watched.hub.labelled(
            batch(joined.answers, joined.labels, joined.time // 1000 * 1000),
            previous if any(value is not None for value in joined.previous) else None,
        )

    def refusals(self, refusals: Refusals) -> None:
        """Refused requests; one that no version was chosen for counts with the version that has the newest row."""
        for model, version, role, time, code in zip(
            refusals.model, refusals.version, refusals.role, refusals.time, refusals.code, strict=True
        ):
            hub = self._hub(Subject(model, version, role)) if version else self._newest(model, role)
            if hub is not None:
                hub.refused(time, code)

    def hubs(self) -> Iterator[tuple[Subject, Hub]]:
        """Every version that is watched."""
        return ((subject, watched.hub) for subject, watched in self._watched.items() if watched is not None)

    def export(self) -> dict[str, bytes]:
        """All that is remembered, of those that have not been seen since the last start too."""
        found = dict(self._kept)
        for subject, watched in self._watched.items():
            if watched is not None:
                found[_key(subject, watched.stamp)] = watched.hub.checkpoint()
        return found

    def revive(self, layouts: Iterator[Layout]) -> None:
        """Watches what the last checkpoint watched, before anything new comes: windows close by time too."""
        for layout in layouts:
            for role in ("primary", "shadow"):
                if _key(Subject(layout.model, layout.version, role), layout.stamp) in self._kept:
                    self._of(layout, role, 0)

    def _hub(self, subject: Subject) -> Hub | None:
        watched = self._watched.get(subject)
        return watched.hub if watched else None

    def _newest(self, model: str, role: str) -> Hub | None:
        hubs = (hub for subject, hub in self.hubs() if (subject.model, subject.role) == (model, role))
        return max(hubs, key=lambda hub: hub.newest, default=None)

    def _of(self, layout: Layout, role: str, time: int) -> Watched | None:
        """The monitors of these files; None for the files before them. time: of the newest row, ns."""
        subject = Subject(layout.model, layout.version, role)
        stamp, before, since = self._files.get(subject, ("", "", 0))
        if stamp == layout.stamp:
            return self._watched[subject]
        if before == layout.stamp and time - since < _RELOAD_NS:  # another replica has not loaded the new ones yet
            return None
        self._files[subject] = _Files(layout.stamp, stamp, time)  # replaced: another model, another hub
        self._watched[subject] = self._made(subject, layout)
        return self._watched[subject]

    def _made(self, subject: Subject, layout: Layout) -> Watched | None:
        path = self._config.repository / subject.model / str(subject.version) / "reference.npz"
        wanted = (self._config.settings(subject.model) or ModelConfig()).monitor
        if not wanted.on:
            return None
        if not path.exists():
            logger.info("%s/%d has no reference.npz: it is not watched", subject.model, subject.version)
            return None
        try:
            made = hub(Reference.load(path), layout.groups, settings(wanted))
        except (ReferenceRefused, ValueError) as problem:
            logger.error("%s/%d is not watched: %s", subject.model, subject.version, problem)
            return None
        kept = self._kept.pop(_key(subject, layout.stamp), None)
        if kept is not None:
            try:
                made.restore(kept)
            except CheckpointRefused as problem:
                logger.error("%s/%d is watched from now on anew: %s", subject.model, subject.version, problem)
                made = hub(Reference.load(path), layout.groups, settings(wanted))
        return Watched(layout.stamp, made)


def advance(each: Hub, frontier_ns: int, clock_ns: int) -> list[Window]:
    """Closes the windows that are complete. frontier_ns: every answer that ended before was handed over.

    clock_ns: now. Only if the clock goes back was it ahead before; a frontier that does is of a journal that is far behind.
    """
    until, clock = (ns - int(each.settings.lateness * _SECOND) for ns in (frontier_ns, clock_ns))
    ahead = each.until is not None and clock < each.until - SET_BACK
    return each.advance(until if ahead or each.until is None else max(until, each.until))


def settings(wanted: Monitoring) -> Settings:
    """The monitors' settings that the configuration asks for."""
    slices: tuple[dict[str, Any], ...] = wanted.slices
    return Settings(
        every=wanted.every,
        rows=wanted.rows,
        at_most=wanted.at_most,
        lateness=wanted.lateness,
        false_alarms_per_month=wanted.false_alarms_per_month,
        min_group=wanted.min_group,
        slices=slices,
        sliced=wanted.sliced,
        keep_bytes=_KEEP_BYTES,
    )


def _key(subject: Subject, stamp: str) -> str:
    return f"{_STATE}{subject.model}/{subject.version}/{subject.role}/{stamp}"
