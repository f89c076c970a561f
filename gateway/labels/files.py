"""Files of labels: CSV, Parquet, JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.errors import SetupError

Format = Literal["csv", "parquet", "jsonl"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

_CHUNK = 8192


class Columns(NamedTuple):
    """Where a file holds what. A time or row column of that name need not be there, unless it is `required`."""

    id: str = "id"
    label: str = "label"
    time: str = "time"
    row: str = "row"
    required: frozenset[str] = frozenset()

    def places(self, names: list[str], path: Path) -> list[int | None]:
        """The index of id, label, time and row among the names, None for what is not there. Raises SetupError."""
        missing = [name for name in {self.id, self.label, *self.required} if name not in names]
        if missing:
            found = ", ".join(names[:20]) or "none"
            raise SetupError(f"{path}: has no column {', '.join(sorted(missing))}; it has {found}")
        return [names.index(name) if name in names else None for name in self[:4]]


class Row(NamedTuple):
    """One line of a file, as it stands there; None for what is not there. problem: why it cannot be read, if it cannot.

    line: from 1, in a Parquet file the row. Values of a CSV file are text.
    """

    line: int
    id: Any = None
    label: Any = None
    time: Any = None
    row: Any = None
    problem: str = ""


def format_of(path: Path) -> Format:
    """By the suffix. Raises SetupError for one that says nothing."""
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise SetupError(f"{path}: the suffix tells no format; say --format csv, parquet or jsonl")
    return found


def read(path: Path, form: Format, columns: Columns) -> Iterator[Row]:
    """The rows of a file, in order and never all in memory. Raises SetupError if it is no such file."""
    try:
        yield from _READERS[form](path, columns)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as problem:
        raise SetupError(f"{path}: cannot be read as {form}: {problem}") from None


def count(path: Path, form: Format) -> int:
    """How many rows there are, or, in a file of text, lines. Raises SetupError."""
    try:
        if form == "parquet":
            return int(pq.read_metadata(path).num_rows)
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))
    except (OSError, pa.ArrowException) as problem:
        raise SetupError(f"{path}: cannot be read as {form}: {problem}") from None


def _csv(path: Path, columns: Columns) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        places = columns.places(header, path)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(header):
                values: list[Any] = [None if at is None else cells[at] or None for at in places]
                yield Row(line, *values)
            elif cells:
                yield Row(line, problem=f"found {len(cells)} cells, expected {len(header)}")
            line = reader.line_num + 1


def _jsonl(path: Path, columns: Columns) -> Iterator[Row]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                found = decode(text)
            except (msgspec.MsgspecError, RecursionError, UnicodeError) as problem:
                yield Row(line, problem=f"expected a JSON object, but {problem}")
            else:
                values: list[Any] = [found.get(name) for name in columns[:4]]
                yield Row(line, *values)


def _parquet(path: Path, columns: Columns) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        places = columns.places(names, path)
        wanted = [names[at] for at in places if at is not None]
        line = 1
        for batch in file.iter_batches(_CHUNK, columns=wanted):
            nothing = [None] * batch.num_rows
            values = [nothing if at is None else _plain(batch.column(names[at])) for at in places]
            for cells in zip(*values, strict=True):
                yield Row(line, *cells)
                line += 1


def _plain(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):  # Python's times end at microseconds
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    values: list[Any] = column.to_pylist()
    return values


_READERS: dict[Format, Callable[[Path, Columns], Iterator[Row]]] = {"csv": _csv, "parquet": _parquet, "jsonl": _jsonl}
