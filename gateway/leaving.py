"""Lets a replica end at once where the whole gateway stops.

Serve keeps a replica that is to end reachable for a while (`limits.drain`), until load balancers send requests elsewhere. When
everything ends there is no elsewhere: whatever came was answered or refused before, and a person waits for the command line.
"""

from __future__ import annotations

from typing import Any

from ray.serve._private import replica as serve_replica

replica: Any = serve_replica


def at_once() -> None:
    """From now on the replica in this process, told to end, only finishes the requests under way."""
    replica.RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S = 0.0
