"""The bundled models: what is checked in is complete, answers as it says, and can be made again."""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow.parquet as pq
import pytest

from gateway.manifest import Manifest, read_manifest
from gateway.profile import schema_of
from models import recipe
from monitors.numeric import Numeric
from monitors.reference import Reference
from monitors.score import ClassScores

ROOT = Path(__file__).resolve().parents[2] / "models"
VERSIONS = ["flights/1", "flights/2", "bikeshare/1", "digits/1", "credit/1"]
DTYPES: dict[str, Any] = {"FP32": np.float32, "INT64": np.int64, "BYTES": object, "BOOL": np.bool_}

every_version = pytest.mark.parametrize("version", VERSIONS)


def trainer(name: str) -> Callable[[int], recipe.Trained]:
    """The `train` function of a model's recipe."""
    train: Callable[[int], recipe.Trained] = importlib.import_module(f"models.{name}.train").train
    return train


@functools.cache
def retrained(version: str) -> recipe.Trained:
    """The version, made again in this process."""
    name, number = version.split("/")
    return trainer(name)(int(number))


def manifest(version: str) -> Manifest:
    """The checked-in model.yaml."""
    return read_manifest(ROOT / version / "model.yaml")


def golden(version: str) -> list[dict[str, Any]]:
    """The checked-in golden requests."""
    requests: list[dict[str, Any]] = json.loads((ROOT / version / "golden.json").read_text())["requests"]
    return requests


def array(tensor: dict[str, Any]) -> Any:
    """The array of an OIP JSON tensor, null as NaN."""
    values = [np.nan if value is None else value for value in tensor["data"]]
    return np.array(values, DTYPES[tensor["datatype"]]).reshape(tensor["shape"])


def inputs(request: dict[str, Any]) -> dict[str, Any]:
    """The arrays of a golden request, by name."""
    return {tensor["name"]: array(tensor) for tensor in request["request"]["inputs"]}


@every_version
def test_manifest_signs_the_model(version: str) -> None:
    """The sha256 in model.yaml is that of model.onnx, and name and version are those of the directories."""
    found = manifest(version)
    assert found.sha256 == hashlib.sha256((ROOT / version / "model.onnx").read_bytes()).hexdigest()
    assert found.label == version
    assert (ROOT / version / "model.onnx").stat().st_size < 500_000


@every_version
def test_manifest_says_what_the_graph_takes_and_gives(version: str) -> None:
    """Names, datatypes and shapes in model.yaml are those of the graph, and every tensor shares the batch dimension."""
    session = ort.InferenceSession(str(ROOT / version / "model.onnx"), providers=["CPUExecutionProvider"])
    onnx_types = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(string)": "BYTES", "tensor(bool)": "BOOL"}
    found = manifest(version)
    for columns, nodes in ((found.inputs, session.get_inputs()), (found.outputs, session.get_outputs())):
        assert [(column.name, column.datatype) for column in columns] == [(n.name, onnx_types[n.type]) for n in nodes]
        assert [list(column.shape[1:]) for column in columns] == [list(node.shape[1:]) for node in nodes]
        assert {node.shape[0] for node in nodes} == {"N"}
        assert {column.shape[0] for column in columns} == {-1}


@every_version
def test_lineage_is_complete_and_tells_no_secrets(version: str) -> None:
    """model.yaml says how the version was made; no file names a machine's path."""
    lineage = manifest(version).lineage
    assert lineage is not None
    assert lineage.rows > 0
    assert lineage.metrics
    assert lineage.packages
    assert (ROOT / lineage.recipe).is_file()
    assert manifest(version).owner
    assert manifest(version).licence
    for name in ("model.yaml", "card.md", "golden.json"):
        assert not re.search(r"/(work|home|tmp|root|Users)/", (ROOT / version / name).read_text())


@every_version
def test_data_is_the_data_of_the_lineage(version: str) -> None:
    """Where a data file is checked in, it is the one that the version was trained on."""
    lineage = manifest(version).lineage
    assert lineage is not None
    for file in (ROOT / version).parent.glob("*.parquet"):
        assert recipe.file_sha256(file) == lineage.data_sha256


