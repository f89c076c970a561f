"""Spans of real requests, as a collector receives them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gateway.errors import BodyTooLarge, GatewayError
from gateway.grpc import inference_pb2 as pb
from gateway.grpc.call import STREAM, GrpcCall
from gateway.journey import begin, infer, refuse
from gateway.trace import Asked
from tests.gateway.tracing.collector import Collected
from tests.gateway.tracing.conftest import Replica

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
PATH = "/v2/models/scale/infer"
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}]}
SERVER = 2

Make = Callable[..., Replica]


async def post(replica: Replica, path: str = PATH, body: Any = BODY, **headers: str) -> httpx.Response:
    """Sends a request."""
    transport = httpx.ASGITransport(replica.front)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.post(path, json=body, headers=headers)


async def arrived(replica: Replica, collector: Collected) -> None:
    """Everything that was to be sent is."""
    assert replica.tracer
    await asyncio.to_thread(replica.tracer.close, 10)


async def test_a_request_is_one_span_of_the_server(replica: Make, collector: Collected) -> None:
    """With the attributes that the conventions name, and our own."""
    began, one = time.time_ns(), replica()
    reply = await post(one, **{"x-request-id": "r-1", "authorization": "Bearer secret"})
    await arrived(one, collector)
    (span,) = collector.named("POST /v2/models/{model}/infer")
    assert (span.kind, span.parent, span.status) == (SERVER, "", 0)
    assert began <= span.start <= span.end <= time.time_ns()
    assert span.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v2/models/{model}/infer",
        "url.path": PATH,
        "url.scheme": "http",
        "driftgate.model": "scale",
        "driftgate.version": 1,
        "driftgate.route": "stable",
        "driftgate.revision": 0,
        "driftgate.role": "primary",
        "driftgate.rows": 3,
        "driftgate.request_id": "r-1",
        "driftgate.outcome": "ok",
    }
    assert reply.headers["traceparent"] == f"00-{span.trace}-{span.id}-01"
    assert one.recorded[0].trace == span.trace, "the record leads to the trace"


async def test_the_wait_and_the_run_stand_below_it(replica: Make, collector: Collected) -> None:
    """Within its time, one after the other."""
    one = replica()
    entry = one.plane.catalogue.entries()["scale"][1]
    assert entry.version
    entry.version.runner._inline_rows = 0  # type: ignore[attr-defined] # so that it waits for a worker
    await post(one)
    await arrived(one, collector)
    (server,), (queue,), (run,) = map(collector.named, ("POST /v2/models/{model}/infer", "queue", "inference"))
    assert server.start <= queue.start < queue.end == run.start < run.end <= server.end
    assert {queue.parent, run.parent} == {server.id}
    assert len({server.id, queue.id, run.id}) == 3
    assert {queue.trace, run.trace} == {server.trace}
    assert run.attributes == {
        "driftgate.model": "scale",
        "driftgate.version": 1,
        "driftgate.rows": 3,
        "driftgate.batch_rows": 3,
    }


async def test_the_clients_trace_goes_on(replica: Make, collector: Collected) -> None:
    """Below its span, with its state, which the answer carries too."""
    one = replica(sample=0)
    reply = await post(one, traceparent=SAMPLED, tracestate="rojo=1,congo=2")
    await arrived(one, collector)
    (server,) = collector.named("POST /v2/models/{model}/infer")
    assert (server.trace, server.parent, server.state) == (TRACE, PARENT, "rojo=1,congo=2")
    assert reply.headers["traceparent"] == f"00-{TRACE}-{server.id}-01"
    assert reply.headers["tracestate"] == "rojo=1,congo=2"
    assert one.recorded[0].trace == TRACE


async def test_what_the_client_does_not_trace_is_not_sent(replica: Make, collector: Collected) -> None:
    """Whatever share is: the answer names a span of ours that nobody keeps, the record the client's trace."""
    one = replica(sample=1)
    reply = await post(one, traceparent=NOT_SAMPLED)
    await arrived(one, collector)
    assert collector.spans == []
    assert reply.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert reply.headers["traceparent"].endswith("-00")
    assert PARENT not in reply.headers["traceparent"]
    assert one.recorded[0].trace == TRACE


async def test_a_request_that_is_in_no_trace_names_none(replica: Make, collector: Collected) -> None:
    """Neither in its answer nor in its record: nobody could find it."""
    one = replica(sample=0)
    reply = await post(one, tracestate="a=b")
    await arrived(one, collector)
    assert collector.spans == []
    assert "traceparent" not in reply.headers
    assert "tracestate" not in reply.headers
    assert one.recorded[0].trace is None


async def test_a_share_of_requests_begins_a_trace(replica: Make, collector: Collected) -> None:
    """As large as it was asked for: 200 of 400 requests, within five standard deviations."""
    one = replica(sample=0.5)
    assert one.tracer
    entered = [one.tracer.enter({}) for _ in range(400)]
    traced = [span for span in entered if span]
    assert 150 < len(traced) < 250
    assert len({span.trace_id for span in traced}) == len(traced)
    assert all(int(span.trace_id[16:], 16) < 1 << 63 for span in traced), "as OpenTelemetry's TraceIdRatioBased"


