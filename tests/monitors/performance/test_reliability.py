"""Whether scores come true as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.performance.calibration import Reliability, expected_calibration_error


def _histograms(n: int, power: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.random(n)
    positive = random.random(n) < scores**power
    place = (scores * 1000).astype(int)
    return tuple(np.bincount(place[chosen], minlength=1000).astype(float) for chosen in (positive, ~positive))  # type: ignore[return-value]


def test_deciles_hold_equally_many_rows() -> None:
    """Mean score and observed rate of ten bins, each with its interval; they agree where scores are calibrated."""
    positives, negatives = _histograms(20_000, 1, 0)
    bins = Reliability.build(positives, negatives)
    assert len(bins.rows) == 10
    assert bins.rows.min() > 1800
    assert bins.rate == pytest.approx(bins.score, abs=0.05)
    assert [entry["n"] for entry in bins.table()] == bins.rows.tolist()
    assert all(entry["interval"][0] <= entry["rate"] <= entry["interval"][1] for entry in bins.table())


def test_the_error_is_that_of_the_deciles() -> None:
    """Σ share · |rate − mean score|, computed from the scores themselves; s² for s is off by 1/6 on average."""
    positives, negatives = _histograms(50_000, 2, 1)
    figure = expected_calibration_error(positives, negatives)
    assert figure.value == pytest.approx(1 / 6, abs=0.01)
    assert figure.interval is not None
    assert figure.interval[0] > 0.15


@pytest.mark.parametrize("rows", [100, 1000])
def test_chance_alone_is_not_taken_for_miscalibration(rows: int) -> None:
    """The interval of calibrated scores reaches down to 0 in 95 % of windows, and `by_chance` is what they show."""
    figures = [expected_calibration_error(*_histograms(rows, 1, seed)) for seed in range(120)]
    assert np.mean([figure.interval is not None and figure.interval[0] == 0 for figure in figures]) >= 0.92
    shown = np.mean([figure.value for figure in figures])
    assert np.mean([figure.detail["by_chance"] for figure in figures]) == pytest.approx(shown, rel=0.1)


def test_tied_scores_stay_together() -> None:
    """A model with three scores has three bins; no rows have no error."""
    positives, negatives = np.zeros(1000), np.zeros(1000)
    positives[[10, 500, 900]], negatives[[10, 500, 900]] = [1, 50, 90], [99, 50, 10]
    assert len(Reliability.build(positives, negatives).rows) == 3
    assert np.isnan(expected_calibration_error(np.zeros(1000), np.zeros(1000)).value)
