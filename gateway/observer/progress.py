"""How far the observer has come, and how late."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np

from gateway.observer.histogram import Histogram


class Progress:
    """Sums since the data folder was made, but for lag_ns: the age of the oldest answer in the last step.

    unreadable: frames that were passed over. missing: segments that were gone before they were read. failures: times that
    a monitor failed on rows. delays: from an answer to its being observed. labels: accepted ones, by what became of them.
    """

    SUMS = ("rows", "lost", "torn", "unreadable", "missing", "superseded", "commits", "failures")

    def __init__(self, exported: bytes | None = None) -> None:
        kept: dict[str, Any] = msgspec.msgpack.decode(exported) if exported else {}
        self.rows: int = kept.get("rows", 0)
        self.lost: int = kept.get("lost", 0)
        self.torn: int = kept.get("torn", 0)
        self.unreadable: int = kept.get("unreadable", 0)
        self.missing: int = kept.get("missing", 0)
        self.superseded: int = kept.get("superseded", 0)
        self.commits: int = kept.get("commits", 0)
        self.failures: int = kept.get("failures", 0)
        self.delays = Histogram(**kept.get("delays", {}))
        self.labels = Counter[str](kept.get("labels", {}))
        self.lag_ns = 0

    def saw(self, ended_ns: list[int], now_ns: int) -> None:
        """Answers that were ready then are observed at `now_ns`."""
        delays = np.maximum(now_ns - np.array(ended_ns, np.int64), 0)
        self.lag_ns = max(self.lag_ns, int(delays.max()))
        self.delays.add(delays // 1000)

    def export(self) -> bytes:
        """For the next process."""
        sums = {name: getattr(self, name) for name in self.SUMS}
        return msgspec.msgpack.encode({**sums, "delays": self.delays.export(), "labels": dict(self.labels)})
