"""What a gateway would have recorded of the flights of a few weeks of 2013, at their own times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gateway.record import Answers, Field, Layout, Refusals, Role
from gateway.rollout.ledger import Ledger
from gateway.rollout.machine import Event as Change
from gateway.store.expected import Event
from gateway.store.store import Store
from tests.running import MODELS

INPUTS = {
    **dict.fromkeys(("carrier", "origin", "dest"), "BYTES"),
    **dict.fromkeys(("hour", "weekday", "distance"), "INT64"),
    **dict.fromkeys(("temperature", "humidity", "wind_speed", "precipitation", "visibility", "pressure"), "FP32"),
}
DTYPES = {"BYTES": object, "INT64": np.int64, "FP32": np.float32}
SECOND = 1_000_000_000


def moment(text: str) -> int:
    """A time, UTC, as ns since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def layout(version: int) -> Layout:
    """That of a version of the flights."""
    return Layout(
        "flights",
        version,
        f"stamp-{version}",
        True,
        tuple(Field(name, datatype, (-1, 1)) for name, datatype in INPUTS.items()),
        (Field("probability", "FP32", (-1, 1)), Field("late", "INT64", (-1, 1))),
        "binary",
        "probability",
        "late",
        (0, 1),
        ("origin",),
    )


HOURS = (12, 17, 21)


def flights(begin: str, end: str) -> pa.Table:
    """The flights of three hours of each day between two days, with their times as ns: few hours make few files."""
    table = pq.read_table(MODELS / "flights" / "flights-2013.parquet")
    times = pc.multiply(table["time"].cast(pa.int64()), 1_000_000).to_numpy()
    between = (times >= moment(begin)) & (times < moment(end))
    chosen = np.flatnonzero(between & np.isin(times // (3600 * SECOND) % 24, HOURS))
    return table.append_column("ns", pa.array(times)).take(pa.array(chosen)).combine_chunks()


def durations(count: int) -> NDArray[np.int64]:
    """How long each of so many answers took, µs."""
    return 500 + np.arange(count) % 1000


def record(store: Store, rows: pa.Table, version: int, role: Role = "primary", labels: bool = True) -> None:
    """What the version answers to these rows, one request each, and their labels when they were known."""
    inputs = {name: _column(rows[name], DTYPES[kind]) for name, kind in INPUTS.items()}
    session = ort.InferenceSession(str(MODELS / "flights" / str(version) / "model.onnx"))
    score, late = session.run(["probability", "late"], inputs)
    count, times = len(rows), rows["ns"].to_numpy()
    ids = [f"{version}-{place}" for place in times.tolist()]
    ids = [f"{name}-{place}" for place, name in enumerate(ids)]
    total = durations(count)
    store.append(
        Answers(
            layout(version),
            role,
            ids,
            np.zeros(count, np.int32),
            times,
            [""] * count,
            ["split"] * count,
            np.ones(count, np.int64),
            [""] * count,
            total // 10,
            total // 2,
            total,
            inputs,
            {"probability": score.reshape(-1, 1), "late": late.reshape(-1, 1)},
            {},
            {},
        )
    )
    if labels:
        known = rows["label_time"].cast(pa.int64()).fill_null(0).to_numpy() * 1_000_000
        told = zip(ids, rows["label"].to_pylist(), np.maximum(known, times + 1).tolist(), strict=True)
        store.label(
            [Event(0, "flights", name, 0, label, time, time) for name, label, time in told if label is not None]
        )


def refuse(store: Store, times: list[int], code: str = "bad_request", version: int = 0) -> None:
    """Requests that were refused."""
    count = len(times)
    ids = [f"refused-{code}-{place}" for place in range(count)]
    columns: list[list[Any]] = [[each] * count for each in ("flights", version, "primary", "", 400, code, 80, "")]
    model, versions, role, route, status, codes, total, trace = columns
    store.refuse(Refusals(ids, times, model, versions, role, route, status, codes, total, trace))


def roll_out(data: Path) -> None:
    """A rollout that failed."""
    ledger = Ledger(data / "state" / "rollouts.sqlite")
    told = [
        ("2013-03-26T08:00", "ann", "begin", "", "pending at 0 %", "from version 1 to version 2"),
        ("2013-03-26T08:01", "driftgate", "start", "pending at 0 %", "running at 10 %", "both versions are ready"),
        (
            "2013-04-19T11:00",
            "driftgate",
            "fail",
            "running at 10 %",
            "rolled back at 0 %",
            "accuracy is worse by 0.051",
        ),
    ]
    ledger.record([], [Change(moment(time), "flights", *rest) for time, *rest in told])
    ledger.close()


def _column(values: pa.ChunkedArray, dtype: Any) -> Any:
    listed = np.array(values.to_pylist(), object) if dtype is object else values.to_numpy(zero_copy_only=False)
    return listed.astype(dtype).reshape(-1, 1)
