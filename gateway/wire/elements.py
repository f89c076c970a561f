"""Tensor elements in their two forms: JSON arrays, and the raw little-endian bytes of Triton's binary extension."""

from __future__ import annotations

import functools
import math
import re
import struct
from typing import Annotated, Any

import msgspec
import numpy as np

from gateway.errors import BadRequest
from gateway.signature import shown
from gateway.tensor import DATATYPES, Array, bf16_to_fp32, fp32_to_bf16

# The largest finite value of each, and half a step more: what still rounds to it.
_FLOATS = {"FP16": 65519.99, "BF16": 3.3961775e38, "FP32": 3.4028235677973362e38, "FP64": math.inf}
_INTEGERS = {
    **{f"INT{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32)},
}
_NESTED = re.compile(rb"\s*\[\s*\[")
_LONG = 1 << 16
"""Numbers as Python holds them take up to 16 times their text, so data longer than this is counted before it is decoded."""


def from_json(raw: bytes | msgspec.Raw, datatype: str, shape: tuple[int, ...], name: str) -> Array:
    """The array of `shape` that JSON text `raw` holds, flat in row-major order or nested as the shape is.

    null stands for NaN in floats. Raises BadRequest naming input `name`.
    """
    nested = _NESTED.match(raw) is not None
    if nested and len(shape) < 2:
        raise BadRequest(f'input "{shown(name)}": data is nested, but shape {list(shape)} has {len(shape)} dimension')
    if datatype != "BYTES" and len(raw) > _LONG:
        _count(raw, shape, name)
    try:
        values = _decoder(datatype, len(shape) if nested else 1).decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as problem:
        raise BadRequest(f'input "{shown(name)}": data: {said(problem)}; {datatype} expected') from None
    held = DATATYPES[datatype].dtype
    try:
        array = np.array(values, np.float32 if datatype == "BF16" else held)
    except (ValueError, OverflowError) as problem:
        raise BadRequest(f'input "{shown(name)}": data does not fit {datatype}: {_plain(problem)}') from None
    if datatype == "BF16":
        array = fp32_to_bf16(array)
    if nested and array.shape != shape:
        raise BadRequest(f'input "{shown(name)}": data is nested as {list(array.shape)}, but shape says {list(shape)}')
    return shaped(array, shape, name)


def from_binary(raw: memoryview, datatype: str, shape: tuple[int, ...], name: str) -> Array:
    """The array of `shape` that `raw` holds: little-endian elements, or for BYTES a uint32 length before each.

    Shares memory with `raw` where it can. Raises BadRequest naming input `name`.
    """
    kind = DATATYPES[datatype]
    count = math.prod(shape)
    if not kind.size:
        return shaped(_strings(raw, count, name), shape, name)
    if len(raw) != count * kind.size:
        raise BadRequest(
            f'input "{shown(name)}": {len(raw)} bytes, but shape {list(shape)} of {datatype} takes {count * kind.size}'
        )
    if datatype == "BOOL":  # any byte but 0 is true; numpy wants exactly 0 or 1
        truths: Array = np.frombuffer(raw, np.uint8) != 0
        return shaped(truths, shape, name)
    array: Array = np.frombuffer(raw, kind.dtype)
    return shaped(array if array.flags.aligned else array.copy(), shape, name)


def to_json(array: Array, datatype: str) -> list[Any]:
    """The elements in row-major order; NaN and infinities become null when encoded."""
    if datatype == "BF16":
        array = bf16_to_fp32(array)
    flat = array.ravel().tolist()
    return flat if datatype != "BYTES" else [_text(value) for value in flat]


def to_binary(array: Array, datatype: str) -> bytes:
    """The elements in row-major order as little-endian bytes."""
    if datatype != "BYTES":
        return array.astype(DATATYPES[datatype].dtype, copy=False).tobytes()
    parts: list[bytes] = []
    for value in array.ravel().tolist():
        encoded = _text(value).encode()
        parts += (struct.pack("<I", len(encoded)), encoded)
    return b"".join(parts)


def said(problem: Exception) -> str:
    """What msgspec says of malformed input, as part of a sentence and without its backticks."""
    if isinstance(problem, RecursionError):
        return "nested too deeply"
    if isinstance(problem, UnicodeError):
        return "invalid UTF-8"
    return str(problem).replace("`", "").replace(" - at $", " at $").replace("$.", "").replace("at $", "at ")


@functools.cache
def _decoder(datatype: str, depth: int) -> msgspec.json.Decoder[Any]:
    kind: Any
    if datatype in _FLOATS:
        limit = _FLOATS[datatype]
        kind = float if math.isinf(limit) else Annotated[float, msgspec.Meta(ge=-limit, le=limit)]
        kind = kind | None
    elif datatype in _INTEGERS:
        low, high = _INTEGERS[datatype]
        kind = Annotated[int, msgspec.Meta(ge=low, le=high)]
    elif datatype == "UINT64":
        kind = int
    else:
        kind = bool if datatype == "BOOL" else str
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind)


def shaped(array: Array, shape: tuple[int, ...], name: str) -> Array:
    """The flat array's elements in `shape`. Raises BadRequest naming input `name` if there are not as many."""
    if array.shape == shape:
        return array
    if array.size != math.prod(shape):
        raise BadRequest(
            f'input "{shown(name)}": {array.size} elements, but shape {list(shape)} takes {math.prod(shape)}'
        )
    try:
        return array.reshape(shape)
    except ValueError:  # no elements, and yet too many for numpy: [0, 2**40, 2**40]
        raise BadRequest(f'input "{shown(name)}": shape {list(shape)} is larger than any array can be') from None


def _count(raw: bytes | msgspec.Raw, shape: tuple[int, ...], name: str) -> None:
    """Raises BadRequest for numbers or truths that are not as many as the shape takes: but the first, each has its comma."""
    found, expected = bytes(raw).count(b",") + 1, math.prod(shape)
    if found != expected:
        raise BadRequest(f'input "{shown(name)}": {found} elements, but shape {list(shape)} takes {expected}')


def _strings(raw: memoryview, count: int, name: str) -> Array:
    if count * 4 > len(raw):
        raise BadRequest(f'input "{shown(name)}": {len(raw)} bytes cannot hold {count} BYTES elements')
    values: list[str] = []
    at = 0
    for index in range(count):
        if at + 4 > len(raw):
            raise BadRequest(f'input "{shown(name)}": the bytes end inside element {index} of {count}')
        (size,) = struct.unpack_from("<I", raw, at)
        at += 4
        if at + size > len(raw):
            raise BadRequest(
                f'input "{shown(name)}": element {index} says it has {size} bytes, but {len(raw) - at} are left'
            )
        try:
            values.append(str(raw[at : at + size], "utf-8"))
        except UnicodeDecodeError:
            raise BadRequest(f'input "{shown(name)}": element {index} is not valid UTF-8') from None
        at += size
    if at != len(raw):
        raise BadRequest(f'input "{shown(name)}": {len(raw) - at} bytes are left after its {count} elements')
    return np.array(values, np.object_)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _plain(problem: Exception) -> str:
    return "a number is out of range" if isinstance(problem, OverflowError) else "its rows differ in length"
