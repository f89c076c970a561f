"""A recording: a Parquet file with the time and the inputs of each request, and its label if it has become known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.errors import SetupError

TIME = "time"
LABEL = "label"
LABEL_TIME = "label_time"
_CHUNK = 4096


class Recorded(NamedTuple):
    """One request. label: None if it never became known, else its value, known at `label_time` (that of the request, if the
    recording does not say)."""

    time: datetime
    body: dict[str, Any]
    label: bool | int | float | str | None = None
    label_time: datetime | None = None


def recording(repository: Path, model: str) -> Path:
    """The recorded requests of a model: the one Parquet file in its folder. Raises SetupError."""
    found = sorted((repository / model).glob("*.parquet"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SetupError(f"{repository / model}: expected one Parquet file of recorded requests, found {names}")
    return found[0]


def rows(path: Path, begin: int | None = None) -> int:
    """How many requests a recording has, from `begin` on (ns since the epoch). Raises SetupError if it is no Parquet file."""
    try:
        if begin is None:
            return int(pq.read_metadata(path).num_rows)
        return int(_since(pq.read_table(path, columns=[TIME]), begin).num_rows)
    except (OSError, pa.ArrowInvalid) as problem:
        raise SetupError(f"{path}: not a Parquet file: {problem}") from None


def requests(
    path: Path, inputs: list[dict[str, Any]], limit: int | None, *, begin: int | None = None, labels: bool = True
) -> Iterator[Recorded]:
    """Each recorded request, in order of the file, up to `limit` of them, from the time `begin` on (ns since the epoch).

    inputs: as the model's metadata gives them. labels: whether to read them too, if there are any. Raises SetupError if the
    file lacks a column.
    """
    try:
        there = pq.read_schema(path).names
    except (OSError, pa.ArrowInvalid) as problem:
        raise SetupError(f"{path}: not a Parquet file: {problem}") from None
    names = [spec["name"] for spec in inputs]
    missing = {TIME, *names} - set(there)
    if missing:
        raise SetupError(f"{path}: has no column {', '.join(sorted(missing))}, which a replay needs")
    known = [name for name in (LABEL, LABEL_TIME) if labels and LABEL in there and name in there]
    return _stream(
        path, inputs, list(dict.fromkeys([TIME, *names, *known])), rows(path) if limit is None else limit, begin
    )


def moment(time: datetime) -> float:
    """Seconds since the epoch; a time without a zone is UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _stream(
    path: Path, inputs: list[dict[str, Any]], columns: list[str], left: int, begin: int | None
) -> Iterator[Recorded]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_CHUNK, columns=columns):
            table = _since(pa.Table.from_batches([batch]), begin).slice(0, left)
            left -= table.num_rows
            yield from _rows(table, inputs)
            if left <= 0:
                return


def _since(table: pa.Table, begin: int | None) -> pa.Table:
    if begin is None:
        return table
    known = table[TIME].type
    earliest = pa.scalar(begin, pa.timestamp("ns", known.tz)).cast(known, safe=False)
    return table.filter(pc.greater_equal(table[TIME], earliest))


def _rows(table: pa.Table, inputs: list[dict[str, Any]]) -> Iterator[Recorded]:
    nothing = [None] * table.num_rows
    times = table[TIME].to_pylist()
    values, moments = (
        table[name].to_pylist() if name in table.column_names else nothing for name in (LABEL, LABEL_TIME)
    )
    columns = [(spec, table[spec["name"]].to_pylist()) for spec in inputs]
    for index, time in enumerate(times):
        body = {"inputs": [_tensor(spec, column[index]) for spec, column in columns]}
        yield Recorded(time, body, _known(values[index]), moments[index] or time)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _tensor(spec: dict[str, Any], value: Any) -> dict[str, Any]:
    data = value if isinstance(value, list) else [value]
    if spec["datatype"].startswith("FP"):
        data = [None if item is None else float(item) for item in data]
    shape = [1 if size < 0 else size for size in spec["shape"]]
    return {"name": spec["name"], "datatype": spec["datatype"], "shape": shape, "data": data}
