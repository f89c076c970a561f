"""The steps between the points of a panel, as Grafana chooses them."""

from __future__ import annotations

from bisect import bisect_left

from grafana.proof.answers import Period

_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def period(start: float, end: float, points: int, least_s: float) -> Period:
    """The time of a panel that has room for so many points: its ends lie on multiples of the step, as Grafana lays them.

    least_s: the shortest step: the time between scrapes, or what the panel says.

    >>> period(100, 3700, 900, 15)
    Period(start=90, end=3690, step=15)
    """
    step = max(least_s, _round((end - start) / points))
    return Period(start // step * step, end // step * step, step)


def rate_interval(step_s: float, scrape_s: float) -> float:
    """`$__rate_interval` in seconds: wide enough for a rate, however short the step.

    >>> rate_interval(step_s=15, scrape_s=15)
    60
    """
    return max(step_s + scrape_s, 4 * scrape_s)


def spell(seconds: float) -> str:
    """A duration as PromQL reads it.

    >>> spell(90), spell(0.5)
    ('90s', '500ms')
    """
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def _round(seconds: float) -> float:
    return _STEPS[min(bisect_left(_STEPS, seconds), len(_STEPS) - 1)]
