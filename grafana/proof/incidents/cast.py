"""Who takes part: the bundled models with their versions, how much they are asked, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from grafana.proof.incidents.course import MINUTES, Course, about, during, ramp, steps

DRIFT_BEGINS, DRIFT_FULL = -240, -150
ROLLED_OUT, SECOND_STEP, THIRD_STEP, ROLLED_BACK = -180, -150, -120, -95
LOADED = -220
OUTAGE = -55
WAITS = -45
SILENT = -20


class Model(NamedTuple):
    """rate: requests a second. median_s: of their duration. features: of what it is asked."""

    name: str
    rate: float
    median_s: float
    metrics: tuple[str, ...]
    features: tuple[str, ...]
    group: str | None = None


FLIGHTS = Model(
    "flights",
    42,
    0.0011,
    ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier", "calibration_error"),
    ("temperature", "dest", "humidity", "pressure", "carrier", "wind_speed", "visibility", "hour", "distance"),
    "origin",
)
BIKES = Model("bikeshare", 11, 0.0009, ("mae", "rmse", "bias", "r2"), ("temperature", "weather", "hour", "humidity"))
CREDIT = Model(
    "credit", 6, 0.0014, ("accuracy", "precision", "recall", "f1", "roc_auc"), ("amount", "age", "purpose"), "sex"
)
DIGITS = Model("digits", 17, 0.0021, ("accuracy", "log_loss"), ("image",))
MODELS = (FLIGHTS, BIKES, CREDIT, DIGITS)
ANSWERED = (*((model.name, 1) for model in MODELS), ("flights", 2), ("bikeshare", 2))


class Part(NamedTuple):
    """A version in a role, and its requests a second. ill: 0 to 1, how badly it fares."""

    model: Model
    version: int
    role: str
    rate: Course
    ill: Course


def weight(model: Model, version: int) -> Course:
    """The share of routed traffic that a version has."""
    candidate = {
        "flights": steps((-360, 0), (ROLLED_OUT, 0.1), (SECOND_STEP, 0.25), (THIRD_STEP, 0.5), (ROLLED_BACK, 0)),
        "bikeshare": steps((-360, 0), (WAITS - 30, 0.1), (WAITS, 0.5)),
    }.get(model.name, np.zeros_like(MINUTES))
    return candidate if version == 2 else 1 - candidate


def parts() -> Iterator[Part]:
    """Every version in every role. Flights drift, credit has an outage; the shadow of bikeshare fails."""
    for name, version in ANSWERED:
        model = next(each for each in MODELS if each.name == name)
        yield Part(model, version, "primary", _asked(model) * weight(model, version), _ill(model))
    yield Part(FLIGHTS, 2, "shadow", _asked(FLIGHTS) * weight(FLIGHTS, 1), _ill(FLIGHTS))


def _asked(model: Model) -> Course:
    return about(model.rate * (1 + 0.25 * np.sin(MINUTES / 90)), model.name, spread=0.03)


def _ill(model: Model) -> Course:
    if model is FLIGHTS:
        return ramp(DRIFT_BEGINS, DRIFT_FULL, 0, 1)
    return during(OUTAGE, 1, 1) if model is CREDIT else np.zeros_like(MINUTES)
