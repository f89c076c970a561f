"""The methods of the gRPC service, called as Ray Serve calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from gateway.admission import Admission
from gateway.catalogue import Catalogue, Status
from gateway.config import Limits
from gateway.errors import NotReady
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.service import InferenceService
from gateway.journey import Exchange, Plane, trust_everyone
from gateway.statistics import Statistics
from tests import onnx_models


class Context:
    """Serve's context, as far as it is used: it keeps what is set."""

    def __init__(self, **metadata: str) -> None:
        self._metadata = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        self.code = grpc.StatusCode.OK
        self.details = ""
        self.trailers: dict[str, str] = {}

    def set_code(self, code: grpc.StatusCode) -> None:
        """See Context."""
        self.code = code

    def set_details(self, details: str) -> None:
        """See Context."""
        self.details = details

    def set_trailing_metadata(self, metadata: list[tuple[str, str]]) -> None:
        """See Context."""
        self.trailers = dict(metadata)

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """See Context."""
        return self._metadata


class Desk:
    """A control in memory."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, list[int] | None, str]] = []

    async def load(self, model: str, versions: list[int] | None, who: str) -> None:
        """See rest.Control."""
        if model == "slow":
            raise NotReady("slow: not every replica had finished", 5)
        self.asked.append(("load", model, versions, who))

    async def unload(self, model: str, versions: list[int] | None, who: str) -> None:
        """See rest.Control."""
        if model == "slow":
            raise NotReady("slow: not every replica had finished", 5)
        self.asked.append(("unload", model, versions, who))

    async def statistics(self, model: str | None) -> dict[tuple[str, int], dict[str, Any]]:
        """See rest.Control."""
        statistics = Statistics()
        statistics.succeeded(2, True, 2, (1, 2, 3, 4, 5), 1000)
        return {("scale", 1): statistics.triton("scale", 1), ("scale", 2): Statistics().triton("scale", 2)}

    async def status(self) -> dict[str, Any]:
        """See rest.Control."""
        return {}


class Service(InferenceService):
    """With scale/1 ready and scale/2 loading."""

    def __init__(self, folder: Path) -> None:
        self.recorded: list[Exchange] = []
        catalogue = Catalogue()
        catalogue.put(onnx_models.version(folder, "scale", 1, onnx_models.scale()))
        catalogue.declare("scale", 2, Status("LOADING"))
        self.plane = Plane(catalogue, Admission(4), Limits(), trust_everyone, self.recorded.append)
        self.control = self.desk = Desk()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service."""
    return Service(tmp_path)


def request(version: str = "", model: str = "scale", **more: Any) -> pb.ModelInferRequest:
    """Asks y = 2x of 1 and 2."""
    return pb.ModelInferRequest(
        model_name=model,
        model_version=version,
        inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 2])],
        raw_input_contents=[np.array([1, 2], "<f4").tobytes()],
        **more,
    )


async def test_inference_is_answered_with_where_it_came_from(service: Service) -> None:
    """Version, route, id and trace are trailing metadata."""
    context = Context(x_request_id="r-1", traceparent="00-t-s-01")
    message = await service.ModelInfer(request(), context)
    assert np.frombuffer(message.raw_output_contents[0], "<f4").tolist() == [2, 4]
    assert context.code == grpc.StatusCode.OK
    assert context.trailers == {
        "x-request-id": "r-1",
        "x-model-version": "1",
        "x-route": "stable",
        "traceparent": "00-t-s-01",
    }
    (exchange,) = service.recorded
    assert (exchange.request_id, exchange.refusal) == ("r-1", None)


async def test_the_answer_repeats_the_id_of_the_message_only(service: Service) -> None:
    """As the protocol has it; the one that was made stands in the metadata."""
    context = Context()
    assert (await service.ModelInfer(request(id="m-1"), context)).id == "m-1"
    assert context.trailers["x-request-id"] == "m-1"
    assert (await service.ModelInfer(request(), context)).id == ""
    assert len(context.trailers["x-request-id"]) == 36


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (request(model="delays"), "NOT_FOUND", 'no model "delays"'),
        (request("9"), "NOT_FOUND", "scale has no version 9; it has 1, 2"),
        (request("two"), "NOT_FOUND", 'scale has no version "two"; versions are whole numbers'),
        (request("2"), "UNAVAILABLE", "scale/2 is not ready: loading"),
        (pb.ModelInferRequest(model_name="scale"), "INVALID_ARGUMENT", "missing input x: scale/1 needs every input"),
    ],
    ids=["model", "version", "number", "loading", "inputs"],
)
async def test_a_refusal_is_a_status(service: Service, message: pb.ModelInferRequest, code: str, details: str) -> None:
    """With the sentence as its details; nothing is raised."""
    context = Context()
    assert await service.ModelInfer(message, context) == pb.ModelInferResponse()
    assert (context.code.name, context.details) == (code, details)
    assert ("retry-after" in context.trailers) == (code == "UNAVAILABLE")


