"""What only tritonclient's gRPC clients can ask: streams, compression of the channel, deadlines, cancellation."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator
from typing import Any

import grpc
from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Example, examples, expect, repeated
from tests.conformance.clients.harness import Gateway, case, refused, run
from tests.conformance.clients.triton import Triton, arrays, connected


@case
async def compression_of_the_channel(gateway: Gateway) -> None:
    """Requests that gRPC compresses with gzip or deflate are answered."""
    async with connected(gateway) as triton:
        for algorithm in ("gzip", "deflate"):
            for example in examples(gateway.models):
                expect(arrays(await triton.infer(example, compression_algorithm=algorithm), example), example)


@case
async def the_clients_deadline_is_kept(gateway: Gateway) -> None:
    """`client_timeout` ends a call as DEADLINE_EXCEEDED, and the next call is answered."""
    example = examples(gateway.models, "digits")[0]
    async with connected(gateway) as triton:
        with refused(InferenceServerException, "DEADLINE_EXCEEDED"):
            await triton.infer(repeated(example, 20_000), client_timeout=1e-3)
        expect(arrays(await triton.infer(example, client_timeout=60), example), example)


@case
async def headers_are_let_pass(gateway: Gateway) -> None:
    """Metadata of the client's own is no reason to refuse."""
    example = examples(gateway.models, "credit")[0]
    async with connected(gateway) as triton:
        expect(arrays(await triton.infer(example, headers={"x-team": "blue"}), example), example)


@case
async def what_is_not_offered_is_unimplemented(gateway: Gateway) -> None:
    """Shared memory, tracing and log settings answer UNIMPLEMENTED, and say which method it was."""
    async with connected(gateway) as triton:
        for method, (arguments, name) in _UNOFFERED.items():
            with refused(InferenceServerException, f"{name} is not offered by driftgate") as raised:
                await triton.call(method, *arguments)
            assert raised.error.status() == "StatusCode.UNIMPLEMENTED", method


@case("grpc")
async def methods_and_services_that_nobody_knows(gateway: Gateway) -> None:
    """A method or a service that the protocol does not have answers UNIMPLEMENTED, as gRPC servers do."""
    with grpc.insecure_channel(gateway.grpc) as channel:
        for path in ("/inference.GRPCInferenceService/ModelForget", "/inference.Nobody/ServerLive", "/a.B/C"):
            method = channel.unary_unary(path, lambda message: message, lambda message: message)
            with refused(grpc.RpcError) as raised:
                method(b"", timeout=20)
            assert raised.error.code() is grpc.StatusCode.UNIMPLEMENTED, f"{path}: {raised.error}"


@case("grpc")
async def infer_in_the_background(gateway: Gateway) -> None:
    """`async_infer` gives each of many requests its own answer, and each refusal to its own callback."""
    asked = examples(gateway.models)
    results: queue.Queue[tuple[int, Any, Any]] = queue.Queue()

    def arrived(at: int) -> Any:
        return lambda result, error: results.put((at, result, error))

    async with connected(gateway) as triton:
        for at, each in enumerate(asked):
            triton.client.async_infer(each.model, triton.inputs(each), arrived(at), model_version=each.version)
        triton.client.async_infer("nobody", triton.inputs(asked[0]), arrived(-1))
        for _ in range(len(asked) + 1):
            at, result, error = results.get(timeout=30)
            if at < 0:
                assert error.status() == "StatusCode.NOT_FOUND", error
            else:
                expect(arrays(result, asked[at]), asked[at])


@case("grpc")
async def a_call_can_be_cancelled(gateway: Gateway) -> None:
    """A cancelled call is told so, and the gateway goes on answering."""
    example = examples(gateway.models, "digits")[0]
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    async with connected(gateway) as triton:
        inputs = triton.inputs(example)
        call = triton.client.async_infer("digits", inputs, lambda result, error: results.put((result, error)))
        call.cancel()
        result, error = results.get(timeout=30)
        assert result is not None or error.status() == "StatusCode.CANCELLED", error
        expect(arrays(await triton.infer(example), example), example)


