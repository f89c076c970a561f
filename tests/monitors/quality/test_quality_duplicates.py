"""Rows and ids that came before, and requests that were refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from monitors.measurement import Measurement
from monitors.monitor import add
from monitors.quality import hashing
from monitors.quality.distinct import chance, count, nothing, tell
from monitors.quality.duplicates import Duplicates
from monitors.record import Batch
from monitors.reference import Reference
from monitors.view import View

Flights = Callable[..., Batch]


def measured(reference: Reference, *batches: Batch) -> dict[str, Measurement]:
    """What is found in the batches, by subject, each folded into a state of its own."""
    monitor = Duplicates(reference)
    state = monitor.begin()
    for batch in batches:
        part = monitor.begin()
        monitor.fold(part, View(batch, reference))
        add(state, part)
    return {found.subject: found for found in monitor.measure(state)}


@pytest.mark.parametrize(("rows", "again"), [(1000, 0), (1000, 100), (7000, 2000), (30_000, 6000), (200, 200)])
def test_the_share_of_repeated_rows_is_estimated(airport: Reference, flights: Flights, rows: int, again: int) -> None:
    """Within twice its interval; many rows are judged by a sample of them."""
    batch = flights(rows)
    later = replace(batch.take(np.arange(again)), time=batch.time[:again] + 10**12)
    found = measured(airport, batch, later)
    for subject in ("inputs", "ids"):
        one = found[subject]
        assert one.interval is not None
        half = max(0.02, (one.interval[1] - one.interval[0]) / 2)
        assert one.value == pytest.approx(again / (rows + again), abs=2 * half)
        assert ("sampled" in one.detail) == (rows > 10_000)
    assert found["inputs"].p is None
    assert found["ids"].matters == (again > 0)
    assert found["ids"].p is not None
    assert (found["ids"].p < 1e-4) == (again > 0)


def test_rows_of_one_request_share_its_id(airport: Reference, flights: Flights) -> None:
    """They are no repetition: they have one time. The same id at another time is one."""
    batch = flights(2000)
    requests = np.arange(2000) // 10
    batch = replace(batch, ids=np.array([f"r{i}" for i in requests], object), time=requests * 10**9)
    assert measured(airport, batch)["ids"].value == pytest.approx(0, abs=0.02)
    again = replace(batch, time=batch.time + 1)
    assert measured(airport, batch, again)["ids"].value == pytest.approx(0.5, abs=0.03)


def test_every_column_tells_rows_apart(airport: Reference, flights: Flights) -> None:
    """Rows that differ in a single value of any kind are different; unknown categories and -0.0 are taken as they are."""
    one = flights(1)
    batch = one.take(np.zeros(64, np.int64))
    assert measured(airport, batch)["inputs"].value == pytest.approx(63 / 64, abs=0.001)
    wide = batch.columns["image"].copy()
    wide[:, 5] = np.arange(64)
    for name, values in {
        "seats": np.arange(64),
        "origin": np.array([f"a{i}" for i in range(64)], object),
        "image": wide,
    }.items():
        changed = replace(batch, columns={**batch.columns, name: values})
        assert measured(airport, changed)["inputs"].value < 0.05
    zeros = replace(batch, columns={**batch.columns, "seats": np.where(np.arange(64) % 2, 0.0, -0.0)})
    assert measured(airport, zeros)["inputs"].value == pytest.approx(63 / 64, abs=0.001)


def test_rows_that_were_not_recorded_in_full_are_left_out(airport: Reference, flights: Flights) -> None:
    """Without its image every row might be another's repetition; so nothing is said."""
    batch = flights()
    less = {name: values for name, values in batch.columns.items() if name != "image"}
    found = measured(airport, replace(batch, columns=less))
    assert (found["inputs"].n, found["inputs"].enough, math.isnan(found["inputs"].value)) == (0, False, True)
    assert found["ids"].n == 1000


@pytest.mark.parametrize("values", [100, 1000, 9000])
def test_linear_counting_errs_as_it_says(values: int) -> None:
    """Over 200 sets of random values the errors are as large as the standard error, and their mean is about 0."""
    random = np.random.default_rng(values)
    errors = []
    for _ in range(200):
        cells = nothing()
        count(cells, hashing.of_numbers(random.random(values)))
        found = tell(cells[0])
        assert found is not None
        errors.append((found.values - values) / found.error)
    assert abs(np.mean(errors)) < 0.25
    assert np.std(errors) == pytest.approx(1, abs=0.2)


def test_too_many_values_are_not_told() -> None:
    """A tier that is nearly full says nothing, nor does an empty one."""
    cells = nothing()
    assert tell(cells[0]) is None
    count(cells, hashing.of_numbers(np.arange(100_000.0)))
    assert tell(cells[0]) is None
    assert tell(cells[1]) is not None


@pytest.mark.parametrize("values", [50, 500, 3000, 9000])
def test_chance_is_never_too_small(values: int) -> None:
    """Of pairs of sets with as many values, no more than 5 % are called significant at 5 %, nor 1 % at 1 %."""
    random = np.random.default_rng(values)
    found = []
    for _ in range(1000):
        tiers = [nothing(), nothing()]
        for tier in tiers:
            count(tier, hashing.of_numbers(random.random(values)))
        more, fewer = (tell(tier[0]) for tier in tiers)
        assert more is not None
        assert fewer is not None
        found.append(chance(more, fewer))
    for level in (0.05, 0.01):
        assert np.mean(np.array(found) <= level) <= level
