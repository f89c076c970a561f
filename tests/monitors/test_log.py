"""A log is read in order of time, in bounded memory, and as the model saw it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitors.errors import LogRefused, ManifestRefused
from monitors.log import Rows, read_log
from monitors.manifest import Facts, read_facts

MANIFEST = """
name: trips
version: 3
task: binary
inputs:
- {name: origin, datatype: BYTES, shape: [-1, 1], categories: [EWR, JFK]}
- {name: distance, datatype: INT64, shape: [-1, 1]}
- {name: time, datatype: FP32, shape: [-1, 1]}
- {name: image, datatype: FP32, shape: [-1, 2, 2]}
- {name: words, datatype: BYTES, shape: [-1, -1]}
outputs:
- {name: probability, datatype: FP32, shape: [-1, 1]}
- {name: late, datatype: INT64, shape: [-1, 1]}
score: probability
prediction: late
classes: [0, 1]
groups: [sex, origin]
"""
DAY = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """What the manifest says."""
    path = tmp_path / "model.yaml"
    path.write_text(MANIFEST)
    return read_facts(path)


def _write(path: Path, minutes: Any, **more: Any) -> Path:
    times = pa.array([DAY + timedelta(minutes=float(m)) for m in minutes], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"time": times, **more}), path, row_group_size=1000)
    return path


def _all(path: Path, facts: Facts) -> list[Rows]:
    return list(read_log(path, facts))


def test_columns_come_as_the_model_takes_them(tmp_path: Path, facts: Facts) -> None:
    """float32 where it is float32, NaN and None where there is nothing, wide ones side by side; a null score is none at all."""
    path = _write(
        tmp_path / "log.parquet",
        [1, 0, 2],
        request_id=["b", "a", "c"],
        origin=pa.array(["JFK", None, "EWR"]).dictionary_encode(),
        distance=pa.array([1, None, 3]),
        image=pa.array([[[1.0, 2.0], [3.0, 4.0]], None, [[0.0, 0.0], [0.0, 0.5]]]),
        label=pa.array([1, None, 0]),
        **{
            "input.time": [0.1, 0.2, 0.3],
            "output.probability": pa.array([math.nan, 0.2, None]),
            "output.late": [1, 0, 0],
            "group.sex": ["f", None, "m"],
        },
    )
    (rows,) = _all(path, facts)
    batch = rows.batch
    assert (rows.version, rows.role) == (0, "primary")
    assert batch.ids.tolist() == ["a", "b", "c"]
    assert (np.diff(batch.time) == 60 * 10**9).all()
    assert batch.columns["origin"].tolist() == [None, "JFK", "EWR"]
    assert batch.columns["distance"].tolist()[1:] == [1.0, 3.0]
    assert np.isnan(batch.columns["distance"][0])
    assert batch.columns["time"].dtype == np.float32
    assert batch.columns["image"].shape == (3, 4)
    assert np.isnan(batch.columns["image"][0]).all()
    assert "words" not in batch.columns
    assert batch.scores is not None
    assert np.allclose(batch.scores, [0.2, np.nan, np.nan], equal_nan=True)
    assert batch.unscored is not None
    assert batch.unscored.tolist() == [False, False, True]
    assert batch.predictions is not None
    assert batch.predictions.tolist() == batch.columns["output.late"].tolist() == [0, 1, 0]
    assert batch.groups["sex"].tolist() == [None, "f", "m"]
    assert batch.groups["origin"].tolist() == [None, "JFK", "EWR"]


@pytest.mark.parametrize("disorder", [0, 50, 10**6])
def test_rows_come_in_order_of_time(tmp_path: Path, facts: Facts, disorder: int) -> None:
    """However they lie in the file; none twice, none lost."""
    n = 30_000
    minutes = np.argsort(np.arange(n) + np.random.default_rng(0).integers(0, disorder + 1, n))
    path = _write(tmp_path / "log.parquet", minutes / 60, request_id=[str(m) for m in minutes])
    parts = _all(path, facts)
    ids = np.concatenate([rows.batch.ids for rows in parts]).astype(int)
    assert ids.tolist() == list(range(n))
    assert max(len(rows.batch) for rows in parts) <= 8192


def test_versions_and_roles_come_apart(tmp_path: Path, facts: Facts) -> None:
    """Each with its own rows, and the time at which each label became known."""
    known = pa.array([DAY + timedelta(hours=5), None, DAY, None], pa.timestamp("ms", "UTC"))
    path = _write(
        tmp_path / "log.parquet",
        [0, 1, 2, 3],
        version=pa.array([1, 2, 1, 2], pa.int32()),
        role=["primary", "primary", "primary", "shadow"],
        label=[1, 0, 1, None],
        label_time=known,
    )
    found = {(rows.version, rows.role): rows for rows in _all(path, facts)}
    assert {key: len(rows.batch) for key, rows in found.items()} == {
        (1, "primary"): 2,
        (2, "primary"): 1,
        (2, "shadow"): 1,
    }
    first, second = found[1, "primary"].batch, found[2, "primary"].batch
    assert first.label_time is not None
    assert (first.label_time - first.time).tolist() == [5 * 3600 * 10**9, -120 * 10**9]
    assert np.array_equal(second.label_time, second.time)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"when": [1]}, 'no column "time"; found when'),
        ({"time": [1]}, 'column "time": holds int64, expected timestamps'),
        ({"time": pa.array([None], pa.timestamp("us"))}, 'column "time": 1 rows have none'),
        (
            {"time": pa.array([0], pa.timestamp("us")), "image": [[1.0, 2.0]]},
            'column "image": 2 values in 1 rows, expected 4',
        ),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, facts: Facts, columns: Any, said: str) -> None:
    """With a sentence that names the file and the column."""
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(LogRefused, match=said) as refused:
        _all(path, facts)
    assert str(refused.value).startswith(str(path))


def test_other_files_are_refused(tmp_path: Path, facts: Facts) -> None:
    """Absent ones, and those that are no Parquet."""
    with pytest.raises(LogRefused, match="no such file"):
        _all(tmp_path / "absent.parquet", facts)
    (tmp_path / "text.parquet").write_text("time,origin")
    with pytest.raises(LogRefused, match="not a Parquet file"):
        _all(tmp_path / "text.parquet", facts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x", "no 'inputs'"),
        ("- a", "found list, expected a mapping"),
        ("a: [", "cannot be read"),
        (MANIFEST.replace("binary", "ranking"), "task: found 'ranking', expected one of binary"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With a sentence that names the file."""
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ManifestRefused, match=said):
        read_facts(path)
