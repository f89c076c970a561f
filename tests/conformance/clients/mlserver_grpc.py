"""MLServer's gRPC stub and converters."""

from __future__ import annotations

import math
from typing import Any

import grpc
import numpy as np
from mlserver.grpc import converters  # type: ignore[import-not-found,unused-ignore]
from mlserver.grpc import dataplane_pb2 as pb
from mlserver.grpc import model_repository_pb2 as repository_pb
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub  # type: ignore[import-not-found,unused-ignore]
from mlserver.grpc.model_repository_pb2_grpc import (  # type: ignore[import-not-found,unused-ignore]
    ModelRepositoryServiceStub,
)

from tests.conformance.clients.examples import Example, Tensor, examples, expect, versions
from tests.conformance.clients.harness import Gateway, case, refused, run
from tests.conformance.clients.mlserver_types import outputs, request, wanted


@case
async def server_and_models_are_ready(gateway: Gateway) -> None:
    """`ServerLive`, `ServerReady` and `ModelReady` say true; of a model that is not there, false."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        assert (await stub.ServerLive(pb.ServerLiveRequest())).live is True
        assert (await stub.ServerReady(pb.ServerReadyRequest())).ready is True
        for model, version in versions(gateway.models):
            assert (await stub.ModelReady(pb.ModelReadyRequest(name=model, version=version))).ready is True
        assert (await stub.ModelReady(pb.ModelReadyRequest(name="nobody"))).ready is False


@case
async def metadata_is_read(gateway: Gateway) -> None:
    """Server and model metadata pass through MLServer's converters; the index lists every version."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        server = converters.ServerMetadataResponseConverter.to_types(
            await stub.ServerMetadata(pb.ServerMetadataRequest())
        )
        assert server.name == "driftgate"
        for model, version in versions(gateway.models):
            answer = await stub.ModelMetadata(pb.ModelMetadataRequest(name=model, version=version))
            told = converters.ModelMetadataResponseConverter.to_types(answer)
            example = examples(gateway.models, model, version)[0]
            assert [each.name for each in told.inputs] == [tensor.name for tensor in example.inputs]
        index = await stub.RepositoryIndex(pb.RepositoryIndexRequest())
        assert sorted((each.name, each.version) for each in index.models) == versions(gateway.models)


@case
async def golden_requests_get_golden_answers(gateway: Gateway) -> None:
    """Typed or raw, the converters' request is answered with a response that they read."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        for example in (each for each in examples(gateway.models) if not any(map(has_nan, each.inputs))):
            for raw in (False, True):
                answer = read(await stub.ModelInfer(message(example, raw, id="m-2")))
                expect(outputs(answer), example)
                assert (answer.model_name, answer.model_version) == (example.model, example.version)
                assert answer.id == "m-2"


@case
async def outputs_are_those_asked_for(gateway: Gateway) -> None:
    """Requested outputs come alone, in the order asked for."""
    example = examples(gateway.models, "flights", "1")[0]
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        for names in (["late", "probability"], ["late"]):
            sent = message(example, True, outputs=wanted(*names))
            answer = read(await GRPCInferenceServiceStub(channel).ModelInfer(sent))
            assert [output.name for output in answer.outputs] == names


@case
async def nan_is_a_value(gateway: Gateway) -> None:
    """NaN, typed and raw, gives the same answer. MLServer's converter has no NaN, so it is put into its messages here."""
    example = examples(gateway.models, "flights", "1")[0]
    typed, raw = message(example, False), message(example, True)
    assert typed.inputs[6].name == raw.inputs[6].name == "temperature"
    typed.inputs[6].contents.fp32_contents[:] = [math.nan]
    raw.raw_input_contents[6] = np.array([math.nan], np.float32).tobytes()
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        first, second = [outputs(read(await stub.ModelInfer(sent))) for sent in (typed, raw)]
    np.testing.assert_array_equal(first[0][1], second[0][1])
    assert np.isfinite(first[0][1]).all()


@case
async def mistakes_are_told_by_name(gateway: Gateway) -> None:
    """A refusal is an RpcError with the protocol's code and our message."""
    example = examples(gateway.models, "digits")[0]
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        for changed, code, text in (
            (example._replace(model="nobody"), grpc.StatusCode.NOT_FOUND, 'no model "nobody"'),
            (example._replace(version="99"), grpc.StatusCode.NOT_FOUND, "digits has no version 99; it has 1"),
            (example._replace(model="credit"), grpc.StatusCode.INVALID_ARGUMENT, 'input "image": credit/1 has no'),
        ):
            with refused(grpc.RpcError) as raised:
                await stub.ModelInfer(message(changed, True))
            assert raised.error.code() is code, raised.error
            assert text in raised.error.details(), raised.error


@case
async def a_service_of_its_own_is_unimplemented(gateway: Gateway) -> None:
    """MLServer's older ModelRepositoryService is not part of the protocol: it answers UNIMPLEMENTED."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        with refused(grpc.RpcError) as raised:
            await ModelRepositoryServiceStub(channel).RepositoryIndex(repository_pb.RepositoryIndexRequest())
        assert raised.error.code() is grpc.StatusCode.UNIMPLEMENTED, raised.error


def has_nan(tensor: Tensor) -> bool:
    """Whether a value is missing."""
    return tensor.datatype == "FP32" and bool(np.isnan(tensor.array).any())


def message(example: Example, raw: bool, **options: Any) -> Any:
    """The example as a ModelInferRequest, by MLServer's converter."""
    sent = request(example, use_bytes=True, **options)
    return converters.ModelInferRequestConverter.from_types(
        sent, model_name=example.model, model_version=example.version, use_raw=raw
    )


def read(answer: Any) -> Any:
    """A ModelInferResponse as an InferenceResponse, by MLServer's converter."""
    return converters.ModelInferResponseConverter.to_types(answer)


if __name__ == "__main__":
    run()
