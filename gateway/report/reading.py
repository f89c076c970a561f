"""Measurements and times as the report holds them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from gateway.finite import finite
from gateway.report.content import Figure, Measure
from monitors.measurement import Measurement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def figure(found: Measurement) -> Figure:
    """The number that was measured, with its interval."""
    interval = found.interval and (number(found.interval[0]), number(found.interval[1]))
    return Figure(value=number(found.value), interval=interval, n=found.n, enough=found.enough)


def maybe(found: Measurement | None) -> Figure | None:
    """The same of what may not have been measured."""
    return None if found is None else figure(found)


def measure(found: Measurement) -> Measure:
    """All of a measurement but its test: over a whole period nothing is tested."""
    return Measure(
        monitor=found.monitor,
        subject=found.subject,
        statistic=found.statistic,
        figure=figure(found),
        detail=finite(found.detail),
    )


def number(value: float | None) -> float | None:
    """None for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else float(value)


def iso(time: int) -> str:
    """A time in ns since the epoch as ISO 8601, UTC.

    >>> iso(1_500_000_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    return (_EPOCH + timedelta(microseconds=time // 1000)).isoformat(timespec="microseconds")
