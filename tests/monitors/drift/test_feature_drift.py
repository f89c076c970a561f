"""Drift of the inputs: what moved is found, and what did not is left in peace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.drift.feature import FeatureDrift
from monitors.layout import Layout
from monitors.monitor import add
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Index = Callable[..., dict[tuple[str, str], Any]]


def _measured(reference: Reference, *batches: Batch) -> Any:
    monitor = FeatureDrift(reference)
    state = monitor.begin()
    for batch in batches:
        monitor.fold(state, View(batch, reference))
    return monitor.measure(state)


def test_every_feature_is_measured_by_what_suits_it(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Numbers and coordinates by five statistics, categories by four, and the predicted class not here."""
    found = by_key(_measured(trained, rows(500)))
    numbers = {"psi", "js", "ks", "hellinger", "wasserstein"}
    assert {statistic for subject, statistic in found if subject == "age"} == numbers
    assert {statistic for subject, statistic in found if subject == "image/error"} == numbers
    assert {statistic for subject, statistic in found if subject == "origin"} == {"psi", "js", "chi2", "linf"}
    subjects = [quantity.name for quantity in Layout.of(trained).quantities]
    assert subjects[:4] == ["age", "height", "weight", "image/0"]
    assert {subject for subject, _ in found} == set(subjects)
    assert "output.late" not in subjects


def test_one_test_for_each_feature(trained: Reference, rows: Callable) -> None:
    """PSI carries it; the other statistics are there to be looked at."""
    found = _measured(trained, rows(500))
    tested = [one for one in found if one.p is not None]
    assert [one.statistic for one in tested] == ["psi"] * len(Layout.of(trained).quantities)
    assert not any(one.matters for one in found if one.p is None)
    assert all(one.enough and one.n == 500 for one in found)


def test_rows_of_the_training_period_show_nothing(trained: Reference, rows: Callable) -> None:
    """A thousand of them: no feature is significant at 1 in 10,000."""
    assert min(one.p for one in _measured(trained, rows(1000, seed=7)) if one.p is not None) > 1e-4


def test_p_is_small_as_often_as_it_says(trained: Reference, rows: Callable) -> None:
    """Of 100 quiet windows × 13 features, some 5 % are below 0.05."""
    found = [one.p for seed in range(100, 200) for one in _measured(trained, rows(400, seed=seed)) if one.p is not None]
    assert len(found) == 1300
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07


def test_a_shift_is_found_measured_and_named(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Half a σ in one feature: that one alone departs, by half a σ, and ranks first."""
    found = by_key(_measured(trained, rows(1000, shift=0.5)))
    age = found["age", "psi"]
    assert age.p < 1e-8
    assert age.matters
    assert age.detail["rank"] == 1
    assert age.detail["now"] != age.detail["was"]
    assert found["age", "wasserstein"].value == pytest.approx(0.5, abs=0.1)
    assert age.interval[0] <= age.value <= age.interval[1]
    assert [key[0] for key, one in found.items() if one.p is not None and one.p < 1e-4] == ["age"]


def test_unseen_categories_are_one_cell(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Whatever they are called, together they are a tenth of the rows."""
    batch = rows(1000)
    origin = batch.columns["origin"].copy()
    origin[::20], origin[1::20] = "BOS", "PHL"
    found = by_key(_measured(trained, rows(1000, origin=origin)))
    assert found["origin", "psi"].p < 1e-8
    assert found["origin", "psi"].matters
    assert found["origin", "psi"].detail["moved"] == "other"
    assert found["origin", "linf"].value == pytest.approx(0.1, abs=0.01)


def test_missing_values_are_not_drift(trained: Reference, rows: Callable, by_key: Index) -> None:
    """How many are missing is quality's business; the others are compared among themselves."""
    age = rows(1000).columns["age"].copy()
    age[::2], age[1] = np.nan, np.inf
    found = by_key(_measured(trained, rows(1000, age=age)))
    assert found["age", "psi"].n == 499
    assert found["age", "psi"].p > 1e-4
    assert np.isfinite(found["age", "wasserstein"].value)


def test_a_wide_input_drifts_on_its_projection(trained: Reference, rows: Callable, by_key: Index) -> None:
    """Noise that was not there in training is left over by the components."""
    image = rows(1000).columns["image"] + np.random.default_rng(3).normal(size=(1000, 12))
    found = by_key(_measured(trained, rows(1000, image=image)))
    assert found["image/error", "psi"].p < 1e-8
    assert found["image/error", "psi"].matters


@pytest.mark.parametrize("n", [0, 1, 99])
def test_too_few_rows_say_nothing(trained: Reference, rows: Callable, n: int) -> None:
    """Neither significance nor an effect, and no interval."""
    for one in _measured(trained, rows(n, shift=3.0)):
        assert not one.enough
        assert not one.matters
        assert one.interval is None
        assert one.p in (None, 1.0)


def test_an_input_that_is_not_recorded_says_nothing(trained: Reference, rows: Callable, by_key: Index) -> None:
    """The others are measured as ever."""
    batch = rows(500)
    left = {name: values for name, values in batch.columns.items() if name not in ("age", "image", "origin")}
    found = by_key(_measured(trained, Batch(batch.time, batch.ids, left, batch.scores)))
    for subject in ("age", "image/0", "origin"):
        assert not found[subject, "psi"].enough
        assert found[subject, "psi"].n == 0
    assert found["height", "psi"].enough


def test_order_and_batches_make_no_difference(trained: Reference, rows: Callable) -> None:
    """States add up to the same to the last bit: sums are whole numbers."""
    batch, monitor = rows(777), FeatureDrift(trained)
    whole, parts = monitor.begin(), monitor.begin()
    monitor.fold(whole, View(batch, trained))
    for chosen in np.array_split(np.random.default_rng(0).permutation(777), 5):
        part = monitor.begin()
        monitor.fold(part, View(batch.take(chosen), trained))
        add(parts, part)
    assert all((whole[name] == parts[name]).all() for name in whole)  # type: ignore[union-attr]
    monitor.fold(whole, View(batch, trained), weight=-1)
    assert not any(cell.any() for cell in whole.values())  # type: ignore[union-attr]


def test_a_constant_that_moves(by_key: Index) -> None:
    """It has no σ, so no Wasserstein distance, but all else."""
    schema = Schema((ColumnSpec("flag", "numeric"),))
    reference = Reference.build({"flag": np.zeros(1000)}, schema)
    batch = Batch(np.arange(200), np.arange(200), {"flag": np.repeat([0.0, 1.0], [150, 50])})
    found = by_key(_measured(reference, batch))
    assert found["flag", "psi"].p < 1e-8
    assert found["flag", "psi"].matters
    assert found["flag", "ks"].value == pytest.approx(0.25)
    assert np.isnan(found["flag", "wasserstein"].value)


def test_a_model_without_features_has_nothing_to_measure() -> None:
    """No columns, no measurements, and no error."""
    reference = Reference.build({"image": np.eye(3)}, Schema((ColumnSpec("image", "wide"),)))
    assert _measured(reference, Batch(np.arange(3), np.arange(3), {}))
    empty = Schema((ColumnSpec("output.y", "categorical"),))
    reference = Reference.build({"output.y": np.array(["a", "b"])}, empty)
    assert _measured(reference, Batch(np.arange(3), np.arange(3), {})) == []
