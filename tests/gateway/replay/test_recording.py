"""Recordings."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SetupError
from gateway.replay.recording import Recorded, moment, recording, requests, rows

NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=2)
INPUTS = [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}, {"name": "at", "datatype": "BYTES", "shape": [-1]}]
BODY = {
    "inputs": [
        {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [2.0]},
        {"name": "at", "datatype": "BYTES", "shape": [1], "data": ["JFK"]},
    ]
}


def record(folder: Path, **columns: Any) -> Path:
    """A recording of as many requests as the columns have values."""
    count = len(next(iter(columns.values())))
    path = folder / "recording.parquet"
    pq.write_table(pa.table({"time": [NOON] * count, "x": [2] * count, "at": ["JFK"] * count, **columns}), path)
    return path


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ({"label": [1, None], "label_time": [LATER, None]}, [(1, LATER), (None, NOON)]),
        ({"label": [0.5, math.nan]}, [(0.5, NOON), (None, NOON)]),
        ({"label_time": [LATER]}, [(None, NOON)]),
    ],
)
def test_a_request_has_its_label(tmp_path: Path, columns: Any, labels: list[Any]) -> None:
    """If it became known; at its request's time, if the recording does not say when."""
    found = list(requests(record(tmp_path, **columns), INPUTS, None))
    assert found == [Recorded(NOON, BODY, *label) for label in labels]


def test_labels_may_be_left_out(tmp_path: Path) -> None:
    """As though they had never become known."""
    path = record(tmp_path, label=[1], label_time=[LATER])
    assert list(requests(path, INPUTS, None, labels=False)) == [Recorded(NOON, BODY, None, NOON)]


@pytest.mark.parametrize(("limit", "count"), [(None, 9000), (5000, 5000), (1, 1), (10_000, 9000)])
def test_a_recording_may_be_cut_short(tmp_path: Path, limit: int | None, count: int) -> None:
    """It is read in chunks."""
    path = record(tmp_path, label=list(range(9000)))
    assert [request.label for request in requests(path, INPUTS, limit)] == list(range(count))
    assert rows(path) == 9000


def test_a_recording_lacks_nothing(tmp_path: Path) -> None:
    """It is refused before the first request is sent."""
    with pytest.raises(SetupError, match="has no column y, z, which a replay needs"):
        requests(record(tmp_path, label=[1]), [{"name": "z"}, {"name": "y"}], None)


@pytest.mark.parametrize("read", [rows, lambda path: requests(path, INPUTS, None)])
def test_another_file_is_no_recording(tmp_path: Path, read: Any) -> None:
    """It is named."""
    path = tmp_path / "recording.parquet"
    path.write_text("time,x\n")
    with pytest.raises(SetupError, match=r"recording\.parquet: not a Parquet file"):
        read(path)


@pytest.mark.parametrize(("names", "found"), [([], "none"), (["a", "b"], "a.parquet, b.parquet")])
def test_a_model_has_one_recording(tmp_path: Path, names: list[str], found: str) -> None:
    """Not none, and not several."""
    (tmp_path / "m").mkdir()
    for name in names:
        (tmp_path / "m" / f"{name}.parquet").touch()
    with pytest.raises(SetupError, match=f"expected one Parquet file of recorded requests, found {found}"):
        recording(tmp_path, "m")
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "c.parquet").touch()
    assert recording(tmp_path, "n") == tmp_path / "n" / "c.parquet"


def test_a_time_without_a_zone_is_utc() -> None:
    """Whatever zone this machine is in."""
    assert moment(NOON.replace(tzinfo=None)) == moment(NOON) == 1364817600.0
