"""When alarms fired, and when they were over."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.report.content import Alarm
from gateway.report.reading import figure, iso
from monitors.judgement import About, Window
from monitors.measurement import Measurement


@dataclass(slots=True)
class _Episode:
    """fired, resolved: ns since the epoch, ends of windows. found: when it fired."""

    fired: int
    found: Measurement
    resolved: int | None = None


class Episodes:
    """The alarms of one version in one role, of windows as they were judged, each kind in order of time."""

    def __init__(self) -> None:
        self._all: list[_Episode] = []
        self._open: dict[tuple[About, str, str, str], _Episode] = {}
        self.windows = 0

    def see(self, window: Window) -> None:
        """Takes in a window that has been judged."""
        self.windows += window.about == "answers"
        for judged in window.judged:
            key = (window.about, *judged.measurement.key)
            if judged.state == "firing":
                if key not in self._open:
                    self._open[key] = _Episode(round(judged.since * 1e9), judged.measurement)
                    self._all.append(self._open[key])
            elif judged.state in ("resolved", "ok") and key in self._open:
                self._open.pop(key).resolved = round(judged.since * 1e9)

    def read(self) -> list[Alarm]:
        """All of them, in the order in which they fired."""
        return [
            Alarm(
                monitor=each.found.monitor,
                subject=each.found.subject,
                statistic=each.found.statistic,
                fired=iso(each.fired),
                resolved=None if each.resolved is None else iso(each.resolved),
                figure=figure(each.found),
            )
            for each in sorted(self._all, key=lambda each: (each.fired, each.found.key))
        ]
