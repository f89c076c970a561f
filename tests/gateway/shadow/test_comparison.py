"""Sums of what two versions said of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gateway.record import Field, Layout
from gateway.shadow.comparison import EDGES, Comparison, compare
from gateway.tensor import fp32_to_bf16


def layout(version: int, **changes: Any) -> Layout:
    """A binary model."""
    outputs = changes.pop("outputs", (Field("p", "FP32", (-1, 1)), Field("c", "INT64", (-1,))))
    return Layout("m", version, "", True, (), outputs, **{"task": "binary", "score": "p", "prediction": "c", **changes})


def test_classes_and_scores_are_compared_row_by_row() -> None:
    """Disagreement as a share, distance as a mean and a histogram."""
    theirs: dict[str, Any] = {"p": np.array([0.25, 0.5, 0.75], np.float32), "c": np.array([0, 1, 1])}
    ours: dict[str, Any] = {"p": np.array([[0.25], [1.0], [0.5]], np.float32), "c": np.array([0, 1, 0])}
    found = compare(layout(1), layout(2), theirs, ours, 3)
    assert (found.rows, found.judged, found.disagreed) == (3, 3, 1)
    assert (found.scored, found.distance, found.squares) == (3, 0.75, 0.3125)
    assert found.disagreement == pytest.approx(1 / 3)
    assert found.mean_distance == 0.25
    assert {EDGES[at]: count for at, count in enumerate(found.histogram) if count} == {1e-6: 1, 0.5: 2}


def test_distributions_over_classes_are_compared_by_their_total_variation() -> None:
    """0 for equal ones, 1 for those that share nothing."""
    wide = layout(1, outputs=(Field("p", "FP64", (-1, 3)), Field("c", "BYTES", (-1,))))
    theirs: dict[str, Any] = {"p": np.array([1.0, 0, 0, 0.5, 0.5, 0]), "c": np.array(["a", "b"], object)}
    ours: dict[str, Any] = {"p": np.array([[0, 1.0, 0], [0.5, 0.5, 0]]), "c": np.array(["b", "b"], object)}
    found = compare(wide, wide, theirs, ours, 2)
    assert (found.distance, found.disagreed) == (1.0, 1)


@pytest.mark.parametrize(
    ("theirs", "shadow"),
    [
        ({"p": None, "c": None}, layout(2)),
        ({}, layout(2)),
        ({"p": np.zeros(2), "c": np.zeros(2)}, layout(2, score=None, prediction=None)),
        ({"p": np.zeros(6), "c": np.zeros(6)}, layout(2)),
    ],
)
def test_what_one_side_lacks_is_not_compared(theirs: dict[str, Any], shadow: Layout) -> None:
    """An output that was not recorded, or that means something else."""
    found = compare(layout(1), shadow, theirs, {"p": np.zeros((2, 1)), "c": np.zeros(2)}, 2)
    assert (found.rows, found.judged, found.scored) == (2, 0, 0)
    assert (found.disagreement, found.mean_distance, found.latency_ratio) == (None, None, None)


def test_a_score_that_is_no_number_has_no_distance() -> None:
    """The primary's may be NaN too."""
    found = compare(
        layout(1), layout(2), {"p": np.array([np.nan, 0.5])}, {"p": np.array([0.5, 0.5]), "c": np.zeros(2)}, 2
    )
    assert (found.scored, found.distance) == (1, 0.0)


def test_halves_are_compared_as_the_numbers_that_they_are() -> None:
    """BF16 is held as its bits."""
    half = layout(1, outputs=(Field("p", "BF16", (-1, 1)),), prediction=None)
    bits = fp32_to_bf16(np.array([1.0, 2.0], np.float32))
    assert compare(half, half, {"p": bits}, {"p": bits[::-1]}, 2).distance == 2.0


@given(arrays(np.float64, 12, elements=st.floats(0, 1)), st.integers(1, 11))
def test_parts_add_up_to_the_whole(scores: Any, cut: int) -> None:
    """However the rows are divided into batches."""
    left, right = scores[:6].repeat(2), scores
    one = layout(1, outputs=(Field("p", "FP64", (-1, 1)),))

    def part(rows: slice) -> Comparison:
        return compare(one, one, {"p": left[rows]}, {"p": right[rows]}, len(right[rows]))

    summed = part(slice(0, cut))
    summed.add(part(slice(cut, 12)))
    whole = part(slice(0, 12))
    assert (summed.rows, summed.scored, summed.histogram) == (12, 12, whole.histogram)
    assert summed.distance == pytest.approx(whole.distance)
