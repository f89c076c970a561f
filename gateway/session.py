"""The one place that speaks to ONNX Runtime."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from gateway.errors import InferenceFailed, Overloaded, RepositoryError
from gateway.query import Rows
from gateway.signature import Signature, Spec
from gateway.tensor import BY_ONNX, Array

ort.set_default_logger_severity(4)  # what goes wrong is raised; ONNX Runtime would print it as well
_BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16, without importing onnx
_RUNNING = re.compile(r"Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: ")
_STATUS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SOURCE = re.compile(r"\S+\.(?:h|cc):\d+ (?:\S+\(.*?\)(?: const)? |operator\(\) |\w+ )?")  # a place in its C++


class Session:
    """A loaded model. `run` may be called from any thread.

    threads: how many threads one run may use inside. Raises RepositoryError if ONNX Runtime does not load the file,
    if it has inputs or outputs that the protocol cannot express (sequences, maps, optional values), or if it takes BYTES
    and gives BF16, which ONNX Runtime's Python interface cannot pass in one run.
    """

    def __init__(self, path: Path, label: str, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as problem:  # onnxruntime's exceptions share no base of their own
            raise RepositoryError(f"{label}: ONNX Runtime cannot load {path.name}: {_first_line(problem)}") from None
        inputs = [_spec(node, label) for node in self._session.get_inputs()]
        outputs = [_spec(node, label) for node in self._session.get_outputs()]
        self.signature = Signature(label, inputs, outputs)
        self.symbols = [_symbol(node) for node in (*self._session.get_inputs(), *self._session.get_outputs())]
        self._names = [spec.name for spec in outputs]
        self._run = self._session._sess.run  # what InferenceSession.run calls after checks that the signature has made
        self._halves = {spec.name for spec in (*inputs, *outputs) if spec.datatype == "BF16"}
        self._gives_halves = any(spec.datatype == "BF16" for spec in outputs)
        if self._gives_halves and any(spec.datatype == "BYTES" for spec in inputs):
            raise RepositoryError(f"{label}: takes BYTES and gives BF16, which ONNX Runtime cannot pass in one run")

    def run(self, rows: Rows, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Runs the model on `rows`; gives the named outputs, or all. Raises InferenceFailed."""
        names = self._names if outputs is None else outputs
        try:
            if self._halves:
                return self._run_halves(rows, names)
            return dict(zip(names, self._run(names, rows, None), strict=True))
        except MemoryError:
            raise Overloaded(f"{self.signature.label}: there is not enough memory for this request now") from None
        except Exception as problem:
            raise InferenceFailed(f"{self.signature.label} cannot answer this: {_first_line(problem)}") from None

    def _run_halves(self, rows: Rows, names: Sequence[str]) -> dict[str, Array]:
        """numpy has no bfloat16, so such tensors pass in and out as raw 16-bit words."""
        values = {
            name: ort.OrtValue.ortvalue_from_numpy_with_onnx_type(np.asarray(array, order="C"), _BFLOAT16)
            if name in self._halves
            else array
            for name, array in rows.items()
        }
        if not self._gives_halves:
            return dict(zip(names, self._session.run(names, values), strict=True))
        held = {name: value if name in self._halves else _ort_value(value) for name, value in values.items()}
        found = self._session.run_with_ort_values(list(names), held)
        return {
            name: _words(value) if name in self._halves else value.numpy()
            for name, value in zip(names, found, strict=True)
        }


def _ort_value(array: Array) -> ort.OrtValue:
    return ort.OrtValue.ortvalue_from_numpy(array)


def _words(value: ort.OrtValue) -> Array:
    shape = tuple(value.shape())
    words = (ctypes.c_uint16 * math.prod(shape)).from_address(value.data_ptr())
    return np.ctypeslib.as_array(words).reshape(shape).copy()


def _spec(node: Any, label: str) -> Spec:
    datatype = BY_ONNX.get(node.type)
    if datatype is None:
        raise RepositoryError(
            f'{label}: "{node.name}" is a {node.type}, which the Open Inference Protocol cannot carry; '
            f"export the model with plain tensors (for scikit-learn: zipmap off)"
        )
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape)
    return Spec(node.name, datatype.name, shape)


def _symbol(node: Any) -> str | None:
    """The name that ONNX gives the first dimension, such as "N"; None where it is fixed or unnamed."""
    return node.shape[0] if node.shape and isinstance(node.shape[0], str) else None


def _first_line(problem: Exception) -> str:
    """What ONNX Runtime says and in which node, without its status codes and its source files."""
    line = (str(problem).splitlines() or [type(problem).__name__])[0]
    return _SOURCE.sub("", _RUNNING.sub(_node, _STATUS.sub("", line))).strip()[:300]


def _node(match: re.Match[str]) -> str:
    kind, name = match.groups()
    return f"{kind} {name}: " if name else f"{kind}: "
