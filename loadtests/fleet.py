"""A repository of many models, so that there is much to scrape: 5 models of 3 versions, each with 30 features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from loadtests.request import Request
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema

MODELS = tuple(f"model-{number}" for number in range(1, 6))
VERSIONS = (1, 2, 3)
FEATURES = tuple(f"x{number:02}" for number in range(30))

_TRAINED = 20_000
_BATCH = 256

Matrix = np.ndarray[Any, np.dtype[np.float32]]


def write_fleet(folder: Path) -> None:
    """Makes `folder` a model repository. All versions are alike, but for their names; none drifts on `feed`."""
    content = model().SerializeToString()
    profile = _reference()
    for name in MODELS:
        for version in VERSIONS:
            path = folder / name / str(version)
            path.mkdir(parents=True)
            (path / "model.onnx").write_bytes(content)
            (path / "model.yaml").write_text(yaml.safe_dump(_manifest(name, version, content), sort_keys=False))
            profile.save(path / "reference.npz")


def model() -> onnx.ModelProto:
    """From 30 inputs FP32 [-1, 1] to `score` FP32 [-1, 1]: a logistic regression. The same bytes on every call."""
    nodes = [
        helper.make_node("Concat", list(FEATURES), ["x"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "fleet",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in FEATURES],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(_weights()[:, None], "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def feed(rows: int) -> Iterator[Request]:
    """Requests of 256 rows that give each version at least so many."""
    draw = np.random.default_rng(2)
    for name in MODELS:
        for version in VERSIONS:
            for _ in range(0, rows, _BATCH):
                yield _request(f"/v2/models/{name}/versions/{version}/infer", _drawn(draw, _BATCH))


def singles(count: int) -> list[Request]:
    """Requests of one row for the first model, which its routing sends to one version."""
    draw = np.random.default_rng(3)
    return [_request(f"/v2/models/{MODELS[0]}/infer", _drawn(draw, 1)) for _ in range(count)]


def _request(path: str, rows: Matrix) -> Request:
    inputs = [
        {"name": name, "datatype": "FP32", "shape": [len(rows), 1], "data": [float(str(value)) for value in column]}
        for name, column in zip(FEATURES, rows.T, strict=True)
    ]
    body = json.dumps({"inputs": inputs}, separators=(",", ":")).encode()
    return Request(path, (("Content-Type", "application/json"),), body, len(rows))


def _manifest(name: str, version: int, content: bytes) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "task": "binary",
        "description": "A logistic regression with random weights: for load tests only.",
        "inputs": [{"name": feature, "datatype": "FP32", "shape": [-1, 1]} for feature in FEATURES],
        "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, 1]}],
        "score": "score",
        "max_batch_size": 64,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _reference() -> Reference:
    draw = np.random.default_rng(1)
    x = _drawn(draw, _TRAINED)
    scores = 1 / (1 + np.exp(-(x @ _weights()).astype(np.float64)))
    labels = (draw.random(_TRAINED) < scores).astype(np.float64)
    schema = Schema(tuple(ColumnSpec(name, "numeric") for name in FEATURES), "binary")
    return Reference.build(dict(zip(FEATURES, x.T, strict=True)), schema, scores, labels)


def _drawn(draw: np.random.Generator, rows: int) -> Matrix:
    found: Matrix = draw.standard_normal((rows, len(FEATURES))).round(4).astype(np.float32)
    return found


def _weights() -> Matrix:
    found: Matrix = (0.3 * np.random.default_rng(30).standard_normal(len(FEATURES))).astype(np.float32)
    return found
