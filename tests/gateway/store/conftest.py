"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one, below tmp_path."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def files(data: Path, kind: str = "answers") -> list[Path]:
    """The Parquet files that anybody would find."""
    return sorted((data / "store" / kind).rglob("*.parquet"))


def read(data: Path, kind: str = "answers") -> list[dict[str, Any]]:
    """All rows of those files."""
    tables = [pq.ParquetFile(path).read() for path in files(data, kind)]
    return pa.concat_tables(tables, promote_options="permissive").to_pylist() if tables else []
