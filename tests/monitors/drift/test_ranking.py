"""What moved the score most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.drift.ranking import Ranking
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Index = Callable[..., dict[tuple[str, str], Any]]


def _measured(reference: Reference, batch: Batch) -> Any:
    monitor = Ranking(reference)
    state = monitor.begin()
    monitor.fold(state, View(batch, reference))
    return monitor.measure(state)


def test_a_move_that_touches_the_score_ranks_above_a_larger_one_that_does_not(
    trained: Reference, rows: Callable, by_key: Index
) -> None:
    """Age moves by half a σ and makes the score; height moves by two and does not."""
    height = rows(2000).columns["height"] + 20
    moved = rows(2000, shift=0.5, height=height)
    found = by_key(_measured(trained, moved))
    age = found["age", "score_shift"]
    assert age.detail["rank"] == 1
    assert abs(found["height", "score_shift"].value) < abs(age.value) / 3
    before = rows(10_000, seed=0).scores.mean()
    low, high = age.interval
    assert low < moved.scores.mean() - before < high
    assert age.value == pytest.approx(moved.scores.mean() - before, abs=0.03)


def test_without_drift_the_interval_holds_zero(trained: Reference, rows: Callable) -> None:
    """Of nearly all features, as 95 % say."""
    found = [one for seed in range(20, 30) for one in _measured(trained, rows(500, seed=seed))]
    held = np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found])
    assert held > 0.9
    assert all(one.p is None for one in found)


def test_the_sum_is_that_of_the_formula(by_key: Index) -> None:
    """Σ (share now - share then) · mean score, by hand; scores of a regression are in their own unit."""
    kinds = np.repeat(np.array(["a", "b"], object), 500)
    values = np.repeat([100.0, 200.0], 500)
    schema = Schema((ColumnSpec("kind", "categorical"),), "regression")
    reference = Reference.build({"kind": kinds}, schema, values, values)
    now, scores = np.repeat(np.array(["a", "b"], object), [50, 150]), np.repeat([110.0, 190.0], [50, 150])
    found = by_key(_measured(reference, Batch(np.arange(200), np.arange(200), {"kind": now}, scores)))
    assert found["kind", "score_shift"].value == pytest.approx((0.25 - 0.5) * 110 + (0.75 - 0.5) * 190, abs=1e-3)


def test_rows_without_a_score_are_left_out(trained: Reference, rows: Callable) -> None:
    """Their features moved no score."""
    batch = rows(400)
    scores = batch.scores.copy()
    scores[:150] = np.nan
    found = _measured(trained, Batch(batch.time, batch.ids, batch.columns, scores))
    assert {one.n for one in found} == {250}


@pytest.mark.parametrize("n", [0, 50])
def test_too_few_rows_say_nothing(trained: Reference, rows: Callable, n: int) -> None:
    """And break nothing."""
    assert not any(one.enough for one in _measured(trained, rows(n)))


def test_a_model_without_scores_has_no_ranking() -> None:
    """There is nothing that could have moved."""
    reference = Reference.build({"x": np.arange(200.0)}, Schema((ColumnSpec("x", "numeric"),)))
    assert _measured(reference, Batch(np.arange(3), np.arange(3), {"x": np.arange(3.0)})) == []
