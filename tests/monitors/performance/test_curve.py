"""Ranking metrics from histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from monitors.performance.curve import average_precision, roc_auc

CELLS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12)
PAIRS = ((roc_auc, metrics.roc_auc_score), (average_precision, metrics.average_precision_score))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@given(cells=CELLS)
def test_they_are_those_of_tied_scores(ours: Any, theirs: Any, cells: Any) -> None:
    """Where scores are the bins themselves, there is nothing lost: equal to scikit-learn's; influences sum to 0."""
    positives, negatives = np.array(cells, float).T
    if not positives.sum() or not negatives.sum():
        return
    bins = np.arange(len(cells))
    scores = np.concatenate([np.repeat(bins, positives.astype(int)), np.repeat(bins, negatives.astype(int))])
    labels = np.repeat([1, 0], [int(positives.sum()), int(negatives.sum())])
    curve = ours(positives, negatives)
    assert curve.value == pytest.approx(theirs(labels, scores))
    assert positives @ curve.positive + negatives @ curve.negative == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", [roc_auc, average_precision])
def test_influences_are_derivatives(metric: Any) -> None:
    """They are what a hundredth of a row more changes, times a hundred."""
    random = np.random.default_rng(0)
    positives, negatives = random.integers(1, 9, (2, 15)).astype(float)
    curve = metric(positives, negatives)
    for place in range(15):
        step = np.zeros(15)
        step[place] = 1e-6
        assert (metric(positives + step, negatives).value - curve.value) / 1e-6 == pytest.approx(
            curve.positive[place], abs=1e-5
        )
        assert (metric(positives, negatives + step).value - curve.value) / 1e-6 == pytest.approx(
            curve.negative[place], abs=1e-5
        )


def test_the_variance_of_auc_is_delongs() -> None:
    """Up to the factor m/(m − 1) that makes a sample variance unbiased."""
    random = np.random.default_rng(1)
    positives, negatives = random.integers(1, 30, (2, 20)).astype(float)
    good, bad = np.repeat(np.arange(20), positives.astype(int)), np.repeat(np.arange(20), negatives.astype(int))
    wins = (good[:, None] > bad) + 0.5 * (good[:, None] == bad)
    delong = wins.mean(1).var() / len(good) + wins.mean(0).var() / len(bad)
    assert roc_auc(positives, negatives).variance(positives, negatives) == pytest.approx(delong)


def test_classes_are_done_side_by_side() -> None:
    """Leading axes are kept; a class without rows is NaN and harms no other."""
    cells = np.array([[3.0, 1, 0], [0, 0, 0]]), np.array([[0.0, 1, 3], [1, 1, 1]])
    values = roc_auc(*cells).value
    assert values[0] == pytest.approx(1 / 32)
    assert np.isnan(values[1])
