"""Estimates against what the labels later said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitors.estimate.gap import TrackRecord, gap
from monitors.measurement import Measurement

ESTIMATED = Measurement(
    "estimate", "roc_auc", "estimated", 0.70, 1000, (0.66, 0.74), detail={"calibration_error": 0.01}
)
REALISED = Measurement("performance", "roc_auc", "realised", 0.62, 900, (0.58, 0.66), p=0.001)


def test_concept_drift_opens_a_gap(streams: Any, reference_for: Any, both: Any) -> None:
    """Inputs as ever but labels half at random: AUC is far below its estimate, and the gap is an alarm's matter."""
    random = np.random.default_rng(0)
    reference = reference_for("binary", *streams["binary"](4000, random))
    scores, labels = streams["binary"](2000, random)
    calm = gap(*(found["roc_auc"] for found in both(reference, scores, labels)))
    labels[::2] = random.permutation(labels[::2])
    stormy = gap(*(found["roc_auc"] for found in both(reference, scores, labels)))
    assert not calm.matters
    assert calm.detail["within"]
    assert stormy.matters
    assert stormy.value < -0.1
    assert stormy.p is not None
    assert stormy.p < 1e-6
    assert stormy.key == ("estimate", "roc_auc", "gap")


def test_calibrated_windows_have_no_small_p(streams: Any, reference_for: Any, both: Any) -> None:
    """Without concept drift p < 0.1 occurs in no more than a fifth of windows, whatever the inputs do."""
    random = np.random.default_rng(1)
    small = 0
    for _ in range(15):
        reference = reference_for("binary", *streams["binary"](1500, random))
        for _ in range(8):
            estimated, realised = both(reference, *streams["binary"](500, random, shift=0.5))
            p = gap(estimated["roc_auc"], realised["roc_auc"]).p
            assert p is not None
            small += p < 0.1
    assert 1 <= small <= 24


@pytest.mark.parametrize(
    ("estimated", "realised", "matters"),
    [
        ({}, {}, True),
        ({"value": 0.64, "interval": (0.63, 0.65)}, {"interval": (0.61, 0.63)}, False),
        ({"interval": (0.60, 0.80)}, {}, False),
        ({}, {"interval": (0.5, 0.71)}, False),
        ({"enough": False}, {}, False),
        ({}, {"value": np.nan, "interval": None, "enough": False}, False),
    ],
)
def test_a_gap_matters_beyond_both_intervals(estimated: Any, realised: Any, matters: bool) -> None:
    """And beyond 0.03."""
    found = gap(replace(ESTIMATED, **estimated), replace(REALISED, **realised))
    assert found.matters is matters
    assert found.enough is (estimated.get("enough", True) and realised.get("enough", True))


def test_errors_differ_by_a_share_of_themselves() -> None:
    """An MAE of 21 for 20 is no matter, whatever its unit; one of 30 is. What is not tested has no p."""
    estimated = replace(ESTIMATED, subject="mae", value=20.0, interval=(19.5, 20.5))
    near = replace(REALISED, subject="mae", value=21.0, interval=(20.8, 21.2), p=None)
    assert not gap(estimated, near).matters
    assert gap(estimated, near).p is None
    assert gap(estimated, replace(near, value=30.0, interval=(29.0, 31.0))).matters


def test_records_add_up() -> None:
    """Mean absolute gap, bias, and how often the realised value lay in the interval; unknown gaps are left out."""
    found = gap(ESTIMATED, REALISED)
    unknown = gap(ESTIMATED, replace(REALISED, enough=False))
    near = gap(ESTIMATED, replace(REALISED, value=0.71, interval=(0.67, 0.75)))
    record = TrackRecord().add(found).add(unknown) + TrackRecord().add(near)
    absolute, within = record.measurements("roc_auc")
    assert (absolute.value, absolute.n) == (pytest.approx(0.045), 2)
    assert absolute.detail["mean_gap"] == pytest.approx(-0.035)
    assert (within.value, within.enough) == (0.5, False)
    assert all(np.isnan(one.value) for one in TrackRecord().measurements("roc_auc"))
