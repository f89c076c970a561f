"""What is worth a line in the log: alarms as they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.observer.ledger import Subject
from monitors.alarm import Judged
from monitors.judgement import Window

_SECOND = 1_000_000_000


class Item(NamedTuple):
    """A line. begins: an alarm, not the end of one."""

    sentence: str
    begins: bool


def news(subject: Subject, window: Window) -> Iterator[Item]:
    """The alarms that began or ended with this window.

    >>> from monitors.measurement import Measurement
    >>> psi = Measurement("drift", "temperature", "psi", 0.41, 1000)
    >>> found = Window("answers", 0, 60 * _SECOND, 1000, (Judged(psi, "firing", 60.0, news=True),))
    >>> next(news(Subject("flights", 2, "primary"), found)).sentence
    'flights/2: drift of temperature: psi 0.41 in 1,000 rows, 1970-01-01 00:00 to 00:01'
    """
    for judged in window.judged:
        if judged.news and judged.state in ("firing", "resolved"):
            yield Item(_sentence(subject, window, judged), judged.state == "firing")


def _sentence(subject: Subject, window: Window, judged: Judged) -> str:
    found = judged.measurement
    begin, end = (datetime.fromtimestamp(at / _SECOND, UTC) for at in (window.start, window.end))
    until = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    who = f"{subject.model}/{subject.version}" + (" (shadow)" if subject.role == "shadow" else "")
    what = f"{found.monitor} of {found.subject}: {found.statistic} {found.value:.3g} in {found.n:,} rows"
    over = "" if judged.state == "firing" else "over: "
    return f"{who}: {over}{what}, {begin:%Y-%m-%d %H:%M} to {until}"
