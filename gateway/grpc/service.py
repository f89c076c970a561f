"""The methods of `inference.GRPCInferenceService`, as Ray Serve calls them: by name, on the deployment."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

import grpc

from gateway import metadata
from gateway.caller import who
from gateway.errors import GatewayError, Overloaded
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.call import STREAM, UNARY, GrpcCall
from gateway.grpc.reading import SERVICE, readable
from gateway.inference import header_id, version_number
from gateway.journey import Plane, begin, infer, refuse
from gateway.rest import Control, model_statistics, versions_named
from gateway.trace import Asked


class Context(Protocol):
    """The part of Serve's gRPC context that is used here."""

    def set_code(self, code: grpc.StatusCode) -> None: ...
    def set_details(self, details: str) -> None: ...
    def set_trailing_metadata(self, metadata: list[tuple[str, str]]) -> None: ...
    def invocation_metadata(self) -> list[tuple[str, str]]: ...


class InferenceService:
    """Mixed into the deployment, which sets `plane` and `control`."""

    plane: Plane
    control: Control

    async def ServerLive(self, request: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        """The process answers."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        """A replica takes calls only once its models are loaded."""
        return pb.ServerReadyResponse(ready=True)

    async def ModelReady(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        """False, not an error, for what is not there, as Triton has it."""
        try:
            self.plane.catalogue.route(request.name, version_number(request.name, request.version or None), 0.0)
        except GatewayError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=True)

    async def ServerMetadata(self, request: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        """Name, version, extensions."""
        return pb.ServerMetadataResponse(**metadata.server())

    async def ModelMetadata(self, request: pb.ModelMetadataRequest, grpc_context: Context) -> pb.ModelMetadataResponse:
        """Versions, inputs and outputs."""
        try:
            pinned = version_number(request.name, request.version or None)
            return pb.ModelMetadataResponse(**metadata.model(self.plane.catalogue, request.name, pinned))
        except GatewayError as refusal:
            _refuse(grpc_context, refusal)
            return pb.ModelMetadataResponse()

    async def ModelConfig(self, request: pb.ModelConfigRequest, grpc_context: Context) -> pb.ModelConfigResponse:
        """Triton's model configuration, as far as it means something here."""
        try:
            pinned = version_number(request.name, request.version or None)
            found = metadata.configuration(self.plane.catalogue, request.name, pinned)
            return pb.ModelConfigResponse(config=pb.ModelConfig(**found))
        except GatewayError as refusal:
            _refuse(grpc_context, refusal)
            return pb.ModelConfigResponse()

    async def ModelStatistics(
        self, request: pb.ModelStatisticsRequest, grpc_context: Context
    ) -> pb.ModelStatisticsResponse:
        """Counts and times, over all replicas."""
        try:
            pinned = version_number(request.name, request.version or None)
            found = await model_statistics(self.plane.catalogue, self.control, request.name or None, pinned)
            return pb.ModelStatisticsResponse(**found)
        except GatewayError as refusal:
            _refuse(grpc_context, refusal)
            return pb.ModelStatisticsResponse()

    async def RepositoryIndex(self, request: pb.RepositoryIndexRequest) -> pb.RepositoryIndexResponse:
        """Every version and its state."""
        return pb.RepositoryIndexResponse(**{"models": metadata.index(self.plane.catalogue, ready_only=request.ready)})

    async def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest, grpc_context: Context
    ) -> pb.RepositoryModelLoadResponse:
        """Puts versions into service on every replica."""
        name = request.model_name or request.repository_name
        try:
            await self.control.load(name, versions_named(_plain(request.parameters)), _who(grpc_context))
        except GatewayError as refusal:
            _refuse(grpc_context, refusal)
            return pb.RepositoryModelLoadResponse()
        return pb.RepositoryModelLoadResponse(model_name=name, is_loaded=True)

    async def RepositoryModelUnload(
        self, request: pb.RepositoryModelUnloadRequest, grpc_context: Context
    ) -> pb.RepositoryModelUnloadResponse:
        """Takes versions out of service on every replica."""
        name = request.model_name or request.repository_name
        try:
            await self.control.unload(name, versions_named(_plain(request.parameters)), _who(grpc_context))
        except GatewayError as refusal:
            _refuse(grpc_context, refusal)
            return pb.RepositoryModelUnloadResponse()
        return pb.RepositoryModelUnloadResponse(model_name=name, is_unloaded=True)

    async def ModelInfer(self, request: pb.ModelInferRequest, grpc_context: Context) -> pb.ModelInferResponse:
        """Inference."""
        began_ns, headers = time.perf_counter_ns(), dict(grpc_context.invocation_metadata())
        try:
            call = GrpcCall(request, headers)
        except GatewayError as refusal:
            self._note(request.model_name, headers, refusal, began_ns, UNARY)
            _refuse(grpc_context, refusal)
            return pb.ModelInferResponse()
        reply = await infer(self.plane, call)
        if reply.refusal is not None:
            _refuse(grpc_context, reply.refusal, reply.metadata)
        else:
            grpc_context.set_trailing_metadata(reply.metadata)
        return reply.message

    async def ModelStreamInfer(
        self, request: AsyncIterator[pb.ModelInferRequest], grpc_context: Context
    ) -> AsyncIterator[pb.ModelStreamInferResponse]:
        """Inference on a stream: one answer for each request, in their order; a refusal does not end the stream."""
        headers = dict(grpc_context.invocation_metadata())
        headers.pop("x-request-id", None)  # it is the stream's; each message has its own id, or gets one
        async for message in request:
            began_ns = time.perf_counter_ns()
            try:
                reply = await infer(self.plane, GrpcCall(readable(message), headers, STREAM))
                refusal = reply.refusal
            except GatewayError as problem:
                self._note(message.model_name, headers, problem, began_ns, STREAM)
                refusal = problem
            if refusal is not None:
                response = pb.ModelInferResponse(id=message.id)
                yield pb.ModelStreamInferResponse(error_message=refusal.message, infer_response=response)
            else:
                yield pb.ModelStreamInferResponse(infer_response=reply.message)

    def _note(self, model: str, headers: Mapping[str, str], refusal: GatewayError, began_ns: int, asked: Asked) -> None:
        """Records what was refused before its journey began."""
        exchange = begin(model, headers, header_id(headers), self.plane.tracer)
        refuse(self.plane, exchange, refusal, began_ns, asked)


