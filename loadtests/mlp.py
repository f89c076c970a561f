"""The model of the comparison: so small (about 12 µs a run) that what is measured is the server around it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema

NAME = "mlp"
COLUMNS = 30
HIDDEN = 32

Matrix = np.ndarray[Any, np.dtype[np.float32]]


def write_repository(folder: Path) -> Path:
    """Makes `folder` a model repository of `mlp/1`, and `mlp/2`, the same again. Returns the path of the first's model.onnx."""
    profile = reference()
    for version in (1, 2):
        _write_version(folder / NAME / str(version), version, profile)
    return folder / NAME / "1" / "model.onnx"


def _write_version(folder: Path, version: int, profile: Reference) -> None:
    path = folder / "model.onnx"
    folder.mkdir(parents=True)
    content = model().SerializeToString()
    path.write_bytes(content)
    manifest = {
        "name": NAME,
        "version": version,
        "task": "regression",
        "description": "30 floats to one through 32 hidden units, with random weights: for load tests only.",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, COLUMNS]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 1]}],
        "score": "y",
        "max_batch_size": 64,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    path.with_name("model.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    profile.save(path.with_name("reference.npz"))


def reference() -> Reference:
    """The profile of 20,000 rows such as are sent, so that every monitor has something to do."""
    x = np.random.default_rng(1).standard_normal((20_000, COLUMNS)).round(4).astype(np.float32)
    schema = Schema((ColumnSpec("x", "wide"),), "regression")
    return Reference.build({"x": x}, schema, expected(x)[:, 0].astype(np.float64))


def model() -> onnx.ModelProto:
    """The model: `x` FP32 [-1, 30] to `y` FP32 [-1, 1]. The same bytes on every call."""
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, COLUMNS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in _weights().items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def expected(x: Matrix) -> Matrix:
    """What every server must answer, computed without ONNX. x: [rows, 30]; returns [rows, 1]."""
    w = _weights()
    answer: Matrix = np.maximum(x @ w["w1"] + w["b1"], 0) @ w["w2"] + w["b2"]
    return answer


def _weights() -> dict[str, Matrix]:
    draw = np.random.default_rng(30)
    shapes = {"w1": (COLUMNS, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, 1), "b2": (1,)}
    return {name: (0.3 * draw.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
