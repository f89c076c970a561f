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
    since: the end of the newest window that was judged when the series came to this state: in the unit and from the origin of
    `end` in `judge`. news: whether it came to this state with this measurement.
    """

    measurement: Measurement
    state: AlarmState
    since: float
    news: bool = False


@dataclass(slots=True)
class _Look:
    """Which of the last windows departed, as they were judged for the first, second or later time; seen: the last turn."""

    seen: int = 0
    recent: list[bool] = field(default_factory=list)


@dataclass(slots=True)
class _Series:
    state: AlarmState
    since: float
    seen: int
    looks: dict[int, _Look] = field(default_factory=dict)


class Alarms:
    """The state of every series of measurements of one model, as windows close.

    A departure is a measurement that is significant at the level that the budget allows *and* matters. It fires at once
    where it is strong, else when `k` of the last `of` windows had one; it resolves after `of` windows without. A window with
    too few rows neither fires nor resolves, and does not count as one of them.

    A window may be judged again as its labels come. The first look spends one half of what the window may spend, the next one
    a quarter, and so on: together they raise no more false alarms than one that spends all. What repeats is counted among
    looks of one number: each window has one of them, so that no row confirms itself. An alarm is over when the last `of` looks
    of every number are without; a number that has not come for 100 judgements counts no more.

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

    def judge(
        self, seconds: float, measurements: Iterable[Measurement], end: float | None = None, look: int | None = None
    ) -> list[Judged]:
        """What the measurements of one window mean, in their order.

        seconds: how long the window was, and so how much of the budget it may spend: a stretch of time is to be judged with
        all its measurements at once. end: when the window ended; by default the sum of all `seconds` so far.
        look: how often the same window has been judged before, if it may be judged again; None: this is the only time.
        """
        found = list(measurements)
        self._turn += 1
        self._clock = self._clock + seconds if end is None else max(self._clock, end)
        spent = seconds if look is None else seconds / 2 ** (look + 1)
        tests = sum(one.p is not None and one.enough for one in found)
        judged = [self._judge(one, self.budget.levels(spent, tests, one.n), look or 0) for one in found]
        self._forget()
        return judged

    def end(self) -> None:
        """Ends every alarm: what comes is of another time."""
        self._series.clear()

    def dump(self) -> dict[str, Any]:
        """All that is remembered, in plain values that JSON can hold; `load` takes it."""
        series = [
            [*key, one.state, one.since, one.seen, [[n, each.seen, each.recent] for n, each in one.looks.items()]]
            for key, one in self._series.items()
        ]
        return {"turn": self._turn, "clock": self._clock, "series": series}

    def load(self, tree: Mapping[str, Any]) -> None:
        """Goes on from where `dump` was taken."""
        self._turn, self._clock = int(tree["turn"]), float(tree["clock"])
        self._series = {
            (monitor, subject, statistic): _Series(state, since, seen, {n: _Look(*each) for n, *each in looks})
            for monitor, subject, statistic, state, since, seen, looks in tree["series"]
        }

    def _judge(self, found: Measurement, levels: Levels, number: int) -> Judged:
        series = self._series.setdefault(found.key, _Series("ok", self._clock, self._turn))
        series.seen = self._turn
        state = self._next(series, found, levels, number)
        news = state != series.state
        if news:
            series.state, series.since = state, self._clock
        return Judged(found, state, series.since, news)

    def _next(self, series: _Series, found: Measurement, levels: Levels, number: int) -> AlarmState:
        if not found.enough:
            return "firing" if series.state == "firing" else "insufficient_data"
        of = self.budget.of
        p = found.p if found.matters and found.p is not None else 1.0
        look = series.looks.setdefault(number, _Look())
        look.seen, departure, recent = self._turn, p < levels.repeated, look.recent
        recent.append(departure)
        del recent[:-of]
        series.looks = {n: each for n, each in series.looks.items() if self._turn - each.seen < FORGOTTEN}
        if series.state == "firing":
            return "firing" if any(any(each.recent) for each in series.looks.values()) else "resolved"
        if departure and (p < levels.at_once or sum(recent) >= self.budget.k):
            return "firing"
        return "pending" if any(recent[1 - of :] if of > 1 else ()) else "ok"

    def _forget(self) -> None:
        ended = [key for key, series in self._series.items() if self._turn - series.seen >= FORGOTTEN]
        for key in ended:
            del self._series[key]
