"""Columns that part ways, though each looks as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from monitors.drift.feature import FeatureDrift
from monitors.drift.multivariate import Multivariate
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Index = Callable[..., dict[tuple[str, str], Any]]


def _measured(kind: type[Any], reference: Reference, batch: Batch) -> Any:
    monitor = kind(reference)
    state = monitor.begin()
    monitor.fold(state, View(batch, reference))
    return monitor.measure(state)


def test_a_broken_correlation_shows_in_no_feature_and_in_all_together(
    trained: Reference, rows: Callable, by_key: Index
) -> None:
    """Weights shuffled among people: each column is as it was."""
    batch = rows(1000)
    weight = np.random.default_rng(0).permutation(batch.columns["weight"])
    parted = rows(1000, weight=weight)
    alone = _measured(FeatureDrift, trained, parted)
    assert min(one.p for one in alone if one.p is not None) > 1e-4
    found = by_key(_measured(Multivariate, trained, parted))
    assert found["reconstruction_error", "psi"].p < 1e-8
    assert found["reconstruction_error", "psi"].matters
    mean = found["reconstruction_error", "mean"]
    assert mean.interval[0] > 2 * mean.detail["reference"]


def test_the_mean_is_that_of_scikit_learn(trained: Reference, rows: Callable, by_key: Index) -> None:
    """The root of the mean squared rest that PCA with as many components leaves, in σ; and its interval is that of a mean."""
    names = ["age", "height", "weight"]
    training, batch = (
        np.column_stack([rows(n, seed=seed).columns[c] for c in names]) for n, seed in ((10_000, 0), (500, 1))
    )
    mean, std = training.mean(0), training.std(0)
    assert trained.plane is not None
    model = PCA(len(trained.plane.components)).fit((training - mean) / std)
    standard = (batch - mean) / std
    rest = standard - model.inverse_transform(model.transform(standard))
    errors = np.sqrt((rest**2).mean(1))
    found = by_key(_measured(Multivariate, trained, rows(500)))["reconstruction_error", "mean"]
    assert found.value == pytest.approx(errors.mean(), abs=1e-5)
    half = 1.959964 * errors.std() / np.sqrt(500)
    assert found.interval == pytest.approx((errors.mean() - half, errors.mean() + half), abs=1e-5)


def test_rows_of_the_training_period_show_nothing(trained: Reference, rows: Callable, by_key: Index) -> None:
    """The reference's mean lies near the interval, and nothing is significant."""
    found = by_key(_measured(Multivariate, trained, rows(1000, seed=5)))
    assert found["reconstruction_error", "psi"].p > 1e-4
    mean = found["reconstruction_error", "mean"]
    low, high = mean.interval
    assert 2 * low - high < mean.detail["reference"] < 2 * high - low


@pytest.mark.parametrize("strange", [np.nan, np.inf, 1e200])
def test_strange_values_leave_the_state_sound(
    trained: Reference, rows: Callable, by_key: Index, strange: float
) -> None:
    """Missing values are the mean; a value that is absurd makes an error that counts as 1,024."""
    age = rows(500).columns["age"].copy()
    age[3] = strange
    found = by_key(_measured(Multivariate, trained, rows(500, age=age)))
    assert all(np.isfinite(one.value) for one in found.values())
    assert found["reconstruction_error", "psi"].n == 500


def test_fewer_than_two_numbers_have_no_plane(rows: Callable) -> None:
    """Nothing is measured then; and nothing is counted where a column is not recorded."""
    reference = Reference.build({"x": np.arange(200.0)}, Schema((ColumnSpec("x", "numeric"),)))
    assert _measured(Multivariate, reference, Batch(np.arange(3), np.arange(3), {"x": np.arange(3.0)})) == []


def test_a_column_that_is_not_recorded_leaves_nothing_to_say(trained: Reference, rows: Callable) -> None:
    """Not a measurement of columns that were made up."""
    batch = rows(500)
    columns = {name: values for name, values in batch.columns.items() if name != "age"}
    found = _measured(Multivariate, trained, Batch(batch.time, batch.ids, columns))
    assert not any(one.enough for one in found)
