"""Tensor elements as JSON and as bytes."""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given

from gateway.errors import BadRequest
from gateway.tensor import DATATYPES, Array
from gateway.wire.elements import from_binary, from_json, to_binary, to_json
from tests.gateway.wire.strategies import TENSORS, values


@given(TENSORS)
def test_json_gives_back_what_was_written(tensor: tuple[str, Array]) -> None:
    """Flat, for each datatype and shape; only what JSON has no word for, NaN and infinities, comes back as NaN."""
    datatype, array = tensor
    found = from_json(msgspec.json.encode(to_json(array, datatype)), datatype, array.shape, "x")
    assert (found.shape, found.dtype) == (array.shape, DATATYPES[datatype].dtype)
    expected = ["NaN" if isinstance(value, float) and math.isinf(value) else value for value in values(array, datatype)]
    assert values(found, datatype) == expected


@given(TENSORS)
def test_nested_and_flat_are_the_same(tensor: tuple[str, Array]) -> None:
    """The protocol allows both."""
    datatype, array = tensor
    flat = to_json(array, datatype)
    nested = np.array(flat, object).reshape(array.shape).tolist() if array.ndim > 1 and array.size else flat
    raw = msgspec.json.encode(nested)
    spaced = msgspec.json.format(raw, indent=80)
    one = from_json(msgspec.json.encode(flat), datatype, array.shape, "x")
    for text in (raw, spaced):
        assert values(from_json(text, datatype, array.shape, "x"), datatype) == values(one, datatype)


@given(TENSORS)
def test_bytes_give_back_what_was_written(tensor: tuple[str, Array]) -> None:
    """Exactly, NaN and infinities too, wherever in a body the bytes begin."""
    datatype, array = tensor
    raw = to_binary(array, datatype)
    for offset in (0, 1):
        found = from_binary(memoryview(bytes(offset) + raw)[offset:], datatype, array.shape, "x")
        assert (found.shape, found.dtype) == (array.shape, DATATYPES[datatype].dtype)
        assert to_binary(found, datatype) == raw
        assert values(found, datatype) == values(array, datatype)


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if "INT" in name])
def test_integers_reach_to_their_bounds_and_no_further(datatype: str) -> None:
    """Nothing wraps around."""
    bounds = np.iinfo(DATATYPES[datatype].dtype)
    low, high = int(bounds.min), int(bounds.max)
    assert from_json(f"[{low}, {high}]".encode(), datatype, (2,), "x").tolist() == [low, high]
    for outside in (low - 1, high + 1, 2**70, -(2**70)):
        with pytest.raises(BadRequest, match=r'^input "x": data'):
            from_json(f"[{outside}]".encode(), datatype, (1,), "x")


@pytest.mark.parametrize(
    ("datatype", "largest", "beyond"),
    [("FP16", 65504, 65520), ("BF16", 3.38953139e38, 3.3962e38), ("FP32", 3.4028234663852886e38, 3.41e38)],
)
def test_floats_reach_to_their_largest_and_do_not_become_infinite(datatype: str, largest: float, beyond: float) -> None:
    """What rounds to the largest is taken, on both sides."""
    found = values(from_json(f"[{largest}, -{largest}]".encode(), datatype, (2,), "x"), datatype)
    assert found == pytest.approx([largest, -largest], rel=1e-6)
    with pytest.raises(BadRequest):
        from_json(f"[{beyond}]".encode(), datatype, (1,), "x")
    with pytest.raises(BadRequest):
        from_json(f"[-{beyond}]".encode(), datatype, (1,), "x")


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_null_is_a_missing_number(datatype: str) -> None:
    """In floats; whole numbers are taken for floats too."""
    assert values(from_json(b"[null, 2, 0.5]", datatype, (3,), "x"), datatype) == ["NaN", 2.0, 0.5]


