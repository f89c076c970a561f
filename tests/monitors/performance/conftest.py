"""What the tests of performance share: streams of answers with labels, and windows made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.measurement import Measurement
from monitors.performance.realised import Performance
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Stream = Callable[[int, np.random.Generator], tuple[Any, Any]]


def _binary(n: int, random: np.random.Generator) -> tuple[Any, Any]:
    logits = random.normal(-1.2, 1.2, n)
    scores = 1 / (1 + np.exp(-logits))
    return scores, (random.random(n) < scores).astype(float)


def _multiclass(n: int, random: np.random.Generator) -> tuple[Any, Any]:
    weights = np.exp(random.normal(0, 1.5, (n, 5)))
    scores = weights / weights.sum(1, keepdims=True)
    return scores, (scores.cumsum(1) > random.random(n)[:, None]).argmax(1).astype(float)


def _regression(n: int, random: np.random.Generator) -> tuple[Any, Any]:
    values = 60 + random.gamma(4, 30, n)
    return values, np.abs(values + 10 * random.standard_t(12, n)) + 1


STREAMS: dict[str, Stream] = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}


def reference_of(task: Any, scores: Any, labels: Any, classes: tuple[str | int, ...] = ()) -> Reference:
    """A reference whose rows the model was not fitted on."""
    schema = Schema((ColumnSpec("a", "numeric"),), task, classes)
    return Reference.build({"a": np.arange(float(len(labels)))}, schema, scores, labels)


def view_of(reference: Reference, scores: Any, labels: Any, predictions: Any = None, **more: Any) -> View:
    """One batch against the reference."""
    n = len(labels)
    batch = Batch(np.arange(n, dtype=np.int64), np.array(["x"] * n, object), {}, scores, predictions, labels, **more)
    return View(batch, reference)


def measured(monitor: Any, *views: View) -> dict[str, Measurement]:
    """What a monitor says of the batches, by metric."""
    state = monitor.begin()
    for view in views:
        monitor.fold(state, view)
    return {found.subject: found for found in monitor.measure(state)}


@pytest.fixture(scope="session")
def streams() -> dict[str, Stream]:
    """By task, a generator of n scores and labels that are as likely as the scores say."""
    return STREAMS


@pytest.fixture(scope="session")
def references() -> dict[str, Reference]:
    """By task, the reference of 4,000 rows of its stream."""
    return {task: reference_of(task, *stream(4000, np.random.default_rng(1))) for task, stream in STREAMS.items()}


@pytest.fixture(scope="session")
def window(references: dict[str, Reference]) -> Callable[..., dict[str, Measurement]]:
    """Measures the performance of scores and labels, by metric."""

    def measure(task: str, scores: Any, labels: Any, predictions: Any = None) -> dict[str, Measurement]:
        reference = references[task]
        return measured(Performance(reference), view_of(reference, scores, labels, predictions))

    return measure


@pytest.fixture(scope="session")
def view() -> Callable[..., View]:
    """Makes a batch of scores and labels, held against a reference."""
    return view_of


@pytest.fixture(scope="session")
def reference_for() -> Callable[..., Reference]:
    """Makes a reference of a task, scores and labels."""
    return reference_of