async def test_a_stream_goes_on_after_a_refusal(service: Service) -> None:
    """One answer for each request, in their order, with the id of the message."""

    async def requests() -> AsyncIterator[pb.ModelInferRequest]:
        for message in (request(id="a"), request("9", id="b"), request("two", id="c"), request(id="d")):
            yield message

    found = [answer async for answer in service.ModelStreamInfer(requests(), Context())]
    assert [answer.infer_response.id for answer in found] == ["a", "b", "c", "d"]
    assert [bool(answer.error_message) for answer in found] == [False, True, True, False]


@pytest.mark.parametrize(
    ("name", "version", "ready"),
    [("scale", "", True), ("scale", "1", True), ("scale", "2", False), ("scale", "two", False), ("delays", "", False)],
)
async def test_readiness_is_never_an_error(service: Service, name: str, version: str, ready: bool) -> None:
    """False stands for whatever is not there, as Triton has it."""
    assert (await service.ModelReady(pb.ModelReadyRequest(name=name, version=version))).ready is ready


async def test_the_server_is_described(service: Service) -> None:
    """Live, ready, and by its name."""
    assert (await service.ServerLive(pb.ServerLiveRequest())).live
    assert (await service.ServerReady(pb.ServerReadyRequest())).ready
    assert (await service.ServerMetadata(pb.ServerMetadataRequest())).name == "driftgate"


async def test_a_model_is_described(service: Service) -> None:
    """Metadata, configuration, statistics, index."""
    described = await service.ModelMetadata(pb.ModelMetadataRequest(name="scale"), Context())
    assert (list(described.versions), described.inputs[0].shape) == (["1"], [-1, 2])
    config = (await service.ModelConfig(pb.ModelConfigRequest(name="scale"), Context())).config
    assert (config.name, list(config.input[0].dims)) == ("scale", [-1, 2])
    statistics = await service.ModelStatistics(pb.ModelStatisticsRequest(name="scale", version="1"), Context())
    assert [(entry.version, entry.inference_count) for entry in statistics.model_stats] == [("1", 2)]
    everything = await service.ModelStatistics(pb.ModelStatisticsRequest(), Context())
    assert len(everything.model_stats) == 2
    index = await service.RepositoryIndex(pb.RepositoryIndexRequest())
    assert [(entry.version, entry.state) for entry in index.models] == [("1", "READY"), ("2", "LOADING")]
    assert len((await service.RepositoryIndex(pb.RepositoryIndexRequest(ready=True))).models) == 1


@pytest.mark.parametrize("method", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
@pytest.mark.parametrize(("name", "version"), [("delays", ""), ("scale", "9"), ("scale", "two")])
async def test_what_is_not_there_is_not_found(service: Service, method: str, name: str, version: str) -> None:
    """By every method that describes."""
    context = Context()
    asked = getattr(pb, f"{method}Request")(name=name, version=version)
    assert await getattr(service, method)(asked, context) == getattr(pb, f"{method}Response")()
    assert context.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("verb", ["Load", "Unload"])
async def test_models_are_loaded_and_unloaded(service: Service, verb: str) -> None:
    """All versions, or the one that is named; a refusal is a status, with the time to try again."""
    method = getattr(service, f"RepositoryModel{verb}")
    asked = getattr(pb, f"RepositoryModel{verb}Request")
    version = {"version": pb.ModelRepositoryParameter(string_param="2")}
    config = {"config": pb.ModelRepositoryParameter(string_param="{}")}
    await method(asked(model_name="scale"), Context())
    await method(asked(model_name="scale", parameters=version), Context(x_driftgate_user="ann"))
    assert service.desk.asked == [(verb.lower(), "scale", None, "api"), (verb.lower(), "scale", [2], "ann")]
    refused, slow = Context(), Context()
    await method(asked(model_name="scale", parameters=config), refused)
    await method(asked(model_name="slow"), slow)
    assert (refused.code.name, slow.code.name, slow.trailers) == (
        "INVALID_ARGUMENT",
        "UNAVAILABLE",
        {"retry-after": "5"},
    )


def methods() -> list[str]:
    """Those of the service in the .proto."""
    return [method.name for method in pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods]


@pytest.mark.parametrize("method", methods())
def test_every_method_of_the_protocol_is_defined(method: str) -> None:
    """Serve answers a method that the class lacks with a text of its own."""
    assert callable(getattr(InferenceService, method))


@pytest.mark.parametrize("method", [name for name in methods() if "SharedMemory" in name or "Setting" in name])
async def test_what_is_not_offered_is_unimplemented(service: Service, method: str) -> None:
    """And says so."""
    context = Context()
    await getattr(service, method)(getattr(pb, f"{method}Request")(), context)
    assert (context.code, context.details) == (
        grpc.StatusCode.UNIMPLEMENTED,
        f"{method} is not offered by driftgate",
    )
