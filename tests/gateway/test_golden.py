"""Requests that a version must answer as its recipe did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RepositoryError
from gateway.golden import check_golden, read_golden
from gateway.tensor import DATATYPES
from tests import onnx_models

X = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}
Y = {"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [2, 4, 6, 8]}


def golden(request: Any = None, outputs: Any = None, **more: Any) -> dict[str, Any]:
    """A golden file of one request."""
    return {"requests": [{"request": request or {"inputs": [X]}, "response": {"outputs": outputs or [Y]}, **more}]}


def check(folder: Path, content: Any) -> list[Any]:
    """Checks y = 2x against the content of a golden.json."""
    path = folder / "golden.json"
    path.write_text(json.dumps(content))
    return check_golden(onnx_models.session(folder, onnx_models.scale(), "scale/1"), read_golden(path, "scale/1"))


def test_right_answers_pass_and_serve_to_warm_up(tmp_path: Path) -> None:
    """The parsed requests are given back."""
    (query,) = check(tmp_path, golden())
    assert query.inputs[0].array.tolist() == [[1, 2], [3, 4]]


def test_a_version_without_golden_requests_has_none(tmp_path: Path) -> None:
    """No file, no requests."""
    assert read_golden(tmp_path / "golden.json", "scale/1") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (golden(outputs=[{**Y, "data": [2, 4, 6.01, 8]}]), r'output "y" at \[1, 0\] is 6.0, expected 6.01'),
        (golden(outputs=[{**Y, "data": [2, None, 6, 8]}]), r'output "y" at \[0, 1\] is 4.0, expected nan'),
        (golden(outputs=[{**Y, "shape": [4]}]), r'output "y" is float32 \[2, 2\], expected FP32 \[4\]'),
        (golden(outputs=[{**Y, "datatype": "FP64"}]), r'output "y" is float32 \[2, 2\], expected FP64 \[2, 2\]'),
        (golden(outputs=[{**Y, "datatype": "FP8"}]), r'input "y": unknown datatype "FP8"'),
        (golden(outputs=[{**Y, "data": [1]}]), r'input "y": 1 elements'),
        (golden(outputs=[{**Y, "name": "z"}]), r'the model has no output "z"'),
        (golden(request={"inputs": [{**X, "name": "z"}]}), r'input "z": scale/1 has no such input'),
        (golden(request={"inputs": []}), r"missing input x"),
        (golden(request={"inputs": 3}), r"the request is not a valid inference request"),
    ],
)
def test_wrong_answers_and_requests_that_do_not_fit_are_refused(tmp_path: Path, content: Any, sentence: str) -> None:
    """The message names version, request, output and element."""
    with pytest.raises(RepositoryError, match=f"^scale/1: golden request 0: {sentence}"):
        check(tmp_path, content)


@pytest.mark.parametrize(("tolerance", "fits"), [(1e-4, False), (0.01, True), (0, False)])
def test_the_tolerance_is_the_files_own(tmp_path: Path, tolerance: float, fits: bool) -> None:
    """Absolute plus relative, in each golden request."""
    content = golden(outputs=[{**Y, "data": [2, 4, 6.03, 8]}], tolerance=tolerance)
    if fits:
        check(tmp_path, content)
    else:
        with pytest.raises(RepositoryError):
            check(tmp_path, content)


def test_only_the_outputs_that_are_listed_are_compared(tmp_path: Path) -> None:
    """A model may have outputs whose values nobody fixed."""
    inputs = [{"name": name, "datatype": "FP32", "shape": [1, 1], "data": [1]} for name in "ab"]
    total = {"name": "sum", "datatype": "FP32", "shape": [1, 1], "data": [2]}
    path = tmp_path / "golden.json"
    path.write_text(json.dumps(golden({"inputs": inputs}, [total])))
    session = onnx_models.session(tmp_path, onnx_models.arithmetic())
    assert len(check_golden(session, read_golden(path, "arithmetic/1"))) == 1


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_can_be_golden(tmp_path: Path, datatype: str) -> None:
    """Strings, numbers and truths are compared, each as it is."""
    data = {"BYTES": ["a", "größe"], "BOOL": [True, False]}.get(datatype, [1, 0])
    wrong = {"BYTES": ["a", "b"], "BOOL": [True, True]}.get(datatype, [1, 1])
    session = onnx_models.session(tmp_path, onnx_models.identity(datatype))
    x = {"name": "x", "datatype": datatype, "shape": [1, 2], "data": data}
    path = tmp_path / "golden.json"
    path.write_text(json.dumps(golden({"inputs": [x]}, [{**x, "name": "y"}])))
    check_golden(session, read_golden(path, "m/1"))
    path.write_text(json.dumps(golden({"inputs": [x]}, [{**x, "name": "y", "data": wrong}])))
    with pytest.raises(RepositoryError, match=r'output "y" at \[0, 1\] is'):
        check_golden(session, read_golden(path, "m/1"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"requests": 1}', '{"requests": [{}]}', '"\xff"'])
def test_a_malformed_file_is_refused(tmp_path: Path, text: str) -> None:
    """The message names version and file."""
    path = tmp_path / "golden.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RepositoryError, match=r"^scale/1: golden\.json: "):
        read_golden(path, "scale/1")
