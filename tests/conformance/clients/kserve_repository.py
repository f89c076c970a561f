"""kserve's gRPC stub loads and unloads: it numbers the model's name otherwise than Triton does."""

from __future__ import annotations

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb  # type: ignore[import-not-found,unused-ignore]
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import (  # type: ignore[import-not-found,unused-ignore]
    GRPCInferenceServiceStub,
)

from tests.conformance.clients.harness import Gateway, case, refused, run


@case
async def unloaded_and_loaded_again(gateway: Gateway) -> None:
    """`RepositoryModelUnload` and `RepositoryModelLoad` do what they say, and say that they did."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        ready = pb.ModelReadyRequest(name="credit")
        answer = await stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="credit"))
        assert (answer.model_name, answer.isUnloaded) == ("credit", True)
        assert (await stub.ModelReady(ready)).ready is False
        loaded = await stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="credit"))
        assert (loaded.model_name, loaded.isLoaded) == ("credit", True)
        assert (await stub.ModelReady(ready)).ready is True


@case
async def what_is_not_there_is_not_loaded(gateway: Gateway) -> None:
    """Loading a model that the repository does not have is refused as NOT_FOUND."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        with refused(grpc.RpcError) as raised:
            request = pb.RepositoryModelLoadRequest(model_name="nobody")
            await GRPCInferenceServiceStub(channel).RepositoryModelLoad(request)
        assert raised.error.code() is grpc.StatusCode.NOT_FOUND


@case
async def metadata_by_the_stub(gateway: Gateway) -> None:
    """`ServerMetadata` and `ModelMetadata` are read by kserve's own messages."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        assert (await stub.ServerMetadata(pb.ServerMetadataRequest())).name == "driftgate"
        told = await stub.ModelMetadata(pb.ModelMetadataRequest(name="digits", version="1"))
        assert [(each.name, each.datatype, list(each.shape)) for each in told.inputs] == [("image", "FP32", [-1, 64])]


if __name__ == "__main__":
    run()