@every_version
def test_golden_requests_get_their_answers(version: str) -> None:
    """The checked-in model gives the recorded answers, within the recorded tolerance."""
    requests = golden(version)
    assert 3 <= len(requests) <= 8
    assert len({tensor["shape"][0] for request in requests for tensor in request["request"]["inputs"]}) >= 3
    for request in requests:
        answers = recipe.predict((ROOT / version / "model.onnx").read_bytes(), inputs(request))
        for tensor in request["response"]["outputs"]:
            assert list(answers[tensor["name"]].shape) == tensor["shape"]
            assert np.allclose(answers[tensor["name"]], array(tensor), atol=request["tolerance"], rtol=0)


@every_version
def test_reference_fits_the_manifest(version: str) -> None:
    """reference.npz profiles the columns of model.yaml, with scores and labels."""
    reference = Reference.load(ROOT / version / "reference.npz")
    assert reference.schema == schema_of(manifest(version))
    assert reference.scores is not None
    assert reference.labels is not None


@every_version
def test_reference_tells_what_is_natural(version: str) -> None:
    """Of answers, labels and mistakes; in stretches of time where the data has times; the file stays small."""
    path = ROOT / version / "reference.npz"
    reference = Reference.load(path)
    timed = version.startswith(("flights", "bikeshare"))
    assert [part.timed for part in reference.natural] == [timed] * 3
    assert reference.natural[0].keys
    assert reference.outliers is not None
    assert path.stat().st_size < 100_000


@every_version
def test_reference_is_that_of_the_recipe(version: str) -> None:
    """The checked-in reference is the one that the recipe makes: its half-spaces were learnt from the same rows."""
    checked_in, again = Reference.load(ROOT / version / "reference.npz").outliers, retrained(version).reference.outliers
    assert checked_in is not None
    assert again is not None
    assert (checked_in.names, checked_in.rows) == (again.names, again.rows)
    # A projection may differ in its last bits from one machine to another, and a row may then lie on the other side.
    assert np.abs(checked_in.masses - again.masses).sum() <= 0.001 * again.masses.sum()


@every_version
def test_card_tells_the_measured_metrics(version: str) -> None:
    """card.md has its sections, and its first metric is the one in model.yaml."""
    card = (ROOT / version / "card.md").read_text()
    for section in ("Intended use", "Data", "Metrics", "Limits", "Fairness", "Licence"):
        assert f"## {section}\n" in card
    lineage = manifest(version).lineage
    assert lineage is not None
    metrics = lineage.metrics
    shown = f"{metrics['mae']:.1f}" if "mae" in metrics else f"{metrics['auc']:.3f}"
    assert shown in card


@every_version
def test_made_again_it_answers_the_same(version: str) -> None:
    """The recipe gives a model whose predictions are those of the checked-in version, to 1e-6.

    Only with the packages of the lineage: others may fit other trees, and then the predictions agree on average.
    """
    again = retrained(version)
    lineage = manifest(version).lineage
    assert lineage is not None
    assert again.manifest.lineage is not None
    same = again.manifest.lineage.packages == lineage.packages
    model = (ROOT / version / "model.onnx").read_bytes()
    score = manifest(version).score
    assert score is not None
    for request in [*map(inputs, golden(version)), *again.requests, _many(again)]:
        expected, found = recipe.predict(model, request)[score], recipe.predict(again.model, request)[score]
        error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
        assert error.max() <= 1e-6 if same else error.mean() <= 0.05


