"""Bad values: how many, of which kind, and whether there were more than before."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from monitors.measurement import Measurement
from monitors.monitor import State, add
from monitors.numeric import Numeric
from monitors.quality.columns import ColumnQuality
from monitors.quality.excess import excess
from monitors.quality.reading import Column, commonest, read
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import hub
from monitors.rehearsal import rehearse
from monitors.schema import ColumnSpec, Schema
from monitors.settings import Settings
from monitors.tally import Tally
from monitors.view import View

Flights = Callable[..., Batch]
Found = dict[tuple[str, str], Measurement]


def measured(reference: Reference, *batches: Batch) -> Found:
    """All that is found in the batches, by subject and statistic."""
    monitor = ColumnQuality(reference)
    state = monitor.begin()
    for batch in batches:
        monitor.fold(state, View(batch, reference))
    return {(found.subject, found.statistic): found for found in monitor.measure(state)}


def plain(state: State) -> dict[str, Any]:
    """A state that can be compared."""
    return {
        name: (dict(cell.counts), cell.dropped) if isinstance(cell, Tally) else cell.tolist()  # type: ignore[union-attr]
        for name, cell in state.items()
    }


def spoiled(values: Any, rows: int, value: Any) -> Any:
    """The values with the first `rows` of them replaced."""
    changed = values.astype(object if isinstance(value, str) or value is None else np.float64)
    changed[:rows] = value
    return changed


def test_rows_like_the_reference_say_nothing(airport: Reference, flights: Flights) -> None:
    """Nothing matters and nothing is significant; a number that never varied is not said to be constant."""
    found = measured(airport, flights())
    assert not [one.key for one in found.values() if one.matters or (one.p is not None and one.p < 1e-3)]
    assert ("engine", "constant") not in found
    assert found["gusts", "missing"].value == pytest.approx(0.2, abs=0.04)
    assert found["gusts", "missing"].detail["expected"] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("column", "value", "rows", "statistic", "share"),
    [
        ("temperature", np.nan, 3, "missing", 0.003),
        ("temperature", None, 3, "missing", 0.003),
        ("gusts", np.nan, 1000, "missing", 1.0),
        ("origin", "", 3, "missing", 0.003),
        ("origin", None, 3, "missing", 0.003),
        ("temperature", np.inf, 2, "nonfinite", 0.002),
        ("gusts", -np.inf, 80, "nonfinite", 0.08),
        ("temperature", 1000.0, 12, "out_of_range", 0.012),
        ("seats", 0, 12, "out_of_range", 0.012),
        ("origin", "JAC", 6, "unseen", 0.006),
        ("origin", "AVL", 6, "unseen", 0.006),
    ],
)
def test_a_fault_is_found_and_nothing_else(
    airport: Reference, flights: Flights, column: str, value: Any, rows: int, statistic: str, share: float | None
) -> None:
    """One column with one fault: its own measurement is significant and matters, and no other one does both."""
    batch = flights()
    found = measured(airport, flights(**{column: spoiled(batch.columns[column], rows, value)}))
    loud = {key for key, one in found.items() if one.matters and one.p is not None and one.p < 0.01}
    assert (column, statistic) in loud
    assert {name for name, _ in loud} == {column}
    assert {kind for _, kind in loud} <= {statistic, "missing"}
    if share is not None:
        one = found[column, statistic]
        assert one.value == pytest.approx(share)
        assert one.interval is not None
        assert one.interval[0] < share <= one.interval[1]


def test_unseen_values_are_named(airport: Reference, flights: Flights) -> None:
    """The most frequent come first, with their counts; long ones are cut."""
    origin = spoiled(spoiled(flights().columns["origin"], 9, "JAC"), 3, "ANC")
    origin[20] = "x" * 1000
    found = measured(airport, flights(origin=origin))["origin", "unseen"]
    assert list(found.detail["values"].items()) == [("JAC", 6), ("ANC", 3), ("x" * 80, 1)]
    assert found.n == 1000


@pytest.mark.parametrize("values", [np.full(1000, 7.25), np.full(1000, "JFK", object), np.full(1000, "JAC", object)])
def test_what_no_longer_varies_is_constant(airport: Reference, flights: Flights, values: Any) -> None:
    """Whether a number, a known or an unknown category; one value that differs is enough not to be."""
    name = "origin" if values.dtype == object else "temperature"
    found = measured(airport, flights(**{name: values}), flights(**{name: values}))[name, "constant"]
    assert (found.value, found.matters) == (1.0, True)
    assert found.p is not None
    assert found.p < 1e-12
    other = values.copy()
    other[500] = "EWR" if name == "origin" else 7.5
    found = measured(airport, flights(**{name: values}), flights(**{name: other}))[name, "constant"]
    assert (found.value, found.matters, found.p) == (0.0, False, 1.0)


def test_a_rare_flag_may_stay_unraised() -> None:
    """A category that is nearly always the same is constant in a window by chance, and p says so."""
    rare = np.full(20_000, "no", object)
    rare[:20] = "yes"
    reference = Reference.build({"flag": rare}, Schema((ColumnSpec("flag", "categorical"),)))
    batch = Batch(np.arange(500), np.arange(500).astype(object), {"flag": np.full(500, "no", object)})
    found = measured(reference, batch)["flag", "constant"]
    assert found.value == 1
    assert found.p == pytest.approx(0.999**499)


def test_wide_columns_are_counted_and_not_tested(airport: Reference, flights: Flights) -> None:
    """A row is bad if one of its numbers is; the reference has nothing to compare with."""
    image = flights().columns["image"].copy()
    image[:5, 2], image[5:7, 1] = np.nan, np.inf
    found = measured(airport, flights(image=image))
    assert (found["image", "missing"].value, found["image", "nonfinite"].value) == (0.005, 0.002)
    assert found["image", "constant"].value == 0
    assert measured(airport, flights(image=np.ones((1000, 6))))["image", "constant"].value == 1
    assert all(found["image", kind].p is None for kind in ("missing", "nonfinite", "constant"))


@pytest.mark.parametrize("width", [None, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("rows", "loud"), [(0, False), (3, True), (20, True), (1000, True)])
def test_a_score_that_is_no_number_is_found(
    airport: Reference, flights: Flights, width: int | None, value: float, rows: int, loud: bool
) -> None:
    """From 3 in 1,000 on, and though all others leave such rows out; of several classes one is enough."""
    scores = np.full(1000 if width is None else (1000, width), 0.25)
    scores.reshape(1000, -1)[:rows, -1] = value
    one = measured(airport, dataclasses.replace(flights(), scores=scores))["output.score", "nonfinite"]
    assert (one.value, one.n, one.enough) == (rows / 1000, 1000, True)
    assert one.p is not None
    assert (one.matters and one.p < 1e-3) == loud


def test_a_score_that_nobody_asked_for_is_none(airport: Reference, flights: Flights) -> None:
    """Its row does not count, nor does one of a model that gives none; fewer than 30 say nothing."""
    scores, unscored = np.full(1000, np.nan), np.ones(1000, bool)
    assert ("output.score", "nonfinite") not in measured(airport, flights())
    bare = dataclasses.replace(flights(), scores=scores, unscored=unscored)
    assert ("output.score", "nonfinite") not in measured(airport, bare)
    few = dataclasses.replace(bare, unscored=np.arange(1000) >= 29)
    assert not measured(airport, bare, few)["output.score", "nonfinite"].enough


@pytest.mark.parametrize("share", [0.02, 1.0])
def test_a_model_that_answers_no_numbers_alarms(share: float, flights: Flights) -> None:
    """In its first window, also where only rows that it was not fitted on have a score in the reference."""
    past = flights(6000, seed=0)
    scores = np.where(np.arange(6000) < 4000, np.nan, 0.5)
    specs = ColumnSpec("temperature", "numeric"), ColumnSpec("seats", "numeric")
    built = Reference.build(past.columns, Schema(specs, "binary"), scores)
    of = hub(rehearse(built, dataclasses.replace(past, scores=scores)), (), Settings(lateness=0.0))
    found = np.where(np.random.default_rng(3).random(1000) < share, np.nan, 0.5)
    of.answers(dataclasses.replace(flights(), scores=found))
    window = of.finish()[0]
    assert ("quality", "output.score", "nonfinite") in {one.measurement.key for one in window.firing}


def test_what_was_not_recorded_is_not_missing(airport: Reference, flights: Flights) -> None:
    """A column that a batch lacks has no rows; with fewer than 30 nothing is said."""
    batch = flights()
    less = {name: values for name, values in batch.columns.items() if name not in ("temperature", "origin", "image")}
    found = measured(airport, Batch(batch.time, batch.ids, less), flights(29))
    for name in ("temperature", "origin", "image"):
        one = found[name, "missing"]
        assert (one.n, one.enough, math.isnan(one.value)) == (29, False, True)
    assert found["gusts", "missing"].n == 1029


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 1000), max_size=4))
def test_counts_add_up(airport: Reference, flights: Flights, cuts: list[int]) -> None:
    """However rows are cut into batches, states add up to the same; what is taken back leaves nothing behind."""
    batch = flights(origin=spoiled(flights().columns["origin"], 20, "JAC"))
    monitor = ColumnQuality(airport)
    whole, parts = monitor.begin(), monitor.begin()
    monitor.fold(whole, View(batch, airport))
    edges = [0, *sorted(cuts), 1000]
    for low, high in pairwise(edges):
        part = monitor.begin()
        monitor.fold(part, View(batch.take(np.arange(low, high)), airport))
        add(parts, part)
    assert plain(whole) == plain(parts)
    monitor.fold(whole, View(batch, airport), -1)
    assert plain(whole) == plain(monitor.begin())


@pytest.mark.parametrize(
    ("found", "n", "before", "m"),
    [
        (3, 1000, 0, 50_000),
        (0, 50, 3, 100),
        (50, 1000, 2000, 50_000),
        (10, 1000, 600, 50_000),
        (5, 5, 0, 1),
        (7, 9, 3, 4),
    ],
)
def test_excess_is_fishers(found: int, n: int, before: int, m: int) -> None:
    """The one-sided p-value of SciPy's Fisher test."""
    expected = stats.fisher_exact([[found, n - found], [before, m - before]], alternative="greater").pvalue
    assert excess(found, n, before, m) == pytest.approx(expected, rel=1e-8)


def test_out_of_range_is_no_surprise_after_few_rows() -> None:
    """New rows lie outside the range of as many old ones more often than not; p is never too small."""
    random = np.random.default_rng(3)
    small = []
    for _ in range(2000):
        old, new = random.random(100), random.random(100)
        counts = {"rows": 100, "missing": 0, "infinite": 0, "unseen": 0, "sum": 1, "squares": 2}
        counts |= {"below": int((new < old.min()).sum()), "above": int((new > old.max()).sum())}
        found = {one.statistic: one for one in read(Column.of("x", Numeric.build(old)), counts, None, 30)}
        small.append(found["out_of_range"].p)
    assert np.mean(np.array(small) <= 0.05) <= 0.05
    assert np.mean(np.array(small) <= 0.01) <= 0.01
    assert min(small) < 0.05


def test_the_commonest_value_is_bounded(airport: Reference) -> None:
    """From above: exactly for categories, by the quantile sketch for numbers."""
    assert commonest(airport["origin"]) == pytest.approx(1 / 3, abs=0.02)
    assert 0.25 <= commonest(airport["seats"]) <= 0.27
    assert commonest(airport["temperature"]) < 0.01
    assert commonest(airport["engine"]) == 1
