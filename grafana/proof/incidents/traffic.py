"""Requests, their durations, labels and shadows, over the six hours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway import metrics
from gateway.observer.histogram import BUCKETS
from grafana.proof.incidents.cast import BIKES, CREDIT, FLIGHTS, MODELS, OUTAGE, Part, parts
from grafana.proof.incidents.course import MINUTES, Course, Line, durations, during, line, total

BEFORE = 5000
"""Labels of each model that came earlier."""
DELAYS = (60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0, 2419200.0)


def traffic(now: float) -> Iterator[Line]:
    """Everything that is counted of requests. now: seconds since 1970, of the last minute."""
    for part in parts():
        yield from _requests(part, now)
    yield from _labels()
    yield from _shadows()


def _requests(part: Part, now: float) -> Iterator[Line]:
    who = (part.model.name, part.version, part.role)
    fails = part.ill * 0.12 if part.model is CREDIT else np.full_like(MINUTES, 0.0001)
    slower = 1 + 400 * part.ill if part.model is CREDIT else np.ones_like(MINUTES)
    answered = part.rate * (1 - fails)
    yield line(metrics.REQUESTS, *who, "ok", at=total(answered))
    yield line(metrics.REQUESTS, *who, "overloaded", at=total(part.rate * fails))
    yield line(metrics.REQUESTS, *who, "bad_request", at=total(part.rate * 0.002))
    yield line(metrics.ROWS, *who, at=total(answered * 1.4))
    yield line(metrics.LATE, *who, at=total(answered * 0.001))
    yield line(metrics.LAST_REQUEST, *who, at=now + MINUTES * 60 - 1)
    for route, share in (("stable", 0.9), ("split", 0.08), ("pinned", 0.02)):
        yield line(metrics.ROUTES, *who, route, at=total(answered * share))
    whole = part.model.median_s * slower
    for metric, median in (
        (metrics.REQUEST_DURATION, whole),
        (metrics.INFERENCE_DURATION, part.model.median_s * 0.2 * np.ones_like(MINUTES)),
        (metrics.QUEUE_DURATION, whole * 0.3),
    ):
        yield Line(metric, tuple(map(str, who)), durations(BUCKETS, answered, median))


def _labels() -> Iterator[Line]:
    for model in MODELS:
        joined = _labelled(model.name)
        yield line(metrics.LABELS, model.name, "accepted", at=total(joined, before=BEFORE))
        yield line(metrics.LABELS, model.name, "duplicate", at=total(joined * 0.01))
        median = {FLIGHTS.name: 4 * 3600, CREDIT.name: 20 * 86400}.get(model.name, 3600)
        yield Line(metrics.LABEL_DELAY, (model.name,), durations(DELAYS, joined, median, 2.0))
    for outcome, rate in (("joined", 50), ("waiting", 3), ("corrected", 0.1), ("unknown", 0.2)):
        yield line(metrics.LABELS_JOINED, outcome, at=total(rate))
    yield line(metrics.LABELS_WAITING, at=200 + np.clip(MINUTES + 200, 0, None) * 60 * 8)


def _labelled(model: str) -> Course:
    """Labels a second; those of bikeshare stopped a day ago."""
    return np.full_like(MINUTES, {"flights": 30.0, "credit": 0.4, "digits": 12.0}.get(model, 0.0))


def _shadows() -> Iterator[Line]:
    for model, version, fails in ((FLIGHTS, 2, 0.0), (BIKES, 2, 0.2)):
        failing = during(OUTAGE, 1, fails)
        who = (model.name, version)
        yield line(metrics.SHADOW_REQUESTS, *who, "ok", at=total(model.rate * (1 - failing)))
        yield line(metrics.SHADOW_REQUESTS, *who, "shadow_not_finite", at=total(model.rate * failing))
        yield line(metrics.SHADOW_REQUESTS, *who, "given_up", at=total(model.rate * failing / 10))
        yield line(metrics.SHADOW_DISAGREEMENT, *who, 1, at=0.07 + failing / 4)
        yield line(metrics.SHADOW_DISTANCE, *who, 1, at=0.03 + failing / 9)
        yield line(metrics.SHADOW_COST, *who, 1, at=0.31 + failing)
        yield line(metrics.SHADOW_LAG, *who, at=0.4 + failing * 2400)
        yield line(metrics.SHADOW_BACKLOG, *who, at=20_000 + failing * 3e8)
        yield line(metrics.SHADOW_STARTS, *who, at=1 + total(failing / 600))
        yield line(metrics.SHADOW_GAPS, *who, at=total(failing / 900))
