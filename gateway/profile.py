"""Training data and a manifest make the reference that later windows are compared with."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gateway.errors import SetupError
from gateway.manifest import Column, Manifest
from gateway.tensor import DATATYPES, Array, bf16_to_fp32, fp32_to_bf16
from monitors.errors import ReferenceRefused
from monitors.record import OUTPUT, Batch
from monitors.reference import Reference
from monitors.rehearsal import rehearse
from monitors.schema import ColumnSpec, Kind, Schema

LABEL = "label"
TIME = "time"


def profile(data: Path, manifest: Manifest) -> Reference:
    """The reference of the rows in the Parquet file `data`.

    The file has a column for each input by its name, a list where the input is wide; where present, `output.<name>` of
    the score and of the prediction, `label`, and `time`, a timestamp, are used too, and every other column is ignored. Null
    stands for a missing number or string, for a score that was not computed, and for a label that is not known. Times, in
    whatever order, tell how much the inputs vary from day to day without having drifted.
    Raises SetupError, naming file and column, for a column that is missing or does not fit the manifest.
    """
    file = _open(data)
    try:
        present = set(file.schema_arrow.names)
        schema = schema_of(manifest, prediction=f"{OUTPUT}{manifest.prediction}" in present)
        columns = _columns(file, manifest, schema, data)
        score = f"{OUTPUT}{manifest.score}"
        scores = None
        if manifest.score and score in present and schema.task != "other":
            scores = _score(file, _named(manifest.outputs, manifest.score), score, data)
        labels = _labels(file, schema, data) if LABEL in present and schema.task != "other" else None
        times = _times(file, data) if TIME in present else None
    finally:
        file.close()
    try:
        built = Reference.build(columns, schema, scores, labels)
        return rehearse(built, _batch(manifest, columns, scores, labels, times), manifest.groups)
    except ReferenceRefused as problem:
        raise SetupError(f"{data}: {problem}") from None


def _batch(
    manifest: Manifest,
    columns: dict[str, Array],
    scores: Array | None,
    labels: Array | None,
    times: NDArray[np.int64] | None,
) -> Batch:
    """The rows as if they had been answered, for the monitors to say what is natural in them."""
    rows = len(next(iter(columns.values()), ()))
    return Batch(
        np.zeros(rows, np.int64) if times is None else times,
        np.arange(rows).astype(str).astype(object),
        columns,
        None if scores is None else scores.astype(np.float64),
        columns.get(f"{OUTPUT}{manifest.prediction}"),
        labels,
    )


def schema_of(manifest: Manifest, prediction: bool = True) -> Schema:
    """How the monitors see the inputs and, if it is wanted and there is one, the predicted class as `output.<name>`.

    Left out are inputs whose width varies and those that hold several strings: neither has a distribution to compare.
    """
    specs = [spec for column in manifest.inputs if (spec := _spec(column))]
    if prediction and manifest.prediction and manifest.task in ("binary", "multiclass"):
        specs.append(ColumnSpec(f"{OUTPUT}{manifest.prediction}", "categorical", manifest.classes))
    return Schema(tuple(specs), manifest.task, manifest.classes)


def _spec(column: Column) -> ColumnSpec | None:
    width = row_width(column)
    if width == 1 and (column.categories or column.datatype in ("BYTES", "BOOL")):
        return ColumnSpec(column.name, "categorical", column.categories)
    if width < 1 or column.datatype == "BYTES":
        return None
    kind: Kind = "numeric" if width == 1 else "wide"
    return ColumnSpec(column.name, kind)


def row_width(column: Column) -> int:
    """How many values a row of this input or output holds; -1 if that varies."""
    shape = column.shape[1:] if column.shape[:1] == (-1,) else column.shape
    return -1 if -1 in shape else math.prod(shape)


def _open(data: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(data)
    except FileNotFoundError:
        raise SetupError(f"{data}: no such file") from None
    except (pa.ArrowException, OSError) as problem:
        raise SetupError(f"{data}: not a Parquet file: {problem}") from None


def _columns(file: pq.ParquetFile, manifest: Manifest, schema: Schema, data: Path) -> dict[str, Array]:
    present = file.schema_arrow.names
    missing = [column.name for column in manifest.inputs if column.name not in present]
    if missing:
        raise SetupError(
            f"{data}: no column {', '.join(missing)}, but {manifest.label} has such inputs; found {', '.join(present)}"
        )
    by_name = {column.name: column for column in manifest.inputs}
    if manifest.prediction:
        by_name[f"{OUTPUT}{manifest.prediction}"] = _named(manifest.outputs, manifest.prediction)
    return {spec.name: _values(_read(file, spec.name), by_name[spec.name], spec.name, data) for spec in schema.columns}


def _named(columns: tuple[Column, ...], name: str) -> Column:
    return next(column for column in columns if column.name == name)


def _values(found: pa.Array, column: Column, name: str, data: Path) -> Array:
    """The values as the model takes them: [n], or [n, width] where wide. Lists may be nested as the shape is."""
    rows, width, where = len(found), row_width(column), f'{data}: column "{name}"'
    flat = found
    while _is_list(flat.type):
        if flat.null_count:
            raise SetupError(f"{where}: {flat.null_count} null rows, but each has {width} values")
        sizes = pc.unique(flat.value_lengths()).to_pylist()
        if len(sizes) > 1:
            raise SetupError(f"{where}: rows of {min(sizes)} and {max(sizes)} values, but each has {width}")
        flat = flat.flatten()
    if len(flat) != rows * width:
        raise SetupError(
            f"{where}: rows of {len(flat) // max(rows, 1)} values, but {column.datatype} {list(column.shape)} has {width}"
        )
    array = _typed(flat, column.datatype, where)
    return array if width == 1 else array.reshape(rows, width)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _read(file: pq.ParquetFile, name: str) -> pa.Array:
    found = file.read(columns=[name]).column(name).combine_chunks()
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def _typed(found: pa.Array, datatype: str, where: str) -> Array:
    kind = found.type
    try:
        if datatype == "BYTES" and (pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_bytes(kind)):
            return _array(found.cast(pa.large_string())).astype(object)
        if datatype in ("FP16", "BF16", "FP32", "FP64") and _is_number(kind):
            return _floats(_array(found.cast(pa.float64(), safe=False)), datatype)
        if found.null_count and (pa.types.is_boolean(kind) or pa.types.is_integer(kind)):
            raise SetupError(f"{where}: {found.null_count} nulls, but {datatype} cannot be missing")
        if datatype == "BOOL" and pa.types.is_boolean(kind):
            return _array(found)
        if "INT" in datatype and pa.types.is_integer(kind):
            return _array(found.cast(pa.from_numpy_dtype(DATATYPES[datatype].dtype)))
    except pa.ArrowInvalid as problem:
        raise SetupError(f"{where}: does not fit {datatype}: {problem}") from None
    raise SetupError(f"{where}: holds {kind}, but the manifest says {datatype}")


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _array(found: pa.Array) -> Array:
    array: Array = found.to_numpy(zero_copy_only=False)
    return array


def _floats(values: Array, datatype: str) -> Array:
    # As the model sees them: a float64 and its float32 may fall on two sides of a bin's edge.
    with np.errstate(over="ignore"):
        if datatype == "BF16":
            return bf16_to_fp32(fp32_to_bf16(values.astype(np.float32)))
        return values.astype(DATATYPES[datatype].dtype)


def _score(file: pq.ParquetFile, column: Column, name: str, data: Path) -> Array:
    """Scores as float [n] or [n, classes]; null rows are NaN."""
    found = _read(file, name)
    if not (_is_list(found.type) and found.null_count):
        return _values(found, column, name, data)
    scored = found.is_valid().to_numpy(zero_copy_only=False)
    known = _values(found.drop_null(), column, name, data)
    scores = np.full((len(found), *known.shape[1:]), np.nan)
    scores[scored] = known
    return scores


def _labels(file: pq.ParquetFile, schema: Schema, data: Path) -> Array:
    found = _read(file, LABEL)
    if schema.task != "regression":
        return np.array(found.to_pylist(), dtype=object)
    if not _is_number(found.type):
        raise SetupError(f'{data}: column "{LABEL}": holds {found.type}, but a regression task expects numbers')
    return _array(found.cast(pa.float64(), safe=False))


def _times(file: pq.ParquetFile, data: Path) -> NDArray[np.int64] | None:
    """ns since the epoch, int64 [n]; None if the column is something else, such as an input of that name."""
    found = _read(file, TIME)
    if not (pa.types.is_timestamp(found.type) or pa.types.is_date(found.type)):
        return None
    if found.null_count:
        raise SetupError(
            f'{data}: column "{TIME}": {found.null_count} nulls, but each row was at some time, or leave it out'
        )
    try:
        when = found.cast(pa.timestamp("ns", getattr(found.type, "tz", None))).cast(pa.int64())
    except pa.ArrowInvalid as problem:
        raise SetupError(f'{data}: column "{TIME}": beyond the years that ns can count: {problem}') from None
    return _array(when).astype(np.int64)
