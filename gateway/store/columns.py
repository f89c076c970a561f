"""The columns of the store: their names and types for each layout, and how a label fits them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import pyarrow as pa

from gateway.record import Field, Layout
from gateway.tensor import DATATYPES

Label = str | int | float

LAYOUT_KEY = b"driftgate.layout"
"""Schema metadata of every file of answers: its layout as JSON, so that a reader knows the score and the prediction."""

TIME = pa.timestamp("us", "UTC")
LABEL, LABEL_TIME = "label", "label_time"

CONSTANT = ("model", "version", "role", "status")
"""Columns with one value in a whole file of answers."""

_LEADING = {
    "request_id": pa.string(),
    "row": pa.int32(),
    "time": TIME,
    "model": pa.string(),
    "version": pa.int64(),
    "role": pa.string(),
    "route": pa.string(),
    "revision": pa.int64(),
    "cohort": pa.string(),
    "status": pa.int32(),
    "queue_us": pa.int64(),
    "compute_us": pa.int64(),
    "total_us": pa.int64(),
    "trace_id": pa.string(),
}

REFUSALS = pa.schema(
    {
        "request_id": pa.string(),
        "time": TIME,
        "model": pa.string(),
        "version": pa.int64(),
        "role": pa.string(),
        "route": pa.string(),
        "status": pa.int32(),
        "code": pa.string(),
        "total_us": pa.int64(),
        "trace_id": pa.string(),
    }
)


@dataclass(frozen=True, eq=False, slots=True)
class Columns:
    """The Parquet schema of a layout, and the column of each input, output and group by its name in the model."""

    schema: pa.Schema
    inputs: dict[str, str]
    groups: dict[str, str]
    outputs: dict[str, str]


@lru_cache(maxsize=1024)
def columns(layout: Layout) -> Columns:
    """The columns of `layout`, in their order in the file.

    An input keeps its name. One that would hide another column is `input.<name>`, so that every name stands once.
    """
    inputs = {field.name: field for field in layout.inputs}
    groups = {name: f"group.{name}" for name in layout.groups if name not in inputs}
    outputs = {field.name: f"output.{field.name}" for field in layout.outputs}
    taken = {*_LEADING, LABEL, LABEL_TIME, *groups.values(), *outputs.values()}
    named = {}
    for name in sorted(inputs, key=lambda name: name in taken):
        column = name
        while column in taken:
            column = f"input.{column}"
        taken.add(column)
        named[name] = column
    fields = [
        *_LEADING.items(),
        (LABEL, label_type(layout)),
        (LABEL_TIME, TIME),
        *((named[name], value_type(field, layout.batched)) for name, field in inputs.items()),
        *((column, pa.string()) for column in groups.values()),
        *((outputs[field.name], value_type(field, layout.batched)) for field in layout.outputs),
    ]
    schema = pa.schema(fields, metadata={LAYOUT_KEY: msgspec.json.encode(layout)})
    return Columns(schema, named, groups, outputs)


def value_fields(layout: Layout) -> Iterator[tuple[Field, str, bool]]:
    """Each recorded input and output with its column, and whether it is an output."""
    known = columns(layout)
    yield from ((field, known.inputs[field.name], False) for field in layout.inputs)
    yield from ((field, known.outputs[field.name], True) for field in layout.outputs)


def row_width(field: Field, batched: bool) -> int:
    """How many values one row holds; -1 if that varies.

    >>> row_width(Field("image", "FP32", (-1, 8, 8)), batched=True)
    64
    """
    shape = field.shape[1:] if batched else field.shape
    return -1 if -1 in shape else math.prod(shape)


def value_type(field: Field, batched: bool) -> pa.DataType:
    """The column's type: of one value where a row holds one, else a list, flattened in C order.

    FP16 and BF16 become float, without loss, since few readers know half floats.
    """
    if field.hashed or field.datatype == "BYTES":
        kind = pa.string()
    elif field.datatype in ("FP16", "BF16"):
        kind = pa.float32()
    else:
        kind = pa.from_numpy_dtype(DATATYPES[field.datatype].dtype)
    return kind if row_width(field, batched) == 1 else pa.list_(kind)


@lru_cache(maxsize=1024)
def label_type(layout: Layout) -> pa.DataType:
    """double for a regression, JSON text for a task of its own kind, and else the type of the classes.

    Where no classes are declared, a prediction that is a string says that labels are; otherwise they are integers.
    """
    if layout.task == "regression":
        return pa.float64()
    if layout.task == "other" or any(isinstance(name, str) for name in layout.classes):
        return pa.string()
    predicted = {field.name: field.datatype for field in layout.outputs}.get(layout.prediction or "")
    return pa.string() if not layout.classes and predicted == "BYTES" else pa.int64()


def fit_label(value: object, layout: Layout) -> Label | None:
    """The label as the column holds it; None where it does not fit the layout's type.

    >>> flights = Layout("flights", 1, "", True, (), (), task="binary")
    >>> fit_label(True, flights), fit_label(1.0, flights), fit_label("late", flights)
    (1, 1, None)
    """
    kind = label_type(layout)
    if layout.task == "other":
        return msgspec.json.encode(value).decode()
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        return None
    if pa.types.is_floating(kind):
        return float(value)
    return int(value) if value == int(value) and -(2**63) <= value < 2**63 else None
