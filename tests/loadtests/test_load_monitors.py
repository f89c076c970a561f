"""What monitors cost: the rows are what they are said to be, and the table and the JSON hold every monitor."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from loadtests.__main__ import cli
from loadtests.costs import SHARED, Cost, Report, costs
from loadtests.machine import machine
from loadtests.monitors import SIZES, WATCHERS, size_of
from loadtests.report import WIDTH
from loadtests.traffic import traffic
from monitors.registry import detectors_for, monitors_for
from monitors.settings import Settings
from monitors.tally import Tally


def test_the_rows_are_the_same_every_time_and_correlate() -> None:
    """30 features that move together; the window that others are given is the one that is measured here."""
    one, other = traffic(512), traffic(512)
    assert len(one.reference.schema.columns) == 30
    for name, values in one.batch.columns.items():
        assert (values == other.batch.columns[name]).all()
    numbers = np.array([values for values in one.batch.columns.values() if values.dtype != object])
    assert np.abs(np.corrcoef(numbers) - np.eye(len(numbers))).max() > 0.5


def test_other_projects_are_given_plain_arrays(tmp_path: Path) -> None:
    """No pickles: numbers and text, by column, before and now."""
    path = tmp_path / "rows.npz"
    traffic(300).save(path, 200)
    with np.load(path, allow_pickle=False) as file:
        assert {len(file[name]) for name in file.files if name.startswith("now.")} == {200}
        assert {len(file[name]) for name in file.files if name.startswith("before.")} == {20_000}
        assert file["now.c0"].dtype.kind == "U"


def test_states_are_measured_with_their_tallies() -> None:
    """Arrays by their cells; a tally grows with its values."""
    assert size_of({"rows": np.zeros(10, np.int64)}) == 80
    assert size_of({"names": Tally(4, {"a": 1, "b": 1})}) > size_of({"names": Tally(4)})


def test_every_monitor_is_measured(tmp_path: Path) -> None:
    """The command prints a line for each default monitor and writes the same as JSON."""
    path = tmp_path / "found.json"
    done = CliRunner().invoke(
        cli, ["monitors", "--rows", "2048", "--rounds", "1", "--json", str(path)], catch_exceptions=False
    )
    assert done.exit_code == 0
    found = Report.model_validate(json.loads(path.read_text()))
    made = traffic(64)
    watched = [*monitors_for(made.reference, made.groups, Settings()), *detectors_for(made.reference)]
    assert [cost.name for cost in found.costs] == [SHARED, *(f"{one.name}: {type(one).__name__}" for one in watched)]
    assert all(cost.fold_us[size] >= 0 for cost in found.costs for size in SIZES)
    assert found.skipped == tuple(peer.name for peer in WATCHERS)
    for one in watched:
        assert type(one).__name__ in done.output
    assert max(map(len, done.output.splitlines())) <= WIDTH


@pytest.mark.parametrize("rate", [50_000.0, 2_000_000.0])
def test_the_table_adds_up(rate: float) -> None:
    """The sum of what stands above it; peers and what was skipped are told below."""
    cost = Cost(name="quality: ColumnQuality", fold_us={256: 1.5, 2048: 0.5}, measure_us=0.25, state_bytes=2000)
    found = Report(
        machine=machine(),
        columns=30,
        rows=1000,
        costs=(cost, cost),
        hub_rows_per_s=dict.fromkeys(SIZES, rate),
        hub_bytes=10_000,
        peers={"evidently 0.7.23": 4000.0},
        skipped=("nannyml",),
    )
    assert found.total(256) == 3.5
    out = io.StringIO()
    Console(file=out, width=WIDTH).print(costs(found))
    text = out.getvalue()
    assert "3.00" in text
    assert "evidently 0.7.23: 4,000 µs" in text
    assert "not compared: nannyml" in text
