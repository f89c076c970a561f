"""`ModelInfer` as a journey's call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.messages import read_query, write_answer
from gateway.inference import header_id, version_number
from gateway.query import Answer, Query
from gateway.routing import Route
from gateway.trace import Asked, Span, echo
from gateway.version import Watch
from gateway.wire.classification import classify

_SERVICE = "inference.GRPCInferenceService"
UNARY, STREAM = Asked("grpc", f"{_SERVICE}/ModelInfer"), Asked("grpc", f"{_SERVICE}/ModelStreamInfer")
"""How a call came: alone, or on a stream."""


class Reply(NamedTuple):
    """What goes back: a message, or a refusal; and metadata with either."""

    message: pb.ModelInferResponse
    refusal: GatewayError | None
    metadata: list[tuple[str, str]]


class GrpcCall:
    """One inference request on gRPC. See `journey.Call`. Its cancellation by the client cancels the task it runs in."""

    __slots__ = ("_request", "asked", "headers", "model", "pinned", "request_id", "span", "watch")

    def __init__(self, request: pb.ModelInferRequest, headers: Mapping[str, str], asked: Asked = UNARY) -> None:
        self.model = request.model_name
        self.pinned = version_number(request.model_name, request.model_version or None)
        self.headers = headers
        self.request_id = header_id(headers)
        self.asked = asked
        self.span: Span | None = None
        self.watch: Watch | None = None
        self._request = request

    def parse(self) -> Query:
        """See Call."""
        return read_query(self._request)

    def timeout_s(self) -> float | None:
        """gRPC has deadlines of its own, and cancels what passes them."""
        return None

    def answer(self, answer: Answer, query: Query, route: Route) -> Reply:
        """See Call."""
        metadata = [
            ("x-request-id", answer.id),
            ("x-model-version", str(route.version)),
            ("x-route", route.reason),
        ]
        return Reply(write_answer(classify(answer, query), query.id), None, self._traced(metadata))

    def refuse(self, refusal: GatewayError, request_id: str) -> Reply:
        """See Call."""
        return Reply(pb.ModelInferResponse(), refusal, self._traced([("x-request-id", request_id)]))

    def _traced(self, metadata: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [*metadata, *echo(self.headers, self.span)]
