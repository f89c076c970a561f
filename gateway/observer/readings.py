"""What the monitors found, as samples of metrics and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gateway import metrics
from gateway.metrics import Metric, Sample
from gateway.observer.ledger import Subject
from monitors.hub import Hub
from monitors.judgement import Window
from monitors.measurement import Measurement

_SHOWN: dict[tuple[str, str], tuple[Metric, bool]] = {
    **{
        ("drift", statistic): (metrics.DRIFT, True) for statistic in ("psi", "js", "score_shift", "below_1", "above_99")
    },
    **{("prediction_drift", statistic): (metrics.DRIFT, True) for statistic in ("psi", "js")},
    **{("multivariate_drift", statistic): (metrics.DRIFT, True) for statistic in ("psi", "js")},
    **{
        ("quality", statistic): (metrics.QUALITY, True)
        for statistic in ("missing", "nonfinite", "out_of_range", "unseen", "constant", "duplicate", "refused")
    },
    **{("outlier", statistic): (metrics.OUTLIERS, False) for statistic in ("beyond_99", "beyond_99.9")},
    **{
        ("fairness", statistic): (metrics.FAIRNESS, True)
        for statistic in (
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equalised_odds_difference",
            "accuracy_gap",
        )
    },
    ("performance", "realised"): (metrics.PERFORMANCE, False),
    ("performance", "coverage"): (metrics.PERFORMANCE, False),
    ("estimate", "estimated"): (metrics.ESTIMATED, False),
}
"""Which measurements become samples, of which metric, and whether the statistic is a label of its own."""

_MOST = 64  # features of one statistic: a model with thousands would drown the scrape


def readings(subject: Subject, hub: Hub) -> Iterator[Sample]:
    """The newest windows of one version in one role."""
    labels = (subject.model, str(subject.version), subject.role)
    firing: Counter[str] = Counter()
    for window in hub.latest():
        counted: Counter[tuple[str, str]] = Counter()
        yield Sample(metrics.WINDOW_ROWS, (*labels, window.about), window.n)
        yield Sample(metrics.WINDOW_END, (*labels, window.about), window.end / 1e9)
        for judged in window.judged:
            found = judged.measurement
            firing[found.monitor] += judged.state == "firing"
            counted[found.monitor, found.statistic] += 1
            sample = _sample(labels, found)
            if sample is not None and counted[found.monitor, found.statistic] <= _MOST:
                yield sample
    for monitor, count in firing.items():
        yield Sample(metrics.ALARM, (*labels, monitor), count)
    yield Sample(metrics.LATE, labels, hub.late)


def _sample(labels: tuple[str, ...], found: Measurement) -> Sample | None:
    shown = _SHOWN.get((found.monitor, found.statistic))
    if shown is None or not found.enough or math.isnan(found.value):
        return None
    metric, by_statistic = shown
    if metric is metrics.OUTLIERS:
        return Sample(metric, (*labels, found.statistic), found.value)
    subject = found.subject if found.statistic != "coverage" else "coverage"
    return Sample(metric, (*labels, subject, found.statistic) if by_statistic else (*labels, subject), found.value)


def told(window: Window) -> dict[str, Any]:
    """A window as plain values; numbers that are none are null."""
    return {
        "about": window.about,
        "start": window.start,
        "end": window.end,
        "rows": window.n,
        "labelled": window.labelled,
        "refused": dict(window.refused),
        "measurements": [
            {
                "monitor": judged.measurement.monitor,
                "subject": judged.measurement.subject,
                "statistic": judged.measurement.statistic,
                "value": _number(judged.measurement.value),
                "interval": judged.measurement.interval and [_number(bound) for bound in judged.measurement.interval],
                "n": judged.measurement.n,
                "p": judged.measurement.p,
                "state": judged.state,
                "since": judged.since,
                "detail": dict(judged.measurement.detail),
            }
            for judged in window.judged
        ],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
