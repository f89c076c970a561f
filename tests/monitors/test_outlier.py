"""Strange rows in a window: counted, compared with training, and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.monitor import State, add
from monitors.outlier import Outliers
from monitors.record import Batch
from monitors.reference import Reference
from monitors.view import View
from monitors.worst import Worst


@pytest.fixture(scope="module")
def known(example: Callable[..., Any]) -> Reference:
    """A reference of more rows, so that its rare tail is known well."""
    return Reference.build(*example(20_000, 3))


@pytest.fixture(scope="module")
def fresh(example: Callable[..., Any]) -> Callable[..., Batch]:
    """Rows of the example that the reference has not seen."""

    def make(rows: int = 2000, seed: int = 9, **changed: Any) -> Batch:
        columns = example(rows, seed)[0] | changed
        ids = np.array([f"r{i:05}" for i in range(rows)], object)
        return Batch(np.arange(rows), ids, columns)

    return make


def folded(monitor: Outliers, reference: Reference, *batches: Batch) -> State:
    """The state of all batches."""
    state = monitor.begin()
    for batch in batches:
        monitor.fold(state, View(batch, reference))
    return state


def test_ordinary_rows_are_as_strange_as_training_rows(known: Reference, fresh: Callable[..., Batch]) -> None:
    """One in a hundred is beyond 99 %: the interval holds that, and nothing departs."""
    monitor = Outliers(known)
    common, rare = monitor.measure(folded(monitor, known, fresh(10_000)))
    assert (common.statistic, rare.statistic) == ("beyond_99", "beyond_99.9")
    assert common.interval is not None
    assert common.interval[0] < 0.01 < common.interval[1]
    assert common.p is not None
    assert common.p > 0.001
    assert not common.matters
    assert not rare.matters
    assert sum(common.detail["distribution"].values()) == pytest.approx(1)


def test_strange_rows_are_counted_and_named(known: Reference, fresh: Callable[..., Batch]) -> None:
    """One in ten rows from nowhere: both shares depart, and the worst are among those."""
    batch = fresh()
    batch.columns["temperature"][:200] = 90
    batch.columns["distance"][:200] = -40
    monitor = Outliers(known)
    common, rare = monitor.measure(folded(monitor, known, batch))
    for found in (common, rare):
        assert found.value > 0.08
        assert found.p is not None
        assert found.p < 1e-12
        assert found.matters
        assert found.enough
    worst = common.detail["worst"]
    assert len(worst) == 5
    assert all(row["id"] < "r00200" and row["score"] > 0.999 for row in worst)


def test_states_add_up(known: Reference, fresh: Callable[..., Batch]) -> None:
    """Rows in any order and division give one state, the worst ids among it."""
    batch, monitor = fresh(), Outliers(known)
    whole = folded(monitor, known, batch)
    order = np.random.default_rng(0).permutation(2000)
    parts = folded(monitor, known, batch.take(order[:700]), batch.take(order[700:710]))
    add(parts, folded(monitor, known, batch.take(order[710:])))
    assert np.array_equal(np.asarray(whole["scores"]), np.asarray(parts["scores"]))
    assert whole["worst"] == parts["worst"]
    assert isinstance(whole["worst"], Worst)


def test_taken_back_rows_leave_the_counts(known: Reference, fresh: Callable[..., Batch]) -> None:
    """A weight of -1 undoes the counts."""
    monitor = Outliers(known)
    state = folded(monitor, known, fresh())
    monitor.fold(state, View(fresh(), known), -1)
    assert not np.asarray(state["scores"]).any()


def test_rows_that_lack_a_column_are_skipped(known: Reference, fresh: Callable[..., Batch]) -> None:
    """What was not recorded is neither strange nor ordinary, and it is said how many rows that were."""
    batch = fresh()
    columns = {name: values for name, values in batch.columns.items() if name != "origin"}
    monitor = Outliers(known)
    common, _ = monitor.measure(folded(monitor, known, Batch(batch.time, batch.ids, columns)))
    assert (common.n, common.detail["skipped"]) == (0, 2000)
    assert not common.enough
    assert common.p == 1


def test_points_are_those_that_were_learnt(known: Reference, example: Callable[..., Any]) -> None:
    """Training rows seen as a batch get the scores that the quantiles were made of, up to counting themselves."""
    columns = example(20_000, 3)[0]
    assert known.outliers is not None
    view = View(Batch(np.arange(20_000), np.full(20_000, "", object), columns), known)
    points = Outliers(known)._points(view)
    assert points.shape == (known.outliers.width, 20_000)
    ranks = known.outliers.rank(points)
    assert (ranks > 0.9).mean() == pytest.approx(0.1, abs=0.01)
    assert known.outliers.names == ("temperature", "distance", "image", "origin")


def test_a_reference_without_half_spaces_is_refused(reference: Reference) -> None:
    """An older reference has none, and the refusal says what to do."""
    old = Reference(reference.schema, reference.rows, reference.columns, None, None, None)
    with pytest.raises(ValueError, match="make it again"):
        Outliers(old)
