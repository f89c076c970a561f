"""How many ingress replicas the load calls for."""

from __future__ import annotations

from typing import Any

from ray.serve.config import AutoscalingContext


class FollowLoad:
    """A Serve autoscaling policy: as many replicas as keep each one busy for `target` of its time.

    The load that `Gateway.record_autoscaling_stats` reports is a share of time, 0 to 1, for each replica; Serve gives it here
    averaged over its look-back period.
    """

    def __init__(self, target: float) -> None:
        self._target = target

    def __call__(self, context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        """The number wanted (Serve applies bounds and delays), and no state."""
        loads = (context.aggregated_metrics or {}).get("load", {})
        return needed(sum(loads.values()), len(loads), context.current_num_replicas, self._target), {}


def needed(total: float, reporting: int, running: int, target: float) -> float:
    """Replicas for a `total` load of `reporting` replicas out of `running`; those that are silent yet are taken as average.

    >>> needed(1.8, 2, 2, 0.6)
    3.0
    >>> needed(0.0, 0, 2, 0.6)
    2.0
    """
    if not reporting:
        return float(running)
    return round(total / reporting * running / target, 3)
