"""A gate's metric as a number of an arm: a share of rows that went wrong, or an average with its spread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gateway.rollout.evidence import Arm
from gateway.rollout.outcomes import LOSSES, Outcomes
from gateway.rollout.proportion import Floats, Rate
from gateway.rollout.sequential import Sample
from monitors.performance.confusion import averaged
from monitors.performance.curve import roc_auc

ESTIMATED = "estimated_"
HIGHER = ("accuracy", "precision", "recall", "f1", "roc_auc")
"""Metrics of which more is better. Gates compare what is missing from 1, the loss, so that less is always better."""

LEAST = 100
"""Rows that each arm needs before an average is judged: the central limit theorem knows little of fewer. Of exponential
draws, looked at from 50 on, 5.2 % of 2,000 walks left their 5 % sequence on the skewed side; from 100 on, 4.4 %."""


class Scale(NamedTuple):
    """How a metric's loss follows from a rate, and back. Both grow."""

    loss: Callable[[Floats], Floats]
    rate: Callable[[Floats], Floats]


def _same(values: Floats) -> Floats:
    return values


PLAIN = Scale(_same, _same)
OVERLAP = Scale(lambda rate: rate / (2 - rate), lambda loss: 2 * loss / (1 + loss))
"""F1 = 2φ/(1 + φ) of the share φ of right answers among rows that are positive or were called so; the rate is 1 − φ."""


class Share(NamedTuple):
    """A rate of rows that went wrong, and what its metric makes of it."""

    rate: Rate
    scale: Scale = PLAIN


def block(arm: Arm, metric: str) -> tuple[Outcomes, str]:
    """The outcomes that a metric of performance is taken from, and its name there."""
    return (arm.estimated, metric.removeprefix(ESTIMATED)) if metric.startswith(ESTIMATED) else (arm.labelled, metric)


def rows(metric: str) -> Callable[[Arm], float]:
    """What of an arm counts as rows for this metric."""
    if metric == "error_rate":
        return lambda arm: arm.requests
    if metric.startswith("latency_"):
        return lambda arm: arm.answered
    if metric in ("prediction_drift", "fairness_gap"):
        return lambda arm: arm.rows
    if metric == "disagreement":
        return lambda arm: arm.compared
    return lambda arm: block(arm, metric)[0].n


def measured(arm: Arm, metric: str) -> Share | Sample | None:
    """The metric's loss in this arm: a share where it is one, exact at any n, else an average. None: there is none.

    Precision, recall and F1 are those of the positive class; with more classes than two the mean over the classes.
    """
    if metric == "error_rate":
        return _share(arm.failed, arm.requests)
    if metric == "disagreement":
        return _share(arm.disagreed, arm.compared)
    outcomes, name = block(arm, metric)
    if name == "accuracy":
        n = float(outcomes.actual.sum())
        return _share(n - float(outcomes.right.sum()), n)
    if name == "roc_auc":
        return _ranked(outcomes)
    if name in LOSSES:
        return _averaged(outcomes, name)
    return _positive(outcomes, name) if len(outcomes.actual) == 2 else _macro(outcomes, name)


def _share(wrong: float, n: float, scale: Scale = PLAIN) -> Share | None:
    return Share(Rate(min(max(wrong, 0.0), n), n), scale) if n > 0 else None


def _positive(outcomes: Outcomes, name: str) -> Share | None:
    right, called, actual = (float(cells[1]) for cells in (outcomes.right, outcomes.called, outcomes.actual))
    if name == "f1":
        union = called + actual - right
        return _share(union - right, union, OVERLAP)
    n = called if name == "precision" else actual
    return _share(n - right, n)


def _macro(outcomes: Outcomes, name: str) -> Sample | None:
    n = round(float(outcomes.actual.sum()))
    if not n:
        return None
    counts = (np.rint(cells).astype(np.int64) for cells in (outcomes.right, outcomes.called, outcomes.actual))
    figure = averaged(*counts).get(f"macro_{name}")
    if figure is None or not math.isfinite(figure.value):
        return None
    return Sample(1 - figure.value, figure.error * math.sqrt(n), n)


def _ranked(outcomes: Outcomes) -> Sample | None:
    """1 − AUC, with the jackknife's spread. Its rows are twice those of the rarer class: that is what bounds its knowledge."""
    positives, negatives = outcomes.positives, outcomes.negatives
    few, n = min(float(positives.sum()), float(negatives.sum())), float(positives.sum() + negatives.sum())
    if few <= 0:
        return None
    curve = roc_auc(positives, negatives)
    # Where no pair is in the wrong order the jackknife sees no spread at all.
    error = max(float(curve.variance(positives, negatives)), 0.25 / few**2)
    worth = min(n, 2 * few)
    return Sample(1 - float(curve.value), math.sqrt(error * worth), worth)


def _averaged(outcomes: Outcomes, name: str) -> Sample | None:
    n, total, squares = outcomes.loss(name)
    if n <= 1:
        return None
    mean = total / n
    deviation = math.sqrt(max(squares / n - mean**2, 0.0) * n / (n - 1))
    if name == "rmse":
        root = math.sqrt(max(mean, 0.0))
        return Sample(root, deviation / (2 * root) if root else 0.0, n)
    return Sample(mean, deviation, n)
