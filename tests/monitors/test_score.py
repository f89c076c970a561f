"""What the model answered: histograms, calibration and residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.categorical import Categorical
from monitors.errors import ReferenceRefused
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.score import ClassScores, ValueScores


def test_auc_and_calibration_follow_from_the_histogram(reference: Reference, example: Any) -> None:
    """From the bins alone AUC is within 1e-3 of the exact one, and scores are as calibrated as they were made."""
    _, _, scores, labels = example()
    assert isinstance(reference.scores, ClassScores)
    histogram = reference.scores.classes[0]
    good, bad = histogram.positives, histogram.labelled - histogram.positives
    binned = ((np.cumsum(bad) - bad) * good + 0.5 * bad * good).sum() / (good.sum() * bad.sum())
    positive, negative = scores[labels == 1], scores[labels == 0]
    exact = (positive[:, None] > negative).mean()
    assert binned == pytest.approx(exact, abs=1e-3)
    assert histogram.counts.sum() == 400
    assert histogram.labelled.sum() == np.isfinite(labels).sum()
    assert histogram.positives.sum() == (labels == 1).sum()


def test_rows_without_score_or_label_are_left_out() -> None:
    """A score of NaN is in no histogram; a label of NaN or None is missing from the label distribution."""
    schema = Schema((ColumnSpec("a", "numeric"),), "binary", ("no", "yes"))
    scores = np.array([0.2, np.nan, 1.0, 0.0])
    labels = np.array(["no", "yes", "yes", None], object)
    built = Reference.build({"a": np.arange(4.0)}, schema, scores, labels)
    assert isinstance(built.scores, ClassScores)
    assert isinstance(built.labels, Categorical)
    histogram = built.scores.classes[0]
    assert (histogram.counts.sum(), histogram.labelled.sum(), histogram.positives.sum()) == (3, 2, 1)
    assert histogram.positives[999] == 1
    assert (built.labels.values, built.labels.counts.tolist(), built.labels.missing) == (("no", "yes"), [1, 2], 1)


def test_multiclass_has_a_histogram_for_each_class_and_one_of_confidence() -> None:
    """Positives of a class are its labels; positives of confidence are the right answers."""
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(4), 300)
    labels = random.integers(0, 4, 300)
    schema = Schema((ColumnSpec("a", "numeric"),), "multiclass")
    built = Reference.build({"a": np.arange(300.0)}, schema, scores, labels)
    assert isinstance(built.scores, ClassScores)
    assert built.scores.confidence is not None
    assert [int(h.positives.sum()) for h in built.scores.classes] == np.bincount(labels).tolist()
    assert built.scores.confidence.positives.sum() == (scores.argmax(1) == labels).sum()


def test_regression_keeps_moments_of_its_residuals() -> None:
    """Mean and spread of label - prediction, its mean size, and sums over the prediction's bins, which add up."""
    random = np.random.default_rng(0)
    labels = random.normal(100, 20, 500)
    scores = labels + random.normal(3, 5, 500)
    labels[:50] = np.nan
    schema = Schema((ColumnSpec("a", "numeric"),), "regression")
    built = Reference.build({"a": np.arange(500.0)}, schema, scores, labels)
    assert isinstance(built.scores, ValueScores)
    assert built.scores.residual is not None
    residual = (labels - scores)[50:]
    assert built.scores.residual.mean == pytest.approx(residual.mean())
    assert built.scores.residual.std == pytest.approx(residual.std())
    assert built.scores.absolute == pytest.approx(np.abs(residual).mean())
    assert built.scores.labelled.sum() == 450
    assert built.scores.squares.sum() == pytest.approx((residual**2).sum())
    assert built.scores.values.count == 500


@pytest.mark.parametrize(
    ("task", "classes", "scores", "labels", "message"),
    [
        ("binary", (), [0.2, 1.2], None, "found 0.2 to 1.2, expected probabilities"),
        ("binary", (), [[0.2, 0.8], [0.5, 0.5]], None, "the positive class alone"),
        ("binary", (), [0.2], None, "scores: found 1, expected 2"),
        ("binary", (), None, [0, 2], "labels: found 2, expected one of 0, 1"),
        ("binary", ("no", "yes"), [0.1, 0.2], [0, 1], "labels: found 0, expected one of no, yes"),
        ("multiclass", (0, 1, 2), [[0.5, 0.5], [0.1, 0.9]], None, "found 2 columns, expected 3"),
        ("multiclass", (), [0.5, 0.5], None, r"expects \[n, classes\]"),
        ("regression", (), [[1.0], [2.0]], None, r"expects \[n\]"),
        ("regression", (), None, ["a", "b"], "labels: found values that are not numbers"),
    ],
)
def test_unfit_answers_are_refused(task: Any, classes: Any, scores: Any, labels: Any, message: str) -> None:
    """Scores and labels that the task cannot have are refused, with what was found."""
    schema = Schema((ColumnSpec("a", "numeric"),), task, classes)
    arrays_ = [None if values is None else np.array(values) for values in (scores, labels)]
    with pytest.raises(ReferenceRefused, match=message):
        Reference.build({"a": np.ones(2)}, schema, *arrays_)
