"""What a version says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gateway.errors import RepositoryError
from gateway.manifest import read_manifest
from tests import onnx_models

MINIMAL = onnx_models.declared("scale", 1, onnx_models.scale())


def write(folder: Path, text: str) -> Path:
    """A model.yaml."""
    path = folder / "model.yaml"
    path.write_text(text)
    return path


def test_a_manifest_needs_only_name_version_inputs_and_outputs(tmp_path: Path) -> None:
    """All else has a default: a model of no known task, in production, never merged."""
    manifest = read_manifest(write(tmp_path, yaml.safe_dump(MINIMAL)))
    assert (manifest.label, manifest.task, manifest.stage, manifest.max_batch_size) == (
        "scale/1",
        "other",
        "production",
        0,
    )
    assert manifest.inputs[0].shape == (-1, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "../etc"}, "name: String should match pattern"),
        ({"version": 0}, "version: Input should be greater than or equal to 1, found 0"),
        ({"sha256": "abc"}, "sha256: String should match pattern"),
        ({"tsak": "binary"}, "tsak: unknown key"),
        ({"task": "binry"}, "task: Input should be 'binary'"),
        ({"score": "z"}, "score names output 'z', but the outputs are ['y']"),
        ({"prediction": "z"}, "prediction names output 'z', but the outputs are ['y']"),
        ({"inputs": MINIMAL["inputs"] * 2}, "inputs: each name may stand once, found ['x', 'x']"),
        ({"inputs": [{**MINIMAL["inputs"][0], "datatype": "FP8"}]}, "inputs.0.datatype: Input should be 'BOOL'"),
        ({"inputs": [{**MINIMAL["inputs"][0], "shape": [-2]}]}, "inputs.0.shape.0: Input should be greater than"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    """With file, line and key."""
    path = write(tmp_path, yaml.safe_dump({**MINIMAL, **change}))
    with pytest.raises(RepositoryError, match=rf"{re.escape(str(path))}:\d+: {re.escape(sentence)}"):
        read_manifest(path)


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, or no file at all: a sentence, not a stack trace."""
    path = tmp_path / "model.yaml"
    with pytest.raises(RepositoryError, match="cannot be read"):
        read_manifest(path)
    path.write_bytes(b"name: \xff")
    with pytest.raises(RepositoryError, match="cannot be read"):
        read_manifest(path)
