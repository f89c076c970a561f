"""What scores have meant so far."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from monitors.estimate.calibrator import Calibrator

CENTRES = (np.arange(1000) + 0.5) / 1000


def _labelled(rows: int, truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labelled = random.multinomial(rows, np.full(1000, 1e-3)).astype(float)
    return random.binomial(labelled.astype(int), truth).astype(float), labelled


CURVES = {
    "calibrated": CENTRES,
    "boasting": CENTRES**2 / (CENTRES**2 + (1 - CENTRES) ** 2),
    "shifted": CENTRES / (CENTRES + 3 * (1 - CENTRES)),
    "bent": np.where(CENTRES < 0.5, CENTRES / 2, 0.25 + (CENTRES - 0.5) * 1.4),
}


@pytest.mark.parametrize("name", sorted(CURVES))
def test_the_curve_is_found(name: str) -> None:
    """Within 0.04 of the true one on average, and the more labels there are the closer."""
    errors = [
        np.abs(Calibrator.fit(*_labelled(rows, CURVES[name], 0)).rate - CURVES[name]).mean() for rows in (1000, 20_000)
    ]
    assert errors[0] < 0.04
    assert errors[1] < 0.015


def test_its_uncertainty_is_right() -> None:
    """The mean rate scatters over repetitions as its variance says, and 95 % of the intervals hold the truth."""
    weight = np.where(CENTRES > 0.6, 1 / 400, 0.0)
    fits = [Calibrator.fit(*_labelled(2000, CURVES["calibrated"], seed)) for seed in range(150)]
    values = np.array([weight @ fit.rate for fit in fits])
    errors = np.array([fit.variance(weight) for fit in fits]) ** 0.5
    assert values.std() == pytest.approx(errors.mean(), rel=0.25)
    assert np.mean(np.abs(values - weight @ CENTRES) < 1.96 * errors) > 0.9


def test_it_is_the_highest_point_of_the_posterior() -> None:
    """A general optimiser finds no better parameters than Newton's method does."""
    positives, labelled = _labelled(120, CURVES["boasting"], 4)
    fit = Calibrator.fit(positives, labelled)
    logits = np.log(CENTRES / (1 - CENTRES))
    share = labelled / labelled.sum()
    spread = np.sqrt(share @ (logits - share @ logits) ** 2)
    scaled = (logits - share @ logits) / spread

    def loss(theta: np.ndarray) -> float:
        line = theta[0] + theta[1] * scaled
        prior = ((theta[0] - share @ logits) ** 2 + (theta[1] - spread) ** 2) / 2
        return float(labelled @ np.logaddexp(0, line) - positives @ line + prior)

    best = minimize(loss, np.zeros(2), method="BFGS").x
    assert fit.jacobian.shape[1] == 2
    assert fit.rate == pytest.approx(1 / (1 + np.exp(-(best[0] + best[1] * scaled))), abs=1e-4)


@pytest.mark.parametrize("scores", [[], [999], [0, 999], [500, 500, 500]])
def test_few_or_odd_labels_break_nothing(scores: list[int]) -> None:
    """Without labels scores are taken as calibrated, with a wide margin; separated or tied ones have a finite curve."""
    labelled = np.bincount(np.array(scores, int), minlength=1000) * 40.0
    fit = Calibrator.fit(np.where(np.arange(1000) > 500, labelled, 0), labelled)
    assert np.isfinite(fit.rate).all()
    assert np.isfinite(fit.covariance).all()
    if not scores:
        assert fit.rate == pytest.approx(CENTRES)
        assert fit.rows == 0
        assert fit.variance(np.full(1000, 1e-3)) > 0.1**2
