"""What only tritonclient's HTTP clients can ask: JSON or binary, compression, headers."""

from __future__ import annotations

from itertools import product

import numpy as np
from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import examples, expect, repeated
from tests.conformance.clients.harness import Gateway, case, refused, run
from tests.conformance.clients.triton import arrays, connected


@case
async def json_and_binary_mix(gateway: Gateway) -> None:
    """Inputs and outputs may each be JSON or binary, also side by side in one request."""
    async with connected(gateway) as triton:
        for example in examples(gateway.models):
            for inward, outward in product((True, False), repeat=2):
                inputs = triton.inputs(example, binary_data=inward)
                outputs = [triton.output(tensor.name, binary_data=outward) for tensor in example.outputs]
                expect(arrays(await triton.infer(example, inputs=inputs, outputs=outputs), example), example)
            mixed = triton.inputs(example, binary_data=True)
            for at, plain in enumerate(triton.inputs(example, binary_data=False)):
                mixed[at] = plain if at % 2 else mixed[at]
            outputs = [triton.output(tensor.name, binary_data=bool(at)) for at, tensor in enumerate(example.outputs)]
            expect(arrays(await triton.infer(example, inputs=mixed, outputs=outputs), example), example)


@case
async def compression_both_ways(gateway: Gateway) -> None:
    """gzip and deflate, of request and answer, JSON and binary, change nothing in the answer."""
    example = repeated(examples(gateway.models, "digits")[0], 64)
    async with connected(gateway) as triton:
        for inward, outward, binary in product((None, "gzip", "deflate"), (None, "gzip", "deflate"), (True, False)):
            result = await triton.infer(
                example,
                inputs=triton.inputs(example, binary_data=binary),
                outputs=[triton.output(tensor.name, binary_data=binary) for tensor in example.outputs],
                request_compression_algorithm=inward,
                response_compression_algorithm=outward,
            )
            expect(arrays(result, example), example)


@case
async def classes_as_json(gateway: Gateway) -> None:
    """Classes come as JSON strings where the client asks for JSON."""
    example = examples(gateway.models, "digits")[0]
    async with connected(gateway) as triton:
        output = triton.output("probabilities", binary_data=False, class_count=1)
        found = (await triton.infer(example, outputs=[output])).as_numpy("probabilities")
    assert found.shape == (1, 1)
    assert int(str(found[0, 0]).split(":")[1]) == example.outputs[1].array[0]


@case
async def a_body_made_beforehand(gateway: Gateway) -> None:
    """A body from `generate_request_body` is answered with one that `parse_response_body` reads."""
    import urllib3  # type: ignore[import-not-found,unused-ignore]

    example = examples(gateway.models, "flights")[0]
    async with connected(gateway) as triton:
        body, length = triton.module.InferenceServerClient.generate_request_body(triton.inputs(example))
        headers = {"Inference-Header-Content-Length": str(length)}
        url = f"{gateway.url}/v2/models/flights/versions/{example.version}/infer"
        answer = urllib3.request("POST", url, body=body, headers=headers)
        head = int(answer.headers["Inference-Header-Content-Length"])
        result = triton.module.InferenceServerClient.parse_response_body(answer.data, header_length=head)
        expect(arrays(result, example), example)


@case
async def headers_and_queries_are_let_pass(gateway: Gateway) -> None:
    """Headers and query parameters of the client's own are no reason to refuse."""
    example = examples(gateway.models, "credit")[0]
    async with connected(gateway) as triton:
        result = await triton.infer(example, headers={"X-Team": "blue"}, query_params={"a": "1", "b": [2, 3]})
        expect(arrays(result, example), example)
        assert await triton.call("is_server_live", query_params={"a": "1"}) is True


@case
async def infinity_has_no_json(gateway: Gateway) -> None:
    """An infinity is refused in JSON, by name, and taken in binary."""
    example = examples(gateway.models, "bikeshare")[0]
    endless = example.change("temperature", "FP32", np.full_like(example.inputs[5].array, np.inf))
    async with connected(gateway) as triton:
        assert (await triton.infer(endless)).as_numpy("rentals").shape == (1, 1)
        with refused(InferenceServerException, "400") as raised:
            await triton.infer(endless, inputs=triton.inputs(endless, binary_data=False))
        assert raised.error.status() == "400"


@case
async def what_is_not_offered_is_not_found(gateway: Gateway) -> None:
    """Shared memory, tracing and log settings answer 404, with a message, as any path that is not there."""
    async with connected(gateway) as triton:
        for method, arguments in _UNOFFERED.items():
            with refused(InferenceServerException, "no such path: /v2/") as raised:
                await triton.call(method, *arguments)
            assert raised.error.status() == "404", method


@case("http")
async def infer_in_the_background(gateway: Gateway) -> None:
    """`async_infer` gives each of many requests its own answer."""
    asked = examples(gateway.models)
    async with connected(gateway) as triton:
        pending = [
            triton.client.async_infer(each.model, triton.inputs(each), model_version=each.version) for each in asked
        ]
        for example, request in zip(asked, pending, strict=True):
            expect(arrays(request.get_result(), example), example)


_UNOFFERED: dict[str, tuple[object, ...]] = {
    "get_system_shared_memory_status": (),
    "register_system_shared_memory": ("region", "/key", 64),
    "unregister_system_shared_memory": (),
    "get_cuda_shared_memory_status": (),
    "get_trace_settings": (),
    "update_trace_settings": (),
    "get_log_settings": (),
    "update_log_settings": ({},),
}


if __name__ == "__main__":
    run()
