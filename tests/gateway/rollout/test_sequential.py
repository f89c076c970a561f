"""Intervals that hold at every look."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.rollout.sequential import fixed_half_width, half_width, radius

LOOKS = np.unique(np.geomspace(100, 5000, 60).astype(int))


def test_a_mean_leaves_its_sequence_rarely_and_ordinary_intervals_often() -> None:
    """Looked at sixty times, one side: at most 5 % of 2,000 walks ever leave; of ordinary intervals, several times that."""
    draws = np.random.default_rng(3).exponential(size=(2000, LOOKS[-1])).astype(np.float32)
    sums, squares = (np.cumsum(each, 1, dtype=np.float64)[:, LOOKS - 1] for each in (draws, draws**2))
    means = sums / LOOKS
    deviations = np.sqrt(squares / LOOKS - means**2)
    unit = np.array([half_width(1.0, int(n), 0.05, 500) for n in LOOKS])
    fixed = np.array([fixed_half_width(1 / n**0.5, 0.05) for n in LOOKS])
    for side in (1, -1):
        assert (side * (means - 1) > deviations * unit).any(1).mean() <= 0.05
    assert (np.abs(means - 1) > deviations * fixed).any(1).mean() > 0.25


def test_shares_leave_their_ball_rarely() -> None:
    """χ² of ten cells stays below its radius at all looks together, but for 5 % of the walks."""
    truth = np.array([0.02, 0.03, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2])
    random, left = np.random.default_rng(4), 0
    steps = np.diff(np.append(0, LOOKS))
    for _ in range(1000):
        counts = np.stack([random.multinomial(step, truth) for step in steps]).cumsum(0)
        statistic = ((counts - LOOKS[:, None] * truth) ** 2 / (LOOKS[:, None] * truth)).sum(1)
        left += any(value > radius(10, int(n), 0.05, 500) for value, n in zip(statistic, LOOKS, strict=True))
    assert left / 1000 <= 0.05


@pytest.mark.parametrize("tuned", [100, 1000, 10_000])
def test_a_sequence_is_narrowest_where_it_is_tuned(tuned: int) -> None:
    """Compared with the ordinary interval, which is the narrowest there is at one n."""
    sizes = np.geomspace(10, 10**6, 200)
    cost = [half_width(1.0, n, 0.05, tuned) * n**0.5 for n in sizes]
    assert tuned / 3 < sizes[int(np.argmin(cost))] < tuned * 3


def test_more_rows_and_less_confidence_make_it_narrower() -> None:
    """As they should."""
    assert half_width(1.0, 1000, 0.05, 500) < half_width(1.0, 500, 0.05, 500) < half_width(1.0, 500, 0.01, 500)
    assert half_width(2.0, 500, 0.05, 500) == pytest.approx(2 * half_width(1.0, 500, 0.05, 500))
