"""One Parquet file of all that was recorded of a model, for retraining and for analysis elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.errors import SetupError
from gateway.record import Role
from gateway.store.columns import LABEL, LABEL_TIME, LAYOUT_KEY, columns
from gateway.store.part import Part, epoch_us
from gateway.store.snapshot import Snapshot, snapshot
from gateway.store.unification import fitted, unified

_ROWS = 65_536
_PRIMARY: tuple[Role, ...] = ("primary",)
_BYTES = 64 << 20


def export(
    data: Path,
    model: str,
    output: Path,
    *,
    begin: int | None = None,
    end: int | None = None,
    roles: Collection[Role] = _PRIMARY,
    with_labels: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Writes what is committed of a model to `output`, and says how many rows that is.

    begin, end: ns since the epoch, [begin, end). Rows of all versions: columns that one lacks are null there, a column whose
    type changed is of a type that holds both (see `unified`). Each 65,536 rows are in order of time, and follow one another
    by the time at which parts begin. The layout of the newest version is in the metadata. with_labels: False leaves out the
    columns of the label. progress: called with the rows that were read and all that there are to read.
    `output` appears when it is complete. Raises SetupError if nothing of the model is recorded, or the file cannot be written.
    """
    with snapshot(data, model) as found:
        if not found.parts:
            raise SetupError(f"{data}: nothing is recorded of model {model!r}")
        parts = [part for part in found.parts if part.key.role in roles and _overlaps(part, begin, end)]
        schema = _schema(parts or found.parts, with_labels)
        staged = output.with_name(f"{output.name}.tmp")
        try:
            rows = _write(staged, schema, _rows(found, parts, schema, begin, end, progress))
            staged.replace(output)
        except OSError as problem:
            raise SetupError(f"{output}: cannot be written: {problem}") from None
        finally:
            staged.unlink(missing_ok=True)
    return rows


def _overlaps(part: Part, begin: int | None, end: int | None) -> bool:
    return (begin is None or part.end >= begin // 1000) and (end is None or part.begin * 1000 < end)


def _schema(parts: Collection[Part], with_labels: bool) -> pa.Schema:
    layouts = {layout: None for part in parts if (layout := part.key.layout)}
    ordered = sorted(layouts, key=lambda layout: layout.version)
    schema = unified(columns(layout).schema for layout in ordered)
    fields = [field for field in schema if with_labels or field.name not in (LABEL, LABEL_TIME)]
    return pa.schema(fields, metadata={LAYOUT_KEY: msgspec.json.encode(ordered[-1])})


def _rows(
    found: Snapshot,
    parts: Collection[Part],
    schema: pa.Schema,
    begin: int | None,
    end: int | None,
    progress: Callable[[int, int], None],
) -> Iterator[pa.Table]:
    done, total = 0, sum(part.rows for part in parts)
    for part in parts:
        for table in found.read(part):
            times = epoch_us(table.column("time")) * 1000
            chosen = np.ones(len(times), np.bool_)
            if begin is not None:
                chosen &= times >= begin
            if end is not None:
                chosen &= times < end
            yield fitted(table if chosen.all() else table.filter(pa.array(chosen)), schema)
            done += len(table)
            progress(done, total)


def _write(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> int:
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3) as writer:
        for table in _gathered(tables):
            order = np.argsort(epoch_us(table.column("time")), kind="stable")
            writer.write_table(table.take(pa.array(order)), row_group_size=_ROWS)
            rows += len(table)
    return rows


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Small tables together, so that the file has few row groups, and those rows can be put in order."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        waiting.append(table)
        rows, size = rows + len(table), size + table.nbytes
        if rows >= _ROWS or size >= _BYTES:
            yield pa.concat_tables(waiting)
            waiting, rows, size = [], 0, 0
    if rows:
        yield pa.concat_tables(waiting)
