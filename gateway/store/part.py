"""One Parquet file of the store: what the catalogue knows of it, how it is written, and how rows of it are read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gateway.record import Layout, Role

Kind = Literal["answers", "refusals"]

GROUP_ROWS = 16_384
_GROUP_BYTES = 32 << 20
_SAMPLE = 2_048
_HOUR_US = 3_600_000_000
_DELTA = {
    "request_id": "DELTA_BYTE_ARRAY",  # 13.1 B for a UUIDv7 instead of 15.1; they sort by time, as the rows do
    "time": "DELTA_BINARY_PACKED",
}


@dataclass(frozen=True, slots=True)
class Key:
    """What all rows of a part have in common. layout and role are None for refusals; hour counts from the epoch."""

    kind: Kind
    layout: Layout | None
    role: Role | None
    hour: int

    @property
    def folder(self) -> str:
        """Where its parts lie, below `store/`."""
        hour = f"{datetime.fromtimestamp(self.hour * 3600, UTC):%Y-%m-%dT%H}"
        return f"answers/{self.layout.model}/{hour}" if self.layout else f"refusals/{hour}"


@dataclass(frozen=True, slots=True)
class Part:
    """A file that counts. path: below `store/`. bytes: of the file; raw: of its rows in memory.

    begin, end: the times of its first and last row, µs since the epoch. first_id, last_id: the ids of its
    answers lie between them.
    """

    number: int
    key: Key
    path: str
    rows: int
    bytes: int
    raw: int
    begin: int
    end: int
    first_id: str
    last_id: str

    @property
    def model(self) -> str:
        """The model of its answers; "" for refusals, which are of all models."""
        return self.key.layout.model if self.key.layout else ""


class Written(NamedTuple):
    """A part's file, and the ids of its rows in their order."""

    part: Part
    ids: pa.ChunkedArray


def hours(table: pa.Table) -> list[tuple[int, pa.Table]]:
    """The rows by hour since the epoch, each in order of time."""
    times = epoch_us(table.column("time"))
    if len(times) > 1 and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        table, times = table.take(pa.array(order)), times[order]
    names, starts = np.unique(times // _HOUR_US, return_index=True)
    ends = [*starts[1:], len(times)]
    return [(int(hour), table.slice(start, end - start)) for hour, start, end in zip(names, starts, ends, strict=True)]


def epoch_us(times: pa.ChunkedArray) -> NDArray[np.int64]:
    """A time column as µs since the epoch, int64 [n]."""
    found: NDArray[np.int64] = times.cast(pa.int64()).to_numpy()
    return found


def write(tables: Iterable[pa.Table], file: Path, number: int, key: Key, path: str) -> Written | None:
    """Writes `file` of the tables, all of one schema, one after the other, and waits for the disk.

    number, key, path: as the part will have them. None, and no file, if there are no rows. Raises OSError.
    """
    writer: pq.ParquetWriter | None = None
    ids: list[pa.Array] = []
    times: list[pa.Array] = []
    raw = 0
    try:
        for table in tables:
            if not len(table):
                continue
            if writer is None:
                writer = pq.ParquetWriter(file, table.schema, **_encodings(table))
            width = max(1, table.nbytes // len(table))
            writer.write_table(table, row_group_size=max(1, min(GROUP_ROWS, _GROUP_BYTES // width)))
            raw += table.nbytes
            ids += table.column("request_id").chunks
            times += table.column("time").chunks
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        return None
    sync(file)
    names, span = pa.chunked_array(ids), pc.min_max(pa.chunked_array(times).cast(pa.int64())).as_py()
    between = pc.min_max(names).as_py() if key.layout else {"min": "", "max": ""}
    sizes = (len(names), file.stat().st_size, raw)
    return Written(Part(number, key, path, *sizes, span["min"], span["max"], between["min"], between["max"]), names)


def sync(path: Path) -> None:
    """Waits until the file, or the names in the folder, are on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def read_rows(path: Path, rows: NDArray[np.int64], wanted: Sequence[str] | None = None) -> pa.Table:
    """Those rows, in the order given, of those columns (None: of all). Only their row groups are read."""
    with pq.ParquetFile(path) as file:
        sizes = np.array([file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)])
        starts = np.cumsum(sizes) - sizes
        group = np.searchsorted(starts, rows, side="right") - 1
        used = np.unique(group)
        table = file.read_row_groups(used.tolist(), columns=None if wanted is None else list(wanted), use_threads=False)
    shift = starts[used] - (np.cumsum(sizes[used]) - sizes[used])
    return table.take(pa.array(rows - shift[np.searchsorted(used, group)])).combine_chunks()


def _encodings(table: pa.Table) -> dict[str, Any]:
    """zstd over a dictionary for columns that repeat themselves, over an encoding that fits the type for the others.

    Of 50,000 flights a float that does not repeat takes 3.3 B by BYTE_STREAM_SPLIT, 5.4 B with a dictionary; one that does
    takes half of what the former needs.
    """
    encoding: dict[str, str] = {}
    repeated: list[str] = []
    step = max(1, len(table) // _SAMPLE)
    sample = table.take(pa.array(np.arange(0, len(table), step))) if step > 1 else table
    for field in table.schema:
        name, kind, leaf = field.name, field.type, field.name
        if pa.types.is_list(kind):
            kind, leaf = kind.value_type, f"{name}.list.element"
        elif name not in _DELTA and pc.count_distinct(sample.column(name)).as_py() * 4 <= len(sample) + 4:
            repeated.append(name)
            continue
        if pa.types.is_floating(kind):
            encoding[leaf] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
            encoding[leaf] = _DELTA.get(name, "DELTA_BINARY_PACKED")
        elif pa.types.is_string(kind):
            encoding[leaf] = _DELTA.get(name, "DELTA_LENGTH_BYTE_ARRAY")
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": repeated,
        "column_encoding": encoding,
        "write_page_index": True,
    }