@pytest.mark.parametrize(
    ("raw", "datatype", "shape", "sentence"),
    [
        (b"[1, 2, 3]", "FP32", (2,), "3 elements, but shape [2] takes 2"),
        (b"[]", "FP32", (1,), "0 elements, but shape [1] takes 1"),
        (b"[[1, 2], [3]]", "FP32", (2, 2), "data does not fit FP32: its rows differ in length"),
        (b'[["a", "b"], ["c"]]', "BYTES", (2, 2), "data is nested as [2], but shape says [2, 2]"),
        (b"[[1, 2]]", "FP32", (2, 1), "data is nested as [1, 2], but shape says [2, 1]"),
        (b"[[1], [2]]", "FP32", (2,), "data is nested, but shape [2] has 1 dimension"),
        (b"[[1], 2]", "FP32", (2, 1), "data: Expected array, got int at [1]; FP32 expected"),
        (b"[1, [2]]", "FP32", (2, 1), "data: Expected float | null, got array at [1]; FP32 expected"),
        (b'["1"]', "FP32", (1,), "data: Expected float | null, got str at [0]; FP32 expected"),
        (b"[true]", "FP32", (1,), "data: Expected float | null, got bool at [0]; FP32 expected"),
        (b"[null]", "INT64", (1,), "data: Expected int, got null at [0]; INT64 expected"),
        (b"[1.5]", "INT64", (1,), "data: Expected int, got float at [0]; INT64 expected"),
        (b"[true]", "INT64", (1,), "data: Expected int, got bool at [0]; INT64 expected"),
        (b"[1]", "BOOL", (1,), "data: Expected bool, got int at [0]; BOOL expected"),
        (b"[1]", "BYTES", (1,), "data: Expected str, got int at [0]; BYTES expected"),
        (b"5", "FP32", (1,), "data: Expected array, got int; FP32 expected"),
        (b'"abc"', "BYTES", (1,), "data: Expected array, got str; BYTES expected"),
        (b"{}", "FP32", (1,), "data: Expected array, got object; FP32 expected"),
    ],
)
def test_json_that_does_not_fit_is_refused(raw: bytes, datatype: str, shape: tuple[int, ...], sentence: str) -> None:
    """The message says what was found, what was expected, and where."""
    with pytest.raises(BadRequest, match="^" + re.escape(f'input "x": {sentence}') + "$"):
        from_json(raw, datatype, shape, "x")


def element(text: bytes, size: int | None = None) -> bytes:
    """One BYTES element as it travels."""
    return struct.pack("<I", len(text) if size is None else size) + text


@pytest.mark.parametrize(
    ("raw", "datatype", "shape", "sentence"),
    [
        (bytes(7), "FP32", (2,), "7 bytes, but shape [2] of FP32 takes 8"),
        (bytes(9), "FP32", (2,), "9 bytes, but shape [2] of FP32 takes 8"),
        (b"", "FP32", (2**40, 2**40), f"0 bytes, but shape [{2**40}, {2**40}] of FP32 takes {4 * 2**80}"),
        (b"", "BYTES", (2**40,), f"0 bytes cannot hold {2**40} BYTES elements"),
        (element(b"ab") + bytes(2), "BYTES", (2,), "the bytes end inside element 1 of 2"),
        (element(b"ab", 3), "BYTES", (1,), "element 0 says it has 3 bytes, but 2 are left"),
        (element(b"", 2**32 - 1), "BYTES", (1,), f"element 0 says it has {2**32 - 1} bytes, but 0 are left"),
        (element(b"ab") + b"c", "BYTES", (1,), "1 bytes are left after its 1 elements"),
        (element(b"\xff\xfe"), "BYTES", (1,), "element 0 is not valid UTF-8"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(raw: bytes, datatype: str, shape: tuple[int, ...], sentence: str) -> None:
    """Nothing is allocated for what is only claimed."""
    with pytest.raises(BadRequest, match="^" + re.escape(f'input "x": {sentence}') + "$"):
        from_binary(memoryview(raw), datatype, shape, "x")


def test_any_byte_but_0_is_true() -> None:
    """C's booleans are taken, and are 0 and 1 afterwards."""
    assert from_binary(memoryview(b"\x00\x01\x02\xff"), "BOOL", (4,), "x").view(np.uint8).tolist() == [0, 1, 1, 1]


def test_numbers_share_the_memory_of_the_body() -> None:
    """No copy is made where they lie as numpy needs them."""
    raw = bytearray(np.arange(4, dtype="<f4").tobytes())
    array: Any = from_binary(memoryview(raw), "FP32", (2, 2), "x")
    raw[:4] = np.float32(9).tobytes()
    assert array[0, 0] == 9


def test_strings_of_a_model_may_be_bytes() -> None:
    """What is not UTF-8 is replaced, not raised."""
    array = np.array([b"a\xff", "b"], object)
    assert to_json(array, "BYTES") == ["a\ufffd", "b"]
    assert to_binary(array, "BYTES") == element("a\ufffd".encode()) + element(b"b")
