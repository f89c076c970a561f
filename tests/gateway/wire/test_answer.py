"""The body of an inference answer on REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.query import Answer, Query, Wanted
from gateway.tensor import Array, Tensor
from gateway.wire.answer import format_answer
from gateway.wire.elements import from_binary, from_json
from gateway.wire.request import parse_request
from tests.gateway.wire.strategies import TENSORS, values

VECTORS = json.loads((Path(__file__).parent / "vectors" / "answers.json").read_text())
OUTPUTS = [
    Tensor("score", "FP32", np.array([[0.5], [np.nan]], np.float32)),
    Tensor("class", "BYTES", np.array(["on time", "größe"], object)),
]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["rule"].replace(" ", "-") for vector in VECTORS])
def test_vectors(vector: dict[str, Any]) -> None:
    """Each query of vectors/answers.json is answered as it says there."""
    query = parse_request(json.dumps({"inputs": [], **vector["query"]}).encode())
    body, length = format_answer(Answer("flights", 2, "made", OUTPUTS), query)
    assert json.loads(body[:length]) == {"model_name": "flights", "model_version": "2", **vector["body"]}
    assert (length is None) == ("tail" not in vector)
    if length is not None:
        assert body[length:].hex() == vector["tail"]


@given(st.lists(st.tuples(TENSORS, st.booleans()), min_size=1, max_size=4), st.booleans())
def test_an_answer_is_read_as_it_was_written(outputs: list[tuple[tuple[str, Array], bool]], default: bool) -> None:
    """Outputs in JSON and binary ones, in any mixture, each keep their elements."""
    tensors = [Tensor(f"y{index}", *tensor) for index, (tensor, _) in enumerate(outputs)]
    wanted = [Wanted(f"y{index}", binary) for index, (_, binary) in enumerate(outputs)]
    body, length = format_answer(Answer("m", 1, "", tensors), Query("", [], wanted, binary_default=default))
    assert (length is None) == (not default and not any(binary for _, binary in outputs))
    at = length
    for entry, ((datatype, array), binary) in zip(json.loads(body[:length])["outputs"], outputs, strict=True):
        assert (entry["datatype"], tuple(entry["shape"])) == (datatype, array.shape)
        expected = values(array, datatype)
        if binary or default:
            assert at is not None
            end = at + entry["parameters"]["binary_data_size"]
            found = from_binary(memoryview(body)[at:end], datatype, array.shape, "y")
            at = end
        else:
            found = from_json(json.dumps(entry["data"]).encode(), datatype, array.shape, "y")
            expected = ["NaN" if value in (np.inf, -np.inf) else value for value in expected]
        assert values(found, datatype) == expected
    assert at in (None, len(body))
