"""One file of everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SetupError
from gateway.record import Field, Layout
from gateway.store.columns import LAYOUT_KEY
from gateway.store.export import export
from gateway.store.snapshot import snapshot
from gateway.store.store import Store
from gateway.store.unification import unified
from tests.gateway.store.answering import HOUR, START, answers, event, layout


def rows(path: Path) -> pa.Table:
    """What was exported."""
    return pq.ParquetFile(path).read()


def test_it_holds_what_is_committed(store: Store, tmp_path: Path) -> None:
    """While the store is open, in order of time, with labels that are in no part yet; what came later is not there."""
    store.append(answers(["c", "d"], time=START + HOUR))
    store.append(answers(["a", "b"]))
    store.append(answers(["a"], version=2, role="shadow"))
    store.commit({})
    store.label([event("b", 1)])
    store.commit({})
    store.append(answers(["e"]))
    store.label([event("c", 1)])
    seen = []
    assert export(tmp_path, "flights", tmp_path / "out.parquet", progress=lambda *done: seen.append(done)) == 4
    found = rows(tmp_path / "out.parquet")
    assert found["request_id"].to_pylist() == ["a", "b", "c", "d"]
    assert found["label"].to_pylist() == [None, 1, None, None]
    assert seen == [(2, 4), (4, 4)]
    assert msgspec.json.decode(found.schema.metadata[LAYOUT_KEY], type=Layout) == layout()
    assert not list((tmp_path / "state").glob("export-*"))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [(None, None, "abcd"), (START + 1_000_000, None, "bcd"), (None, START + HOUR, "ab"), (START + 1, START + 2, "")],
)
def test_it_holds_what_was_asked_between_two_times(
    store: Store, tmp_path: Path, begin: int | None, end: int | None, expected: str
) -> None:
    """The first belongs to it, the second does not."""
    store.append(answers(["a", "b"]))
    store.append(answers(["c", "d"], time=START + HOUR))
    store.commit({})
    export(tmp_path, "flights", tmp_path / "out.parquet", begin=begin, end=end, with_labels=False)
    found = rows(tmp_path / "out.parquet")
    assert "".join(found["request_id"].to_pylist()) == expected
    assert "label" not in found.schema.names


def test_versions_of_other_columns_share_a_schema(store: Store, tmp_path: Path) -> None:
    """What one lacks is null; a number that was whole becomes a double, and else what differs is text."""
    store.append(answers(["a"]))
    changed = answers(["b"], version=2, time=START + HOUR)
    inputs = (Field("hour", "FP32", (-1, 1)), Field("distance", "BYTES", (-1, 1)), Field("seats", "INT64", (-1, 1)))
    object.__setattr__(changed, "layout", layout(2, inputs=inputs))
    values = {"hour": np.array([[2.5]], np.float32), "distance": np.array([["far"]], object), "seats": np.array([[9]])}
    object.__setattr__(changed, "inputs", values)
    store.append(changed)
    store.commit({})
    export(tmp_path, "flights", tmp_path / "out.parquet")
    found = rows(tmp_path / "out.parquet").select(["hour", "distance", "seats", "weather"])
    assert found.to_pylist() == [
        {"hour": 0.0, "distance": "0.5", "seats": None, "weather": [0, 1, 2]},
        {"hour": 2.5, "distance": "far", "seats": 9, "weather": None},
    ]


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int64(), pa.uint64(), pa.float64()),
        (pa.float32(), pa.int64(), pa.float64()),
        (pa.bool_(), pa.int64(), pa.string()),
        (pa.list_(pa.float32()), pa.list_(pa.int64()), pa.list_(pa.float64())),
        (pa.list_(pa.float32()), pa.float32(), pa.string()),
    ],
)
def test_two_types_become_one(first: pa.DataType, second: pa.DataType, both: pa.DataType) -> None:
    """In whatever order they come."""
    for pair in ((first, second), (second, first)):
        assert unified([pa.schema({"x": one}) for one in pair]).field("x").type == both


def test_parts_that_are_replaced_meanwhile_are_read_as_they_were(store: Store, tmp_path: Path) -> None:
    """The snapshot holds their files; no row is missing or twice."""
    for one in range(3):
        store.append(answers([f"id-{one}"], time=START + one))
        store.commit({})
    store.label([event("id-1", 1)])
    store.commit({})
    with snapshot(tmp_path, "flights") as found:
        store.tidy(START + 9 * HOUR, force=True)
        store.retain(None, 0, START)
        read = pa.concat_tables([table for part in found.parts for table in found.read(part)])
    assert read["request_id"].to_pylist() == ["id-0", "id-1", "id-2"]
    assert read["label"].to_pylist() == [None, 1, None]
    assert store.parts("flights") == []


def test_a_store_that_nobody_writes_can_be_read(tmp_path: Path) -> None:
    """After the gateway has ended."""
    store = Store(tmp_path)
    store.append(answers(["a", "b"]))
    store.commit({})
    store.close()
    with snapshot(tmp_path, "flights") as found:
        (part,) = found.parts
    assert (part.rows, part.begin, part.end) == (2, START // 1000, START // 1000 + 1000)
    assert export(tmp_path, "flights", tmp_path / "out.parquet") == 2


def test_what_a_killed_reader_left_is_removed(tmp_path: Path) -> None:
    """Its links would keep the files of parts that are gone; those of a reader that lives stay."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, held = (tmp_path / "state" / f"export-{pid}-x" for pid in (ended.pid, os.getpid()))
    for folder in (left, held):
        folder.mkdir(parents=True)
    Store(tmp_path).close()
    assert not left.exists()
    assert held.exists()


def test_what_is_not_there_is_said(store: Store, tmp_path: Path) -> None:
    """Which store, and which model."""
    with pytest.raises(SetupError, match="nowhere: nothing is recorded there yet"):
        export(tmp_path / "nowhere", "flights", tmp_path / "out.parquet")
    with pytest.raises(SetupError, match="nothing is recorded of model 'digits'"):
        export(tmp_path, "digits", tmp_path / "out.parquet")
    store.append(answers(["a"]))
    store.commit({})
    with pytest.raises(SetupError, match="cannot be written"):
        export(tmp_path, "flights", tmp_path / "missing" / "out.parquet")
