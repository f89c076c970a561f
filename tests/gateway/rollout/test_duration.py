"""Durations in bins, and quantiles against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rollout.duration import BINS, counted, faster, quantile, slower


def drawn(n: int, slower: float = 1.0, seed: int = 0) -> np.ndarray:
    """Lognormal around 2 ms, counted."""
    return counted((2000 * slower * np.exp(0.5 * np.random.default_rng(seed).standard_normal(n))).astype(np.int64))


@given(st.lists(st.integers(0, 2**40), max_size=50))
def test_every_duration_is_counted_once(durations: list[int]) -> None:
    """Also none at all, and hours."""
    counts = counted(np.array(durations, np.int64))
    assert counts.sum() == len(durations)
    assert counts.shape == (BINS,)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_a_quantile_is_within_a_bin(level: float) -> None:
    """Of 1.1 %."""
    values = 2000 * np.exp(0.5 * np.random.default_rng(1).standard_normal(20_001))
    assert quantile(counted(values.astype(np.int64)), level) == pytest.approx(np.quantile(values, level), rel=0.015)
    assert math.isnan(quantile(counted(np.array([], np.int64)), level))


def test_twice_as_slow_is_seen_and_equal_is_not() -> None:
    """At 1.5 times stable's p99: the doubled one is slower, the equal one faster, both beyond doubt."""
    stable = drawn(20_000)

    def limit(edges: np.ndarray) -> np.ndarray:
        return 1.5 * edges

    assert slower(stable, drawn(600, 2.0, 1), 0.99, limit, 500) > math.log(20)
    assert faster(stable, drawn(2000, 1.0, 1), 0.99, limit, 500) > math.log(20)
    assert slower(stable, drawn(1000, 1.0, 1), 0.99, limit, 500) < 0


def test_stables_own_quantile_must_be_known() -> None:
    """After 100 durations nobody knows their p99, so however slow the candidate is, nothing is certain."""
    assert slower(drawn(100), drawn(1000, 50.0, 1), 0.99, lambda edges: 1.5 * edges, 500) < math.log(20)


def test_exactly_as_slow_as_allowed_is_called_slower_rarely() -> None:
    """At most 5 % of 100 runs, looked at thirty times each."""
    wrong = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        one, other = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
        for _ in range(30):
            one += counted((2000 * np.exp(0.5 * random.standard_normal(200))).astype(np.int64))
            other += counted((3000 * np.exp(0.5 * random.standard_normal(50))).astype(np.int64))
            if slower(one, other, 0.9, lambda edges: 1.5 * edges, 500) >= math.log(20):
                wrong += 1
                break
    assert wrong <= 5
