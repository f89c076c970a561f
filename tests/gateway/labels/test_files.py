"""Files of labels, as people have them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SetupError
from gateway.labels.files import Columns, Format, Row, count, format_of, read

NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)


def rows(path: Path, form: Format, **columns: Any) -> list[Row]:
    """All rows of the file."""
    return list(read(path, form, Columns(**columns)))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("id,label\na,1\nb,\n", [Row(2, "a", "1"), Row(3, "b")]),
        ("label,more,id,row,time\n1,x,a,2,noon\n", [Row(2, "a", "1", "noon", "2")]),
        ('\ufeffid,label\r\n"a\nb",1\r\nc,0\r\n', [Row(2, "a\nb", "1"), Row(4, "c", "0")]),
        ("id,label\n\na\nb,1\n", [Row(3, problem="found 1 cells, expected 2"), Row(4, "b", "1")]),
        ("id,label\n", []),
    ],
)
def test_csv_has_a_header_and_text(tmp_path: Path, content: str, found: list[Row]) -> None:
    """Each row with its line, also behind a cell with a line break in it."""
    path = tmp_path / "labels.csv"
    path.write_bytes(content.encode())
    assert rows(path, "csv") == found


def test_json_lines_are_objects(tmp_path: Path) -> None:
    """What is none is a row with a problem; empty lines are passed over."""
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "a", "label": 1, "more": []}\n\n[1]\n{\n{"label": null, "row": 1}\n')
    found = rows(path, "jsonl")
    assert [row for row in found if not row.problem] == [Row(1, "a", 1), Row(5, row=1)]
    assert [(row.line, row.problem[:31]) for row in found if row.problem] == [
        (3, "expected a JSON object, but Exp"),
        (4, "expected a JSON object, but Inp"),
    ]
    assert count(path, "jsonl") == 5


def test_parquet_has_columns_of_its_types(tmp_path: Path) -> None:
    """Times to the microsecond, decimals as numbers, nulls as None."""
    table = pa.table(
        {
            "label": pa.array([Decimal("1.5"), None], pa.decimal128(5, 1)),
            "id": pa.array(["a", "b"]).dictionary_encode(),
            "time": pa.array([NOON.timestamp() * 1e9 + 1, None], pa.float64())
            .cast(pa.int64())
            .cast(pa.timestamp("ns", "UTC")),
            "row": pa.array([1, 0], pa.int8()),
        }
    )
    pq.write_table(table, tmp_path / "labels.parquet")
    path = tmp_path / "labels.parquet"
    assert rows(path, "parquet") == [Row(1, "a", 1.5, NOON, 1), Row(2, "b", None, None, 0)]
    assert count(path, "parquet") == 2


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    """Those of the warehouse that the labels come from."""
    path = tmp_path / "labels.csv"
    path.write_text("request,late,landed\na,1,noon\n")
    columns = {"id": "request", "label": "late", "time": "landed", "required": frozenset({"landed"})}
    assert rows(path, "csv", **columns) == [Row(2, "a", "1", "noon")]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"id": "request"}, "has no column request; it has id, label"),
        ({"time": "at", "required": frozenset({"at"})}, "has no column at; it has id, label"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, form: Format, columns: Any, sentence: str) -> None:
    """With those that are."""
    path = tmp_path / f"labels.{form}"
    if form == "csv":
        path.write_text("id,label\n")
    else:
        pq.write_table(pa.table({"id": ["a"], "label": [1]}), path)
    with pytest.raises(SetupError, match=sentence):
        rows(path, form, **columns)


@pytest.mark.parametrize(
    ("form", "content"),
    [("parquet", b"id,label\n"), ("csv", b"id,label\n\xff,1\n"), ("csv", b'id,label\n"' + b"a" * 200_000)],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, form: Format, content: bytes) -> None:
    """By its name."""
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=f"labels: cannot be read as {form}: "):
        rows(path, form)


@pytest.mark.parametrize(("name", "form"), [("a.CSV", "csv"), ("a.parquet", "parquet"), ("a.b.ndjson", "jsonl")])
def test_the_suffix_tells_the_format(name: str, form: str) -> None:
    """In either case."""
    assert format_of(Path(name)) == form


@pytest.mark.parametrize("name", ["labels", "labels.txt", "labels.csv.gz"])
def test_another_suffix_tells_nothing(name: str) -> None:
    """The user has to."""
    with pytest.raises(SetupError, match="the suffix tells no format; say --format"):
        format_of(Path(name))
