"""What the tests of estimates share: streams of answers whose labels come true as often as their scores say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.estimate.estimated import Estimate
from monitors.measurement import Measurement
from monitors.performance.realised import Performance
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Both = tuple[dict[str, Measurement], dict[str, Measurement]]


def _binary(n: int, random: np.random.Generator, shift: float = 0.0, boast: float = 1.0) -> tuple[Any, Any]:
    """boast: by how much the scores' logits are larger than they should be."""
    logits = random.normal(-1.2 + shift, 1.2, n)
    return 1 / (1 + np.exp(-boast * logits)), (random.random(n) < 1 / (1 + np.exp(-logits))).astype(float)


def _multiclass(n: int, random: np.random.Generator, shift: float = 0.0) -> tuple[Any, Any]:
    weights = np.exp(random.normal(0, 1.5, (n, 4)) + shift * np.arange(4))
    scores = weights / weights.sum(1, keepdims=True)
    return scores, (scores.cumsum(1) > random.random(n)[:, None]).argmax(1).astype(float)


def _regression(n: int, random: np.random.Generator, shift: float = 0.0) -> tuple[Any, Any]:
    """Errors grow with the prediction; a shift is towards the larger ones, inside the range."""
    values = 100 * random.beta(2 + shift, 2, n)
    return values, values + random.normal(0, 1 + values / 10)


STREAMS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
}


def _reference(task: Any, scores: Any, labels: Any) -> Reference:
    schema = Schema((ColumnSpec("a", "numeric"),), task)
    return Reference.build({"a": np.arange(float(len(labels)))}, schema, scores, labels)


def _view(reference: Reference, scores: Any, labels: Any = None, predictions: Any = None) -> View:
    n = 0 if scores is None else len(scores)
    batch = Batch(np.arange(n, dtype=np.int64), np.array(["x"] * n, object), {}, scores, predictions, labels)
    return View(batch, reference)


def _both(reference: Reference, scores: Any, labels: Any, predictions: Any = None) -> Both:
    found = []
    for monitor in (Estimate(reference), Performance(reference)):
        state = monitor.begin()
        monitor.fold(state, _view(reference, scores, labels, predictions))
        found.append({one.subject: one for one in monitor.measure(state)})
    return found[0], found[1]


@pytest.fixture(scope="session")
def streams() -> dict[str, Callable[..., tuple[Any, Any]]]:
    """By task, a generator of n scores and their labels, from a random generator; `shift` moves the inputs."""
    return STREAMS


@pytest.fixture(scope="session")
def reference_for() -> Callable[..., Reference]:
    """Makes a reference of a task, scores and labels."""
    return _reference


@pytest.fixture(scope="session")
def view() -> Callable[..., View]:
    """Makes a batch of scores, held against a reference."""
    return _view


@pytest.fixture(scope="session")
def both() -> Callable[..., Both]:
    """Measures a window twice, by metric: as estimated from its scores, and as realised with its labels."""
    return _both
