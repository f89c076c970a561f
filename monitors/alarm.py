"""When a departure becomes an alarm, and when the alarm is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitors.budget import Budget, Levels
from monitors.measurement import Measurement

AlarmState = Literal["ok", "insufficient_data", "pending", "firing", "resolved"]

FORGOTTEN = 100
"""A series that was not measured for so many judgements has ended."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A measurement, and what its series has come to with it.

    ok: no departure, or none that was tested. insufficient_data: too few rows to say. pending: a departure, but neither strong
    nor repeated enough yet. firing: an alarm. resolved: the first window in which an alarm is over.
    since: the end of the window in which the series came to this state: in the unit and from the origin of `end` in `judge`.
    """

    measurement: Measurement
    state: AlarmState
    since: float


@dataclass(slots=True)
class _Series:
    state: AlarmState
    since: float
    seen: int
    recent: list[bool] = field(default_factory=list)


class Alarms:
    """The state of every series of measurements of one model, as windows close.

    A departure is a measurement that is significant at the level that the budget allows *and* matters. It fires at once
    where it is strong, else when `k` of the last `of` windows had one; it resolves after `of` windows without. A window with
    too few rows neither fires nor resolves, and does not count as one of them.

    Memory: one small record for each series seen in the last 100 judgements.

    >>> departure = Measurement("drift", "temp", "psi", 0.4, 1000, p=1e-12, matters=True)
    >>> quiet = Measurement("drift", "temp", "psi", 0.02, 1000, p=0.6)
    >>> alarms = Alarms()
    >>> [alarms.judge(60, [found])[0].state for found in (quiet, departure, quiet, quiet, quiet, quiet)]
    ['ok', 'firing', 'firing', 'firing', 'resolved', 'ok']
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._series: dict[Key, _Series] = {}
        self._turn = 0
        self._clock = 0.0

    def judge(self, seconds: float, measurements: Iterable[Measurement], end: float | None = None) -> list[Judged]:
        """What the measurements of one window mean, in their order.

        seconds: how long the window was, and so how much of the budget it may spend: each stretch of time is to be judged
        once, with all its measurements. end: when the window ended; by default the sum of all `seconds` so far.
        """
        found = list(measurements)
        self._turn += 1
        self._clock = self._clock + seconds if end is None else end
        tests = sum(one.p is not None and one.enough for one in found)
        judged = [self._judge(one, self.budget.levels(seconds, tests, one.n)) for one in found]
        self._forget()
        return judged

    def end(self) -> None:
        """Ends every alarm: what comes is of another time."""
        self._series.clear()

    def dump(self) -> dict[str, Any]:
        """All that is remembered, in plain values that JSON can hold; `load` takes it."""
        series = [
            [*key, one.state, one.since, one.seen, [int(hit) for hit in one.recent]]
            for key, one in self._series.items()
        ]
        return {"turn": self._turn, "clock": self._clock, "series": series}

    def load(self, tree: Mapping[str, Any]) -> None:
        """Goes on from where `dump` was taken."""
        self._turn, self._clock = int(tree["turn"]), float(tree["clock"])
        self._series = {
            (monitor, subject, statistic): _Series(state, since, seen, [bool(hit) for hit in recent])
            for monitor, subject, statistic, state, since, seen, recent in tree["series"]
        }

    def _judge(self, found: Measurement, levels: Levels) -> Judged:
        series = self._series.setdefault(found.key, _Series("ok", self._clock, self._turn))
        series.seen = self._turn
        state = self._next(series, found, levels)
        if state != series.state:
            series.state, series.since = state, self._clock
        return Judged(found, state, series.since)

    def _next(self, series: _Series, found: Measurement, levels: Levels) -> AlarmState:
        if not found.enough:
            return "firing" if series.state == "firing" else "insufficient_data"
        of = self.budget.of
        p = found.p if found.matters and found.p is not None else 1.0
        departure, recent = p < levels.repeated, series.recent
        recent.append(departure)
        del recent[:-of]
        if series.state == "firing":
            return "firing" if any(recent) else "resolved"
        if departure and (p < levels.at_once or sum(recent) >= self.budget.k):
            return "firing"
        return "pending" if any(recent[1 - of :] if of > 1 else ()) else "ok"

    def _forget(self) -> None:
        ended = [key for key, series in self._series.items() if self._turn - series.seen >= FORGOTTEN]
        for key in ended:
            del self._series[key]
