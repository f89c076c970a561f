"""Distributions as metrics and as JSON: the same shares, beside the training data, in an order that people can read."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from gateway import metrics
from gateway.config import Limits, Listen
from gateway.observer.distributions import PREDICTION, SHOWN, distributions, feature_label
from gateway.observer.ledger import Subject
from gateway.observer.readings import readings
from gateway.observer.routes import Questions, observer_routes
from monitors.hub import Hub
from monitors.reference import Reference
from monitors.registry import hub
from monitors.schema import ColumnSpec, Schema
from monitors.settings import Settings
from tests.monitors.answering import MINUTE, START, batch
from tests.monitors.conftest import _example

SUBJECT = Subject("flights", 2, "primary")
COLUMNS, SCHEMA, SCORES, LABELS = _example()
ROWS = batch((COLUMNS, SCHEMA, SCORES, LABELS), np.sort(np.random.default_rng(1).random(300) * 5), labels=True)


@pytest.fixture(scope="module")
def watched() -> Hub:
    """A window of warm days, with its labels."""
    of = hub(Reference.build(COLUMNS, SCHEMA, SCORES, LABELS), ("sex",), Settings(rows=300, lateness=1.0))
    ROWS.columns["temperature"][:] += 20
    of.answers(ROWS)
    of.labelled(ROWS)
    of.advance(START + 60 * MINUTE)
    return of


def _series(of: Hub, metric: metrics.Metric, subject: Subject = SUBJECT) -> dict[tuple[str, ...], Any]:
    return {sample.labels: sample.value for sample in readings(subject, of) if sample.metric is metric}


def test_prediction_comes_first_and_then_what_drifted_most(watched: Hub) -> None:
    """With labels for people, and shares that add up."""
    found = json.loads(json.dumps(distributions(SUBJECT, watched)))
    portrait = watched.portrait
    assert portrait is not None
    assert (found["version"], found["role"], found["rows"]) == (2, "primary", 300)
    assert found["end"] == portrait.end
    assert [each["feature"] for each in found["features"][:2]] == [PREDICTION, "temperature"]
    for each in found["features"]:
        assert len(each["bins"]) == len(each["reference"]) == len(each["now"])
        assert sum(each["reference"]) == pytest.approx(1, abs=1e-5)
        assert sum(each["now"]) == pytest.approx(1, abs=1e-5)
    temperature = found["features"][1]
    assert (temperature["kind"], temperature["bins"][-1]) == ("numeric", "missing")
    assert temperature["now"][-2] > 0.7
    (origin,) = (each for each in found["features"] if each["feature"] == "origin")
    assert (origin["kind"], origin["bins"]) == ("categorical", ["EWR", "JFK", "LGA"])


def test_metrics_say_the_same(watched: Hub) -> None:
    """Of the answers and the foremost features; sorted as text, the bins of a number are in its order."""
    now, before = _series(watched, metrics.FEATURE_SHARE), _series(watched, metrics.REFERENCE_SHARE)
    assert now.keys() == before.keys()
    told = {each["feature"]: each for each in distributions(SUBJECT, watched)["features"]}
    features = {labels[2] for labels in now}
    assert PREDICTION in features
    assert features <= told.keys()
    assert len(features) <= 1 + SHOWN
    for feature in features:
        bins = sorted(labels[3] for labels in now if labels[2] == feature)
        shares = [now["flights", "2", feature, label] for label in bins]
        assert shares == pytest.approx(told[feature]["now"], abs=1e-5)
    assert bins
    temperature = sorted(labels[3] for labels in now if labels[2] == "temperature")
    assert temperature[0].startswith("01 ≤ ")
    assert temperature[-1] == "99 missing"


def test_scores_stand_beside_what_came_true(watched: Hub) -> None:
    """In tenths of the labelled rows."""
    predicted, observed = (
        _series(watched, metric) for metric in (metrics.CALIBRATION_PREDICTED, metrics.CALIBRATION_OBSERVED)
    )
    curve = distributions(SUBJECT, watched)["calibration"]
    assert [labels[2] for labels in predicted] == [f"{place:02d}" for place in range(1, 11)]
    assert list(predicted.values()) == [each["predicted"] for each in curve]
    assert list(observed.values()) == [each["observed"] for each in curve]
    assert sum(each["rows"] for each in curve) == np.isfinite(np.asarray(ROWS.labels, float)).sum()
    assert list(predicted.values()) == sorted(predicted.values())


def test_of_each_group_there_is_the_number_of_rows(watched: Hub) -> None:
    """And how many it needs before it is compared."""
    rows = _series(watched, metrics.GROUP_ROWS)
    assert {labels[3] for labels in rows} == {"sex=f", "sex=m"}
    assert sum(rows.values()) == 300
    assert _series(watched, metrics.GROUP_MINIMUM) == {("flights", "2", "primary"): 30}


def test_a_metric_has_the_ends_of_its_interval(watched: Hub) -> None:
    """Around its value."""
    for metric, bound in (
        (metrics.PERFORMANCE, metrics.PERFORMANCE_BOUND),
        (metrics.ESTIMATED, metrics.ESTIMATED_BOUND),
    ):
        values, ends = _series(watched, metric), _series(watched, bound)
        assert ("flights", "2", "primary", "roc_auc") in values
        for labels, value in values.items():
            assert ends[*labels, "lower"] <= value <= ends[*labels, "upper"]


def test_a_shadow_has_no_shares_as_metrics(watched: Hub) -> None:
    """It sees what its primary sees; as JSON they are there."""
    shadow = Subject("flights", 3, "shadow")
    assert not _series(watched, metrics.FEATURE_SHARE, shadow)
    assert not _series(watched, metrics.CALIBRATION_OBSERVED, shadow)
    assert distributions(shadow, watched)["features"]


async def test_they_are_asked_for_by_model(watched: Hub) -> None:
    """On a path of its own, beside what the monitors found."""

    class Answering:
        async def distributions(self, model: str) -> bytes:
            found = [distributions(SUBJECT, watched)] if model == SUBJECT.model else []
            return json.dumps({"model": model, "versions": found}).encode()

    routes = observer_routes(cast(Questions, Answering()), Limits(), Listen())
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        found = (await client.get("/gateway/models/flights/distributions")).json()
        none = (await client.get("/gateway/models/nobody/distributions")).json()
    assert found["model"] == "flights"
    assert found["versions"] == json.loads(json.dumps([distributions(SUBJECT, watched)]))
    assert none == {"model": "nobody", "versions": []}


def test_before_the_first_window_there_is_nothing() -> None:
    """And nothing is made up."""
    of = hub(Reference.build(COLUMNS, SCHEMA, SCORES, LABELS))
    found = distributions(SUBJECT, of)
    assert (found["end"], found["rows"], found["features"], found["calibration"]) == (None, 0, [], None)
    assert not _series(of, metrics.FEATURE_SHARE)


def test_an_input_that_is_called_like_an_answer_has_a_label_of_its_own() -> None:
    """Two series of one name would be one, and Prometheus takes neither."""
    names = ("prediction", "score", "other", "reconstruction_error")
    columns = {name: np.arange(200.0) + place for place, name in enumerate(names)}
    schema = Schema(tuple(ColumnSpec(name, "numeric") for name in names), "binary")
    of = hub(Reference.build(columns, schema, np.linspace(0, 1, 200), None), (), Settings(rows=200))
    rows = batch((columns, schema, np.linspace(0, 1, 200), None), np.linspace(0, 1, 200))
    of.answers(rows)
    of.finish()
    samples = list(readings(SUBJECT, of))
    keys = [(sample.metric.name, sample.labels) for sample in samples]
    assert len(set(keys)) == len(keys)
    drifting = {labels[3] for labels in _series(of, metrics.DRIFT)}
    assert {"score", "input.score", "reconstruction_error", "input.reconstruction_error", "input.other"} <= drifting
    told = [each["feature"] for each in distributions(SUBJECT, of)["features"]]
    assert told[0] == PREDICTION
    assert set(told[1:]) == {"input.prediction", "score", "other", "reconstruction_error"}
    assert feature_label("distance") == "distance"
