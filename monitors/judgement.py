"""What was found in a window, and what the alarms made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from monitors.alarm import Judged

About = Literal["answers", "labelled", "labels", "requests"]


@dataclass(frozen=True, slots=True)
class Window:
    """What was found in a window.

    about: `answers`: all rows that were answered in it. `labelled`: those of them whose label is known. `labels`: rows whose
    label became known in it, whenever they were answered. `requests`: all requests, those that were refused too.
    start, end: ns since the epoch, end exclusive. n: rows answered in it, or of `labels` labels. labelled: how many of them
    have a label. refused: how many requests were refused, by code.
    """

    about: About
    start: int
    end: int
    n: int
    judged: tuple[Judged, ...]
    labelled: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def firing(self) -> tuple[Judged, ...]:
        """What people are to be told of."""
        return tuple(judged for judged in self.judged if judged.state == "firing")

    def ended(self) -> Window:
        """The same of a version that answers no more: no alarm fires."""
        judged = (replace(each, state="insufficient_data") if each.state == "firing" else each for each in self.judged)
        return replace(self, judged=tuple(judged))

    def dump(self) -> Any:
        """All of it as a plain tree."""
        judged = [[each.measurement, each.state, each.since] for each in self.judged]
        return [self.about, self.start, self.end, self.n, judged, self.labelled, dict(self.refused)]

    @classmethod
    def load(cls, tree: Any) -> Window:
        """What `dump` gave."""
        about, start, end, n, judged, labelled, refused = tree
        return cls(about, start, end, n, tuple(Judged(*each) for each in judged), labelled, refused)
