"""ONNX graphs written node by node: one typed input for each column, plain tensors out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gateway.manifest import Column

ML = "ai.onnx.ml"
OPSETS = {"": 17, ML: 3}
_TYPES = {
    "BOOL": TensorProto.BOOL,
    "INT64": TensorProto.INT64,
    "FP32": TensorProto.FLOAT,
    "BYTES": TensorProto.STRING,
}


class Graph:
    """A graph that grows: each method adds nodes and gives the name of the tensor that they make."""

    def __init__(self, inputs: Sequence[Column]) -> None:
        self._inputs = [_info(column) for column in inputs]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, op: str, inputs: Sequence[str], output: str = "", domain: str = "", **attributes: Any) -> str:
        """One node of one output, which gets a name of its own unless one is given."""
        name = output or f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        """A tensor that never changes."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def lookup(self, column: str, table: Mapping[Any, float], default: float) -> str:
        """FP32 [n, 1]: what the table says of each string or INT64; `default` for one that it does not know."""
        kind = "strings" if isinstance(next(iter(table)), str) else "int64s"
        values = [float(value) for value in table.values()]
        keys = {f"keys_{kind}": list(table)}
        return self.add("LabelEncoder", [column], "", ML, **keys, values_floats=values, default_float=default)

    def matrix(self, names: Sequence[str]) -> str:
        """FP32 [n, len(names)]: columns of any numeric type side by side."""
        floats = {info.name for info in self._inputs if info.type.tensor_type.elem_type == TensorProto.FLOAT}
        made = {output for node in self._nodes for output in node.output}
        cast = [n if n in floats | made else self.add("Cast", [n], to=TensorProto.FLOAT) for n in names]
        return self.add("Concat", cast, axis=1)

    def trees(self, matrix: str, booster: Any) -> str:
        """FP32 [n, 1]: the raw sum of a fitted HistGradientBoosting estimator of one output; NaN goes where it learnt.

        skl2onnx 1.20 fails on the estimators of scikit-learn 1.9, so this reads their trees itself.
        """
        trees = [stage[0].nodes for stage in booster._predictors]
        columns: dict[str, list[Any]] = {key: [] for key in _TREE}
        for tree, nodes in enumerate(trees):
            for place, node in enumerate(nodes):
                leaf = bool(node["is_leaf"])
                for key, value in zip(_TREE, _tree_node(node, leaf, tree, place), strict=True):
                    columns[key].append(value)
        leaves = [i for i, mode in enumerate(columns["nodes_modes"]) if mode == "LEAF"]
        weights = [float(node["value"]) for nodes in trees for node in nodes if node["is_leaf"]]
        return self.add(
            "TreeEnsembleRegressor",
            [matrix],
            "",
            ML,
            **columns,
            n_targets=1,
            base_values=[float(np.ravel(booster._baseline_prediction)[0])],
            target_ids=[0] * len(leaves),
            target_treeids=[columns["nodes_treeids"][i] for i in leaves],
            target_nodeids=[columns["nodes_nodeids"][i] for i in leaves],
            target_weights=weights,
        )

    def model(self, name: str, outputs: Sequence[Column]) -> bytes:
        """The finished model, checked. The outputs must be tensors of the graph."""
        graph = helper.make_graph(
            self._nodes, name, self._inputs, [_info(column) for column in outputs], initializer=self._constants
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="driftgate", ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


_TREE = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_modes",
    "nodes_featureids",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)


def _tree_node(node: Any, leaf: bool, tree: int, place: int) -> tuple[int | float | str, ...]:
    if leaf:
        return tree, place, "LEAF", 0, 0.0, 0, 0, 0
    threshold = _below(float(node["num_threshold"]))
    left, right, feature = int(node["left"]), int(node["right"]), int(node["feature_idx"])
    return tree, place, "BRANCH_LEQ", feature, threshold, left, right, int(node["missing_go_to_left"])


def _below(threshold: float) -> float:
    """The largest float32 that is not above: rounding up would send a value that is just above to the wrong side."""
    nearest = np.float32(threshold)
    return float(nearest if nearest <= threshold else np.nextafter(nearest, np.float32(-np.inf)))


def _info(column: Column) -> onnx.ValueInfoProto:
    shape = ["N" if size == -1 else size for size in column.shape]
    return helper.make_tensor_value_info(column.name, _TYPES[column.datatype], shape)
