"""Performance before labels: against what the labels then say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.estimate.estimated import Estimate
from monitors.monitor import add

TASKS = ("binary", "multiclass", "regression")
METRICS = {
    "binary": {"accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "brier"},
    "multiclass": {"accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_roc_auc"},
    "regression": {"mae", "rmse"},
}


@pytest.mark.parametrize("task", TASKS)
def test_intervals_hold_what_the_labels_say(task: str, streams: Any, reference_for: Any, both: Any) -> None:
    """Inputs moved, concept as ever: the realised value lies in 90 % or more of 120 intervals, and there is no bias."""
    random = np.random.default_rng(0)
    within: dict[str, list[bool]] = {}
    gaps: dict[str, list[float]] = {}
    for _ in range(15):
        reference = reference_for(task, *streams[task](2000, random))
        for _ in range(8):
            estimated, realised = both(reference, *streams[task](500, random, shift=0.5))
            assert set(estimated) == METRICS[task]
            for name, one in estimated.items():
                within.setdefault(name, []).append(one.interval[0] <= realised[name].value <= one.interval[1])
                gaps.setdefault(name, []).append(realised[name].value / one.value - 1)
    for name, held in within.items():
        assert np.mean(held) >= 0.9, name
        assert abs(np.mean(gaps[name])) < 0.03, name


def test_scores_that_boast_are_seen_through(streams: Any, reference_for: Any, both: Any) -> None:
    """Calibration comes from the reference's labels, so scores need not be probabilities."""
    random = np.random.default_rng(1)
    reference = reference_for("binary", *streams["binary"](8000, random, boast=2.0))
    scores, labels = streams["binary"](8000, random, shift=0.7, boast=2.0)
    estimated, realised = both(reference, scores, labels)
    for name in METRICS["binary"]:
        assert estimated[name].value == pytest.approx(realised[name].value, abs=0.025), name
    naive = np.maximum(scores, 1 - scores).mean()
    assert naive - realised["accuracy"].value > 0.05


def test_the_answered_class_counts(streams: Any, reference_for: Any, both: Any) -> None:
    """With a threshold of 0.2 recall is high, and the estimate knows."""
    random = np.random.default_rng(2)
    reference = reference_for("binary", *streams["binary"](4000, random))
    scores, labels = streams["binary"](4000, random)
    estimated, realised = both(reference, scores, labels, (scores >= 0.2).astype(int))
    assert estimated["recall"].value > 0.7
    for name in METRICS["binary"]:
        assert estimated[name].interval[0] < realised[name].value < estimated[name].interval[1], name


@pytest.mark.parametrize("task", TASKS)
def test_what_it_assumes_is_said(task: str, streams: Any, reference_for: Any, both: Any) -> None:
    """In every measurement, with what the calibration alone adds to its error; nothing is tested."""
    random = np.random.default_rng(3)
    reference = reference_for(task, *streams[task](1000, random))
    for one in both(reference, *streams[task](300, random))[0].values():
        assert "no concept drift" in one.detail["assumes"]
        assert 0 < one.detail["calibration_error"] < one.interval[1] - one.interval[0]
        assert one.p is None
        assert one.key == ("estimate", one.subject, "estimated")
        assert one.enough


@pytest.mark.parametrize("task", TASKS)
def test_batches_add_up(task: str, streams: Any, reference_for: Any, view: Any) -> None:
    """Counts of two batches are those of all rows; scores that are not known, and no rows, do not count."""
    random = np.random.default_rng(4)
    reference = reference_for(task, *streams[task](500, random))
    scores, _ = streams[task](300, random)
    monitor = Estimate(reference)
    one, other, whole = monitor.begin(), monitor.begin(), monitor.begin()
    monitor.fold(one, view(reference, scores[:100]))
    monitor.fold(other, view(reference, np.concatenate([scores[100:], scores[:5] * np.nan])))
    monitor.fold(other, view(reference, None))
    monitor.fold(other, view(reference, scores[:0]))
    monitor.fold(whole, view(reference, scores))
    add(one, other)
    assert all((one[name] == cell).all() for name, cell in whole.items())
    assert monitor.measure(whole)
    assert not monitor.measure(monitor.begin())


@pytest.mark.parametrize("task", TASKS)
def test_a_reference_without_labels_is_not_enough(task: str, streams: Any, reference_for: Any, both: Any) -> None:
    """Whether its scores mean anything is anybody's guess; without scores there is no estimate at all."""
    random = np.random.default_rng(5)
    scores, labels = streams[task](400, random)
    estimated, _ = both(reference_for(task, scores, labels * np.nan), scores, labels)
    assert not any(one.enough for one in estimated.values())
    labels = labels if task == "regression" else np.arange(400) % 2
    estimated, _ = both(reference_for(task, None, labels), scores, labels)
    assert not estimated


def test_many_classes_are_estimated_by_confidence(reference_for: Any, both: Any) -> None:
    """Beyond 100 classes only accuracy is; a class that is never answered has precision 0."""
    random = np.random.default_rng(6)
    for classes, metrics in ((150, {"accuracy"}), (30, METRICS["multiclass"])):
        scores = random.dirichlet(np.full(classes, 0.02), 1500)
        labels = (scores.cumsum(1) > random.random(1500)[:, None]).argmax(1)
        estimated, realised = both(
            reference_for("multiclass", scores[:1000], labels[:1000]), scores[1000:], labels[1000:]
        )
        assert set(estimated) == metrics
        assert estimated["accuracy"].value == pytest.approx(realised["accuracy"].value, abs=0.05)


def test_predictions_beyond_the_reference_are_told(streams: Any, reference_for: Any, both: Any) -> None:
    """Their error is taken to be that of the nearest bin, which may be far off."""
    reference = reference_for("regression", *streams["regression"](1000, np.random.default_rng(7)))
    estimated, _ = both(reference, np.tile([50.0, 500.0], 100), np.zeros(200))
    assert estimated["mae"].detail["outside_reference"] == 0.5
