"""The examples as MLServer's own requests, and its answers as arrays, through its codecs."""

from __future__ import annotations

from typing import Any

from mlserver.codecs import NumpyCodec, StringCodec  # type: ignore[import-not-found,unused-ignore]
from mlserver.types import InferenceRequest, RequestOutput  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Example


def request(example: Example, use_bytes: bool, **options: Any) -> Any:
    """use_bytes: strings as bytes, as gRPC wants them, or as str, as JSON does."""
    return InferenceRequest(inputs=[_input(*tensor, use_bytes) for tensor in example.inputs], **options)


def wanted(*names: str) -> list[Any]:
    """Requested outputs."""
    return [RequestOutput(name=name) for name in names]


def outputs(answer: Any) -> list[tuple[str, Any]]:
    """The outputs of an InferenceResponse."""
    return [(output.name, NumpyCodec.decode_output(output)) for output in answer.outputs]


def _input(name: str, datatype: str, array: Any, use_bytes: bool) -> Any:
    if datatype == "BYTES":
        return StringCodec.encode_input(name, array.ravel().tolist(), use_bytes=use_bytes)
    return NumpyCodec.encode_input(name, array)
