"""The datatypes of the protocol."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gateway.tensor import BY_ONNX, DATATYPES, bf16_to_fp32, fp32_to_bf16

SIZES = {
    "BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "UINT32": 4, "INT32": 4,
    "FP32": 4, "UINT64": 8, "INT64": 8, "FP64": 8, "BYTES": 0,
}  # fmt: skip


def test_the_protocols_datatypes_are_all_there() -> None:
    """The table holds exactly the datatypes of the Open Inference Protocol, with their sizes."""
    assert {name: datatype.size for name, datatype in DATATYPES.items()} == SIZES


def test_each_onnx_type_stands_for_one_datatype() -> None:
    """Two datatypes never share an ONNX type, so that a model's signature is unambiguous."""
    assert len(BY_ONNX) == len(DATATYPES)


@given(arrays.arrays(np.uint16, st.integers(0, 20)))
def test_bf16_survives_the_way_through_fp32(halves: np.ndarray) -> None:
    """Every BF16 number is an FP32 number, and comes back as itself; a NaN comes back as a NaN."""
    wide = bf16_to_fp32(halves)
    back = fp32_to_bf16(wide)
    number = ~np.isnan(wide)
    assert (back[number] == halves[number]).all()
    assert np.isnan(bf16_to_fp32(back[~number])).all()


@pytest.mark.parametrize(
    ("value", "half"),
    [
        (1.0, 0x3F80),
        (-0.0, 0x8000),
        (np.inf, 0x7F80),
        (-np.inf, 0xFF80),
        (1.00390625, 0x3F80),  # halfway between two: the even one
        (1.01171875, 0x3F82),  # halfway again: up to the even one
        (1.004, 0x3F81),  # just above halfway
        (3.4e38, 0x7F80),  # above the largest: infinity
    ],
)
def test_rounding_to_bf16_is_to_nearest_even(value: float, half: int) -> None:
    """Conversion rounds as IEEE 754 asks, and does not truncate."""
    assert fp32_to_bf16(np.array([value], np.float32)).tolist() == [half]