@pytest.mark.parametrize(
    ("path", "body", "status", "outcome", "known"),
    [
        (PATH, {}, 400, "bad_request", False),
        (PATH, {"inputs": []}, 400, "bad_request", True),
        ("/v2/models/nobody/versions/3/infer", BODY, 404, "not_found", False),
    ],
)
async def test_the_mistakes_of_clients_are_no_errors_of_the_server(
    replica: Make, collector: Collected, path: str, body: Any, status: int, outcome: str, known: bool
) -> None:
    """As the conventions have it: status unset, and what it was in the attributes."""
    one = replica()
    await post(one, path, body)
    await arrived(one, collector)
    (span,) = collector.spans
    assert (span.status, span.problem, "error.type" in span.attributes) == (0, "", False)
    assert (span.attributes["http.response.status_code"], span.attributes["driftgate.outcome"]) == (status, outcome)
    assert span.attributes["url.path"] == path
    assert ("driftgate.version" in span.attributes) == known


async def test_an_error_of_the_server_says_what_it_was(replica: Make, collector: Collected) -> None:
    """As a stable word, and as the sentence that the client read."""
    one = replica()
    one.plane.admission.block(GatewayError("no room"))
    reply = await post(one)
    await arrived(one, collector)
    (span,) = collector.spans
    assert (span.status, span.problem, span.attributes["error.type"]) == (2, reply.json()["error"], "internal")
    assert span.attributes["http.response.status_code"] == reply.status_code == 500


@pytest.mark.parametrize("asked", [Asked("http", "PUT", "/v2/models/scale/infer"), STREAM])
async def test_what_is_refused_before_its_journey_is_traced_too(
    replica: Make, collector: Collected, asked: Asked
) -> None:
    """It stands for its whole time."""
    one = replica()
    exchange = begin("scale", {"traceparent": SAMPLED}, "r-1", one.tracer)
    refuse(one.plane, exchange, BodyTooLarge("too much"), time.perf_counter_ns() - 5_000_000, asked)
    await arrived(one, collector)
    (span,) = collector.spans
    assert (span.name, span.trace, span.parent) == (asked.method, TRACE, PARENT)
    assert span.end - span.start >= 5_000_000
    assert span.attributes["driftgate.outcome"] == "body_too_large"


@pytest.mark.parametrize(("model", "code", "status"), [("scale", "OK", 0), ("nobody", "NOT_FOUND", 0)])
async def test_calls_by_grpc_are_spans_of_their_method(
    replica: Make, collector: Collected, model: str, code: str, status: int
) -> None:
    """Their metadata carries the context, both ways."""
    one = replica(sample=0)
    request = pb.ModelInferRequest(
        model_name=model,
        inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 2])],
        raw_input_contents=[np.array([1, 2], "<f4").tobytes()],
    )
    reply = await infer(one.plane, GrpcCall(request, {"traceparent": SAMPLED, "tracestate": "a=b"}))
    await arrived(one, collector)
    (span,) = collector.named("inference.GRPCInferenceService/ModelInfer")
    assert (span.kind, span.trace, span.parent, span.state, span.status) == (SERVER, TRACE, PARENT, "a=b", status)
    assert dict(reply.metadata)["traceparent"] == f"00-{TRACE}-{span.id}-01"
    assert dict(reply.metadata)["tracestate"] == "a=b"
    assert {name: value for name, value in span.attributes.items() if not name.startswith("driftgate.")} == {
        "rpc.system.name": "grpc",
        "rpc.method": "inference.GRPCInferenceService/ModelInfer",
        "rpc.response.status_code": code,
    }


async def test_nothing_of_a_payload_or_a_header_is_sent(replica: Make, collector: Collected) -> None:
    """Names that clients make up are, and these are short."""
    one = replica()
    body = {"inputs": [{**BODY["inputs"][0], "data": [41414.5] * 6}]}
    await post(one, body=body, authorization="Bearer 52525", cookie="who=63636", **{"x-cohort": "74747"})
    await post(one, f"/v2/models/{'m' * 2000}/infer")
    await arrived(one, collector)
    assert len(collector.spans) == 3
    values = [str(value) for span in collector.spans for value in (span.name, *span.attributes.values())]
    assert not [value for value in values for secret in ("41414", "52525", "63636", "74747") if secret in value]
    assert max(map(len, values)) <= 256


async def test_a_request_that_cannot_be_traced_is_answered(
    replica: Make, collector: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace is worth less than an answer."""
    one = replica()
    assert one.tracer
    monkeypatch.setattr(one.tracer._sink, "put", lambda item: 1 / 0)
    assert (await post(one)).status_code == 200


async def test_without_tracing_the_clients_context_is_echoed(tmp_path: Path) -> None:
    """As it was sent."""
    reply = await post(Replica(tmp_path, None), traceparent=SAMPLED, tracestate="a=b")
    assert (reply.headers["traceparent"], reply.headers["tracestate"]) == (SAMPLED, "a=b")
