"""A quantity: its bins, its moments, and its distribution function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitors.numeric import BINS, QUANTILES, Numeric

FINITE = st.floats(-1e6, 1e6, width=32)
ANY = st.one_of(FINITE, st.just(np.nan), st.just(np.inf), st.just(-np.inf))


def test_bins_hold_equal_shares() -> None:
    """Without ties every one of the 20 bins holds a twentieth."""
    profile = Numeric.build(np.random.default_rng(0).permutation(2000).astype(float))
    assert profile.counts.tolist() == [100] * BINS


def test_ties_give_fewer_bins_and_none_empty() -> None:
    """A quantity that is mostly zero has fewer bins, and each holds something."""
    values = np.concatenate([np.zeros(950), np.linspace(1, 2, 50)])
    profile = Numeric.build(values)
    assert 1 < len(profile.counts) < BINS
    assert profile.counts.min() > 0
    assert profile.counts[0] == 950


@pytest.mark.parametrize("value", [0.0, 5.0, -3.25, 1e300])
def test_a_constant_has_bins_for_less_and_more(value: float) -> None:
    """A column with a single value has three bins, so that a move away from it shows."""
    profile = Numeric.build(np.full(30, value))
    assert profile.counts.tolist() == [0, 30, 0]
    assert profile.index(np.array([value - abs(value) - 1, value, value + abs(value) + 1])).tolist() == [0, 1, 2]
    assert profile.std == 0


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.array([], float), np.array([None, None], object)])
def test_nothing_but_missing_values(values: Any) -> None:
    """A column that holds no number has one empty bin, no moments, and no CDF."""
    profile = Numeric.build(values)
    assert profile.counts.tolist() == [0]
    assert profile.missing == len(values)
    assert np.isnan([profile.mean, profile.std, profile.low, profile.high]).all()
    assert np.isnan(profile.cdf(np.array([1.0]))).all()


def test_float32_values_fall_where_they_were_counted() -> None:
    """Counting the reference's own float32 values over again gives its own counts."""
    values = np.round(np.random.default_rng(0).normal(50, 20, 5000), 2).astype(np.float32)
    profile = Numeric.build(values)
    assert (np.bincount(profile.index(values), minlength=len(profile.counts)) == profile.counts).all()


@given(arrays.arrays(np.float32, st.integers(1, 60), elements=ANY), st.integers(1, 59))
def test_windows_add_up(values: Any, cut: int) -> None:
    """Counts of two windows over the reference's bins are, added, the counts of both together."""
    profile = Numeric.build(values)
    size = len(profile.counts) + 1
    halves = [np.bincount(profile.index(part), minlength=size) for part in (values[:cut], values[cut:])]
    assert (halves[0] + halves[1] == np.append(profile.counts, profile.missing)).all()
    assert profile.count + profile.missing == len(values)


@given(arrays.arrays(np.float64, st.integers(1, 80), elements=FINITE))
def test_cdf_is_a_distribution_function(values: Any) -> None:
    """The CDF lies in [0, 1], never falls, and is 0 and 1 beyond the ends."""
    profile = Numeric.build(values)
    points = np.sort(np.concatenate([values, values + 0.5, [-1e9, 1e9]]))
    shares = profile.cdf(points)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert (np.diff(shares) >= -1e-12).all()


def test_cdf_is_uniform_over_its_own_data() -> None:
    """Values of the reference are mapped to an even spread, within the 1/256 of the sketch."""
    values = np.random.default_rng(3).gamma(2, size=20_000)
    shares = np.sort(Numeric.build(values).cdf(values))
    assert np.abs(shares - np.linspace(0, 1, len(shares))).max() < 1 / (QUANTILES - 1)


def test_cdf_counts_half_of_a_tie() -> None:
    """A value that half of the data shares lies in the middle of that half; NaN stays NaN."""
    profile = Numeric.build(np.concatenate([np.zeros(500), np.linspace(1, 2, 500)]))
    assert profile.cdf(np.array([0.0]))[0] == pytest.approx(0.25, abs=0.01)
    assert np.isnan(profile.cdf(np.array([np.nan]))[0])
