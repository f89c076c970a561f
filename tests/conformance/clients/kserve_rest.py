"""kserve's InferenceRESTClient, with protocol v2."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig  # type: ignore[import-not-found,unused-ignore]
from kserve.protocol.infer_type import RequestedOutput  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Example, examples, expect, versions
from tests.conformance.clients.harness import Gateway, case, refused, run


@case
async def server_is_live_and_ready(gateway: Gateway) -> None:
    """`is_server_live` and `is_server_ready` say true, whether or not the base URL ends in a slash."""
    async with client() as kserve:
        for base in (gateway.url, f"{gateway.url}/"):
            assert await kserve.is_server_live(base) is True
            assert await kserve.is_server_ready(base) is True


@case
async def models_are_ready_or_not(gateway: Gateway) -> None:
    """`is_model_ready` is true for what is served, false for what is not."""
    async with client() as kserve:
        for model, _ in versions(gateway.models):
            assert await kserve.is_model_ready(gateway.url, model) is True
        assert await kserve.is_model_ready(gateway.url, "nobody") is False


@case
async def golden_requests_get_golden_answers(gateway: Gateway) -> None:
    """JSON or binary inputs, JSON or binary outputs: every routed version answers its golden requests."""
    async with client() as kserve:
        for example in routed(gateway):
            for binary in (False, True):
                for wanted in (False, True):
                    sent = request(example, binary, parameters={"binary_data_output": wanted})
                    answer = await kserve.infer(gateway.url, sent, model_name=example.model)
                    expect(outputs(answer), example)
                    assert answer.model_name == example.model


@case
async def a_plain_dictionary_will_do(gateway: Gateway) -> None:
    """A request may be a dictionary; the headers of the answer can be had."""
    example = next(each for each in routed(gateway) if each.model == "credit")
    headers: dict[str, str] = {}
    async with client() as kserve:
        answer = await kserve.infer(
            gateway.url, example.request, model_name="credit", headers={"x-request-id": "k-1"}, response_headers=headers
        )
    expect(outputs(answer), example)
    assert headers["x-request-id"] == "k-1"
    assert headers["x-model-version"] == example.version


@case
async def outputs_are_those_asked_for(gateway: Gateway) -> None:
    """Requested outputs come alone, each in the form asked for."""
    example = next(each for each in routed(gateway) if each.model == "flights")
    wanted = [RequestedOutput("late", {"binary_data": True}), RequestedOutput("probability", {"binary_data": False})]
    async with client() as kserve:
        for chosen in (wanted, wanted[:1], wanted[1:]):
            sent = request(example, True, request_outputs=chosen)
            answer = await kserve.infer(gateway.url, sent, model_name="flights")
            assert [output.name for output in answer.outputs] == [output.name for output in chosen]


@case
async def the_request_id_comes_back(gateway: Gateway) -> None:
    """An id that was given is in the answer."""
    example = routed(gateway)[0]
    async with client() as kserve:
        sent = request(example, True, request_id="k-2")
        assert (await kserve.infer(gateway.url, sent, model_name=example.model)).id == "k-2"


@case
async def nan_is_a_value(gateway: Gateway) -> None:
    """NaN in JSON, which this client writes as null, and in binary gives the same answer."""
    example = next(each for each in routed(gateway) if each.model == "flights")
    missing = example.change("temperature", "FP32", np.full_like(example.inputs[6].array, np.nan))
    async with client() as kserve:
        plain, binary = [
            outputs(await kserve.infer(gateway.url, request(missing, form), model_name="flights"))
            for form in (False, True)
        ]
    np.testing.assert_array_equal(plain[0][1], binary[0][1])
    assert np.isfinite(plain[0][1]).all()


@case
async def mistakes_are_told_by_name(gateway: Gateway) -> None:
    """A refusal is an HTTPStatusError with our status and our message."""
    example = next(each for each in routed(gateway) if each.model == "digits")
    image = example.inputs[0].array
    async with client() as kserve:
        for model, changed, status, message in (
            ("nobody", example, 404, 'no model "nobody"'),
            ("credit", example, 400, 'input "image": credit/1 has no such input'),
            ("digits", example.change("image", "INT64", image.astype(np.int64)), 400, "datatype INT64"),
            ("digits", example.change("image", "FP32", image[:, :63]), 400, "shape [1, 63]"),
        ):
            with refused(httpx.HTTPStatusError, message, str(status)) as raised:
                await kserve.infer(gateway.url, request(changed, True), model_name=model)
            assert raised.error.response.status_code == status


def client() -> Any:
    """A client of protocol v2."""
    return InferenceRESTClient(RESTConfig(protocol="v2", retries=1, timeout=30))


def routed(gateway: Gateway) -> list[Example]:
    """Golden requests of the newest version of each model: this client cannot name a version."""
    newest = dict(versions(gateway.models))
    return [each for each in examples(gateway.models) if newest[each.model] == each.version]


def request(example: Example, binary: bool, **options: Any) -> Any:
    """The example as this client's own request."""
    inputs = []
    for name, datatype, array in example.inputs:
        inputs.append(InferInput(name, list(array.shape), datatype))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    return InferRequest(model_name=example.model, infer_inputs=inputs, **options)


def outputs(answer: Any) -> list[tuple[str, Any]]:
    """The outputs of this client's own answer."""
    return [(output.name, output.as_numpy()) for output in answer.outputs]


if __name__ == "__main__":
    run()
