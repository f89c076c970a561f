"""The interval of a gate's value: the limits that would neither be failed nor passed."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.rollout.comparison import Allowed, Comparison
from gateway.traffic import GateConfig

_HALVINGS = 9
_DOUBLINGS = 24

Interval = tuple[float, float]


def interval(
    comparison: Comparison,
    allowed: Callable[[float], Allowed],
    gate: GateConfig,
    value: float,
    alphas: tuple[float, float],
) -> Interval | None:
    """Lowest and highest limit that the evidence leaves open, infinite or the end of the range where it leaves all.

    alphas: of being wrong at the end that matters for failing, and at the one for passing. allowed: the bound for any limit.
    """
    if not math.isfinite(value):
        return None
    failing, passing = alphas
    floor, ceiling = _range(gate)
    growing = gate.bound != "below"

    def fails(amount: float) -> bool:
        return comparison.exceeds(allowed(amount), failing)

    def passes(amount: float) -> bool:
        return comparison.keeps(allowed(amount), passing)

    step = max(abs(value) / 8, (ceiling - floor) / 1000 if math.isfinite(ceiling - floor) else 0.0, 1e-6)
    low = _edge(fails if growing else passes, value, -step, floor)
    high = _edge(passes if growing else fails, value, step, ceiling)
    return low, high


def _edge(decided: Callable[[float], bool], value: float, step: float, end: float) -> float:
    """The undecided amount that is furthest from `value` in the direction of `step`, to a thousandth of the distance."""
    near, far = value, value
    for _ in range(_DOUBLINGS):
        far = near + step
        if (far - end) * step >= 0:
            if math.isinf(end) or not decided(end):
                return end
            far = end
            break
        if decided(far):
            break
        near, step = far, 2 * step
    else:
        return math.copysign(math.inf, step)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if decided(middle) else (middle, far)
    return far


def _range(gate: GateConfig) -> Interval:
    """The least and the greatest that the value can be."""
    if gate.bound == "ratio":
        return 0.0, math.inf
    if gate.bound == "worse_by":
        return (-1.0, 1.0) if gate.bounded else (-math.inf, math.inf)
    return 0.0, 1.0 if gate.bounded else math.inf
