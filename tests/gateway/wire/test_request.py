"""The body of an inference request on REST."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.tensor import Array
from gateway.wire.elements import to_binary, to_json
from gateway.wire.request import MAX_TENSORS, check_id, parse_request
from tests.gateway.wire.strategies import TENSORS, values

VECTORS = json.loads((Path(__file__).parent / "vectors" / "requests.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["rule"].replace(" ", "-") for vector in VECTORS])
def test_vectors(vector: dict[str, Any]) -> None:
    """Each request of vectors/requests.json is read, or refused, as it says there."""
    body = json.dumps(vector["body"]).encode()
    if "refusal" in vector:
        with pytest.raises(BadRequest, match=re.escape(vector["refusal"])):
            parse_request(body)
        return
    query = parse_request(body)
    assert [[name, datatype, array.tolist()] for name, datatype, array in query.inputs] == vector["inputs"]
    assert [list(want) for want in query.wanted] == vector.get("wanted", [])
    assert query.id == vector.get("id", "")
    assert query.timeout_us == vector.get("timeout_us", 0)
    assert query.binary_default == vector.get("binary_default", False)
    assert query.parameters == vector.get("parameters", {})


@given(st.lists(st.tuples(TENSORS, st.booleans()), max_size=4))
def test_a_request_is_read_as_it_was_written(given_tensors: list[tuple[tuple[str, Array], bool]]) -> None:
    """Tensors in JSON and binary ones, in any mixture and order, each keep their elements."""
    inputs, tail = [], b""
    for index, ((datatype, array), binary) in enumerate(given_tensors):
        entry: dict[str, Any] = {"name": f"x{index}", "datatype": datatype, "shape": array.shape}
        if binary:
            raw = to_binary(array, datatype)
            inputs.append({**entry, "parameters": {"binary_data_size": len(raw)}})
            tail += raw
        else:
            inputs.append({**entry, "data": to_json(array, datatype)})
    head = msgspec.json.encode({"inputs": inputs})
    query = parse_request(head + tail, len(head))
    for tensor, ((datatype, array), binary) in zip(query.inputs, given_tensors, strict=True):
        assert (tensor.datatype, tensor.array.shape) == (datatype, array.shape)
        expected = values(array, datatype)
        if not binary:
            expected = ["NaN" if value in (np.inf, -np.inf) else value for value in expected]
        assert values(tensor.array, datatype) == expected


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(body: bytes) -> None:
    """Whatever arrives is a query or a BadRequest."""
    for length in (None, 0, len(body) // 2, len(body)):
        with contextlib.suppress(BadRequest):
            parse_request(body, length)


@pytest.mark.parametrize(
    ("body", "length", "sentence"),
    [
        (b"", None, "Input data was truncated"),
        (b"{", None, "Input data was truncated"),
        (b'{"inputs":[]} x', None, "JSON is malformed"),
        (b'{"inputs":[]}', 14, "Inference-Header-Content-Length says 14 bytes, but the body has 13"),
        (b'{"inputs":[]}abc', 13, "3 bytes of binary data are left after the last input took its own"),
        (b'{"inputs":[]}', 5, "Input data was truncated"),
        (b'{"id":"\xff","inputs":[]}', None, "not valid UTF-8: byte 7"),
        (b"[" * 100_000, None, "the request is not a valid inference request"),
    ],
)
def test_bodies_that_are_no_request_are_refused(body: bytes, length: int | None, sentence: str) -> None:
    """With what is wrong."""
    with pytest.raises(BadRequest, match=re.escape(sentence)):
        parse_request(body, length)


def test_nan_of_python_clients_is_a_missing_number() -> None:
    """It is no JSON, but Triton's clients write it; in strings it is left alone."""
    body = (
        b'{"id": "NaN", "inputs": [{"name": "NaN", "datatype": "FP32", "shape": [2], "data": [NaN, 1]},'
        b'{"name": "b", "datatype": "BYTES", "shape": [1], "data": ["\\"NaN"]}]}'
    )
    query = parse_request(body)
    assert (query.id, query.inputs[0].name, query.inputs[1].array.tolist()) == ("NaN", "NaN", ['"NaN'])
    assert values(query.inputs[0].array, "FP32") == ["NaN", 1.0]


def test_the_number_of_tensors_is_bounded() -> None:
    """A body of many tiny tensors is refused before any is read."""
    entry = {"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}
    with pytest.raises(BadRequest, match=f"length <= {MAX_TENSORS}"):
        parse_request(msgspec.json.encode({"inputs": [entry] * (MAX_TENSORS + 1)}))


@pytest.mark.parametrize("identifier", ["", "a", "x" * 128, "a b/c:d", "~"])
def test_ids_that_can_travel_are_kept(identifier: str) -> None:
    """Printable ASCII of up to 128 characters."""
    assert check_id(identifier) == identifier


@pytest.mark.parametrize("identifier", ["x" * 129, "\t", "\r\n", "ü", "\x7f", "\x00"])
def test_ids_that_cannot_travel_are_refused(identifier: str) -> None:
    """They would break a header."""
    with pytest.raises(BadRequest, match=f"found {len(identifier)} characters"):
        check_id(identifier)
