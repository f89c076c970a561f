"""The bundled models' golden requests and answers, as numpy arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DTYPES = {"BOOL": np.bool_, "INT64": np.int64, "FP32": np.float32, "BYTES": np.object_}


class Tensor(NamedTuple):
    """BYTES are an object array of str."""

    name: str
    datatype: str
    array: Array


class Example(NamedTuple):
    """A request, and the answer that the model's recipe wrote down."""

    model: str
    version: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    request: dict[str, Any]

    @property
    def where(self) -> dict[str, str]:
        """The model and the version, as most clients want them."""
        return {"model_name": self.model, "model_version": self.version}

    def change(self, name: str, datatype: str, array: Array) -> Example:
        """The same request with one input replaced."""
        inputs = [Tensor(name, datatype, array) if tensor.name == name else tensor for tensor in self.inputs]
        return self._replace(inputs=inputs)


def examples(models: Path, model: str = "*", version: str = "[0-9]*") -> list[Example]:
    """Every golden request, or those of one model or version."""
    found = []
    for path in sorted(models.glob(f"{model}/{version}/golden.json")):
        for golden in json.loads(path.read_text())["requests"]:
            inputs, outputs = (_tensors(golden[side][key]) for side, key in (("request", "inputs"), _ANSWER))
            request = golden["request"]
            found.append(Example(path.parts[-3], path.parts[-2], inputs, outputs, request))
    assert found, f"no golden requests of {model}/{version} in {models}"
    return found


def versions(models: Path) -> list[tuple[str, str]]:
    """The name and number of every version."""
    return sorted((path.parts[-3], path.parts[-2]) for path in models.glob("*/[0-9]*/golden.json"))


def stacked(parts: list[Example]) -> Example:
    """One request with the rows of all."""
    columns = zip(*(part.inputs for part in parts), strict=True)
    answers = zip(*(part.outputs for part in parts), strict=True)
    return parts[0]._replace(
        inputs=[_joined(column) for column in columns], outputs=[_joined(each) for each in answers]
    )


def rows(example: Example) -> list[Example]:
    """One request for each row."""
    count = len(example.inputs[0].array)
    return [
        example._replace(
            inputs=[tensor._replace(array=tensor.array[at : at + 1]) for tensor in example.inputs],
            outputs=[tensor._replace(array=tensor.array[at : at + 1]) for tensor in example.outputs],
        )
        for at in range(count)
    ]


def repeated(example: Example, times: int) -> Example:
    """The same rows, over and over."""
    return stacked([example] * times)


def expect(found: Iterable[tuple[str, Any]], example: Example, tolerance: float = 1e-4) -> None:
    """The outputs found are the example's, in its order, by name, shape and value."""
    pairs = list(found)
    assert [name for name, _ in pairs] == [tensor.name for tensor in example.outputs], [name for name, _ in pairs]
    for (name, array), tensor in zip(pairs, example.outputs, strict=True):
        close(array, tensor.array, f"{example.model}/{example.version} {name}", tolerance)


def close(found: Any, expected: Array, what: str, tolerance: float = 1e-4) -> None:
    """Same shape and kind, and for floats nearly, for the rest exactly the same values."""
    assert isinstance(found, np.ndarray), f"{what}: {type(found)}"
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(texts(found), texts(expected), err_msg=what)


def texts(array: Array) -> Array:
    """BYTES as str, whether a client gives bytes or str."""
    if array.dtype.kind not in "OSU":
        return array
    plain = [value.decode() if isinstance(value, bytes) else str(value) for value in array.ravel().tolist()]
    return np.array(plain, np.object_).reshape(array.shape)


_ANSWER = ("response", "outputs")


def _tensors(given: list[dict[str, Any]]) -> list[Tensor]:
    return [
        Tensor(each["name"], each["datatype"], np.array(each["data"], DTYPES[each["datatype"]]).reshape(each["shape"]))
        for each in given
    ]


def _joined(column: Iterable[Tensor]) -> Tensor:
    parts = list(column)
    return parts[0]._replace(array=np.concatenate([part.array for part in parts]))
