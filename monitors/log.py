"""Recorded answers in a Parquet file, as batches in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitors.errors import LogRefused
from monitors.manifest import Column, Facts
from monitors.record import OUTPUT, Batch, scores_of

CHUNK = 8192
GROUP, INPUT = "group.", "input."
RESERVED = {"request_id", "time", "version", "role", "label", "label_time"}


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Answered rows of one version and role.

    batch: labels is None where no row has one, and label_time where the log does not say; a label without a time was known
    when its row was answered.
    """

    version: int
    role: str
    batch: Batch


def read_log(path: Path, facts: Facts) -> Iterator[Rows]:
    """All rows in order of time, some thousand at once; of one file with its rows in order no more are ever in memory.

    Columns are those of an export: `time` is needed, the others are used where they are; version 0 and role `primary` stand
    for none. Raises LogRefused, naming file and column.
    """
    try:
        with pq.ParquetFile(path) as file:
            if "time" not in file.schema_arrow.names:
                raise ValueError(f'no column "time"; found {", ".join(file.schema_arrow.names)}')
            for table in _in_order(file, _names(file.schema_arrow.names, facts)):
                yield from _rows(table, facts)
    except FileNotFoundError:
        raise LogRefused(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as problem:
        raise LogRefused(f"{path}: not a Parquet file of answers: {problem}") from None
    except (pa.ArrowException, ValueError, KeyError) as problem:
        raise LogRefused(f"{path}: {problem}") from None


def _names(present: Sequence[str], facts: Facts) -> list[str]:
    inputs = {name for column in facts.inputs for name in (column.name, INPUT + column.name)}
    outputs = {OUTPUT + name for name in (facts.score, facts.prediction) if name}
    groups = {name for group in facts.groups for name in (group, GROUP + group)}
    return [name for name in present if name in RESERVED | inputs | outputs | groups or name.startswith(GROUP)]


def _in_order(file: pq.ParquetFile, names: list[str]) -> Iterator[pa.Table]:
    """Chunks of the file whose times ascend; what lies ahead of its time in the file is held back until its turn."""
    following, read = _following(file), 0
    held: list[pa.Table] = []
    for chunk in file.iter_batches(CHUNK, columns=names):
        read += len(chunk)
        held.append(pa.Table.from_batches([chunk]))
        table = pa.concat_tables(held)
        times = _nanoseconds(table["time"])
        due = times < following[read // CHUNK] if read < file.metadata.num_rows else np.ones(len(times), bool)
        order = np.flatnonzero(due)[np.argsort(times[due], kind="stable")]
        held = [] if due.all() else [table.filter(pa.array(~due))]
        ordered = table.take(pa.array(order))
        yield from (ordered.slice(start, CHUNK) for start in range(0, len(ordered), CHUNK))


def _following(file: pq.ParquetFile) -> NDArray[np.int64]:
    """The earliest time in or after each block of CHUNK rows: chunks of other columns may be cut elsewhere."""
    blocks = np.full(file.metadata.num_rows // CHUNK + 1, np.iinfo(np.int64).max)
    row = 0
    for chunk in file.iter_batches(CHUNK, columns=["time"]):
        times = _nanoseconds(chunk.column(0))
        np.minimum.at(blocks, np.arange(row, row + len(times)) // CHUNK, times)
        row += len(times)
    return np.minimum.accumulate(blocks[::-1])[::-1]


def _nanoseconds(values: Any, name: str = "time") -> NDArray[np.int64]:
    if not pa.types.is_timestamp(values.type):
        raise ValueError(f'column "{name}": holds {values.type}, expected timestamps')
    if values.null_count:
        raise ValueError(f'column "{name}": {values.null_count} rows have none')
    found: NDArray[np.int64] = values.cast(pa.timestamp("ns", values.type.tz)).cast(pa.int64()).to_numpy()
    return found


def _rows(table: pa.Table, facts: Facts) -> Iterator[Rows]:
    """The rows of each version and role."""
    present = table.column_names
    version = _plain(table["version"]) if "version" in present else np.zeros(len(table), np.int64)
    role = _plain(table["role"]) if "role" in present else np.full(len(table), "primary", object)
    batch = _batch(table, facts)
    for key in sorted(set(zip(version.tolist(), role.tolist(), strict=True)), key=str):
        chosen = (version == key[0]) & (role == key[1])
        yield Rows(int(key[0] or 0), str(key[1]), batch if chosen.all() else batch.take(chosen))


def _batch(table: pa.Table, facts: Facts) -> Batch:
    present = set(table.column_names)
    columns = {}
    for column in facts.inputs:
        name = INPUT + column.name if INPUT + column.name in present else column.name
        if name in present and column.width > 0 and name not in RESERVED:
            columns[column.name] = _values(table[name], column)
    outputs = {column.name: column for column in facts.outputs}
    answered = {
        name: _values(table[OUTPUT + name], outputs[name])
        for name in {facts.score, facts.prediction}
        if name in outputs and OUTPUT + name in present
    }
    predictions = answered.get(facts.prediction or "")
    if predictions is not None:
        columns[OUTPUT + str(facts.prediction)] = predictions
    ids = _plain(table["request_id"]) if "request_id" in present else np.full(len(table), "", object)
    return Batch(
        _nanoseconds(table["time"]),
        ids,
        columns,
        scores_of(answered.get(facts.score or ""), facts.task),
        predictions,
        _plain(table["label"]) if "label" in present and table["label"].null_count < len(table) else None,
        {
            group: _plain(table[name])
            for group in facts.groups
            for name in (GROUP + group, group)
            if name in present and name not in RESERVED
        },
        _label_time(table),
        _unscored(table, f"{OUTPUT}{facts.score}"),
    )


def _unscored(table: pa.Table, name: str) -> NDArray[np.bool_] | None:
    if name not in table.column_names or not table[name].null_count:
        return None
    unscored: NDArray[np.bool_] = table[name].is_null().to_numpy()
    return unscored


def _label_time(table: pa.Table) -> NDArray[np.int64] | None:
    if "label_time" not in table.column_names or table["label_time"].null_count == len(table):
        return None
    values = table["label_time"]
    known = _nanoseconds(pc.fill_null(values, pa.scalar(0).cast(values.type)), "label_time")
    return np.where(values.is_null().to_numpy(), _nanoseconds(table["time"]), known)


def _values(found: Any, column: Column) -> NDArray[Any]:
    """The values as the model took them, [n] or [n, width]; null is NaN or None."""
    flat = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if not (pa.types.is_list(flat.type) or pa.types.is_large_list(flat.type) or pa.types.is_fixed_size_list(flat.type)):
        return _typed(_plain(found), column)
    valid = flat.is_valid().to_numpy(zero_copy_only=False)
    inner = flat.drop_null()
    while not pa.types.is_primitive(inner.type) and not pa.types.is_string(inner.type):
        inner = inner.flatten()
    values = _typed(_plain(inner), column)
    rows = int(valid.sum())
    if len(values) != rows * column.width:
        raise LogRefused(
            f'column "{column.name}": {len(values)} values in {rows} rows, expected {column.width} in each'
        )
    if column.width == 1 and rows == len(flat):
        return values
    whole = np.full((len(flat), column.width), np.nan, np.result_type(values.dtype, np.float32))
    whole[valid] = values.reshape(rows, column.width)
    return whole[:, 0] if column.width == 1 else whole


def _typed(values: NDArray[Any], column: Column) -> NDArray[Any]:
    # A float64 and its float32 may fall on two sides of a bin's edge.
    narrow = {"FP16": np.float16, "FP32": np.float32, "BF16": np.float32}.get(column.datatype)
    if narrow is None or values.dtype.kind != "f":
        return values
    with np.errstate(over="ignore"):
        return values.astype(narrow)


def _plain(found: Any) -> NDArray[Any]:
    """Numbers and booleans as arrays, floats where some are null; everything else as objects."""
    values = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
