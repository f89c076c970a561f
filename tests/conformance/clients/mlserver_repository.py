"""MLServer's ways to load and unload: its gRPC stub, and the same paths over REST."""

from __future__ import annotations

import grpc
import urllib3
from mlserver.grpc import dataplane_pb2 as pb  # type: ignore[import-not-found,unused-ignore]
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub  # type: ignore[import-not-found,unused-ignore]
from mlserver.types import RepositoryIndexRequest, RepositoryIndexResponse  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.harness import Gateway, case, refused, run


@case("grpc")
async def unloaded_and_loaded_by_the_stub(gateway: Gateway) -> None:
    """`RepositoryModelUnload` and `RepositoryModelLoad` do what they say."""
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = GRPCInferenceServiceStub(channel)
        ready = pb.ModelReadyRequest(name="digits")
        await stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="digits"))
        assert (await stub.ModelReady(ready)).ready is False
        index = await stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=True))
        assert "digits" not in {each.name for each in index.models}
        await stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="digits"))
        assert (await stub.ModelReady(ready)).ready is True
        with refused(grpc.RpcError) as raised:
            await stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="nobody"))
        assert raised.error.code() is grpc.StatusCode.NOT_FOUND


@case("rest")
async def unloaded_and_loaded_by_rest(gateway: Gateway) -> None:
    """The repository paths answer as MLServer's types say."""
    repository = f"{gateway.url}/v2/repository"
    assert urllib3.request("POST", f"{repository}/models/digits/unload").status == 200
    ready = RepositoryIndexRequest(ready=True).model_dump_json()
    for wanted, body in ((False, ready), (True, "{}")):
        answer = urllib3.request("POST", f"{repository}/index", body=body)
        names = {each.name for each in RepositoryIndexResponse.model_validate(answer.json()).root}
        assert ("digits" in names) is wanted, names
    assert urllib3.request("POST", f"{repository}/models/digits/load").status == 200
    assert urllib3.request("GET", f"{gateway.url}/v2/models/digits/ready").status == 200
    assert urllib3.request("POST", f"{repository}/models/nobody/load").status == 404


if __name__ == "__main__":
    run()
