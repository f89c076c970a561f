"""Which primaries a process died of: each of them is run alone after that, and given up the second time."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.journal.frame import Answered
from gateway.shadow.attempt import Key, Note
from gateway.shadow.checkpoint import Checkpoint

DOOMED = 2
"""Deaths, after which a primary is not run again."""

_FRUITLESS = 3  # deaths in a row: a version that dies of everything must not be started once for each request


class Strikes:
    """Kept in the checkpoint."""

    def __init__(self, kept: Checkpoint) -> None:
        self._kept = kept
        self._strikes: dict[Key, int] = {(at, name): count for at, name, count in kept.strikes}

    def learn(self, note: Note | None) -> None:
        """What the process before this one left; the same note a second time says nothing new."""
        kept = self._kept
        if note is None or note.began == kept.heard:
            return
        kept.heard = note.began
        if not note.keys:
            kept.unloadable += 1
            return
        kept.fruitless += 1
        for at, name in note.keys:
            self._strikes[at, name] = self._strikes.get((at, name), 0) + 1
        if kept.fruitless >= _FRUITLESS:
            self._strikes = dict.fromkeys(self._strikes, DOOMED)
        self.keep()

    def of(self, frame: Answered) -> int:
        """How often a process died while it ran this."""
        return self._strikes.get((frame.at, frame.id), 0) if self._strikes else 0

    def survived(self, frames: Iterable[Answered]) -> None:
        """They were run, and the process lives."""
        self._kept.fruitless = 0
        self.forget(frames)

    def forget(self, frames: Iterable[Answered]) -> None:
        """They are accounted for."""
        if self._strikes:
            for frame in frames:
                self._strikes.pop((frame.at, frame.id), None)

    def keep(self) -> None:
        """Puts them into the checkpoint."""
        self._kept.strikes = [(at, name, count) for (at, name), count in self._strikes.items()]