def _unoffered(method: str) -> Any:
    async def answer(self: InferenceService, request: Any, grpc_context: Context) -> Any:
        grpc_context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        grpc_context.set_details(f"{method} is not offered by driftgate")
        return getattr(pb, f"{method}Response")()

    answer.__name__ = method
    answer.__doc__ = "Not offered: answers UNIMPLEMENTED."
    return answer


for _method in (
    "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister",
    "SystemSharedMemoryUnregister",
    "CudaSharedMemoryStatus",
    "CudaSharedMemoryRegister",
    "CudaSharedMemoryUnregister",
    "TraceSetting",
    "LogSettings",
):
    setattr(InferenceService, _method, _unoffered(_method))


def _reading(name: str, method: Callable[..., Awaitable[Any]]) -> Any:
    takes_context = "grpc_context" in inspect.signature(method).parameters

    async def answer(self: InferenceService, request: Any, grpc_context: Any = None) -> Any:
        try:
            readable(request)
        except GatewayError as refusal:
            if name == "ModelInfer":
                self._note("", dict(grpc_context.invocation_metadata()), refusal, time.perf_counter_ns(), UNARY)
            _refuse(grpc_context, refusal)
            return getattr(pb, f"{name}Response")()
        return await (method(self, request, grpc_context) if takes_context else method(self, request))

    answer.__name__, answer.__doc__ = name, method.__doc__
    return answer


for _described in SERVICE.methods:
    if not _described.client_streaming:
        setattr(
            InferenceService, _described.name, _reading(_described.name, getattr(InferenceService, _described.name))
        )


def _who(context: Context) -> str:
    return who(dict(context.invocation_metadata()))


def _refuse(context: Context, refusal: GatewayError, extra: list[tuple[str, str]] | None = None) -> None:
    """Sets the status. Nothing is raised: Serve would log a stack trace for what is the client's mistake."""
    context.set_code(getattr(grpc.StatusCode, refusal.grpc))
    context.set_details(refusal.message)
    trailers = list(extra or ())
    if isinstance(refusal, Overloaded):
        trailers.append(("retry-after", str(refusal.retry_after_s)))
    if trailers:
        context.set_trailing_metadata(trailers)


def _plain(parameters: Mapping[str, pb.ModelRepositoryParameter]) -> dict[str, Any]:
    chosen = {name: value.WhichOneof("parameter_choice") for name, value in parameters.items()}
    return {name: getattr(parameters[name], field) if field else None for name, field in chosen.items()}
