"""Real data through `python -m monitors`: silence where nothing changed, and the right word where something did."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.manifest import Manifest, read_manifest
from models import recipe
from monitors.__main__ import main
from monitors.reference import Reference

MODELS = Path(__file__).parents[2] / "models"
Lines = list[dict[str, Any]]


@cache
def manifest(version: str) -> Manifest:
    """The checked-in model.yaml."""
    return read_manifest(MODELS / version / "model.yaml")


def answered(version: str, table: pa.Table) -> pa.Table:
    """The rows of a recipe's data, with the answers of the checked-in model, as an export has them."""
    facts = manifest(version)
    rows = recipe.typed(table, facts.inputs)
    answers = recipe.predict((MODELS / version / "model.onnx").read_bytes(), rows)
    for name, values in answers.items():
        flat = values.reshape(len(values), -1)
        column = pa.array(flat[:, 0]) if flat.shape[1] == 1 else pa.array(list(flat))
        table = table.append_column(f"output.{name}", column)
    return table.append_column("request_id", pa.array([f"r{i}" for i in range(len(table))]))


def judged(version: str, table: pa.Table, directory: Path, *arguments: str) -> Lines:
    """Every line that the command prints of the rows, with its default settings."""
    pq.write_table(table, directory / "log.parquet")
    given = ["--manifest", f"{MODELS / version}/model.yaml", "--reference", f"{MODELS / version}/reference.npz"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([str(directory / "log.parquet"), *given, "--json", *arguments]) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def firing(lines: Lines) -> set[tuple[str, str, str]]:
    """What fired at any time."""
    return {(line["monitor"], line["subject"], line["statistic"]) for line in lines if line["state"] == "firing"}


def flights(start: str, end: str) -> pa.Table:
    """The flights of some months, in order of time."""
    train = importlib.import_module("models.flights.train")
    table: pa.Table = train._between(pq.read_table(train.DATA), start, end)
    return table


def unseen(table: pa.Table) -> pa.Table:
    """The rows of a training period that the model was not fitted on."""
    train = importlib.import_module("models.flights.train")
    return table.filter(pa.array(recipe.held_out(len(table), train.HELD_OUT, train.SEED)))


@pytest.fixture(scope="module")
def april(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """What was found in April."""
    table = answered("flights/1", flights("2013-04-01", "2013-05-01"))
    return judged("flights/1", table, tmp_path_factory.mktemp("april"))


@pytest.mark.parametrize(
    ("version", "until", "chosen"),
    [
        ("flights/1", "2013-03-01", unseen),
        ("flights/1", "2013-03-01", lambda table: table),
        pytest.param("flights/2", "2013-04-01", unseen, marks=pytest.mark.slow),
        pytest.param("flights/2", "2013-04-01", lambda table: table, marks=pytest.mark.slow),
    ],
    ids=["held out", "all", "scorecard, held out", "scorecard, all"],
)
def test_the_training_months_alarm_on_nothing(
    version: str, until: str, chosen: Callable[[pa.Table], pa.Table], tmp_path: Path
) -> None:
    """Two months of storms, dry days, missing weather and bad predictions, as the live gateway would have seen them."""
    lines = judged(version, answered(version, chosen(flights("2013-01-01", until))), tmp_path)
    assert len({tuple(line["window"]) for line in lines}) >= 59
    assert not firing(lines)


def test_temperature_drifts_in_the_first_window_of_april(april: Lines) -> None:
    """It was never so warm for a day before."""
    first = min(line["window"] for line in april)
    found = [line for line in april if line["window"] == first and line["subject"] == "temperature"]
    assert ("drift", "temperature", "high_tail") in firing(found)


def test_new_destinations_of_april_are_named(april: Lines) -> None:
    """Those that no flight of the training months had."""
    known = set(Reference.load(MODELS / "flights/1/reference.npz")["dest"].values)  # type: ignore[union-attr]
    strangers = set(flights("2013-04-01", "2013-05-01")["dest"].to_pylist()) - known
    unseen = [line["detail"]["values"] for line in april if (line["subject"], line["statistic"]) == ("dest", "unseen")]
    assert strangers
    assert {name for values in unseen for name in values} == strangers


def test_the_gap_between_estimate_and_truth_is_flagged(april: Lines) -> None:
    """Estimated without labels, realised with them, side by side in each window; together they say that the concept drifted."""
    auc = [line for line in april if line["subject"] == "roc_auc" and line["monitor"] in ("estimate", "performance")]
    for statistic in ("estimated", "realised", "gap"):
        assert len([line for line in auc if line["statistic"] == statistic]) >= 30
    estimated, realised = (
        np.mean([line["value"] for line in auc if line["statistic"] == statistic])
        for statistic in ("estimated", "realised")
    )
    assert estimated - realised > 0.05
    assert ("estimate", "roc_auc", "gap") in firing(april)
    assert ("performance", "roc_auc", "realised") in firing(april)


def test_the_rest_of_april_is_as_it_was(april: Lines) -> None:
    """Airports, carriers, distances and the clock did not change, and are not said to have."""
    same = {"hour", "distance", "carrier", "origin", "weekday", "dest"}
    assert not {key for key in firing(april) if key[0] in ("drift", "quality") and key[1] in same}


@pytest.mark.parametrize("version", ["credit/1", "bikeshare/1", "digits/1"])
@pytest.mark.parametrize("rows", [250, 1_000])
def test_training_rows_alarm_on_nothing(version: str, rows: int, tmp_path: Path) -> None:
    """The rows of every other example's training period, in windows by their number."""
    facts = manifest(version)
    if version == "digits/1":
        load_digits = importlib.import_module("sklearn.datasets").load_digits
        images, digits = load_digits(return_X_y=True)
        answers = recipe.predict((MODELS / version / "model.onnx").read_bytes(), {"image": images.astype(np.float32)})
        columns = {"image": list(images.astype(np.float32)), "label": digits, "output.digit": answers["digit"].ravel()}
        columns["output.probabilities"] = list(answers["probabilities"])
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        table = table.append_column("request_id", pa.array([f"r{i}" for i in range(len(table))]))
    else:
        table = pq.read_table(MODELS / version.replace("/1", f"/{facts.name}.parquet"))
    if "time" not in table.column_names:
        when = np.datetime64("2013-01-01") + np.random.default_rng(0).permutation(len(table)) * np.timedelta64(10, "s")
        table = table.append_column("time", pa.array(when.astype("datetime64[us]"), pa.timestamp("us", "UTC")))
    else:
        assert facts.lineage is not None
        assert facts.lineage.period is not None
        early = table["time"].to_numpy() < np.datetime64(facts.lineage.period[1])
        table = table.filter(pa.array(early))
    if version != "digits/1":
        table = answered(version, table)
    lines = judged(version, table, tmp_path, "--rows", str(rows), "--at-most", "60d")
    assert len({tuple(line["window"]) for line in lines}) >= len(table) // rows - 2
    assert not firing(lines)
