"""What a score has meant so far: the probability that it came true, and how well that is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitors.numeric import Floats

BENDS = 4
"""Kinks of the curve at the most; it gets one for each doubling of the rarer class beyond ROWS_FOR_ONE rows."""

ROWS_FOR_ONE = 100

PRIOR = 1.0
"""Before any label, level, slope and kinks are held to be those of calibrated scores, give or take so much, in logits."""

STEPS = 100
SMALL = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Calibrator:
    """A smooth calibration curve over equal bins of the score.

    rate: float64 [bins], the probability of a positive in each bin. jacobian: float64 [bins, parameters], how it moves
    with the parameters; covariance: float64 [parameters, parameters], how uncertain they are. rows: how many labels it
    rests on.

    The curve is a logistic regression on the logit of the score, with kinks at its quantiles: smoother than isotonic
    regression, whose steps follow the noise and make AUC look better than it is, and its uncertainty is known. The prior
    is that scores are calibrated already; it decides where there are hardly any labels, or where classes never mix.
    """

    rate: Floats
    jacobian: Floats
    covariance: Floats
    rows: int

    @classmethod
    def fit(cls, positives: Floats, labelled: Floats) -> Calibrator:
        """positives, labelled: [bins], how many rows of each bin were positive, and how many had a label at all.

        >>> curve = Calibrator.fit(np.array([50.0, 100.0]), np.array([100.0, 100.0]))
        >>> curve.rate.round(2).tolist()
        [0.49, 0.98]

        The parameters are those of highest posterior density, found by Newton's method; covariance is Laplace's.
        """
        bins = len(labelled)
        centres = (np.arange(bins) + 0.5) / bins
        logits = np.log(centres / (1 - centres))
        basis = _basis(logits, positives, labelled)
        start = np.zeros(basis.shape[1])
        start[:2] = _identity(basis, logits)
        theta, information = _newton(basis, positives, labelled, start)
        rate = _sigmoid(basis @ theta)
        return cls(
            rate,
            basis * (rate * (1 - rate))[:, None],
            np.linalg.inv(information).astype(np.float64),
            int(labelled.sum()),
        )

    def variance(self, weight: Floats) -> float:
        """How uncertain Σ weight·rate is for want of labels, from weights [bins]."""
        moved = weight @ self.jacobian
        return float(moved @ self.covariance @ moved)


def _basis(logits: Floats, positives: Floats, labelled: Floats) -> Floats:
    """Level, slope and kinks, float64 [bins, parameters]; the logit in units of its own spread."""
    total = labelled.sum()
    weight = labelled / total if total else np.full(len(logits), 1 / len(logits))
    mean = weight @ logits
    spread = max(math.sqrt(weight @ (logits - mean) ** 2), 0.5)
    scaled = (logits - mean) / spread
    rarer = min(positives.sum(), total - positives.sum())
    bends = int(np.clip(math.log2(max(rarer, 1) / ROWS_FOR_ONE) + 1, 0, BENDS))
    below = weight.cumsum()
    knots = np.unique(
        [scaled[np.searchsorted(below, (i + 1) / (bends + 1)).clip(max=len(below) - 1)] for i in range(bends)]
    )
    return np.column_stack([np.ones(len(logits)), scaled, *(np.maximum(scaled - knot, 0) for knot in knots)])


def _identity(basis: Floats, logits: Floats) -> Floats:
    """Level and slope of the line that leaves scores as they are."""
    slope = (logits[-1] - logits[0]) / (basis[-1, 1] - basis[0, 1])
    return np.array([logits[0] - slope * basis[0, 1], slope])


def _newton(basis: Floats, positives: Floats, labelled: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """The likeliest parameters and the information about them."""
    precision = np.eye(len(prior)) / PRIOR**2

    def height(theta: Floats) -> float:
        logits, away = basis @ theta, theta - prior
        return float(positives @ logits - labelled @ np.logaddexp(0, logits) - away @ precision @ away / 2)

    def information(theta: Floats) -> Floats:
        rate = _sigmoid(basis @ theta)
        found: Floats = (basis * (labelled * rate * (1 - rate))[:, None]).T @ basis + precision
        return found

    theta = prior
    for _ in range(STEPS):
        gradient = basis.T @ (positives - labelled * _sigmoid(basis @ theta)) - precision @ (theta - prior)
        step = np.linalg.solve(information(theta), gradient)
        while np.abs(step).max() > SMALL and height(theta + step) < height(theta):
            step /= 2  # the whole way would lead beyond the top
        theta = theta + step
        if np.abs(step).max() <= SMALL:
            break
    return theta, information(theta)


def _sigmoid(logits: Floats) -> Floats:
    rate: Floats = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    return rate
