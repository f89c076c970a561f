"""How gRPC's messages come off the wire.

A deserializer that raises makes grpc answer UNKNOWN, with the name of a Python class, and log a stack trace. Ours hands on
that the bytes were no message, and the service refuses them as it refuses any malformed request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from gateway.errors import BadRequest
from gateway.grpc import inference_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]


class Unreadable(NamedTuple):
    """What stands for a request whose bytes are no message of its type."""

    kind: str
    id: str = ""
    model_name: str = ""


def add_service(servicer: Any, server: Any) -> None:
    """What the generated `add_GRPCInferenceServiceServicer_to_server` does, but for the deserializers."""
    handlers = {method.name: _handler(method, getattr(servicer, method.name)) for method in SERVICE.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE.full_name, handlers),))
    server.add_registered_method_handlers(SERVICE.full_name, handlers)


def readable(request: Any) -> Any:
    """The request itself. Raises BadRequest for one that could not be read."""
    if isinstance(request, Unreadable):
        raise BadRequest(f"the bytes are no {request.kind}, or a string in it is not valid UTF-8")
    return request


def _handler(method: Any, answer: Callable[..., Any]) -> Any:
    make = grpc.stream_stream_rpc_method_handler if method.client_streaming else grpc.unary_unary_rpc_method_handler
    response = getattr(pb, method.output_type.name)
    return make(answer, _reader(method.input_type), response.SerializeToString)


def _reader(kind: Any) -> Callable[[bytes], Any]:
    parse = getattr(pb, kind.name).FromString

    def read(message: bytes) -> Any:
        try:
            return parse(message)
        except DecodeError:
            return Unreadable(kind.full_name)

    return read
