"""What docs/recording.md shows works on a store that a replay made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
import yaml

from gateway.config import read_config
from tests.running import launch

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "recording.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
REPLAYED = 1500


def driftgate(*words: str) -> str:
    """What the command says."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway that two versions answered a replay of, and that was stopped."""
    folder = tmp_path_factory.mktemp("site")
    with launch(folder, models={"flights": {"traffic": {1: 50, 2: 50}}}) as running:
        driftgate("replay", "flights", "--speed", "max", "--limit", str(REPLAYED), "--config", str(running.config))
        with running.client() as client:
            assert client.post("/v2/models/flights/infer", json={"inputs": []}).status_code == 400
        driftgate("export", "flights", "--config", str(running.config), "--output", str(folder / "running.parquet"))
    return folder


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_every_query_answers(site: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, with rows."""
    monkeypatch.chdir(site)
    with duckdb.connect() as database:
        (rows,) = database.execute(f"SELECT count(*) FROM ({query.strip().removesuffix(';')})").fetchone()
    assert rows
    assert len(QUERIES) == 5


def test_polars_and_pandas_read_the_files_as_they_lie_there(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any argument."""
    monkeypatch.chdir(site)
    assert pl.scan_parquet("var/store/answers/flights/**/*.parquet").collect().height == REPLAYED
    frame = pd.read_parquet("var/store/answers/flights")
    assert len(frame) == REPLAYED
    assert frame["label"].notna().mean() > 0.9


def test_an_export_holds_all_that_was_answered_up_to_the_call(site: Path) -> None:
    """While the gateway ran, and after; the same rows with their labels."""
    config = str(site / "gateway.yaml")
    driftgate("export", "flights", "--config", config, "--output", str(site / "stopped.parquet"))
    before, after = (pd.read_parquet(site / f"{name}.parquet") for name in ("running", "stopped"))
    assert len(before) == REPLAYED
    assert before["request_id"].is_unique
    pd.testing.assert_frame_equal(before, after)


def test_forgetting_removes_the_rows_for_good(site: Path) -> None:
    """From the files, whatever reads them."""
    config, ids = str(site / "gateway.yaml"), pd.read_parquet(site / "running.parquet")["request_id"]
    victim = next(
        name for name in ids if name.endswith("-1237")
    )  # no other id begins so, nor one with a label behind it
    assert driftgate("forget", "flights", "--id", victim, "--config", config) == "1 rows of flights are gone\n"
    assert victim not in set(pd.read_parquet(site / "var/store/answers/flights")["request_id"])
    for path in (site / "var").rglob("*"):
        if path.is_file() and path.suffix != ".log":
            assert victim.encode() not in path.read_bytes(), path


def test_the_configurations_of_the_page_are_ones(tmp_path: Path) -> None:
    """With the keys that they name."""
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block)
        assert yaml.safe_load(os.fsdecode(path.read_bytes()))
        read_config(path)
