"""What a replay met."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np


@dataclass
class LabelSummary:
    """What became of the labels. early: how many were sent before their time, because too many waited."""

    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    corrected: int = 0
    early: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sent": self.sent,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "corrected": self.corrected,
            "early": self.early,
            "refused": dict(self.refusals),
        }


@dataclass
class Summary:
    """What became of the requests. latencies: seconds, of those that were answered."""

    sent: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    latencies: array[float] = field(default_factory=lambda: array("d"))
    behind_s: float = 0.0
    seconds: float = 0.0
    first: datetime | None = None
    last: datetime | None = None
    labels: LabelSummary = field(default_factory=LabelSummary)

    def report(self) -> dict[str, Any]:
        """Plain values, for a table or for JSON. Latencies in milliseconds."""
        quantiles = np.quantile(self.latencies, [0.5, 0.99]) * 1e3 if self.latencies else [None, None]
        return {
            "sent": self.sent,
            "answered": len(self.latencies),
            "by_version": dict(sorted(self.versions.items())),
            "refused": dict(self.refusals),
            "labels": self.labels.report(),
            "from": self.first and self.first.isoformat(),
            "to": self.last and self.last.isoformat(),
            "seconds": round(self.seconds, 3),
            "p50_ms": quantiles[0] and round(float(quantiles[0]), 3),
            "p99_ms": quantiles[1] and round(float(quantiles[1]), 3),
            "behind_s": round(self.behind_s, 3),
        }
