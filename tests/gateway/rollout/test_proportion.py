"""Exact evidence about rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rollout.proportion import Rate, above, below, bounds, exceeds, undercuts


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("side", [above, below])
def test_evidence_against_the_truth_is_rare_at_every_look(rate: float, side: object) -> None:
    """Looked at after every row from the first on: the winnings pass 1/α in at most α of the walks (Ville)."""
    hits = (np.random.default_rng(1).random((400, 1000)) < rate).cumsum(1)
    found = [(above if side is above else below)(hits[:, n - 1], n, rate, 500) for n in range(1, 1001, 3)]
    assert (np.max(found, axis=0) >= math.log(20)).mean() <= 0.05


@given(hits=st.integers(0, 60), misses=st.integers(0, 60), null=st.floats(0.01, 0.99))
def test_it_is_an_expectation_of_one(hits: int, misses: int, null: float) -> None:
    """One more row: a hit with the null's probability, a miss otherwise; on average the winnings stay what they were."""
    n = hits + misses
    now, hit, miss = (math.exp(float(above(h, m, null, 100))) for h, m in ((hits, n), (hits + 1, n + 1), (hits, n + 1)))
    assert null * hit + (1 - null) * miss == pytest.approx(now, rel=1e-6)


def test_what_cannot_be_and_what_must_be() -> None:
    """No rate is above 1, and every rate is above what is below 0."""
    assert above(100, 100, np.array([1.0, 1.5]), 500).tolist() == [0.0, 0.0]
    assert np.isinf(above(0, 0, -0.1, 500))
    assert np.isfinite(above(3, 10, 0.0, 500))


def test_a_rare_error_needs_stables_rate_to_be_known() -> None:
    """Eight failures in a hundred are news where stable has one in a thousand, and none where stable is hardly known."""

    def curve(rate: np.ndarray) -> np.ndarray:
        return rate + 0.01

    known, unknown = (exceeds(Rate(n / 1000, n), Rate(8, 100), curve, 500) for n in (10_000, 20))
    assert known > math.log(100)
    assert unknown < math.log(20)


def test_both_sides_mirror_each_other() -> None:
    """Fewer hits than allowed are more misses than allowed."""
    stable, candidate = Rate(100, 1000), Rate(5, 500)
    found = undercuts(stable, candidate, lambda rate: rate + 0.01, 500)
    assert found == pytest.approx(exceeds(stable.missed, candidate.missed, lambda rate: rate - 0.01, 500))
    assert found > math.log(20)


def test_two_equal_versions_are_told_apart_rarely() -> None:
    """Where the candidate is exactly as bad as allowed, at most 5 % of 100 walks are ever called too bad, or good enough."""
    random, wrong = np.random.default_rng(2), np.zeros(2)
    for _ in range(100):
        one, other = (np.cumsum(random.random(1500) < rate) for rate in (0.02, 0.03))
        looks = [(Rate(int(one[n]), n + 1), Rate(int(other[n]), n + 1)) for n in range(20, 1500, 75)]
        for place, test in enumerate((exceeds, undercuts)):
            wrong[place] += any(test(*look, lambda rate: rate + 0.01, 500) >= math.log(20) for look in looks)
    assert (wrong / 100 <= 0.05).all()


@given(hits=st.integers(0, 200), misses=st.integers(0, 200))
def test_bounds_hold_the_observed_rate(hits: int, misses: int) -> None:
    """And lie in [0, 1]."""
    rate = Rate(hits, hits + misses)
    low, high = bounds(rate, 0.01, 500)
    assert 0 <= low <= high <= 1
    if rate.n:
        assert low <= rate.value <= high
