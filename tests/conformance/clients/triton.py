"""tritonclient's four clients (http, http.aio, grpc, grpc.aio) behind one way of calling them; nothing in them is changed."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from tests.conformance.clients.examples import Example
from tests.conformance.clients.harness import Gateway


class Triton:
    """One of the clients. `rest` tells the HTTP ones from the gRPC ones, `module` is where its classes are."""

    def __init__(self, gateway: Gateway) -> None:
        self.rest = gateway.variant.startswith("http")
        self.module: Any = importlib.import_module(f"tritonclient.{gateway.variant}")
        self.client: Any = self.module.InferenceServerClient(gateway.http if self.rest else gateway.grpc)

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Calls the method, and waits for it where it is a coroutine."""
        found = getattr(self.client, method)(*arguments, **options)
        return await found if inspect.isawaitable(found) else found

    async def told(self, method: str, *arguments: Any, **options: Any) -> Any:
        """The same for a method whose answer the gRPC clients turn into JSON only when asked to."""
        return await self.call(method, *arguments, **options, **({} if self.rest else {"as_json": True}))

    async def infer(self, example: Example, **options: Any) -> Any:
        """`infer` with the example's inputs at its version; `outputs` are names here."""
        chosen = {
            "model_name": example.model,
            "model_version": example.version,
            "inputs": self.inputs(example),
            **options,
        }
        return await self.call("infer", **chosen)

    def inputs(self, example: Example, **options: Any) -> list[Any]:
        """The inputs as the client's own objects. options: of `set_data_from_numpy`."""
        made = []
        for name, datatype, array in example.inputs:
            made.append(self.module.InferInput(name, list(array.shape), datatype))
            made[-1].set_data_from_numpy(array, **options)
        return made

    def output(self, name: str, **options: Any) -> Any:
        """A requested output."""
        return self.module.InferRequestedOutput(name, **options)

    def response(self, result: Any) -> dict[str, Any]:
        """The head of the answer: model, version, id, and the outputs' names, datatypes and shapes."""
        found: dict[str, Any] = result.get_response() if self.rest else result.get_response(as_json=True)
        return found


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[Triton]:
    """The client of the gateway's variant, closed at the end."""
    triton = Triton(gateway)
    try:
        yield triton
    finally:
        closing = triton.client.close()
        if inspect.isawaitable(closing):
            await closing
        await asyncio.sleep(0)


def arrays(result: Any, example: Example) -> list[tuple[str, Any]]:
    """The outputs, in the order in which the example names them."""
    return [(tensor.name, result.as_numpy(tensor.name)) for tensor in example.outputs]


def with_nan(example: Example) -> Example:
    """The example with NaN in its first float input."""
    name = next(tensor.name for tensor in example.inputs if tensor.datatype == "FP32")
    array = next(tensor.array for tensor in example.inputs if tensor.name == name)
    return example.change(name, "FP32", np.full_like(array, np.nan))
