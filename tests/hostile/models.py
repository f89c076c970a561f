"""Tiny ONNX models that between them take every datatype and every kind of shape, and some that fail on some values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto as T
from onnx import helper

from gateway.tensor import DATATYPES
from tests.running import MODELS

Shape = Sequence[int | str]

ONNX_TYPES = {
    "BOOL": T.BOOL,
    "UINT8": T.UINT8,
    "UINT16": T.UINT16,
    "UINT32": T.UINT32,
    "UINT64": T.UINT64,
    "INT8": T.INT8,
    "INT16": T.INT16,
    "INT32": T.INT32,
    "INT64": T.INT64,
    "FP16": T.FLOAT16,
    "BF16": T.BFLOAT16,
    "FP32": T.FLOAT,
    "FP64": T.DOUBLE,
    "BYTES": T.STRING,
}


def write_repository(root: Path) -> Path:
    """The bundled models and the tiny ones, as one repository in folder `root`; gives `root`."""
    root.mkdir(parents=True, exist_ok=True)
    for model in MODELS.iterdir():
        if any(model.glob("*/model.onnx")):
            (root / model.name).symlink_to(model)
    for name, graph in tiny().items():
        folder = root / name / "1"
        folder.mkdir(parents=True)
        onnx.save(graph, folder / "model.onnx")
    return root


def tiny() -> dict[str, onnx.ModelProto]:
    """The models by name."""
    echoes = {
        f"echo_{datatype.lower()}": _model(
            [helper.make_node("Identity", ["x"], ["y"])], [("x", datatype, ["n"])], [("y", datatype, ["n"])]
        )
        for datatype in DATATYPES
    }
    return {**echoes, **_shaped(), **_fragile()}


def _shaped() -> dict[str, onnx.ModelProto]:
    """Several inputs, free dimensions, scalars, and no batch dimension at all."""
    return {
        "words": _model(
            [
                helper.make_node("Identity", ["words"], ["said"]),
                helper.make_node("Identity", ["flags"], ["raised"]),
                helper.make_node("Cast", ["half"], ["whole"], to=T.FLOAT),
            ],
            [("words", "BYTES", ["n"]), ("flags", "BOOL", ["n", 2]), ("half", "BF16", [])],
            [("said", "BYTES", ["n"]), ("raised", "BOOL", ["n", 2]), ("whole", "FP32", [])],
        ),
        "numbers": _model(
            [
                helper.make_node("ReduceSum", ["numbers"], ["sum"], keepdims=1),
                helper.make_node("Identity", ["half"], ["kept"]),
            ],
            [("numbers", "FP32", ["m", 3]), ("half", "BF16", [])],
            [("sum", "FP32", [1, 1]), ("kept", "BF16", [])],
        ),
        "sum": _model(
            [helper.make_node("Add", ["a", "b"], ["y"])],
            [("a", "FP32", ["n"]), ("b", "FP32", ["n"])],
            [("y", "FP32", ["n"])],
        ),
        "scalar": _model(
            [helper.make_node("Mul", ["by", "values"], ["scaled"])],
            [("by", "FP32", []), ("values", "FP32", ["n"])],
            [("scaled", "FP32", ["n"])],
        ),
        "free": _model(
            [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Shape", ["x"], ["shape"])],
            [("x", "FP64", ["a", "b", "c"])],
            [("y", "FP64", ["a", "b", "c"]), ("shape", "INT64", [3])],
        ),
        "fixed": _model(
            [helper.make_node("Identity", ["x"], ["y"])], [("x", "INT64", [2, "n", 2])], [("y", "INT64", [2, "n", 2])]
        ),
    }


def _fragile() -> dict[str, onnx.ModelProto]:
    """Models that fail, or give no number, for values that their signature allows."""
    table = helper.make_tensor("table", T.FLOAT, [4], [0.5, 1.5, 2.5, 3.5])
    return {
        "lookup": _model(
            [helper.make_node("Gather", ["table", "index"], ["value"])],
            [("index", "INT64", ["n"])],
            [("value", "FP32", ["n"])],
            [table],
        ),
        "reshape": _model(
            [helper.make_node("Reshape", ["x", "shape"], ["y"])],
            [("x", "FP32", ["n"]), ("shape", "INT64", [2])],
            [("y", "FP32", ["a", "b"])],
        ),
        "quotient": _model(
            [helper.make_node("Div", ["a", "b"], ["y"])],
            [("a", "INT64", ["n"]), ("b", "INT64", ["n"])],
            [("y", "INT64", ["n"])],
        ),
        "root": _model(
            [helper.make_node("Sqrt", ["x"], ["y"])], [("x", "FP32", ["n", "m"])], [("y", "FP32", ["n", "m"])]
        ),
    }


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, str, Shape]],
    outputs: list[tuple[str, str, Shape]],
    constants: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, "tiny", [_info(*given) for given in inputs], [_info(*given) for given in outputs], list(constants)
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _info(name: str, datatype: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, ONNX_TYPES[datatype], list(shape))
