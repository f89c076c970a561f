"""What the first runs of a version decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.query import Query
from gateway.session import Session
from gateway.tensor import DATATYPES, Tensor
from gateway.warmup import INLINE_NS, warm_up, zeros
from tests import onnx_models


def query(**inputs: tuple[str, list[object]]) -> Query:
    """A request with these inputs."""
    return Query(
        "", [Tensor(name, kind, np.array(data, DATATYPES[kind].dtype)) for name, (kind, data) in inputs.items()]
    )


@pytest.mark.parametrize("datatype", DATATYPES)
def test_zeros_fit_any_datatype(tmp_path: Path, datatype: str) -> None:
    """Without a sample, zeros, empty strings and False are tried; a model of any datatype runs on them."""
    session = onnx_models.session(tmp_path, onnx_models.identity(datatype))
    rows = zeros(session.signature)
    assert rows["x"].tolist() == [["" if datatype == "BYTES" else 0] * 2]
    assert warm_up(session, []).row_ns > 0


def test_a_tiny_model_runs_inline_and_may_be_merged(tmp_path: Path) -> None:
    """Its rows cost next to nothing, so that a thread would cost more."""
    measured = warm_up(onnx_models.session(tmp_path, onnx_models.scale()), [])
    assert 0 < measured.row_ns < INLINE_NS
    assert measured.inline_rows >= 1
    assert measured.mergeable


def test_a_slow_model_runs_in_a_thread(tmp_path: Path) -> None:
    """One row takes longer than what the event loop can spare."""
    measured = warm_up(onnx_models.session(tmp_path, onnx_models.slow()), [])
    assert measured.row_ns > INLINE_NS
    assert measured.inline_rows == 0
    assert measured.mergeable


@pytest.mark.parametrize("samples", [[], [query(x=("FP32", [[1, 2], [3, 5]]))], [query(x=("FP32", [[1, 2]]))]])
def test_a_model_whose_rows_depend_on_each_other_is_not_merged(tmp_path: Path, samples: list[Query]) -> None:
    """Shaped as if row by row, it centres each batch: two copies of a row would not have given it away."""
    assert not warm_up(onnx_models.session(tmp_path, onnx_models.centred()), samples).mergeable


def test_a_model_that_answers_with_one_row_is_not_merged(tmp_path: Path) -> None:
    """The mean of a batch has no rows to give back."""
    measured = warm_up(onnx_models.session(tmp_path, onnx_models.mean()), [])
    assert not measured.mergeable
    assert measured.inline_rows == 1


def test_samples_are_preferred_to_zeros(tmp_path: Path) -> None:
    """Where zeros would fail, a known request warms the model up."""
    session = only_ones(tmp_path)
    assert warm_up(session, []) == (0, 0, False)
    assert warm_up(session, [query(x=("INT64", [1, 1]))]).mergeable


def test_a_sample_that_does_not_suit_as_a_neighbour_is_passed_over(tmp_path: Path) -> None:
    """Rows of another width are no neighbours; zeros or ones stand in."""
    session = onnx_models.session(tmp_path, onnx_models.arithmetic())
    narrow = query(a=("FP32", [[1]]), b=("FP32", [[2]]))
    wide = query(a=("FP32", [[1, 2]]), b=("FP32", [[2, 3]]))
    assert warm_up(session, [narrow, wide]).mergeable


def test_a_model_that_fails_on_what_is_tried_is_served_the_careful_way(tmp_path: Path) -> None:
    """Nothing is known of its cost: in a thread, and never merged."""
    assert warm_up(only_ones(tmp_path), []) == (0, 0, False)


def only_ones(folder: Path) -> Session:
    """A model that fails on zeros: it looks up x - 5 in a table of four, where -4 is the lowest that there is."""
    from onnx import helper

    made = onnx_models.model(
        [helper.make_node("Sub", ["x", "five"], ["i"]), helper.make_node("Gather", ["table", "i"], ["y"], axis=0)],
        [onnx_models.value("x", "INT64", ("N",))],
        [onnx_models.value("y", "INT64", ("N",))],
        {"five": np.int64(5), "table": np.array([1, 2, 3, 4])},
    )
    return onnx_models.session(folder, made)
