"""What the monitors found, as samples of metrics and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway import metrics
from gateway.finite import finite
from gateway.metrics import Metric, Sample
from gateway.observer.distributions import calibration, feature_label, shares
from gateway.observer.ledger import Subject
from monitors.caption import caption
from monitors.hub import Hub
from monitors.judgement import Window
from monitors.measurement import Measurement

_BY_STATISTIC: dict[str, tuple[Metric, tuple[str, ...]]] = {
    "drift": (metrics.DRIFT, ("psi", "js", "score_shift", "low_tail", "high_tail")),
    "prediction_drift": (metrics.DRIFT, ("psi", "js")),
    "multivariate_drift": (metrics.DRIFT, ("psi", "js")),
    "quality": (
        metrics.QUALITY,
        ("missing", "nonfinite", "out_of_range", "unseen", "constant", "duplicate", "refused"),
    ),
    "fairness": (
        metrics.FAIRNESS,
        (
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equalised_odds_difference",
            "accuracy_gap",
            "mean_prediction_gap",
            "mae_gap",
        ),
    ),
}
"""Which measurements of a monitor become samples of which metric, with their subject and their statistic as labels."""

_BY_METRIC: dict[tuple[str, str], tuple[Metric, Metric]] = {
    ("performance", "realised"): (metrics.PERFORMANCE, metrics.PERFORMANCE_BOUND),
    ("performance", "coverage"): (metrics.PERFORMANCE, metrics.PERFORMANCE_BOUND),
    ("estimate", "estimated"): (metrics.ESTIMATED, metrics.ESTIMATED_BOUND),
}
"""Which ones have a subject that is a metric itself; and what the ends of their intervals are."""

_OUTLIERS = ("beyond_99", "beyond_99.9")

MOST = 64
"""Features, or groups, of one statistic that have series of their own, the worst; `other` is the worst of the rest."""

OTHER = "other"


def readings(subject: Subject, hub: Hub) -> Iterator[Sample]:
    """The newest windows of one version in one role; of those of the past only when they were, and that no alarm fires."""
    labels = (subject.model, str(subject.version), subject.role)
    windows, firing = hub.latest(), Counter[str]()
    for window in windows:
        yield Sample(metrics.WINDOW_ROWS, (*labels, window.about), window.n)
        yield Sample(metrics.WINDOW_END, (*labels, window.about), window.end / 1e9)
        for judged in window.judged:
            firing[judged.measurement.monitor] += judged.state == "firing"
    current = [window for window in windows if not hub.quiet(window.about)]
    for window in current:
        known = [judged.measurement for judged in window.judged if _known(judged.measurement)]
        yield from _ranked(labels, known)
        yield from _measured(labels, known)
    for monitor, count in firing.items():
        yield Sample(metrics.ALARM, (*labels, monitor), count)
    yield Sample(metrics.LATE, labels, hub.late)
    yield from calibration(subject, current)
    if not hub.quiet("answers"):
        yield from _groups(labels, hub)
        yield from shares(subject, hub.portrait)


def _known(found: Measurement) -> bool:
    return found.enough and not math.isnan(found.value)


def _ranked(labels: tuple[str, ...], known: list[Measurement]) -> Iterator[Sample]:
    """Features and gaps: of each monitor and statistic the worst, and of the others the worst again."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for one in known:
        if one.statistic in _BY_STATISTIC.get(one.monitor, (None, ()))[1]:
            found.setdefault((one.monitor, one.statistic), {})[_name(one)] = one.value
    series: dict[tuple[Metric, str, str], float] = {}
    for (monitor, statistic), by_name in found.items():
        worst, rest = foremost(by_name, _severity(statistic))
        for name, value in [*worst, *((OTHER, value) for value in rest[:1])]:
            key = _BY_STATISTIC[monitor][0], name, statistic
            series[key] = max(value, series.get(key, value), key=_severity(statistic))
    for (metric, name, statistic), value in series.items():
        yield Sample(metric, (*labels, name, statistic), value)


def _name(found: Measurement) -> str:
    feature = found.monitor in ("drift", "quality") and found.statistic not in ("refused", "duplicate")
    return feature_label(found.subject) if feature else caption(found.subject)


def _severity(statistic: str) -> Callable[[float], float]:
    return (lambda value: -value) if statistic == "demographic_parity_ratio" else abs


def foremost(
    found: Mapping[str, float], severity: Callable[[float], float] = abs
) -> tuple[list[tuple[str, float]], list[float]]:
    """The MOST worst by name, and the values of the others, worst first. Names decide between equals.

    >>> foremost({"a": 0.1, "b": -0.3})
    ([('b', -0.3), ('a', 0.1)], [])
    """
    ordered = sorted(found.items(), key=lambda item: (-severity(item[1]), item[0]))
    return ordered[:MOST], [value for _, value in ordered[MOST:]]


def _measured(labels: tuple[str, ...], known: list[Measurement]) -> Iterator[Sample]:
    """Metrics of performance with their intervals, and outliers. Slices come last, and give way."""
    counted: Counter[Metric] = Counter()
    for one in known:
        if one.monitor == "outlier" and one.statistic in _OUTLIERS:
            yield Sample(metrics.OUTLIERS, (*labels, one.statistic), one.value)
        metric, bound = _BY_METRIC.get((one.monitor, one.statistic), (None, None))
        if metric is None or bound is None:
            continue
        counted[metric] += 1
        if counted[metric] > MOST:
            continue
        name = "coverage" if one.statistic == "coverage" else caption(one.subject)
        yield Sample(metric, (*labels, name), one.value)
        for end, value in zip(("lower", "upper"), one.interval or (), strict=False):
            if math.isfinite(value):
                yield Sample(bound, (*labels, name, end), value)


def _groups(labels: tuple[str, ...], hub: Hub) -> Iterator[Sample]:
    groups = hub.portrait.groups if hub.portrait else {}
    if not groups:
        return
    yield Sample(metrics.GROUP_MINIMUM, labels, hub.settings.min_group)
    largest, rest = foremost({caption(name): rows for name, rows in groups.items()})
    for name, rows in [*largest, *([(OTHER, sum(rest))] if rest else [])]:
        yield Sample(metrics.GROUP_ROWS, (*labels, name), rows)


def told(window: Window) -> dict[str, Any]:
    """A window as plain values; numbers that are none are null."""
    found: dict[str, Any] = finite(
        {
            "about": window.about,
            "start": window.start,
            "end": window.end,
            "rows": window.n,
            "labelled": window.labelled,
            "refused": window.refused,
            "measurements": [
                {
                    "monitor": judged.measurement.monitor,
                    "subject": judged.measurement.subject,
                    "statistic": judged.measurement.statistic,
                    "value": judged.measurement.value,
                    "interval": judged.measurement.interval,
                    "n": judged.measurement.n,
                    "p": judged.measurement.p,
                    "state": judged.state,
                    "since": judged.since,
                    "detail": judged.measurement.detail,
                }
                for judged in window.judged
            ],
        }
    )
    return found
