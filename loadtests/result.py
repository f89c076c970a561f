"""What a measurement found."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from gateway.document import Frozen


class Latency(Frozen):
    """Exact percentiles in milliseconds; all 0 when nothing was measured."""

    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Result(Frozen):
    """One measurement, warm-up left out.

    answered: answers with status 200; only these count in `throughput`, `rows` and `latency`.
    throughput: answers a second, over `seconds`: from the end of the warm-up to the last answer, or to the end.
    errors: connections refused, cut or garbled, by what happened. unanswered: requests without an answer when the wait
    ended; in an open loop each enters `latency` with its age, a lower bound.
    lag_p99_ms: how late the client itself sent (open loop), when a connection was free. client_cpu: share of one core
    that the client used; near 1 the client, not the server, was measured.
    """

    answered: int
    rows: int
    seconds: float
    throughput: float
    rows_per_s: float
    latency: Latency
    statuses: dict[int, int]
    errors: dict[str, int]
    unanswered: int
    bytes_received: int
    lag_p99_ms: float
    client_cpu: float
    engine: str = "python"


def percentiles(seconds: Sequence[float] | array[float]) -> Latency:
    """The percentiles of latencies given in seconds.

    >>> percentiles([0.001, 0.002, 0.003]).p50
    2.0
    """
    if not len(seconds):
        return Latency(p50=0, p90=0, p99=0, p999=0, max=0)
    p50, p90, p99, p999, top = (float(v) for v in np.percentile(np.asarray(seconds), [50, 90, 99, 99.9, 100]) * 1e3)
    return Latency(p50=p50, p90=p90, p99=p99, p999=p999, max=top)
