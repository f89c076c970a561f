"""Small models of every kind that tests need, built with onnx.helper and laid out as a repository."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from gateway.config import Limits, ModelConfig
from gateway.repository import Folder, scan
from gateway.session import Session
from gateway.version import Version, prepare

ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "BF16": TensorProto.BFLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
"""ONNX's element type for each datatype of the protocol."""

Dimensions = Sequence[int | str | None]


def value(name: str, datatype: str, shape: Dimensions) -> onnx.ValueInfoProto:
    """A declared input or output; a string in the shape is a symbolic dimension."""
    return helper.make_tensor_value_info(name, ELEMENTS[datatype], list(shape))


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: dict[str, Any] | None = None,
) -> onnx.ModelProto:
    """A model of these nodes, checked."""
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", list(inputs), list(outputs), held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made)
    return made


def identity(datatype: str = "FP32", shape: Dimensions = ("N", 2)) -> onnx.ModelProto:
    """y = x, for any datatype."""
    return model(
        [helper.make_node("Identity", ["x"], ["y"])], [value("x", datatype, shape)], [value("y", datatype, shape)]
    )


def scale(factor: float = 2.0, width: int = 2) -> onnx.ModelProto:
    """y = factor · x, row by row."""
    return model(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        [value("x", "FP32", ("N", width))],
        [value("y", "FP32", ("N", width))],
        {"factor": np.float32(factor)},
    )


def arithmetic() -> onnx.ModelProto:
    """sum = a + b and difference = a - b, for rows of any width."""
    return model(
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])],
        [value("a", "FP32", ("N", "W")), value("b", "FP32", ("N", "W"))],
        [value("sum", "FP32", ("N", "W")), value("difference", "FP32", ("N", "W"))],
    )


def lookup(size: int = 4) -> onnx.ModelProto:
    """y = 10 · x for 0 <= x < size; any other x makes the run fail, and with it all that ran with it."""
    return model(
        [helper.make_node("Gather", ["table", "x"], ["y"], axis=0)],
        [value("x", "INT64", ("N",))],
        [value("y", "INT64", ("N",))],
        {"table": 10 * np.arange(size, dtype=np.int64)},
    )


def mean() -> onnx.ModelProto:
    """One row, the mean over the batch: it takes a batch, and does not answer with one."""
    return model(
        [helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=1)],
        [value("x", "FP32", ("N", 2))],
        [value("y", "FP32", ("M", 2))],
        {"axes": np.array([0], np.int64)},
    )


def centred() -> onnx.ModelProto:
    """y = x - mean of the batch: shaped as if row by row, but a row's answer depends on its neighbours."""
    return model(
        [
            helper.make_node("ReduceMean", ["x", "axes"], ["middle"], keepdims=1),
            helper.make_node("Sub", ["x", "middle"], ["y"]),
        ],
        [value("x", "FP32", ("N", 2))],
        [value("y", "FP32", ("N", 2))],
        {"axes": np.array([0], np.int64)},
    )


def heavy(size: int = 600) -> onnx.ModelProto:
    """y = x · M · M, with a matrix large enough to take longer than what is run on the event loop."""
    return model(
        [
            helper.make_node("MatMul", ["m", "m"], ["mm"]),
            helper.make_node("MatMul", ["x", "mm"], ["y"]),
        ],
        [value("x", "FP32", ("N", size)), value("m", "FP32", (size, size))],
        [value("y", "FP32", ("N", size))],
    )


def slow(loops: int = 20000) -> onnx.ModelProto:
    """y = x + loops, one at a time: milliseconds of work for one row."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["held", "one"], ["more"]),
        ],
        "body",
        [value("i", "INT64", ()), value("go", "BOOL", ()), value("held", "FP32", ("N", 1))],
        [value("go_on", "BOOL", ()), value("more", "FP32", ("N", 1))],
    )
    return model(
        [helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)],
        [value("x", "FP32", ("N", 1))],
        [value("y", "FP32", ("N", 1))],
        {"times": np.array(loops, np.int64), "one": np.float32(1)},
    )


def save(
    root: Path,
    name: str,
    version: int,
    made: onnx.ModelProto,
    *,
    manifest: dict[str, Any] | None = None,
    golden: Any = None,
) -> Folder:
    """Lays the model out in repository `root`; `manifest` and `golden` are written beside it where given."""
    path = root / name / str(version)
    path.mkdir(parents=True, exist_ok=True)
    onnx.save(made, path / "model.onnx")
    if manifest is not None:
        (path / "model.yaml").write_text(yaml.safe_dump(manifest))
    if golden is not None:
        (path / "golden.json").write_text(json.dumps(golden))
    return scan(root)[name][version]


def declared(name: str, number: int, made: onnx.ModelProto, /, **more: Any) -> dict[str, Any]:
    """The content of a model.yaml that fits the model; `more` adds and replaces keys."""
    datatypes = {number: datatype for datatype, number in ELEMENTS.items()}

    def columns(values: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": entry.name,
                "datatype": datatypes[entry.type.tensor_type.elem_type],
                "shape": [d.dim_value if d.HasField("dim_value") else -1 for d in entry.type.tensor_type.shape.dim],
            }
            for entry in values
        ]

    content = {
        "name": name,
        "version": number,
        "inputs": columns(made.graph.input),
        "outputs": columns(made.graph.output),
    }
    return {**content, **more}


def session(root: Path, made: onnx.ModelProto, label: str = "test/1") -> Session:
    """The model, loaded."""
    path = root / f"{label.replace('/', '-')}.onnx"
    onnx.save(made, path)
    return Session(path, label)


def version(root: Path, name: str, number: int, made: onnx.ModelProto, **more: Any) -> Version:
    """The model as a version that passed its checks; `more` as for `save`."""
    return prepare(save(root, name, number, made, **more), ModelConfig(), Limits())
