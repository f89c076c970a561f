"""Four weeks of flights in a store, and the report on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.config import Config, read_config
from gateway.ports import free_port
from gateway.report.compilation import compile_report
from gateway.report.content import Report
from gateway.report.question import Question
from gateway.store.export import export
from gateway.store.store import Store
from tests.gateway.report.recording import flights, moment, record, refuse, roll_out
from tests.running import MODELS


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, and what two versions answered from 25 March to 22 April 2013."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "gateway.yaml").write_text(
        f"listen: {{http: {free_port()}}}\nrepository: {MODELS}\ndata: var\n"
        "models: {flights: {monitor: {rows: 300, at_most: 3d, slices: [{carrier: [UA, DL]}]}}}\n"
    )
    store = Store(folder / "var")
    rows = flights("2013-03-25", "2013-04-22")
    second = np.arange(len(rows)) % 5 == 0
    record(store, rows.filter(pa.array(~second)), 1)
    record(store, rows.filter(pa.array(second)), 2)
    refuse(store, [moment("2013-04-01T12:00"), moment("2013-04-02T12:00")])
    refuse(store, [moment("2013-04-02T12:00:01")], "overloaded", 1)
    store.commit({})
    store.close()
    roll_out(folder / "var")
    return folder


@pytest.fixture(scope="session")
def config(site: Path) -> Config:
    """The configuration of that folder."""
    return read_config(site / "gateway.yaml")


@pytest.fixture(scope="session")
def report(config: Config) -> Report:
    """All of it."""
    return compile_report(config, Question("flights"))


@pytest.fixture(scope="session")
def log(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of it."""
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    export(config.data, "flights", path)
    return path
