"""Axes of charts: round numbers, and times in as few words as they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY = 86_400.0


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about `most` steps apart.

    >>> ticks(0, 87), ticks(0.68, 0.77)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [0.675, 0.7, 0.725, 0.75, 0.775])
    """
    if not high > low:
        low, high = low - (abs(low) or 1.0) / 2, low + (abs(low) or 1.0) / 2
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(step * size for step in _STEPS if step * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def written(value: float) -> str:
    """A tick's number, short.

    >>> written(0.675), written(25000.0), written(0.0)
    ('0.675', '25k', '0')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / min(size, 1e3 if unit == 'k' else size):g}{unit}"
    return f"{value:g}"


def times(stretches: Sequence[str], width: float, most: int = 6) -> list[tuple[int, str]]:
    """Places of some stretches, and what stands below them. width: of a stretch, seconds.

    >>> times(["2026-11-23T14:00:00+00:00", "2026-11-23T15:00:00+00:00"], 3600)
    [(0, '14:00'), (1, '15:00')]
    """
    if not stretches:
        return []
    step = math.ceil(len(stretches) / most)
    known = [datetime.fromisoformat(each).astimezone(UTC) for each in stretches]
    return [
        (place, _written(known[place], width, known[0].date() == known[-1].date()))
        for place in range(0, len(known), step)
    ]


def _written(time: datetime, width: float, one_day: bool) -> str:
    if width >= _DAY:
        return f"{time.day} {time:%b}"
    clock = f"{time:%H:%M:%S}" if width < 60 else f"{time:%H:%M}"
    return clock if one_day else f"{time.day} {time:%b} {clock}"
