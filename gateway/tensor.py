"""The datatypes of the Open Inference Protocol, as numpy and ONNX know them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

MAX_RANK = 32
"""More dimensions than this are refused; numpy itself stops at 64."""


class Datatype(NamedTuple):
    """One datatype. `dtype` is how an array of it is held: BYTES as object (str), BF16 as the upper half of an FP32."""

    name: str
    dtype: np.dtype[np.generic]
    onnx: str
    size: int
    """Bytes of one element in the binary form; 0 for BYTES, whose elements each carry their length."""


def _datatype(name: str, dtype: type[np.generic], onnx: str) -> Datatype:
    held = np.dtype(dtype).newbyteorder("<")
    return Datatype(name, held, f"tensor({onnx})", 0 if name == "BYTES" else held.itemsize)


DATATYPES: dict[str, Datatype] = {
    datatype.name: datatype
    for datatype in (
        _datatype("BOOL", np.bool_, "bool"),
        _datatype("UINT8", np.uint8, "uint8"),
        _datatype("UINT16", np.uint16, "uint16"),
        _datatype("UINT32", np.uint32, "uint32"),
        _datatype("UINT64", np.uint64, "uint64"),
        _datatype("INT8", np.int8, "int8"),
        _datatype("INT16", np.int16, "int16"),
        _datatype("INT32", np.int32, "int32"),
        _datatype("INT64", np.int64, "int64"),
        _datatype("FP16", np.float16, "float16"),
        _datatype("BF16", np.uint16, "bfloat16"),
        _datatype("FP32", np.float32, "float"),
        _datatype("FP64", np.float64, "double"),
        _datatype("BYTES", np.object_, "string"),
    )
}

BY_ONNX: dict[str, Datatype] = {datatype.onnx: datatype for datatype in DATATYPES.values()}


class Tensor(NamedTuple):
    """A named array with the datatype that the client gave it."""

    name: str
    datatype: str
    array: Array


def bf16_to_fp32(halves: Array) -> NDArray[np.float32]:
    """BF16 (uint16, any shape) as float32 of the same shape; exact.

    >>> bf16_to_fp32(np.array([0x3F80, 0x4000], np.uint16)).tolist()
    [1.0, 2.0]
    """
    return (halves.astype(np.uint32) << 16).view(np.float32)


def fp32_to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """float32 as BF16 (uint16), rounded to nearest, ties to even; NaN stays NaN.

    >>> [hex(half) for half in fp32_to_bf16(np.array([1.0, 2.0], np.float32))]
    ['0x3f80', '0x4000']
    """
    bits = values.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), np.uint32(0x7FC0), rounded).astype(np.uint16)
