"""What the monitors found over the six hours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway import metrics
from grafana.proof.incidents.cast import CREDIT, FLIGHTS, Model, Part, parts
from grafana.proof.incidents.course import MINUTES, Course, Line, about, line

_LOSSES = ("mae", "rmse", "bias", "log_loss", "brier", "calibration_error")
_HEALTHY = {"mae": 31.0, "rmse": 46.0, "bias": 2.0, "log_loss": 0.42, "brier": 0.13, "calibration_error": 0.03}
_GROUPS = {"origin": ("EWR", "JFK", "LGA"), "sex": ("female", "male")}
_GAPS = ("demographic_parity_difference", "demographic_parity_ratio", "equalised_odds_difference", "accuracy_gap")
_AMOUNTS = ("mean_prediction_gap", "mae_gap")
_DISTANCES = {"psi": 1.0, "js": 0.4, "score_shift": 0.15, "low_tail": 0.1, "high_tail": 0.3}
_FAULTS = ("missing", "nonfinite", "out_of_range", "unseen", "constant", "duplicate", "refused")
_MONITORS = (
    *("drift", "prediction_drift", "multivariate_drift", "label_drift", "quality", "outlier"),
    *("performance", "estimate", "fairness"),
)


def watching(now: float) -> Iterator[Line]:
    """All measurements and alarms of every version in every role. now: seconds since 1970, of the last minute."""
    for part in parts():
        ill = part.ill if part.model is FLIGHTS else np.zeros_like(MINUTES)
        yield from _windows(part, now)
        yield from _drift(part, ill)
        yield from _quality(part, ill)
        yield from _performance(part, ill)
        yield from _fairness(part, ill)
        for monitor in _MONITORS:
            yield line(metrics.ALARM, *_who(part), monitor, at=np.floor(ill * (3 if monitor == "drift" else 1)))
        if part.role == "primary":
            yield from _shares(part, ill)
            yield from _calibration(part, ill)


def _who(part: Part) -> tuple[str, str, str]:
    return part.model.name, str(part.version), part.role


def _windows(part: Part, now: float) -> Iterator[Line]:
    for window in ("answers", "labels"):
        yield line(metrics.WINDOW_ROWS, *_who(part), window, at=about(1000, *_who(part), window))
        yield line(metrics.WINDOW_END, *_who(part), window, at=now + np.floor(MINUTES / 5) * 300)


def _drift(part: Part, ill: Course) -> Iterator[Line]:
    for place, feature in enumerate((*part.model.features, "score", "class", "reconstruction_error", "other")):
        strength = ill * (1.8 / (1 + place) ** 1.5 if feature != "other" else 0.02)
        for statistic, size in _DISTANCES.items():
            value = about(0.012 + strength * size, *_who(part), feature, statistic, spread=0.12)
            yield line(metrics.DRIFT, *_who(part), feature, statistic, at=value)


def _quality(part: Part, ill: Course) -> Iterator[Line]:
    for feature in part.model.features[:4]:
        for statistic in _FAULTS:
            worse = ill * (0.06 if feature == part.model.features[0] else 0.0)
            yield line(metrics.QUALITY, *_who(part), feature, statistic, at=about(0.002 + worse, feature, statistic))
    yield line(metrics.OUTLIERS, *_who(part), "beyond_99", at=about(0.01 + 0.09 * ill, *_who(part)))
    yield line(metrics.OUTLIERS, *_who(part), "beyond_99.9", at=about(0.001 + 0.02 * ill, *_who(part)))


def _performance(part: Part, ill: Course) -> Iterator[Line]:
    for metric in part.model.metrics:
        loses = metric in _LOSSES
        healthy, worse = _HEALTHY.get(metric, 0.82), 1 + 0.15 * ill if loses else 1 - 0.15 * ill
        realised = about(healthy * worse, *_who(part), metric, spread=0.008)
        guessed = about(healthy * (1 + (worse - 1) / 4), *_who(part), metric, "estimated", spread=0.004)
        for value, here, bounds in (
            (realised, metrics.PERFORMANCE, metrics.PERFORMANCE_BOUND),
            (guessed, metrics.ESTIMATED, metrics.ESTIMATED_BOUND),
        ):
            yield line(here, *_who(part), metric, at=value)
            yield line(bounds, *_who(part), metric, "lower", at=value * 0.97)
            yield line(bounds, *_who(part), metric, "upper", at=value * 1.03)
    yield line(metrics.PERFORMANCE, *_who(part), "coverage", at=about(0.71, *_who(part)))


def _fairness(part: Part, ill: Course) -> Iterator[Line]:
    group = part.model.group
    if group is None:
        return
    for place, statistic in enumerate((*_GAPS, *_AMOUNTS)):
        value = 0.84 if statistic.endswith("ratio") else 0.04 + 0.02 * place
        yield line(metrics.FAIRNESS, *_who(part), group, statistic, at=about(value + 0.1 * ill, group, statistic))
    for place, member in enumerate(_GROUPS[group]):
        rows = about((420, 310, 12)[place], *_who(part), member)
        yield line(metrics.GROUP_ROWS, *_who(part), f"{group}={member}", at=rows)
    yield line(metrics.GROUP_MINIMUM, *_who(part), at=30)


def _shares(part: Part, ill: Course) -> Iterator[Line]:
    who = (part.model.name, str(part.version))
    for feature in (*part.model.features[:8], "prediction"):
        bins = [f"{start + 1:02} {start / 10:g} – {(start + 1) / 10:g}" for start in range(10)]
        moved = np.exp(-(((np.arange(10) - 3) / 2.5) ** 2))
        for place, name in enumerate(bins):
            shifted = 0.1 * (1 - ill) + ill * moved[place] / moved.sum()
            yield line(metrics.FEATURE_SHARE, *who, feature, name, at=shifted)
            yield line(metrics.REFERENCE_SHARE, *who, feature, name, at=0.1)


def _calibration(part: Part, ill: Course) -> Iterator[Line]:
    if not _binary(part.model):
        return
    for place in range(10):
        predicted = 0.05 + place / 12
        who = (part.model.name, str(part.version), f"{place + 1:02}")
        yield line(metrics.CALIBRATION_PREDICTED, *who, at=predicted)
        yield line(metrics.CALIBRATION_OBSERVED, *who, at=predicted * (1 - 0.3 * ill))


def _binary(model: Model) -> bool:
    return model in (FLIGHTS, CREDIT)
