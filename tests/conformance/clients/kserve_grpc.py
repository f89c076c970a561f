"""kserve's InferenceGRPCClient."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest  # type: ignore[import-not-found,unused-ignore]
from kserve.protocol.infer_type import RequestedOutput  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Example, examples, expect, versions
from tests.conformance.clients.harness import Gateway, case, refused, run


@case
async def server_is_live_and_ready(gateway: Gateway) -> None:
    """`is_server_live` and `is_server_ready` say true."""
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        assert await kserve.is_server_live() is True
        assert await kserve.is_server_ready() is True


@case
async def models_are_ready_or_not(gateway: Gateway) -> None:
    """`is_model_ready` is true for what is served, false for what is not."""
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        for model, _ in versions(gateway.models):
            assert await kserve.is_model_ready(model) is True
        assert await kserve.is_model_ready("nobody") is False


@case
async def golden_requests_get_golden_answers(gateway: Gateway) -> None:
    """Typed contents or raw bytes: every version answers its golden requests."""
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        for example in examples(gateway.models):
            for raw in (False, True):
                answer = await kserve.infer(request(example, raw))
                expect(outputs(answer), example)
                assert (answer.model_name, answer.model_version) == (example.model, example.version)


@case
async def outputs_are_those_asked_for(gateway: Gateway) -> None:
    """Requested outputs come alone, in the order asked for."""
    example = examples(gateway.models, "flights")[0]
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        for names in (["late", "probability"], ["late"]):
            wanted = [RequestedOutput(name) for name in names]
            answer = await kserve.infer(request(example, True, request_outputs=wanted))
            assert [output.name for output in answer.outputs] == names


@case
async def the_request_id_comes_back(gateway: Gateway) -> None:
    """An id that was given is in the answer."""
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        answer = await kserve.infer(request(examples(gateway.models)[0], True, request_id="k-3"))
    assert answer.id == "k-3"


@case
async def nan_is_a_value(gateway: Gateway) -> None:
    """NaN, typed and raw, gives the same answer."""
    example = examples(gateway.models, "flights")[0]
    missing = example.change("temperature", "FP32", np.full_like(example.inputs[6].array, np.nan))
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        typed, raw = [outputs(await kserve.infer(request(missing, form))) for form in (False, True)]
    np.testing.assert_array_equal(typed[0][1], raw[0][1])


@case
async def mistakes_are_told_by_name(gateway: Gateway) -> None:
    """A refusal is an RpcError with the protocol's code and our message."""
    example = examples(gateway.models, "digits")[0]
    image = example.inputs[0].array
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    async with InferenceGRPCClient(gateway.grpc) as kserve:
        for changed, code, message in (
            (example._replace(model="nobody", version=""), missing, 'no model "nobody"'),
            (example._replace(version="99"), missing, "digits has no version 99; it has 1"),
            (example._replace(model="credit"), invalid, 'input "image": credit/1 has no such input'),
            (example.change("image", "INT64", image.astype(np.int64)), invalid, "datatype INT64"),
            (example.change("image", "FP32", image[:, :63]), invalid, "shape [1, 63]"),
        ):
            for raw in (False, True):
                with refused(grpc.RpcError) as raised:
                    await kserve.infer(request(changed, raw))
                assert raised.error.code() is code, raised.error
                assert message in raised.error.details(), raised.error


def request(example: Example, raw: bool, **options: Any) -> Any:
    """The example as this client's own request: raw bytes, or typed contents."""
    inputs = []
    for name, datatype, array in example.inputs:
        given = [value.encode() if datatype == "BYTES" else value for value in array.ravel().tolist()]
        inputs.append(InferInput(name, list(array.shape), datatype, None if raw else given))
        if raw:
            inputs[-1].set_data_from_numpy(array)
    return InferRequest(example.model, inputs, model_version=example.version, **options)


def outputs(answer: Any) -> list[tuple[str, Any]]:
    """The outputs of this client's own answer."""
    return [(output.name, output.as_numpy()) for output in answer.outputs]


if __name__ == "__main__":
    run()
