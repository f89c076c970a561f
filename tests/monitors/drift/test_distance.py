"""KS and Wasserstein on bins, against SciPy's on the values themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from monitors.drift.distance import Wasserstein, ks
from monitors.numeric import Numeric

RANDOM = np.random.default_rng(0)
SOURCES = {
    "normal": RANDOM.normal(size=20_000),
    "lognormal": np.exp(RANDOM.normal(size=20_000)),
    "whole": np.floor(RANDOM.normal(10, 5, 20_000)),
    "mostly zero": np.where(RANDOM.random(20_000) < 0.7, 0.0, RANDOM.exponential(size=20_000)),
}


def _distance(profile: Numeric, values: Any, parts: int = 1) -> float:
    """In one fold, or in several."""
    bins = len(profile.counts)
    wasserstein = Wasserstein([profile], bins)
    counts, sums = np.zeros((1, bins), np.int64), np.zeros((1, bins), np.int64)
    for part in np.array_split(np.asarray(values, float), parts):
        missing = ~np.isfinite(part)
        place, units = profile.index(part)[~missing], wasserstein.units(part[None], missing[None])[0][~missing]
        counts[0] += np.bincount(place, minlength=bins)
        sums[0] += np.bincount(place, units, bins).astype(np.int64)
    return float(wasserstein.distance(counts, sums)[0])


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("squeeze", [1.0, 0.5])
@pytest.mark.parametrize("move", [0.0, 0.1, 0.5, 2.0, -0.5])
def test_wasserstein_is_within_five_hundredths_of_sigma(name: str, squeeze: float, move: float) -> None:
    """Of SciPy's on the values, though only counts and sums of 20 bins are kept."""
    source = SOURCES[name]
    sample = np.random.default_rng(1).choice(source, 2000)
    values = source.mean() + squeeze * (sample - source.mean()) + move * source.std()
    expected = wasserstein_distance(source, values) / source.std()
    assert _distance(Numeric.build(source), values) == pytest.approx(expected, abs=0.05)


def test_wasserstein_of_a_plain_move_is_exact_however_far_it_goes() -> None:
    """The open bins at both ends are no limit: a thousand σ are a thousand σ."""
    source = SOURCES["normal"]
    values = source[:2000] + 1000 * source.std()
    expected = wasserstein_distance(source, values) / source.std()
    assert _distance(Numeric.build(source), values) == pytest.approx(expected, abs=2e-4)


def test_wasserstein_does_not_depend_on_order_or_batches() -> None:
    """Sums are whole numbers, so it is the same to the last bit."""
    values = np.random.default_rng(2).normal(size=3000)
    profile = Numeric.build(SOURCES["normal"])
    assert _distance(profile, values) == _distance(profile, values[::-1], parts=7)


@pytest.mark.parametrize("strange", [1e308, -1e308, np.inf, np.nan])
def test_one_absurd_value_spoils_nothing(strange: float) -> None:
    """A finite one counts as 32,768 σ, one that is not finite as none."""
    found = _distance(Numeric.build(SOURCES["normal"]), [*SOURCES["normal"][:9999], strange])
    assert found < 0.1 if not np.isfinite(strange) else 3 < found < 3.4


@pytest.mark.parametrize("values", [np.full(9, 7.0), np.empty(0)])
def test_what_has_no_spread_has_no_distance_in_sigma(values: Any) -> None:
    """A constant, and a column without any value."""
    assert np.isnan(_distance(Numeric.build(values), np.arange(100.0)))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("move", [0.0, 0.3, 1.0])
def test_ks_on_bins_is_a_lower_bound(name: str, move: float) -> None:
    """Of SciPy's on the values, and short of it by no more than the larger share of a bin."""
    source = SOURCES[name]
    values = np.random.default_rng(1).choice(source, 2000) + move * source.std()
    profile = Numeric.build(source)
    observed = np.bincount(profile.index(values), minlength=len(profile.counts))
    exact = ks_2samp(source, values).statistic
    largest = max((profile.counts / profile.count).max(), (observed / 2000).max())
    assert exact - largest <= float(ks(profile.counts, observed)) <= exact + 1e-12


def test_ks_is_exact_where_values_are_the_edges() -> None:
    """Of whole numbers with a bin each nothing is lost."""
    source, values = np.repeat(np.arange(5.0), 20), np.repeat(np.arange(5.0), [5, 10, 20, 30, 35])
    profile = Numeric.build(source)
    observed = np.bincount(profile.index(values), minlength=len(profile.counts))
    assert float(ks(profile.counts, observed)) == pytest.approx(ks_2samp(source, values).statistic)
