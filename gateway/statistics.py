"""What a version has done, counted as Triton's statistics extension counts it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

_EXACT = 1024
"""Batches of up to so many rows are counted by their size, larger ones by the next power of two: sizes are the client's."""


class Statistics:
    """Counts of one version. All are sums, so that those of several replicas add up."""

    __slots__ = ("batches", "counts", "last_ms")

    FIELDS = (
        "inferences",
        "executions",
        "success",
        "success_ns",
        "fail",
        "fail_ns",
        "queue_ns",
        "input_ns",
        "infer_ns",
        "output_ns",
    )

    def __init__(self) -> None:
        self.counts = dict.fromkeys(self.FIELDS, 0)
        self.batches: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.last_ms = 0

    def succeeded(self, rows: int, leads: bool, batch: int, times: tuple[int, int, int, int, int], now_ms: int) -> None:
        """One answered request. times: queue, input, infer, output and total, in ns; now_ms: Unix time."""
        counts = self.counts
        queue_ns, input_ns, infer_ns, output_ns, total_ns = times
        counts["inferences"] += rows
        counts["success"] += 1
        counts["success_ns"] += total_ns
        counts["queue_ns"] += queue_ns
        counts["input_ns"] += input_ns
        counts["infer_ns"] += infer_ns
        counts["output_ns"] += output_ns
        if leads:
            counts["executions"] += 1
            entry = self.batches[batch if batch <= _EXACT else 1 << (batch - 1).bit_length()]
            entry[0] += 1
            entry[1] += infer_ns
        self.last_ms = now_ms

    def failed(self, total_ns: int) -> None:
        """One request that was routed to the version and refused."""
        self.counts["fail"] += 1
        self.counts["fail_ns"] += total_ns

    def export(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return {"counts": dict(self.counts), "batches": dict(self.batches), "last_ms": self.last_ms}

    def absorb(self, exported: dict[str, Any]) -> None:
        """Adds what another process exported."""
        for name, value in exported["counts"].items():
            self.counts[name] += value
        for size, (count, infer_ns) in exported["batches"].items():
            entry = self.batches[size]
            entry[0] += count
            entry[1] += infer_ns
        self.last_ms = max(self.last_ms, exported["last_ms"])

    def triton(self, name: str, version: int) -> dict[str, Any]:
        """The entry of `GET /v2/models/{m}/stats`, in Triton's names."""
        counts, success = self.counts, self.counts["success"]
        return {
            "name": name,
            "version": str(version),
            "last_inference": self.last_ms,
            "inference_count": counts["inferences"],
            "execution_count": counts["executions"],
            "inference_stats": {
                "success": {"count": success, "ns": counts["success_ns"]},
                "fail": {"count": counts["fail"], "ns": counts["fail_ns"]},
                "queue": {"count": success, "ns": counts["queue_ns"]},
                "compute_input": {"count": success, "ns": counts["input_ns"]},
                "compute_infer": {"count": success, "ns": counts["infer_ns"]},
                "compute_output": {"count": success, "ns": counts["output_ns"]},
            },
            "batch_stats": [
                {"batch_size": size, "compute_infer": {"count": count, "ns": infer_ns}}
                for size, (count, infer_ns) in sorted(self.batches.items())
            ],
        }


Counts = dict[tuple[str, int], dict[str, Any]]
"""Exported statistics by model and version."""


def summed(*parts: Counts) -> Counts:
    """Their sums."""
    sums: dict[tuple[str, int], Statistics] = {}
    for counts in parts:
        for key, exported in counts.items():
            sums.setdefault(key, Statistics()).absorb(exported)
    return {key: statistics.export() for key, statistics in sums.items()}