@every_version
def test_made_again_the_files_are_the_same(version: str, tmp_path: Path) -> None:
    """Written twice, a version has the same bytes in every file."""
    again = retrained(version)
    recipe.write(again, tmp_path / "1")
    recipe.write(again, tmp_path / "2")
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert names == ["card.md", "golden.json", "model.onnx", "model.yaml", "reference.npz"]
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_version_is_immutable(tmp_path: Path) -> None:
    """A recipe refuses to write over a version, and leaves it as it was."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.onnx").write_bytes(b"old")
    with pytest.raises(FileExistsError, match="immutable once made"):
        recipe.write(retrained("credit/1"), tmp_path / "1")
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("version", ["flights/1", "flights/2"])
def test_flights_answer_missing_weather_and_strangers(version: str) -> None:
    """No weather at all, an unknown carrier and an unknown destination still give a probability."""
    request = inputs(golden(version)[0])
    blank = {name: np.full_like(a, np.nan) if a.dtype == np.float32 else a for name, a in request.items()}
    blank |= {name: np.array([["??"]], object) for name in ("carrier", "origin", "dest")}
    probability = recipe.predict((ROOT / version / "model.onnx").read_bytes(), blank)["probability"]
    assert probability.shape == (1, 1)
    assert 0 < probability[0, 0] < 1


def test_flights_versions_share_a_signature() -> None:
    """A canary needs no change in the client: names, datatypes and shapes of versions 1 and 2 are equal."""
    signatures = [
        [(column.name, column.datatype, column.shape) for column in (*found.inputs, *found.outputs)]
        for found in (manifest("flights/1"), manifest("flights/2"))
    ]
    assert signatures[0] == signatures[1]


def test_flights_data_is_whole_and_in_order() -> None:
    """Every flight of 2013 in order of departure; a label is known exactly when the flight has landed, and not before."""
    table = pq.read_table(ROOT / "flights" / "flights-2013.parquet")
    departures, landings = (table[name].to_numpy().astype("datetime64[ms]") for name in ("time", "label_time"))
    assert table.num_rows == 336_776
    assert (np.diff(departures) >= np.timedelta64(0)).all()
    assert table["label"].null_count == table["label_time"].null_count == 9_430
    landed = ~np.isnat(landings)
    assert (landings[landed] > departures[landed]).all()
    assert np.median(landings[landed] - departures[landed]) < np.timedelta64(4, "h")
    assert (ROOT / "flights" / "flights-2013.parquet").stat().st_size < 6_000_000


def test_flights_drift_after_training() -> None:
    """Temperatures of July lie almost wholly in the reference's last bin: the example does what it is for."""
    reference = Reference.load(ROOT / "flights/1/reference.npz")
    table = pq.read_table(ROOT / "flights" / "flights-2013.parquet", columns=["time", "temperature"])
    july = table["time"].to_numpy().astype("datetime64[M]") == np.datetime64("2013-07")
    profile = reference["temperature"]
    assert isinstance(profile, Numeric)
    last = profile.index(table["temperature"].to_numpy()[july]) == len(profile.counts) - 1
    assert last.mean() > 0.9


def test_credit_does_not_read_sex() -> None:
    """No node of the graph takes `sex`, and changing it changes no answer."""
    path = ROOT / "credit/1/model.onnx"
    read = {name for node in onnx.load(path).graph.node for name in node.input}
    assert "sex" not in read
    assert "sex" in {column.name for column in manifest("credit/1").inputs}
    request = inputs(golden("credit/1")[2])
    answers = [
        recipe.predict(path.read_bytes(), request | {"sex": np.full_like(request["sex"], sex)})["probability"]
        for sex in ("female", "male")
    ]
    assert (answers[0] == answers[1]).all()


def test_digits_probabilities_are_a_distribution() -> None:
    """Probabilities of the ten digits sum to 1, and the digit is the most probable one."""
    for request in golden("digits/1"):
        answers = recipe.predict((ROOT / "digits/1/model.onnx").read_bytes(), inputs(request))
        assert np.allclose(answers["probabilities"].sum(1), 1, atol=1e-5)
        assert (answers["probabilities"].argmax(1) == answers["digit"]).all()


def test_calibration_is_of_unseen_rows_only() -> None:
    """Scores in the reference are those of held-out rows: fewer than the rows, and close to the labels on average."""
    reference = Reference.load(ROOT / "flights/1/reference.npz")
    assert isinstance(reference.scores, ClassScores)
    histogram = reference.scores.classes[0]
    assert histogram.counts.sum() == pytest.approx(0.2 * reference.rows, abs=1)
    middles = (np.arange(1000) + 0.5) / 1000
    expected = (histogram.labelled * middles).sum() / histogram.labelled.sum()
    assert expected == pytest.approx(histogram.positives.sum() / histogram.labelled.sum(), abs=0.02)


def _many(trained: recipe.Trained) -> dict[str, Any]:
    """A few hundred rows: the golden ones, and each number moved by a little and by much."""
    rows = max(trained.requests, key=lambda request: len(next(iter(request.values()))))
    random = np.random.default_rng(0)
    return {
        name: np.repeat(values, 30, 0)
        * random.choice(np.array([0.5, 1, 1.5]), (len(values) * 30, 1)).astype(np.float32)
        if values.dtype == np.float32
        else np.repeat(values, 30, 0)
        for name, values in rows.items()
    }
