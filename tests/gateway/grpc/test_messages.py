"""Inference requests and answers as protobuf."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.messages import read_query, write_answer
from gateway.query import Answer, Wanted
from gateway.tensor import DATATYPES, Array, Tensor
from gateway.wire.elements import from_binary, to_binary
from tests.gateway.wire.strategies import TENSORS, values

TYPED = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def an_input(datatype: str, shape: Any, **contents: Any) -> pb.ModelInferRequest.InferInputTensor:
    """An input x; `contents` by the name of its field."""
    held = pb.InferTensorContents(**contents) if contents else None
    return pb.ModelInferRequest.InferInputTensor(name="x", datatype=datatype, shape=shape, contents=held)


@given(st.lists(TENSORS, min_size=1, max_size=4))
def test_raw_contents_are_read_as_they_were_written(tensors: list[tuple[str, Array]]) -> None:
    """Of every datatype and shape."""
    request = pb.ModelInferRequest(
        inputs=[an_input(datatype, array.shape) for datatype, array in tensors],
        raw_input_contents=[to_binary(array, datatype) for datatype, array in tensors],
    )
    for found, (datatype, array) in zip(read_query(request).inputs, tensors, strict=True):
        assert (found.datatype, found.array.shape) == (datatype, array.shape)
        assert values(found.array, datatype) == values(array, datatype)


@given(TENSORS.filter(lambda tensor: tensor[0] in TYPED))
def test_typed_contents_are_read_as_they_were_written(tensor: tuple[str, Array]) -> None:
    """Of every datatype that has a field for them."""
    datatype, array = tensor
    flat = array.ravel().tolist()
    held = [text.encode() for text in flat] if datatype == "BYTES" else flat
    (found,) = read_query(
        pb.ModelInferRequest(inputs=[an_input(datatype, array.shape, **{TYPED[datatype]: held})])
    ).inputs
    assert (found.datatype, found.array.shape, found.array.dtype) == (datatype, array.shape, DATATYPES[datatype].dtype)
    assert values(found.array, datatype) == values(array, datatype)


@given(st.lists(TENSORS, max_size=4))
def test_an_answer_is_read_as_it_was_written(tensors: list[tuple[str, Array]]) -> None:
    """Its tensors are raw bytes."""
    outputs = [Tensor(f"y{index}", *tensor) for index, tensor in enumerate(tensors)]
    message = write_answer(Answer("m", 3, "made", outputs), "given")
    assert (message.model_name, message.model_version, message.id) == ("m", "3", "given")
    for entry, raw, (datatype, array) in zip(message.outputs, message.raw_output_contents, tensors, strict=True):
        found = from_binary(memoryview(raw), entry.datatype, tuple(entry.shape), "y")
        assert (entry.datatype, found.shape) == (datatype, array.shape)
        assert values(found, datatype) == values(array, datatype)


def parameter(**value: Any) -> pb.InferParameter:
    """One parameter."""
    return pb.InferParameter(**value)


def test_parameters_and_outputs_are_read() -> None:
    """Of every kind; one that holds nothing is left out."""
    request = pb.ModelInferRequest(
        id="r-1",
        parameters={
            "timeout": parameter(int64_param=1500),
            "cohort": parameter(string_param="beta"),
            "flag": parameter(bool_param=False),
            "empty": parameter(),
        },
        outputs=[
            pb.ModelInferRequest.InferRequestedOutputTensor(name="a"),
            pb.ModelInferRequest.InferRequestedOutputTensor(
                name="b", parameters={"classification": parameter(int64_param=2)}
            ),
        ],
    )
    query = read_query(request)
    assert (query.id, query.timeout_us, query.binary_default) == ("r-1", 1500, False)
    assert query.parameters == {"timeout": 1500, "cohort": "beta", "flag": False}
    assert query.wanted == [Wanted("a"), Wanted("b", classes=2)]


def output(**parameters: pb.InferParameter) -> pb.ModelInferRequest.InferRequestedOutputTensor:
    """A requested output y."""
    return pb.ModelInferRequest.InferRequestedOutputTensor(name="y", parameters=parameters)


@pytest.mark.parametrize(
    ("request_fields", "sentence"),
    [
        ({"id": "ü"}, "id: expected at most 128 printable ASCII characters"),
        ({"parameters": {"timeout": parameter(int64_param=-1)}}, "parameter timeout: expected microseconds"),
        ({"parameters": {"timeout": parameter(string_param="1")}}, "parameter timeout: expected microseconds"),
        ({"inputs": [an_input("FP8", [1])]}, 'input "x": unknown datatype "FP8"'),
        (
            {"inputs": [an_input("FP32", [-1])]},
            'input "x": expected at most 32 dimensions, none of them negative, found [-1]',
        ),
        ({"inputs": [an_input("FP32", [1] * 33)]}, 'input "x": expected at most 32 dimensions'),
        ({"inputs": [an_input("FP32", [2**41])]}, 'input "x": expected at most 32 dimensions'),
        (
            {"inputs": [an_input("FP32", [2], fp32_contents=[1])]},
            'input "x": fp32_contents has 1 elements, but shape [2] takes 2',
        ),
        (
            {"inputs": [an_input("FP32", [1], fp64_contents=[1])]},
            'input "x": fp32_contents has 0 elements, but shape [1] takes 1',
        ),
        (
            {"inputs": [an_input("INT8", [1], int_contents=[128])]},
            'input "x": int_contents holds a value that does not fit INT8',
        ),
        (
            {"inputs": [an_input("UINT16", [1], uint_contents=[65536])]},
            'input "x": uint_contents holds a value that does not fit UINT16',
        ),
        (
            {"inputs": [an_input("FP16", [1], fp32_contents=[1])]},
            'input "x": FP16 has no typed contents; send it in raw_input_contents',
        ),
        (
            {"inputs": [an_input("BYTES", [1], bytes_contents=[b"\xff"])]},
            'input "x": an element of bytes_contents is not valid UTF-8',
        ),
        (
            {"inputs": [an_input("INT8", [1])], "raw_input_contents": [b"a", b"b"]},
            "raw_input_contents holds 2 tensors, but there are 1 inputs",
        ),
        (
            {"inputs": [an_input("INT8", [1], int_contents=[1])], "raw_input_contents": [b"a"]},
            'input "x": has both contents and raw_input_contents',
        ),
        (
            {"inputs": [an_input("INT8", [2])], "raw_input_contents": [b"a"]},
            'input "x": 1 bytes, but shape [2] of INT8 takes 2',
        ),
        (
            {"outputs": [output(classification=parameter(int64_param=-1))]},
            'output "y": classification must be a whole number >= 0',
        ),
        (
            {"outputs": [output(classification=parameter(bool_param=True))]},
            'output "y": classification must be a whole number >= 0',
        ),
    ],
)
def test_what_is_malformed_is_refused(request_fields: dict[str, Any], sentence: str) -> None:
    """With the same words as on REST."""
    with pytest.raises(BadRequest, match=re.escape(sentence)):
        read_query(pb.ModelInferRequest(**request_fields))


def test_uint64_beyond_int64_is_exact() -> None:
    """In company of small numbers too."""
    (found,) = read_query(pb.ModelInferRequest(inputs=[an_input("UINT64", [2], uint64_contents=[2**64 - 1, 1])])).inputs
    assert found.array.tolist() == [2**64 - 1, 1]
    assert found.array.dtype == np.uint64
