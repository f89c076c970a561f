"""What the gateway says of itself and its models, in the words of the Open Inference Protocol."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Any

from gateway.catalogue import Catalogue
from gateway.signature import Spec

NAME = "driftgate"
PLATFORM = "onnxruntime_onnx"
EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
)


def server() -> dict[str, Any]:
    """`GET /v2`."""
    return {"name": NAME, "version": installed("driftgate"), "extensions": list(EXTENSIONS)}


def model(catalogue: Catalogue, name: str, pinned: int | None) -> dict[str, Any]:
    """`GET /v2/models/{m}`: the versions in service, and the signature of the one named, or of the one routed to.

    Raises NotFound or NotReady.
    """
    _, _, version = catalogue.route(name, pinned, 0.0)
    ready = [str(number) for number, entry in catalogue.entries()[name].items() if entry.version]
    return {
        "name": name,
        "versions": ready,
        "platform": PLATFORM,
        "inputs": [_tensor(spec) for spec in version.signature.inputs.values()],
        "outputs": [_tensor(spec) for spec in version.signature.outputs.values()],
    }


def configuration(catalogue: Catalogue, name: str, pinned: int | None) -> dict[str, Any]:
    """`GET /v2/models/{m}/config`, with the fields of Triton's model configuration that mean something here."""
    _, _, version = catalogue.route(name, pinned, 0.0)
    signature = version.signature
    return {
        "name": name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "max_batch_size": version.manifest.max_batch_size,
        "input": [_configured(spec) for spec in signature.inputs.values()],
        "output": [_configured(spec) for spec in signature.outputs.values()],
    }


def index(catalogue: Catalogue, *, ready_only: bool) -> list[dict[str, str]]:
    """`POST /v2/repository/index`: every version, its state, and why it is not ready."""
    return [
        {"name": name, "version": str(number), "state": entry.status.state, "reason": entry.status.reason}
        for name, versions in catalogue.entries().items()
        for number, entry in versions.items()
        if entry.status.state == "READY" or not ready_only
    ]


def _tensor(spec: Spec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _configured(spec: Spec) -> dict[str, Any]:
    kind = "STRING" if spec.datatype == "BYTES" else spec.datatype
    return {"name": spec.name, "data_type": f"TYPE_{kind}", "dims": list(spec.shape)}