@case
async def a_stream_answers_in_order(gateway: Gateway) -> None:
    """On a stream each request gets its answer, in the order sent, whichever models they are for."""
    asked = [example for example in examples(gateway.models) for _ in range(3)]
    async with connected(gateway) as triton:
        answered = await _streamed(triton, [_request(triton, each, str(at)) for at, each in enumerate(asked)])
    for at, (example, (result, error)) in enumerate(zip(asked, answered, strict=True)):
        assert error is None, error
        assert result.get_response().id == str(at)
        expect(arrays(result, example), example)


@case
async def a_refusal_does_not_end_the_stream(gateway: Gateway) -> None:
    """A request on a stream that is refused is told why; those after it are answered."""
    example = examples(gateway.models, "digits", "1")[0]
    async with connected(gateway) as triton:
        good = _request(triton, example, "")
        unknown = {**good, "model_name": "nobody"}
        pinned = {**good, "model_version": "99"}
        garbled = {**good, "model_version": "one"}
        answered = await _streamed(triton, [unknown, good, pinned, garbled, good])
    errors = [error and error.message() for _, error in answered]
    assert errors[1] is errors[4] is None, errors
    for at, message in ((0, 'no model "nobody"'), (2, "digits has no version 99"), (3, 'has no version "one"')):
        assert message in errors[at], errors
    expect(arrays(answered[4][0], example), example)


@case
async def streams_run_side_by_side(gateway: Gateway) -> None:
    """Several streams at once each get their own answers."""
    asked = examples(gateway.models)

    async def one(offset: int) -> None:
        turned = asked[offset:] + asked[:offset]
        async with connected(gateway) as triton:
            answered = await _streamed(triton, [_request(triton, each, "") for each in turned])
        for example, (result, error) in zip(turned, answered, strict=True):
            assert error is None, error
            expect(arrays(result, example), example)

    if gateway.variant == "grpc":
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, one(offset)) for offset in range(4)))
    else:
        await asyncio.gather(*(one(offset) for offset in range(4)))


def _request(triton: Triton, example: Example, request_id: str) -> dict[str, Any]:
    return {
        "model_name": example.model,
        "model_version": example.version,
        "inputs": triton.inputs(example),
        "request_id": request_id,
    }


async def _streamed(triton: Triton, requests: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """(result, error) for each request, by whichever interface for streams the client has."""
    if hasattr(triton.client, "start_stream"):
        return await asyncio.to_thread(_by_callback, triton, requests)

    async def given() -> AsyncIterator[dict[str, Any]]:
        for request in requests:
            yield request

    return [pair async for pair in triton.client.stream_infer(given())]


def _by_callback(triton: Triton, requests: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    triton.client.start_stream(lambda result, error: results.put((result, error)))
    for request in requests:
        triton.client.async_stream_infer(**request)
    answered = [results.get(timeout=30) for _ in requests]
    triton.client.stop_stream()
    assert results.empty(), results.get()
    return answered


_UNOFFERED: dict[str, tuple[tuple[object, ...], str]] = {
    "get_system_shared_memory_status": ((), "SystemSharedMemoryStatus"),
    "register_system_shared_memory": (("region", "/key", 64), "SystemSharedMemoryRegister"),
    "unregister_system_shared_memory": ((), "SystemSharedMemoryUnregister"),
    "get_cuda_shared_memory_status": ((), "CudaSharedMemoryStatus"),
    "register_cuda_shared_memory": (("region", b"AA==", 0, 64), "CudaSharedMemoryRegister"),
    "unregister_cuda_shared_memory": ((), "CudaSharedMemoryUnregister"),
    "get_trace_settings": ((), "TraceSetting"),
    "update_trace_settings": ((), "TraceSetting"),
    "get_log_settings": ((), "LogSettings"),
    "update_log_settings": (({"log_info": True},), "LogSettings"),
}


if __name__ == "__main__":
    run()
