"""The top classes of an output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.query import Answer, Query, Wanted
from gateway.tensor import DATATYPES, Tensor, fp32_to_bf16
from gateway.wire.classification import classify


def top(datatype: str, array: Any, classes: int) -> Tensor:
    """The top classes of one output."""
    answer = Answer("m", 1, "", [Tensor("y", datatype, array)])
    (found,) = classify(answer, Query("", [], [Wanted("y", classes=classes)])).outputs
    return found


@pytest.mark.parametrize(
    ("array", "classes", "strings"),
    [
        ([[0.1, 0.7, 0.2]], 1, [["0.700000:1"]]),
        ([[0.1, 0.7, 0.2]], 2, [["0.700000:1", "0.200000:2"]]),
        ([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], 1, [["0.700000:1"], ["0.500000:0"]]),
        ([0.1, 0.7, 0.2], 2, ["0.700000:1", "0.200000:2"]),
        ([[0.1, 0.7]], 5, [["0.700000:1", "0.100000:0"]]),
        ([[[0.1, 0.2], [0.4, 0.3]]], 2, [["0.400000:2", "0.300000:3"]]),
        (0.5, 3, ["0.500000:0"]),
        ([[1.0, np.nan, 2.0]], 2, [["2.000000:2", "1.000000:0"]]),
        ([[np.inf, 1.0, -np.inf]], 3, [["inf:0", "1.000000:1", "-inf:2"]]),
        (np.zeros((0, 3)), 2, []),
        (np.zeros((2, 0)), 2, [[], []]),
    ],
)
def test_the_highest_come_first_with_their_index(array: Any, classes: int, strings: Any) -> None:
    """For each row of the batch; NaN is never the highest."""
    found = top("FP32", np.array(array, np.float32), classes)
    assert (found.datatype, found.array.tolist()) == ("BYTES", strings)


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name not in ("BYTES", "BOOL", "BF16")])
def test_every_number_can_be_ranked(datatype: str) -> None:
    """Whatever its datatype."""
    assert top(datatype, np.array([[1, 3, 2]], DATATYPES[datatype].dtype), 1).array.tolist() == [["3.000000:1"]]


def test_bf16_is_ranked_by_its_value() -> None:
    """Not by its bits: a negative number has the larger ones."""
    halves = fp32_to_bf16(np.array([[-1, 2, -3]], np.float32))
    assert top("BF16", halves, 1).array.tolist() == [["2.000000:1"]]


def test_integers_beyond_a_floats_precision_are_ranked_exactly() -> None:
    """They are compared as integers."""
    array = np.array([[2**63 - 2, 2**63 - 1, 2**63 - 3]], np.int64)
    assert top("INT64", array, 1).array[0, 0].endswith(":1")


@pytest.mark.parametrize("datatype", ["BYTES", "BOOL"])
def test_what_has_no_order_is_refused(datatype: str) -> None:
    """Strings and truths."""
    with pytest.raises(BadRequest, match=f'^output "y": classification needs numbers, and it is {datatype}$'):
        top(datatype, np.array([["a"]], object), 1)


def test_other_outputs_stay_as_they_are() -> None:
    """Only those for which classes were asked are replaced."""
    tensors = [Tensor(name, "FP32", np.array([[1, 2]], np.float32)) for name in "ab"]
    answer = Answer("m", 1, "", tensors)
    assert classify(answer, Query("", [], [Wanted("a"), Wanted("b")])) is answer
    first, second = classify(answer, Query("", [], [Wanted("a"), Wanted("b", classes=1)])).outputs
    assert first is tensors[0]
    assert second.array.tolist() == [["2.000000:1"]]


@given(
    st.lists(st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(1, 6),
)
def test_ranks_fall(rows: list[list[float]], classes: int) -> None:
    """Each row's classes are its own highest values, in falling order, no index twice."""
    found = top("FP32", np.array(rows, np.float32), classes).array
    assert found.shape == (len(rows), min(classes, 4))
    for texts, row in zip(found.tolist(), rows, strict=True):
        indices = [int(text.rpartition(":")[2]) for text in texts]
        assert len(set(indices)) == len(indices)
        assert [row[index] for index in indices] == sorted(row, reverse=True)[: len(indices)]
