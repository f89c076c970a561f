"""A metric with its standard error and its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitors.measurement import Interval, Measurement
from monitors.significance import wilson
from monitors.significance.normal import Z, upper

LEAST = 30
"""Labels that a window needs before it says anything."""

EACH = 10
"""Rows of either class, or in the denominator, that ratios and ranking metrics need."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a window says of one metric. value: NaN where it is not defined. error: its standard error, 0 only with n = 0.

    n: rows that it rests on. interval: where the true value lies, with 95 % confidence; None where there is no value.
    detail: plain values for people.
    """

    value: float
    error: float
    n: int
    interval: Interval | None
    detail: dict[str, Any]

    def measurement(self, monitor: str, metric: str, statistic: str, enough: bool, **more: Any) -> Measurement:
        """As a measurement; `more` holds what else it has: p, matters, and detail to add."""
        detail = {**self.detail, **more.pop("detail", {})}
        return Measurement(monitor, metric, statistic, self.value, self.n, self.interval, enough, detail=detail, **more)


def nothing(n: int = 0) -> Figure:
    """A metric that is not defined for what there is."""
    return Figure(math.nan, 0.0, n, None, {})


def share(successes: float, n: float) -> Figure:
    """A proportion, with Wilson's interval.

    >>> figure = share(8, 10)
    >>> figure.value, [round(edge, 3) for edge in figure.interval or ()]
    (0.8, [0.49, 0.943])
    """
    if n <= 0:
        return nothing()
    low, high = wilson(successes, n)
    value = successes / n
    error = math.sqrt(value * (1 - value) / n)
    return Figure(value, error or (high - low) / (2 * Z), round(n), (low, high), {})


def bounded(value: float, error: float, n: int, effective: float) -> Figure:
    """A value in [0, 1], with an interval that is symmetric in its logit and so stays within.

    effective: how many independent rows bear on it; it takes the place of the error where that is 0, as for a window
    without a single mistake.
    """
    if math.isnan(value) or effective <= 0:
        return nothing(n)
    value = min(max(value, 0.0), 1.0)
    if error <= 0 or not 0 < value < 1:
        low, high = wilson(value * effective, effective)
        return Figure(value, (high - low) / (2 * Z), n, (low, high), {})
    logit, width = math.log(value / (1 - value)), min(Z * error / (value * (1 - value)), 500)
    low, high = (1 / (1 + math.exp(-edge)) for edge in (logit - width, logit + width))
    return Figure(value, error, n, (low, high), {})


def positive(value: float, error: float, n: int) -> Figure:
    """A value above 0, such as a mean of squares, with an interval that is symmetric in its logarithm."""
    if math.isnan(value) or n < 2:
        return nothing(n)
    if value <= 0 or error <= 0:
        return Figure(value, 0.0, n, (value, value), {})
    ratio = math.exp(min(Z * error / value, 500))
    return Figure(value, error, n, (value / ratio, value * ratio), {})


def free(value: float, error: float, n: int) -> Figure:
    """A value of either sign, with the normal interval."""
    if math.isnan(value) or n < 2:
        return nothing(n)
    return Figure(value, error, n, (value - Z * error, value + Z * error), {})


def mean(total: float, squares: float, n: int) -> tuple[float, float]:
    """The mean of n values and its standard error, from their sum and the sum of their squares.

    >>> mean(6.0, 14.0, 3)
    (2.0, 0.5773502691896258)
    """
    if n < 2:
        return (total / n if n else math.nan), 0.0
    value = total / n
    return value, math.sqrt(max(0.0, squares / n - value * value) / (n - 1))


def fallen(now: Figure, before: Figure) -> float | None:
    """How likely a metric in [0, 1] would be to lie as far below `before` had nothing changed: one-sided, in [0, 1].

    On the scale of asin √x, where the error hardly depends on the value: without change p < 0.001 occurred in 0.4 to 1.0 ‰ of
    windows of 300 or 1,000 rows with AUC near .78 (8,000 to 20,000 of each kind); on the scale of AUC itself in 0.15 to 0.5 ‰,
    on that of its logit in 1.25 to 1.6 ‰.
    None where there is nothing to compare.
    """
    return _one_sided(before, now, lambda x: math.asin(math.sqrt(x)), lambda x: math.sqrt(x * (1 - x)))


def grown(now: Figure, before: Figure) -> float | None:
    """How likely a positive metric would be to lie as far above `before` had nothing changed: one-sided, in [0, 1].

    On the scale of √x, half-way between its own, where it is found too rarely, and the logarithm, too often.
    """
    return _one_sided(now, before, math.sqrt, math.sqrt)


def _one_sided(
    high: Figure, low: Figure, scale: Callable[[float], float], slope: Callable[[float], float]
) -> float | None:
    """P-value of `high` being above `low`, on a scale whose derivative is 1 / (2 slope)."""
    if high.interval is None or low.interval is None:
        return None
    error = math.hypot(*(figure.error / max(2 * slope(figure.value), 2 * figure.error) for figure in (high, low)))
    distance = scale(high.value) - scale(low.value)
    return upper(distance / error) if error > 0 else float(distance <= 0)
