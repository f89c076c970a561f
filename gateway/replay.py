"""Sends recorded requests again, in the order and with the gaps in which they came, faster or slower."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.client import reason
from gateway.errors import SetupError

TIME = "time"
_AT_ONCE = 64
_CHUNK = 4096


@dataclass
class Summary:
    """What a replay met. latencies: seconds, of answered requests."""

    sent: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    behind_s: float = 0.0
    seconds: float = 0.0
    first: datetime | None = None
    last: datetime | None = None

    def report(self) -> dict[str, Any]:
        """Plain values, for a table or for JSON. Latencies in milliseconds."""
        quantiles = np.quantile(self.latencies, [0.5, 0.99]) * 1e3 if self.latencies else [None, None]
        return {
            "sent": self.sent,
            "answered": len(self.latencies),
            "by_version": dict(sorted(self.versions.items())),
            "refused": dict(self.refusals),
            "from": self.first and self.first.isoformat(),
            "to": self.last and self.last.isoformat(),
            "seconds": round(self.seconds, 3),
            "p50_ms": quantiles[0] and round(float(quantiles[0]), 3),
            "p99_ms": quantiles[1] and round(float(quantiles[1]), 3),
            "behind_s": round(self.behind_s, 3),
        }


def recording(repository: Path, model: str) -> Path:
    """The recorded requests of a model: the one Parquet file in its folder. Raises SetupError."""
    found = sorted((repository / model).glob("*.parquet"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SetupError(f"{repository / model}: expected one Parquet file of recorded requests, found {names}")
    return found[0]


def requests(path: Path, inputs: list[dict[str, Any]], limit: int | None) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The time and the body of each recorded request, in order of the file.

    inputs: as the model's metadata gives them. Raises SetupError if the file lacks a column.
    """
    file = pq.ParquetFile(path)
    names = [spec["name"] for spec in inputs]
    missing = {TIME, *names} - set(file.schema_arrow.names)
    if missing:
        raise SetupError(f"{path}: has no column {', '.join(sorted(missing))}, which a replay needs")
    left = file.metadata.num_rows if limit is None else limit
    for batch in file.iter_batches(_CHUNK, columns=[TIME, *names]):
        table = pa.Table.from_batches([batch.slice(0, max(0, left))])
        left -= table.num_rows
        times = table[TIME].to_pylist()
        columns = [(spec, table[spec["name"]].to_pylist()) for spec in inputs]
        for index, moment in enumerate(times):
            yield moment, {"inputs": [_tensor(spec, values[index]) for spec, values in columns]}
        if left <= 0:
            return


async def replay(
    url: str, stream: Iterator[tuple[datetime, dict[str, Any]]], speed: float, progress: Callable[[datetime], None]
) -> Summary:
    """Posts each request to `url` when its time has come: the first at once, the others `speed` times as fast as recorded.

    speed: 0 sends them as fast as they are answered. At most 64 are under way at once; if that holds the replay up, the
    summary says by how much.
    """
    summary, began, room = Summary(), time.monotonic(), asyncio.Semaphore(_AT_ONCE)
    run = f"replay-{time.time_ns() // 1_000_000:x}"
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as client, asyncio.TaskGroup() as tasks:
        for moment, body in stream:
            summary.first = summary.first or moment
            summary.last = moment
            due = began + (moment - summary.first).total_seconds() / speed if speed else began
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await room.acquire()
            if speed:
                summary.behind_s = max(summary.behind_s, time.monotonic() - due)
            identified = {"id": f"{run}-{summary.sent}", **body}
            tasks.create_task(_send(client, url, identified, summary, room))
            summary.sent += 1
            progress(moment)
    summary.seconds = time.monotonic() - began
    return summary


async def _send(
    client: httpx.AsyncClient, url: str, body: dict[str, Any], summary: Summary, room: asyncio.Semaphore
) -> None:
    began = time.monotonic()
    try:
        answer = await client.post(url, json=body)
    except httpx.HTTPError as problem:
        summary.refusals[type(problem).__name__] += 1
        return
    finally:
        room.release()
    if answer.is_error:
        summary.refusals[f"{answer.status_code} {reason(answer)[:120]}"] += 1
        return
    summary.latencies.append(time.monotonic() - began)
    summary.versions[answer.headers.get("x-model-version", "?")] += 1


def _tensor(spec: dict[str, Any], value: Any) -> dict[str, Any]:
    data = value if isinstance(value, list) else [value]
    if spec["datatype"].startswith("FP"):
        data = [None if item is None else float(item) for item in data]
    shape = [1 if size < 0 else size for size in spec["shape"]]
    return {"name": spec["name"], "datatype": spec["datatype"], "shape": shape, "data": data}
