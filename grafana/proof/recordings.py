"""Recordings with times, for the bundled models that have none: what credit and digits were trained on, shuffled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits

_BEGIN = datetime(2013, 1, 1, tzinfo=UTC)
_KNOWN_AFTER = timedelta(seconds=40)
_ROUNDS = 20


def write_credit(repository: Path, path: Path) -> Path:
    """Applicants for a loan, one a second; whether they paid it back is known 40 s later."""
    table = pq.read_table(next((repository / "credit").glob("*.parquet")))
    return _write(table, path)


def write_digits(path: Path) -> Path:
    """Images of digits, one a second, with what they show."""
    images, digits = load_digits(return_X_y=True)
    table = pa.table({"image": pa.array(list(images.astype(np.float32))), "label": pa.array(digits.astype(np.int64))})
    return _write(table, path)


def _write(table: pa.Table, path: Path) -> Path:
    order = np.concatenate([np.random.default_rng(turn).permutation(table.num_rows) for turn in range(_ROUNDS)])
    times = [_BEGIN + timedelta(seconds=index) for index in range(len(order))]
    shuffled = table.take(pa.array(order))
    kind = pa.timestamp("us", tz="UTC")
    shuffled = shuffled.append_column("time", pa.array(times, kind))
    pq.write_table(shuffled.append_column("label_time", pa.array([t + _KNOWN_AFTER for t in times], kind)), path)
    return path
