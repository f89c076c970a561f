"""Whatever bytes arrive, the parsers give a query or raise a GatewayError: nothing else ever leaves them."""

from __future__ import annotations

import contextlib
import json
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest, GatewayError
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.messages import read_query
from gateway.inference import target, whole
from gateway.rest import versions_named
from gateway.signature import Signature, Spec, shown
from gateway.tensor import DATATYPES, Array
from gateway.wire.compression import choose, unpack
from gateway.wire.elements import from_binary, from_json
from gateway.wire.request import parse_request
from tests.hostile.shots import LENGTH, Shot, Target, shots

often = settings(max_examples=2500, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))

INPUTS = tuple((datatype.lower(), datatype, (-1, 2)) for datatype in DATATYPES)
ALL = Target("all", INPUTS, ("y",))
ONE = Target("one", (("x", "FP32", (-1,)),), ("y",))
SIGNATURE = Signature("all/1", [Spec(*given) for given in INPUTS], [Spec("y", "FP32", (-1,))])

datatypes = st.sampled_from(sorted(DATATYPES))
shapes = st.lists(st.sampled_from([0, 1, 2, 3, 5, 2**20, 2**31, 2**40]), max_size=32).map(tuple)
numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none(), st.text(max_size=5))
trees: st.SearchStrategy[Any] = st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@often
@given(shots([ALL, ONE]))
def test_a_tampered_request_is_a_query_or_a_refusal(shot: Shot) -> None:
    """A valid request for every datatype, tampered with: parsed, and held against a signature, or a GatewayError."""
    with contextlib.suppress(GatewayError):
        length = shot.headers.get(LENGTH)
        body = unpack(shot.body, shot.headers.get("content-encoding", ""), 1 << 20)
        query = parse_request(body, None if length is None else whole(length, LENGTH))
        SIGNATURE.choose(query.wanted)
        SIGNATURE.fit(query)


@often
@given(st.binary(max_size=300), st.none() | st.integers(0, 400))
def test_any_bytes_are_a_query_or_a_refusal(body: bytes, length: int | None) -> None:
    """No bytes, and no header length, make the parser raise anything but a GatewayError."""
    with contextlib.suppress(GatewayError):
        parse_request(body, length)


@often
@given(trees, datatypes, shapes)
def test_any_json_is_an_array_or_a_refusal_that_names_the_input(
    tree: Any, datatype: str, shape: tuple[int, ...]
) -> None:
    """Any JSON as data of any datatype in any shape: an array of just that shape and dtype, or a sentence with the name."""
    check(lambda: from_json(repr_json(tree), datatype, shape, "the culprit"), datatype, shape)


@often
@given(st.binary(max_size=64), datatypes, shapes)
def test_any_raw_bytes_are_an_array_or_a_refusal_that_names_the_input(
    raw: bytes, datatype: str, shape: tuple[int, ...]
) -> None:
    """Any bytes as elements of any datatype in any shape: an array of just that shape, or a sentence with the name."""
    check(lambda: from_binary(memoryview(raw), datatype, shape, "the culprit"), datatype, shape)


@some
@given(datatypes.filter(lambda datatype: datatype != "BYTES"), st.data())
def test_raw_bytes_that_fit_are_taken_as_they_are(datatype: str, data: st.DataObject) -> None:
    """Any bit pattern is a value; BOOL alone is made 0 or 1."""
    raw = data.draw(st.binary(min_size=24, max_size=24))
    array = from_binary(memoryview(raw), datatype, (24 // DATATYPES[datatype].size,), "x")
    expected = bytes(byte != 0 for byte in raw) if datatype == "BOOL" else raw
    assert array.tobytes() == expected


@often
@given(
    st.builds(
        pb.ModelInferRequest,
        model_name=st.just("all"),
        id=st.text(max_size=5),
        inputs=st.lists(
            st.builds(
                pb.ModelInferRequest.InferInputTensor,
                name=st.sampled_from(["x", "", "\n"]),
                datatype=datatypes | st.text(max_size=3),
                shape=st.lists(st.sampled_from([-(2**63), -1, 0, 1, 2, 2**40, 2**63 - 1]), max_size=40),
                contents=st.none()
                | st.builds(
                    pb.InferTensorContents,
                    bool_contents=st.lists(st.booleans(), max_size=2),
                    int_contents=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=2),
                    int64_contents=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2),
                    uint_contents=st.lists(st.integers(0, 2**32 - 1), max_size=2),
                    uint64_contents=st.lists(st.integers(0, 2**64 - 1), max_size=2),
                    fp32_contents=st.lists(st.floats(width=32), max_size=2),
                    fp64_contents=st.lists(st.floats(), max_size=2),
                    bytes_contents=st.lists(st.binary(max_size=3), max_size=2),
                ),
            ),
            max_size=2,
        ),
        raw_input_contents=st.lists(st.binary(max_size=9), max_size=2),
    )
)
def test_any_message_is_a_query_or_a_refusal(message: pb.ModelInferRequest) -> None:
    """Any protobuf message that can be built: a query whose arrays have the shapes it says, or a GatewayError."""
    with contextlib.suppress(GatewayError):
        for tensor, given_ in zip(read_query(message).inputs, message.inputs, strict=True):
            assert tensor.array.shape == tuple(given_.shape)
            assert tensor.array.dtype == DATATYPES[tensor.datatype].dtype


