"""One request, by every transport and in every company, gets one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc as grpc_client  # type: ignore[import-not-found,unused-ignore]

from tests.conformance.clients.examples import Array, Example, examples, rows, stacked, texts, versions
from tests.conformance.clients.harness import Gateway, case, run
from tests.conformance.clients.triton import Triton

Answer = dict[str, Array]
TRANSPORTS = ("JSON", "binary", "raw", "typed")
_TYPED = {"BOOL": "bool_contents", "INT64": "int64_contents", "FP32": "fp32_contents", "BYTES": "bytes_contents"}


@case
async def alone(gateway: Gateway) -> None:
    """Row by row, REST with JSON, REST with binary, gRPC raw and gRPC typed give the same bits."""
    async with Everyone(gateway) as everyone:
        for example in every_row(gateway):
            for row in rows(example):
                answers = [await everyone.ask(transport, row) for transport in TRANSPORTS]
                for transport, answer in zip(TRANSPORTS, answers, strict=True):
                    identical(answer, answers[0], f"{transport}, {row.model}/{row.version}")


@case
async def together(gateway: Gateway) -> None:
    """All rows in one request: the same bits by every transport, and to rounding those that each row got alone."""
    async with Everyone(gateway) as everyone:
        for example in every_row(gateway):
            answers = [await everyone.ask(transport, example) for transport in TRANSPORTS]
            for transport, answer in zip(TRANSPORTS, answers, strict=True):
                identical(answer, answers[0], f"{transport}, {example.model}/{example.version}")
            for at, row in enumerate(rows(example)):
                near(await everyone.ask("raw", row), {name: array[at : at + 1] for name, array in answers[0].items()})


@case
async def at_once(gateway: Gateway) -> None:
    """Every row of every model by every transport, all at the same time: the same bits as one after another."""
    async with Everyone(gateway) as everyone:
        asked = [(transport, row) for each in every_row(gateway) for row in rows(each) for transport in TRANSPORTS]
        expected = [await everyone.ask(transport, row) for transport, row in asked]
        found = await asyncio.gather(*(everyone.ask(transport, row) for transport, row in asked))
        for (transport, row), answer, before in zip(asked, found, expected, strict=True):
            identical(answer, before, f"{transport}, {row.model}/{row.version}")


def every_row(gateway: Gateway) -> list[Example]:
    """One request for each version, with the rows of all its golden requests."""
    return [stacked(examples(gateway.models, model, version)) for model, version in versions(gateway.models)]


def identical(found: Answer, expected: Answer, what: str) -> None:
    """The same outputs with the same datatypes, shapes and bits; NaN equals NaN."""
    assert list(found) == list(expected), what
    for name, array in found.items():
        assert array.dtype == expected[name].dtype, f"{what}: {name} is {array.dtype}, elsewhere {expected[name].dtype}"
        np.testing.assert_array_equal(array, expected[name], err_msg=f"{what}: {name}")


def near(found: Answer, expected: Answer) -> None:
    """ONNX Runtime multiplies many rows in another order than one: floats may differ by rounding, nothing else may."""
    for name, array in found.items():
        assert array.shape == expected[name].shape, name
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, expected[name], rtol=2e-5, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(array, expected[name], err_msg=name)


class Everyone:
    """Clients of every transport."""

    def __init__(self, gateway: Gateway) -> None:
        self._rest = Triton(gateway._replace(variant="http.aio"))
        self._grpc = Triton(gateway._replace(variant="grpc.aio"))
        self._channel = grpc.aio.insecure_channel(gateway.grpc)
        self._stub = grpc_client.service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def __aenter__(self) -> Everyone:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._rest.client.close()
        await self._grpc.client.close()
        await self._channel.close()

    async def ask(self, transport: str, example: Example) -> Answer:
        """The answer by one of TRANSPORTS."""
        if transport == "typed":
            return await self._typed(example)
        binary = transport == "binary"
        client = self._grpc if transport == "raw" else self._rest
        options = {} if transport == "raw" else {"binary_data": binary}
        inputs = client.inputs(example, **options)
        outputs = [client.output(tensor.name, **options) for tensor in example.outputs]
        result = await client.infer(example, inputs=inputs, outputs=outputs)
        return {tensor.name: texts(result.as_numpy(tensor.name)) for tensor in example.outputs}

    async def _typed(self, example: Example) -> Answer:
        """With the values in typed contents, which tritonclient itself never sends."""
        pb: Any = grpc_client.service_pb2
        request = pb.ModelInferRequest(model_name=example.model, model_version=example.version)
        for name, datatype, array in example.inputs:
            values = [value.encode() if datatype == "BYTES" else value for value in array.ravel().tolist()]
            contents = pb.InferTensorContents(**{_TYPED[datatype]: values})
            request.inputs.add(name=name, datatype=datatype, shape=array.shape, contents=contents)
        result = grpc_client.InferResult(await self._stub.ModelInfer(request))
        return {tensor.name: texts(result.as_numpy(tensor.name)) for tensor in example.outputs}


if __name__ == "__main__":
    run()
