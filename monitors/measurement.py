"""One number that a monitor found in a window, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one monitor says of one subject in one window.

    monitor: `drift`, `quality`, … subject: a feature, metric, group or slice. statistic: `psi`, `missing`, `roc_auc`, …
    value: NaN where there is too little to say. interval: where the true value lies, with 95 % confidence, or None.
    n: how many rows it rests on. enough: whether that is as many as it needs; if not, it says nothing, whatever its value.
    p: how likely a departure as large as this would be if nothing had changed, in [0, 1]; None where nothing is tested.
    matters: whether the departure is large enough to wake somebody, if it is no accident. An alarm needs both.
    detail: plain values for people: names of unseen categories, worst ids, assumptions.
    """

    monitor: str
    subject: str
    statistic: str
    value: float
    n: int
    interval: Interval | None = None
    enough: bool = True
    p: float | None = None
    matters: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What it measures: the same in every window."""
        return self.monitor, self.subject, self.statistic