@some
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "identity", "", "br", "é"]))
def test_any_packed_bytes_are_unpacked_or_refused(body: bytes, encoding: str) -> None:
    """No bytes make the unpacking raise anything but a GatewayError."""
    with contextlib.suppress(GatewayError):
        unpack(body, encoding, 1000)


@some
@given(st.text())
def test_any_header_and_any_path_is_read_or_refused(text: str) -> None:
    """Header values, versions, names and paths of any characters: a value, or a GatewayError."""
    assert choose(text) in ("", "gzip", "deflate")
    for read in (lambda: whole(text, "x"), lambda: target(text), lambda: target(f"/v2/models/m/versions/{text}/infer")):
        with contextlib.suppress(GatewayError):
            read()
    with contextlib.suppress(GatewayError):
        versions_named({"version": text})


@some
@given(st.text(max_size=300))
def test_a_name_is_shown_short_and_plain(name: str) -> None:
    """What a message shows of a name has no control characters, can be encoded, and is short."""
    plain = shown(name)
    assert plain.isprintable()
    assert len(plain.encode()) <= 81 * 4


@pytest.mark.parametrize("size", [65536, 65537, 131071, 200_000])
@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xe2\x82"])
def test_invalid_utf8_is_found_where_it_is(size: int, wrong: bytes) -> None:
    """The sentence gives the offset of the first wrong byte, also across the pieces in which the body is checked."""
    body = ("é" * size).encode()[: size - size % 2] + wrong
    with pytest.raises(BadRequest, match=f"UTF-8: byte {size - size % 2}$"):
        parse_request(body)


@pytest.mark.parametrize("element", [b"0", b"1.5", b"null"])
@pytest.mark.parametrize("shape", [(1,), (0,), (2**40,), (1, 1)])
def test_numbers_that_do_not_match_the_shape_take_no_memory(element: bytes, shape: tuple[int, ...]) -> None:
    """Millions of numbers for another shape are refused before they become Python objects of 32 bytes each."""
    raw = b"[" + b",".join([element] * 1_000_000) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest, match='input "x": 1000000 elements'):
            from_json(raw, "FP32", shape, "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(raw)


def test_long_data_that_matches_its_shape_is_taken() -> None:
    """The counting beforehand refuses nothing that fits, flat or nested."""
    flat = b"[" + b", ".join([b"1"] * 100_000) + b"]"
    nested = b"[" + b",".join([b"[1,2]"] * 50_000) + b"]"
    assert from_json(flat, "INT32", (50, 2000), "x").sum() == 100_000
    assert from_json(nested, "FP32", (50_000, 2), "x").sum() == 150_000


def test_valid_utf8_across_pieces_is_valid() -> None:
    """A character that is cut in two by the piecewise check is whole again."""
    for shift in range(4):
        note = " " * shift + "😀é" * 30_000
        assert parse_request(f'{{"inputs":[],"note":"{note}"}}'.encode()).inputs == []


def check(read: Callable[[], Array], datatype: str, shape: tuple[int, ...]) -> None:
    """What is read has the shape and the dtype that were asked for, or the refusal names the input."""
    try:
        array: Array | None = read()
        sentence = ""
    except BadRequest as refusal:
        array, sentence = None, refusal.message
    if array is None:
        assert 'input "the culprit"' in sentence
    else:
        assert (array.shape, array.dtype) == (shape, DATATYPES[datatype].dtype)


def repr_json(tree: Any) -> bytes:
    """JSON of a tree, in which NaN and infinities stand as their bare words."""
    if isinstance(tree, list):
        return b"[" + b",".join(map(repr_json, tree)) + b"]"
    if isinstance(tree, float) and not math.isfinite(tree):
        return {math.inf: b"Infinity", -math.inf: b"-Infinity"}.get(tree, b"NaN")
    return json.dumps(tree).encode()
