"""Drift of the answers, of each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from monitors.drift.answer import Answer
from monitors.drift.prediction import PredictionDrift
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Index = Callable[..., dict[tuple[str, str], Any]]


def _measured(reference: Reference, scores: Any, predictions: Any = None) -> Any:
    monitor = PredictionDrift(reference)
    state = monitor.begin()
    n = len(scores) if scores is not None else len(predictions)
    batch = Batch(np.arange(n), np.arange(n), {}, scores, predictions)
    monitor.fold(state, View(batch, reference))
    return monitor.measure(state)


def test_scores_and_classes_of_a_binary_model(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Each has its test, and both depart when the input that makes them moves."""
    quiet, moved = rows(1000), rows(1000, shift=0.7)
    still = by_key(_measured(trained, quiet.scores, quiet.predictions))
    assert {subject for subject, _ in still} == {"score", "class"}
    assert min(one.p for one in still.values() if one.p is not None) > 1e-4
    found = by_key(_measured(trained, moved.scores, moved.predictions))
    for subject in ("score", "class"):
        assert found[subject, "psi"].p < 1e-8
        assert found[subject, "psi"].matters


def test_score_bins_hold_equal_shares(trained: Reference) -> None:
    """Some twenty of them, from the thousand of the histogram; 20 × 1/20 is the aim, a fine bin is not split."""
    answer = Answer.of(trained)
    assert answer is not None
    counts = answer.profile.counts
    assert 18 <= len(counts) <= 20
    assert counts.sum() == 10_000
    assert counts.max() < 700


def test_the_profile_of_a_histogram_is_that_of_its_scores(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Moments, quantiles and Wasserstein distance, to the width of its bins."""
    scores, moved = rows(10_000, seed=0).scores, rows(2000, shift=0.7).scores
    answer = Answer.of(trained)
    assert answer is not None
    profile = answer.profile
    assert profile.mean == pytest.approx(scores.mean(), abs=1e-3)
    assert profile.std == pytest.approx(scores.std(), abs=1e-3)
    assert profile.quantiles == pytest.approx(np.quantile(scores, np.linspace(0, 1, 257)), abs=2e-3)
    found = by_key(_measured(trained, moved))["score", "wasserstein"].value
    assert found == pytest.approx(wasserstein_distance(scores, moved) / scores.std(), abs=0.01)


def test_a_multiclass_model_is_watched_by_its_highest_score(by_key: Index) -> None:
    """And by its classes, where one takes over."""
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], 4000)
    classes = np.array(["a", "b", "c"], object)
    schema = Schema((ColumnSpec("output.kind", "categorical", ("a", "b", "c")),), "multiclass", ("a", "b", "c"))
    predicted = classes[scores.argmax(1)]
    reference = Reference.build({"output.kind": predicted}, schema, scores, predicted)
    still = by_key(_measured(reference, scores[:1000], predicted[:1000]))
    assert min(one.p for one in still.values() if one.p is not None) > 1e-3
    sure = random.dirichlet([5, 0.5, 0.5], 1000)
    found = by_key(_measured(reference, sure, classes[sure.argmax(1)]))
    assert found["score", "psi"].matters
    assert found["class", "psi"].detail["moved"] == "a"
    assert found["class", "psi"].p < 1e-8


def test_a_regression_model_is_watched_by_its_values(by_key: Index) -> None:
    """In bins of its own values, in whatever unit; it has no classes."""
    random = np.random.default_rng(0)
    values = random.normal(200, 50, 4000)
    reference = Reference.build({"x": values}, Schema((ColumnSpec("x", "numeric"),), "regression"), values, values)
    found = by_key(_measured(reference, random.normal(250, 50, 1000)))
    assert {subject for subject, _ in found} == {"score"}
    assert found["score", "psi"].p < 1e-8
    assert found["score", "wasserstein"].value == pytest.approx(1, abs=0.1)


def test_scores_that_are_not_known_are_left_out(trained: Reference, rows: Callable, by_key: Index) -> None:
    """NaN stands for a score that was not recorded."""
    scores = rows(1000).scores.copy()
    scores[:300] = np.nan
    found = by_key(_measured(trained, scores))
    assert found["score", "psi"].n == 700
    assert found["score", "psi"].p > 1e-4
    assert not found["class", "psi"].enough


def test_without_scores_in_the_reference_there_is_nothing_to_compare() -> None:
    """Nor without a class; and no error."""
    reference = Reference.build({"x": np.arange(200.0)}, Schema((ColumnSpec("x", "numeric"),), "binary"))
    assert _measured(reference, np.full(200, 0.5), np.ones(200)) == []
