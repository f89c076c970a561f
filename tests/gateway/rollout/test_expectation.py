"""What a reference lets one expect of a version's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.record import Field
from gateway.rollout.evidence import Arm
from gateway.rollout.expectation import Expectation
from gateway.rollout.metrics import Share, measured
from monitors.record import Batch
from monitors.reference import Reference
from tests.gateway.store.answering import layout

MODELS = Path(__file__).parents[3] / "models"


def asked(n: int, scores: object, groups: object = None) -> Batch:
    """Rows without inputs."""
    return Batch(
        np.zeros(n, np.int64),
        np.array([""] * n, object),
        {},
        None if scores is None else np.asarray(scores, np.float64),
        groups={"sex": np.array(groups, object)} if groups is not None else {},
    )


def test_two_classes_are_estimated_from_the_calibration() -> None:
    """Scores near 0 and 1 are right more often than those in between; every rate is a share."""
    expectation = Expectation(layout(), Reference.load(MODELS / "flights" / "1" / "reference.npz"))
    sure, unsure = Arm(), Arm()
    expectation.estimate(asked(500, np.full(500, 0.02)), sure.estimated)
    expectation.estimate(asked(500, np.full(500, 0.45)), unsure.estimated)
    one, other = (measured(arm, "estimated_accuracy") for arm in (sure, unsure))
    assert isinstance(one, Share)
    assert isinstance(other, Share)
    assert one.rate.value < other.rate.value
    assert other.rate.n == pytest.approx(500)
    for name in ("estimated_roc_auc", "estimated_brier", "estimated_f1", "estimated_log_loss"):
        assert measured(sure + unsure, name) is not None, name


def test_several_classes_have_an_estimated_accuracy() -> None:
    """From the confidence."""
    classes = tuple(range(10))
    expectation = Expectation(
        layout(task="multiclass", classes=classes), Reference.load(MODELS / "digits" / "1" / "reference.npz")
    )
    scores = np.full((200, 10), 0.01)
    scores[:, 3] = 0.91
    arm = Arm()
    expectation.estimate(asked(200, scores), arm.estimated)
    found = measured(arm, "estimated_accuracy")
    assert isinstance(found, Share)
    assert found.rate.n == 200
    assert found.rate.value < 0.2


def test_values_have_an_expected_error() -> None:
    """By the size of the prediction."""
    expectation = Expectation(
        layout(task="regression", classes=()), Reference.load(MODELS / "bikeshare" / "1" / "reference.npz")
    )
    small, large = Arm(), Arm()
    expectation.estimate(asked(200, np.full(200, 5.0)), small.estimated)
    expectation.estimate(asked(200, np.full(200, 400.0)), large.estimated)
    one, other = (measured(arm, "estimated_mae") for arm in (small, large))
    assert one is not None
    assert other is not None
    assert one.value < other.value  # type: ignore[union-attr]


def test_groups_are_counted_with_those_that_were_selected() -> None:
    """By attribute; rows of no known group in none."""
    expectation = Expectation(layout(groups=("sex",)), Reference.load(MODELS / "credit" / "1" / "reference.npz"))
    found = expectation.selected(asked(4, [0.9, 0.1, 0.8, 0.7], ["f", "m", "f", None]))
    assert found == {"sex": {"f": (2, 2), "m": (1, 0)}}


def test_without_a_reference_there_is_nothing_to_expect() -> None:
    """Classes are still known, or are as many as there are scores."""
    expectation, arm = Expectation(layout(groups=("sex",)), None), Arm()
    expectation.estimate(asked(2, [0.1, 0.9]), arm.estimated)
    assert arm.estimated.n == 0
    assert expectation.selected(asked(1, [0.9], ["f"])) == {}
    wide = layout(task="multiclass", classes=(), outputs=(Field("score", "FP32", (-1, 5)),), prediction=None)
    assert len(Expectation(wide, None).classes) == 5
