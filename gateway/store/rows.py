"""Answered requests as Arrow tables, and back as the columns that the monitors take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gateway.record import Answers, Field, Layout, Refusals, Role
from gateway.store.columns import CONSTANT, LABEL, LABEL_TIME, REFUSALS, TIME, columns, row_width, value_fields
from gateway.tensor import DATATYPES, Array, bf16_to_fp32, fp32_to_bf16

_OPTIONAL = ("trace_id", "cohort")


def table_of(answers: Answers) -> pa.Table:
    """The columns that differ from row to row, without the label; what is missing, and NaN, is null.

    Raises pyarrow.ArrowException if a column does not fit the layout.
    """
    layout, known = answers.layout, columns(answers.layout)
    found: dict[str, Any] = {
        "request_id": pa.array(answers.request_id, pa.string()),
        "row": answers.row,
        "time": _microseconds(answers.time),
        "route": pa.array(answers.route, pa.string()),
        "revision": answers.revision,
        "queue_us": answers.queue_us,
        "compute_us": answers.compute_us,
        "total_us": answers.total_us,
        **{name: _or_null(getattr(answers, name)) for name in _OPTIONAL},
    }
    for field, column, is_output in value_fields(layout):
        values = (answers.outputs if is_output else answers.inputs).get(field.name)
        kind = known.schema.field(column).type
        if values is None:
            found[column] = pa.nulls(len(answers), kind)
        else:
            name = f"output.{field.name}" if is_output else field.name
            found[column] = _column(values, answers.absent.get(name), field, kind)
    for name, column in known.groups.items():
        found[column] = _texts(answers.groups.get(name), len(answers))
    return pa.table({name: found[name] for name in known.schema.names if name in found})


def complete(table: pa.Table, layout: Layout, role: Role, labels: pa.Array, label_times: pa.Array) -> pa.Table:
    """All columns in their order, from those that `table_of` made."""
    schema = columns(layout).schema
    constant = dict(zip(CONSTANT, (layout.model, layout.version, role, 200), strict=True))
    arrays = []
    for field in schema:
        if field.name in constant:
            arrays.append(pa.repeat(pa.scalar(constant[field.name], field.type), len(table)))
        elif field.name == LABEL:
            arrays.append(labels)
        elif field.name == LABEL_TIME:
            arrays.append(label_times)
        else:
            arrays.append(table.column(field.name))
    return pa.table(arrays, schema=schema)


def refusal_table(refusals: Refusals) -> pa.Table:
    """Refused requests as the store holds them."""
    found = {name: getattr(refusals, name) for name in REFUSALS.names}
    found["time"] = _microseconds(np.array(refusals.time, np.int64))
    found["trace_id"] = _or_null(refusals.trace_id)
    return pa.table(
        {name: pa.array(found[name], kind) for name, kind in zip(REFUSALS.names, REFUSALS.types, strict=True)}
    )


def answers_of(table: pa.Table, layout: Layout, role: Role) -> Answers:
    """The rows of `table` as they were recorded, time to the microsecond.

    A column of one value per row is [n], a wide one [n, *shape]; inputs and outputs whose width varies are left out, since
    rows of several requests do not stack, and groups are strings.
    """
    found: tuple[dict[str, Array], dict[str, Array]] = ({}, {})
    absent: dict[str, NDArray[np.bool_]] = {}
    for field, column, is_output in value_fields(layout):
        if row_width(field, layout.batched) < 0:
            continue
        values = table.column(column).combine_chunks()
        found[is_output][field.name] = _values(values, field, layout.batched)
        if values.null_count:
            absent[f"output.{field.name}" if is_output else field.name] = values.is_null().to_numpy(
                zero_copy_only=False
            )
    return Answers(
        layout=layout,
        role=role,
        request_id=table.column("request_id").to_pylist(),
        row=_numbers(table, "row").astype(np.int32),
        time=_numbers(table, "time") * 1000,
        trace_id=table.column("trace_id").fill_null("").to_pylist(),
        route=table.column("route").to_pylist(),
        revision=_numbers(table, "revision"),
        cohort=table.column("cohort").fill_null("").to_pylist(),
        queue_us=_numbers(table, "queue_us"),
        compute_us=_numbers(table, "compute_us"),
        total_us=_numbers(table, "total_us"),
        inputs=found[0],
        outputs=found[1],
        groups={name: _strings(table.column(column)) for name, column in columns(layout).groups.items()},
        absent=absent,
    )


def timestamps(nanoseconds: Sequence[int | None]) -> pa.Array:
    """Times as the store holds them, null for None."""
    return pa.array([None if one is None else one // 1000 for one in nanoseconds], pa.int64()).cast(TIME)


def _microseconds(nanoseconds: NDArray[np.int64]) -> pa.Array:
    return pa.array(nanoseconds // 1000).cast(TIME)


def _or_null(texts: list[str]) -> pa.Array:
    found = pa.array(texts, pa.string())
    return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)


def _texts(values: Array | None, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, pa.string())
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # request parameters are also numbers and booleans
        encoded = (one if one is None or isinstance(one, str) else msgspec.json.encode(one).decode() for one in values)
        return pa.array(list(encoded), pa.string())


def _column(values: Array, absent: NDArray[np.bool_] | None, field: Field, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind) and values.dtype == object and values.ndim == 1:  # rows of several widths
        return _ragged(values, field, kind)
    if field.datatype == "BF16" and values.dtype == np.uint16:
        values = bf16_to_fp32(values)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    if not pa.types.is_list(kind):
        return pa.array(values.reshape(len(values)), kind, mask=absent, from_pandas=True)
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    if absent is None:
        absent = _empty_rows(flat)
    ends = np.arange(len(flat) + 1, dtype=np.int32) * np.int32(flat.shape[1])
    found = pa.array(flat.ravel(), kind.value_type)
    return pa.ListArray.from_arrays(ends, found, type=kind, mask=None if absent is None else pa.array(absent))


def _ragged(values: Array, field: Field, kind: pa.DataType) -> pa.Array:
    rows: list[Any] = values.tolist()
    if field.datatype == "BF16" and not field.hashed:
        rows = [None if row is None else bf16_to_fp32(np.array(row, np.uint16)) for row in rows]
    return pa.array(rows, kind)


def _empty_rows(flat: Array) -> NDArray[np.bool_] | None:
    """Rows that hold nothing but NaN or None: the request lacked the column."""
    if not flat.size or flat.dtype.kind not in "fO":
        return None
    empty: NDArray[np.bool_] = flat[:, 0] != flat[:, 0] if flat.dtype.kind == "f" else flat[:, 0] == None  # noqa: E711
    if not empty.any():
        return None
    rest = flat[empty]
    empty[empty] = (rest != rest if flat.dtype.kind == "f" else rest == None).all(axis=1)  # noqa: E711, PLR0124
    return empty


def _values(found: pa.Array, field: Field, batched: bool) -> Array:
    text = field.hashed or field.datatype == "BYTES"
    dtype = np.dtype(object) if text else DATATYPES[field.datatype].dtype
    if not pa.types.is_list(found.type):
        return _plain(found, dtype, field)
    shape = field.shape[1:] if batched else field.shape
    flat = _plain(found.flatten(), dtype, field).reshape(len(found) - found.null_count, *shape)
    if not found.null_count:
        return flat
    values: Array = np.full((len(found), *shape), None if text else np.nan if dtype.kind == "f" else 0, dtype)
    values[found.is_valid().to_numpy(zero_copy_only=False)] = flat
    return values


def _plain(found: pa.Array, dtype: np.dtype[Any], field: Field) -> Array:
    if dtype.kind in "iub" and found.null_count and field.datatype != "BF16":
        found = found.fill_null(0 if dtype.kind != "b" else False)
    values: Array = found.to_numpy(zero_copy_only=False)
    if dtype.kind == "O":
        return values.astype(object, copy=False)
    return fp32_to_bf16(values.astype(np.float32)) if field.datatype == "BF16" else values.astype(dtype, copy=False)


def _numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    column = table.column(name)
    kept = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    numbers: NDArray[np.int64] = kept.to_numpy()
    return numbers


def _strings(column: pa.ChunkedArray) -> Array:
    values: Array = column.to_numpy()
    return values.astype(object, copy=False)
