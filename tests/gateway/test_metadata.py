"""What the gateway says of its models."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

import pytest

from gateway import metadata
from gateway.catalogue import Catalogue, Status
from gateway.errors import NotFound, NotReady
from gateway.grpc import inference_pb2 as pb
from gateway.tensor import DATATYPES
from tests import onnx_models


def holding(folder: Path, *versions: int) -> Catalogue:
    """A catalogue with these versions of scale."""
    catalogue = Catalogue()
    for number in versions:
        made = onnx_models.scale(width=number)
        manifest = onnx_models.declared("scale", number, made, max_batch_size=16)
        catalogue.put(onnx_models.version(folder, "scale", number, made, manifest=manifest))
    return catalogue


def test_the_server_is_the_installed_package() -> None:
    """Name and version."""
    found = metadata.server()
    assert (found["name"], found["version"]) == ("driftgate", installed("driftgate"))


@pytest.mark.parametrize(("pinned", "width"), [(None, 3), (2, 2), (3, 3)])
def test_a_model_is_described_by_the_version_that_would_answer(tmp_path: Path, pinned: int | None, width: int) -> None:
    """The one pinned, else the one routed to; all versions in service are listed."""
    catalogue = holding(tmp_path, 2, 3)
    catalogue.declare("scale", 4, Status("LOADING"))
    found = metadata.model(catalogue, "scale", pinned)
    assert found["versions"] == ["2", "3"]
    assert found["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, width]}]
    assert metadata.configuration(catalogue, "scale", pinned)["input"] == [
        {"name": "x", "data_type": "TYPE_FP32", "dims": [-1, width]}
    ]


def test_the_configuration_says_how_requests_are_merged(tmp_path: Path) -> None:
    """With Triton's names."""
    found = metadata.configuration(holding(tmp_path, 2), "scale", None)
    assert (found["max_batch_size"], found["backend"], found["platform"]) == (16, "onnxruntime", "onnxruntime_onnx")


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_has_a_name_in_the_configuration(tmp_path: Path, datatype: str) -> None:
    """One that the protobuf message knows."""
    catalogue = Catalogue()
    catalogue.put(onnx_models.version(tmp_path, "same", 1, onnx_models.identity(datatype)))
    config = pb.ModelConfig(**metadata.configuration(catalogue, "same", None))
    assert pb.DataType.Name(config.input[0].data_type) == f"TYPE_{'STRING' if datatype == 'BYTES' else datatype}"
    described = pb.ModelMetadataResponse(**metadata.model(catalogue, "same", None))
    assert described.inputs[0].datatype == datatype


def test_the_index_tells_why_a_version_is_not_ready(tmp_path: Path) -> None:
    """And may leave such out."""
    catalogue = holding(tmp_path, 1)
    catalogue.declare("scale", 2, Status("UNAVAILABLE", "unloaded"))
    ready = {"name": "scale", "version": "1", "state": "READY", "reason": ""}
    assert metadata.index(catalogue, ready_only=True) == [ready]
    assert metadata.index(catalogue, ready_only=False) == [
        ready,
        {"name": "scale", "version": "2", "state": "UNAVAILABLE", "reason": "unloaded"},
    ]


def test_what_is_not_there_has_no_description(tmp_path: Path) -> None:
    """The refusals are those of routing."""
    catalogue = holding(tmp_path, 1)
    catalogue.declare("scale", 2, Status("LOADING"))
    for describe in (metadata.model, metadata.configuration):
        with pytest.raises(NotFound):
            describe(catalogue, "delays", None)
        with pytest.raises(NotReady):
            describe(catalogue, "scale", 2)
