"""Rare values that became common are found at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.extreme import Extremes
from monitors.measurement import Measurement
from monitors.monitor import add
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

ROWS = 20_000
SCHEMA = Schema((ColumnSpec("x", "numeric"), ColumnSpec("c", "categorical"), ColumnSpec("none", "numeric")))


def columns(rows: int, seed: int, **changed: Any) -> dict[str, Any]:
    """Two numbers, one of them never there, and a category."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    x[::5] = np.nan
    return {"x": x, "c": random.choice(np.array(["a", "b"], object), rows), "none": np.full(rows, np.nan)} | changed


def measured(reference: Reference, found: dict[str, Any], parts: int = 1) -> dict[str, Measurement]:
    """The measurements of the rows, by statistic, folded in as many parts."""
    monitor = Extremes(reference)
    n = len(found["x"])
    batch = Batch(np.arange(n), np.full(n, "", object), found)
    states = []
    for rows in np.array_split(np.arange(n), parts):
        states.append(monitor.begin())
        monitor.fold(states[-1], View(batch.take(rows), reference))
    for other in states[1:]:
        add(states[0], other)
    found_all = monitor.measure(states[0])
    assert {one.subject for one in found_all} == {"x"}
    return {one.statistic: one for one in found_all}


@pytest.fixture(scope="module")
def quiet() -> Reference:
    """Rows that do not vary with time."""
    return Reference.build(columns(ROWS, 0), SCHEMA)


@pytest.mark.parametrize(("shift", "statistic"), [(1.5, "high_tail"), (-1.5, "low_tail")])
def test_a_shift_shows_in_its_tail(quiet: Reference, shift: float, statistic: str) -> None:
    """Values that moved up are found above, and those that moved down below; the other tail is silent."""
    found = columns(1000, 1)
    found["x"] += shift
    both = measured(quiet, found, 3)
    one = both.pop(statistic)
    (other,) = both.values()
    assert one.matters
    assert one.p is not None
    assert one.p < 1e-9
    assert one.n == 800
    assert one.interval is not None
    assert one.interval[0] < one.value < one.interval[1]
    assert not other.matters
    assert other.p == pytest.approx(1, abs=0.1)


def test_rows_like_the_training_rows_are_quiet(quiet: Reference) -> None:
    """No statistic matters, whatever the number of rows."""
    for rows in (100, 1000, 10_000):
        assert not [one for one in measured(quiet, columns(rows, 2)).values() if one.matters]


def test_no_rows_say_nothing(quiet: Reference) -> None:
    """An empty window is not enough."""
    empty = Extremes(quiet)
    assert not any(one.enough or one.matters for one in empty.measure(empty.begin()))
