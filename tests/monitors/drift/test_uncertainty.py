"""Intervals hold the true divergence as often as they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from monitors.drift.distance import ks
from monitors.drift.divergence import hellinger, js, psi
from monitors.drift.uncertainty import hellinger_interval, js_interval, ks_interval, psi_interval

BOTH = [(psi, psi_interval), (js, js_interval), (hellinger, hellinger_interval), (ks, ks_interval)]
FLAT = np.full(20, 0.05)
TILT = np.exp(np.linspace(-1.7, 1.7, 20))


@pytest.mark.parametrize(("statistic", "interval"), BOTH)
@pytest.mark.parametrize("rows", [1000, 10_000])
@pytest.mark.parametrize("tilt", [0.0, 0.1, 0.3, 1.0])
def test_coverage(statistic: Callable, interval: Callable, rows: int, tilt: float) -> None:
    """At least 93 of 100 intervals of 95 % hold the divergence of the sources, whether they differ or not."""
    random = np.random.default_rng(0)
    moved = FLAT * TILT**tilt / (FLAT * TILT**tilt).sum()
    exact = float(statistic((FLAT * 1e12).astype(np.int64), (moved * 1e12).astype(np.int64)))
    reference, observed = random.multinomial(20_000, FLAT, 1500), random.multinomial(rows, moved, 1500)
    low, high = interval(reference, observed, statistic(reference, observed))
    assert ((low <= exact + 1e-9) & (exact <= high + 1e-9)).mean() >= 0.93


@pytest.mark.parametrize(("statistic", "interval"), BOTH)
def test_the_value_is_inside(statistic: Callable, interval: Callable) -> None:
    """Even where all of it is less than chance would give."""
    counts = np.full(20, 500)
    observed = np.full(20, 50) + np.tile([-1, 1], 10)
    value = statistic(counts, observed)
    low, high = interval(counts, observed, value)
    assert 0 <= low <= value <= high
