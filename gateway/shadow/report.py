"""How the shadows are doing, as their checkpoints tell it: whoever asks needs neither their processes nor their actor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.shadow.checkpoint import Checkpoint, Shadow, checkpoints
from gateway.shadow.comparison import Comparison

_BEAT_NS = 10_000_000_000  # a checkpoint older than this was written by a process that is gone, or stuck


class Report(NamedTuple):
    """One shadow. outcomes: primaries by what became of them, `ok` or why not; together, all that were owed and read.

    pairs: comparisons, by the version that answered the client. lag_s: age of the oldest primary that waits, seconds. backlog:
    bytes of journal that wait. starts: of its process. gaps: segments of journals that were deleted before they were read.
    trouble: why it does not run; empty if it does.
    """

    shadow: Shadow
    outcomes: Mapping[str, int]
    pairs: Mapping[int, Comparison]
    lag_s: float
    backlog: int
    starts: int
    gaps: int
    trouble: str


def reports(data: Path, now_ns: int) -> Iterator[Report]:
    """All shadows below the `data` folder, at most some seconds old."""
    for shadow, kept in checkpoints(data).items():
        yield Report(
            shadow,
            kept.outcomes,
            kept.pairs,
            lag_ns(kept, now_ns) / 1e9,
            kept.backlog,
            kept.starts,
            kept.gaps,
            kept.trouble or ("its process does not run" if now_ns - kept.saved > _BEAT_NS else ""),
        )


def told(report: Report) -> dict[str, Any]:
    """Plain values, for people and machines; what was not compared is None."""
    return {
        "model": report.shadow.model,
        "version": report.shadow.version,
        "outcomes": dict(report.outcomes),
        "lag_s": report.lag_s,
        "starts": report.starts,
        "gaps": report.gaps,
        "trouble": report.trouble,
        "compared": [
            {
                "primary": primary,
                "rows": pair.rows,
                "disagreement": pair.disagreement,
                "score_distance": pair.mean_distance,
                "cost_ratio": pair.latency_ratio,
            }
            for primary, pair in report.pairs.items()
        ],
    }


def lag_ns(kept: Checkpoint, now_ns: int) -> int:
    """Of the oldest primary that waits, as far as a checkpoint can tell: while nobody writes one, it grows."""
    late = now_ns - kept.saved
    return kept.lag + (late if late > _BEAT_NS else 0)
